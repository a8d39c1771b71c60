import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { launchChromium, watchPage } from '../support/chromium.ts'
import { endServes, type ServedDesk, startServe, temporaryFolder } from '../support/serve.ts'
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts'
import { until } from '../support/until.ts'

/** What other systems send is on the agent's screen, and the agent's answer goes back the right way. */

const shots = resolve(import.meta.dirname, 'screenshots')
mkdirSync(shots, { recursive: true })

const browsers: Browser[] = []
const sites: Server[] = []
let smtp: SmtpSink | null = null
afterEach(async () => {
  for (const browser of browsers.splice(0)) await browser.close()
  for (const site of sites.splice(0)) site.close()
  await endServes()
  await smtp?.stop()
  smtp = null
})

test('a web form’s mail is on the agent’s screen with file and user data, and the answer reaches the customer by e-mail', async () => {
  const { desk, page, faults, sink } = await openDesk()
  await openQueue(page)

  // A shop's site, as its author wrote it for the document: another origin, no script, no key.
  const browser = await launchChromium()
  browsers.push(browser)
  const visitor = await browser.newPage()
  await visitor.goto(await startSite(form(`${desk.api ?? ''}/genesys/2/email/shop`)))
  await visitor.fill('[name=firstName]', 'Zoë')
  await visitor.fill('[name=lastName]', 'Šimůnek')
  await visitor.fill('[name=fromAddress]', 'zoe@customer.test')
  await visitor.fill('[name=subject]', 'My tent leaks')
  await visitor.fill('[name=text]', 'It rained in.\nWhat now? 😀')
  await visitor.setInputFiles('[name=files]', [
    { name: 'Zelt – Naht.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('not really a picture') },
    { name: 'receipt.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4') },
  ])
  await visitor.click('button')
  const answer: unknown = JSON.parse(await visitor.locator('body').innerText())
  expect(answer).toEqual({ statusCode: 0, interactionId: expect.stringMatching(/^[0-9A-Za-z]{16}$/) })

  // On the desk, which nobody reloaded.
  await page.getByRole('option').filter({ hasText: 'My tent leaks' }).click()
  await page.getByText('What now? 😀').first().waitFor()
  await page.getByText('Zelt – Naht.jpg').first().waitFor()
  await page.getByText('receipt.pdf').first().waitFor()
  await page.getByRole('tab', { name: 'Case Data' }).click()
  await page.getByText('website').first().waitFor()
  await page.screenshot({ path: join(shots, 'apis-1-form.png') })
  await axe(page)

  await reply(page, 'We will send you a sealing kit.')
  await until('the answer at the mail server', () => sink.mails.length === 1)
  const [mail] = sink.mails
  expect(mail?.to).toEqual(['zoe@customer.test'])
  expect(String(mail?.raw)).toContain('Subject: Re: My tent leaks')
  expect(String(mail?.raw)).toContain('sealing kit')
  expect(faults).toEqual([])
  expect(await desk.stop()).toBe(0)
})

test('the answer to a secure mail lies in the customer’s mailbox and nowhere else', async () => {
  const { desk, page, faults, sink } = await openDesk()
  await openQueue(page)
  const portal = (path: string, init: RequestInit = {}) =>
    asked(`${desk.api ?? ''}/nexus/v3${path}`, {
      ...init,
      headers: { 'x-api-key': 'k-portal', 'content-type': 'application/json' },
    })

  const posted = await portal('/securemail?securebox=claims', {
    method: 'POST',
    body: JSON.stringify({
      data: {
        address: 'ann@customer.test',
        firstName: 'Ann',
        lastName: 'Lee',
        subject: 'My claim',
        text: 'Any news?',
      },
      operationId: 'op-1',
    }),
  })
  expect(posted).toMatchObject({ status: { code: 'SUCCESS' }, operationId: 'op-1' })

  await page.getByRole('option').filter({ hasText: 'My claim' }).click()
  await page.getByText('Any news?').first().waitFor()
  await page.getByText('Secure mail').first().waitFor()
  await reply(page, 'It is settled; the letter comes tomorrow.')
  await page.screenshot({ path: join(shots, 'apis-2-secure.png') })

  const box = '/securemail?address=ann@customer.test&securebox=claims'
  const list = async () => listSchema.parse(await portal(box)).data
  const { core } = await desk.connect()
  const all = { view: { kind: 'all' }, order: 'newest', after: null, limit: 10 } as const
  await until('the answer delivered', async () => {
    const [row] = (await core.listPage(all)).rows
    return row?.messages === 2 && (await core.overview({})).outbox.waiting === 0
  })
  expect((await list()).map(({ direction, status }) => `${direction} ${status}`)).toEqual([
    'outbound unread',
    'inbound unread',
  ])
  const [outbound] = await list()
  const read = await portal(`/securemail/${outbound?.secureMailId ?? ''}?read=true`)
  expect(read).toMatchObject({
    secureMail: { status: 'read', text: expect.stringContaining('It is settled') },
  })
  expect(sink.mails).toEqual([])
  // Another box of the same customer stays empty.
  expect(await portal('/securemail/count?address=ann@customer.test')).toMatchObject({ data: { count: 0 } })
  await axe(page)
  expect(faults).toEqual([])
  expect(await desk.stop()).toBe(0)
})

const listSchema = z.looseObject({
  data: z.array(z.looseObject({ secureMailId: z.string(), direction: z.string(), status: z.string() })),
})

interface Opened {
  readonly desk: ServedDesk
  readonly page: Page
  readonly faults: readonly string[]
  readonly sink: SmtpSink
}

/** A desk that serves its APIs and sends by SMTP, open in a browser. */
async function openDesk(): Promise<Opened> {
  const sink = (smtp = await startSmtpSink())
  const desk = await startServe({
    data: await temporaryFolder(),
    settings: {
      agent: { id: 7, firstName: 'Ada', lastName: 'Moss', email: 'ada@desk.test' },
      accounts: [
        {
          id: 'support',
          address: 'support@desk.test',
          personal: 'Support',
          smtp: { host: '127.0.0.1', port: sink.port, tls: 'none', user: '', password: '' },
          queue: 'Support',
        },
      ],
      queues: ['Support'],
      undoSendSeconds: 0,
      api: {
        defaultMailbox: 'support@desk.test',
        keys: [
          {
            key: 'k-portal',
            name: 'Portal',
            scopes: ['securemail:read', 'securemail:write', 'securemail:purge'],
          },
        ],
      },
    },
    args: ['--api-port', '0'],
  })
  const browser = await launchChromium()
  browsers.push(browser)
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const faults = watchPage(page)
  await page.goto(desk.ui)
  return { desk, page, faults, sink }
}

async function openQueue(page: Page): Promise<void> {
  await page
    .getByRole('navigation')
    .getByRole('button', { name: /^Support/ })
    .click()
}

async function reply(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: /^Accept/ }).click()
  await page.getByRole('button', { name: 'Reply', exact: true }).click()
  const composer = page.getByRole('region', { name: 'Composer' })
  const body = composer.getByRole('textbox', { name: 'Message text' })
  await until('the cursor in the text', () =>
    body.evaluate((element) => element.contains(document.activeElement)),
  )
  await page.keyboard.type(text)
  await composer.getByRole('button', { name: /^Send/ }).first().click()
}

/** A site of its own, as any shop has one. */
async function startSite(html: string): Promise<string> {
  const site = createServer((_request, answer) => {
    answer.setHeader('content-type', 'text/html; charset=utf-8')
    answer.end(html)
  })
  sites.push(site)
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}/`
}

/** The form of the GMS document: its fields, nothing of Workbin. */
function form(action: string): string {
  return `<!doctype html><meta charset="utf-8"><title>Contact us</title>
    <form action="${action}" method="post" enctype="multipart/form-data">
      <input name="firstName"><input name="lastName"><input name="fromAddress"><input name="subject">
      <textarea name="text"></textarea><input type="file" name="files" multiple>
      <input type="hidden" name="userData" value="Source=website">
      <button>Send</button>
    </form>`
}

async function asked(url: string, init: RequestInit): Promise<unknown> {
  return await (await fetch(url, init)).json()
}

async function axe(page: Page): Promise<void> {
  // While it comes and goes a note has the colours of neither.
  await until('no note in motion', async () => (await page.locator('[data-sonner-toast]').count()) === 0)
  // Mail stands in a frame that runs no script, so none of axe either.
  const { violations } = await new AxeBuilder({ page }).exclude('iframe').analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`)).toEqual([])
}
