import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { _electron as electron, type Browser, type Locator, type Page } from 'playwright-core'
import { afterEach, describe, expect, test } from 'vitest'
import { launchChromium, watchPage } from '../support/chromium.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { launchStandIn, realElectron } from '../support/electron.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { mail, manyMails } from '../support/mails.ts'
import { endServes, startServe, temporaryFolder } from '../support/serve.ts'
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts'
import { until } from '../support/until.ts'

/** The main job on real mail, as an agent does it, in a real Chromium over each host. */

const USER = 'support@test.local'
const CUSTOMER = 'alice@test.local'
const BULK = 2_000
const ZIP = mail({
  from: `Alice Winter <${CUSTOMER}>`,
  to: USER,
  subject: 'The zip of my tent',
  text: 'Hello,\n\nThe zip is stuck half way. Can you help?\n\nAlice Winter',
  messageId: 'zip-1@customer.test',
})
const shots = resolve(import.meta.dirname, 'screenshots')
mkdirSync(shots, { recursive: true })

const STOVE = mail({
  from: 'Bob Marsh <bob@test.local>',
  to: USER,
  subject: 'When does the stove arrive?',
  text: 'Hello,\n\nI ordered a stove last week.\n\nBob Marsh',
  messageId: 'stove-1@customer.test',
})

interface OpenDesk {
  readonly page: Page
  close(): Promise<void>
}

interface Host {
  readonly name: string
  open(data: string): Promise<OpenDesk>
}

const browserHost: Host = {
  name: 'browser host',
  async open(data) {
    const desk = await startServe({ data })
    const browser = await launchChromium()
    browsers.push(browser)
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
    const page = await context.newPage()
    await page.goto(desk.ui)
    return {
      page,
      async close() {
        await browser.close()
        expect(await desk.stop()).toBe(0)
      },
    }
  },
}

const electronHost: Host = {
  name: 'Electron host over the stand-in',
  async open(dataDir) {
    const desk = await launchStandIn({ dataDir })
    await desk.page.setViewportSize({ width: 1440, height: 900 })
    return {
      page: desk.page,
      async close() {
        expect(await desk.quit()).toBe(0)
      },
    }
  },
}

/** Electron itself, where its program was fetched and a display is there. */
const realHost: Host = {
  name: 'Electron itself',
  async open(dataDir) {
    const root = resolve(import.meta.dirname, '../..')
    const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const app = await electron.launch({
      executablePath: realElectron ?? '',
      args: [...asRoot, join(root, 'out/main/electron.js'), '--data', dataDir],
    })
    const page = await app.firstWindow()
    return { page, close: () => app.close() }
  },
}

const browsers: Browser[] = []
let dovecot: Dovecot | null = null
let smtp: SmtpSink | null = null
const proxies: FaultProxy[] = []
/** The page of a test that failed: what it shows is kept as a picture. */
let failed: Page | null = null
afterEach(async () => {
  if (failed) await failed.screenshot({ path: join(shots, 'failed.png') }).catch(() => undefined)
  failed = null
  for (const browser of browsers.splice(0)) await browser.close()
  await endServes()
  for (const proxy of proxies.splice(0)) await proxy.stop()
  await smtp?.stop()
  await dovecot?.stop()
  dovecot = smtp = null
})

const canShow = realElectron !== null && (process.platform !== 'linux' || Boolean(process.env.DISPLAY))

describe.each([browserHost, electronHost, realHost])('$name', (host) => {
  test.runIf(host !== realHost || canShow)(
    'from a fresh desk to a customer answered, with the network gone and back',
    async () => {
      const servers = await startServers()
      const data = await temporaryFolder()
      const desk = await host.open(data)
      const { page } = desk
      const faults = watchPage(page)
      page.setDefaultTimeout(30_000)
      failed = page
      const shot = (name: string) =>
        page.screenshot({ path: join(shots, `${host.name.split(' ')[0] ?? ''}-${name}.png`) })

      // --- first run: who works here, and the mailbox
      await page.getByLabel('First name').fill('Ada')
      await page.getByLabel('Last name').fill('Moss')
      await axe(page)
      await page.getByRole('button', { name: /Connect a mailbox/ }).click()
      await connectMailbox(page, servers)
      await shot('1-account')

      // --- thousands of mails arrive, newest first, and are counted
      const queue = page.getByRole('navigation').getByRole('button', { name: /^Inbox/ })
      await queue.click()
      await until(
        'the whole mailbox in the queue',
        async () => (await queue.innerText()).includes('2,000'),
        90_000,
      )
      await axe(page)
      await shot('2-queue')

      // --- a customer writes: the mail is on top of the queue by itself; accept and read it
      await orderNewest(page)
      servers.dovecot.deliver(USER, ZIP)
      const row = (subject: string) => page.getByRole('option').filter({ hasText: subject }).first()
      await row('The zip of my tent').click()
      await page.getByRole('heading', { name: 'The zip of my tent' }).waitFor()
      await page.getByText('The zip is stuck half way').first().waitFor()
      await page.getByRole('button', { name: /^Accept/ }).click()
      await page.getByText('In Progress').first().waitFor()

      // --- user data: two keys
      await addUserData(page, 'OrderNumber', 'HP-1')
      await addUserData(page, 'Warranty', 'true')

      // --- reply: standard response with the customer's name, a file
      await page.getByRole('button', { name: 'Reply', exact: true }).click()
      const composer = page.getByRole('region', { name: 'Composer' })
      const body = composer.getByRole('textbox', { name: 'Message text' })
      await body.waitFor()
      await page.getByRole('tab', { name: 'Responses' }).click()
      await page.getByLabel('Search standard responses').fill('Repair instead')
      await page.getByRole('treeitem', { name: /Repair instead/ }).click()
      await page.getByRole('button', { name: 'Insert', exact: true }).click()
      await until('the rendered response', async () => (await body.innerText()).includes('Hello Alice'))
      await composer
        .locator('input[type=file]')
        .first()
        .setInputFiles({
          name: 'repair label.pdf',
          mimeType: 'application/pdf',
          buffer: Buffer.from('%PDF-1.4 label'),
        })
      await composer.getByText('repair label.pdf').waitFor()
      await shot('3-composer')
      await axe(page)

      // --- send, undo, send again
      await composer.getByRole('button', { name: /^Send ·/ }).click()
      await page.getByRole('button', { name: 'Undo send' }).click()
      await until('the draft again', async () => (await body.innerText()).includes('Hello Alice'))
      expect(servers.smtp.mails).toHaveLength(0)
      await composer.getByRole('button', { name: /^Send ·/ }).click()
      await until('the reply at the server', () => servers.smtp.mails.length === 1)
      await until('the copy in Sent', () => servers.dovecot.messages(USER, 'Sent').length === 1)

      // --- done, with a disposition
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Mark Done', exact: true }).click()
      await page.getByRole('option', { name: 'Resolved' }).click()
      await page.getByText('Done', { exact: true }).first().waitFor()
      await shot('4-done')

      // --- what left: one reply with the right headers, Bcc nowhere
      const [reply] = servers.dovecot.messages(CUSTOMER)
      expect(servers.dovecot.messages(CUSTOMER)).toHaveLength(1)
      expect(header(reply, 'In-Reply-To')).toBe('<zip-1@customer.test>')
      expect(header(reply, 'References')).toContain('<zip-1@customer.test>')
      expect(header(reply, 'Subject')).toBe('Re: The zip of my tent')
      expect(header(reply, 'From')).toBe(`Support Desk <${USER}>`)
      expect(reply).toContain('repair label.pdf')
      expect(reply).toContain('Hello Alice')
      const messageId = header(reply, 'Message-ID')

      // --- the customer answers: the thread reopens on screen
      servers.dovecot.deliver(
        USER,
        mail({
          from: `Alice Winter <${CUSTOMER}>`,
          to: USER,
          subject: 'Re: The zip of my tent',
          text: 'Thank you, a repair would be perfect.',
          messageId: 'zip-2@customer.test',
          inReplyTo: messageId.slice(1, -1),
        }),
      )
      await page.getByText('a repair would be perfect').first().waitFor({ timeout: 5_000 })
      await page.getByRole('button', { name: 'Accept' }).waitFor()

      // --- the network goes: read, search, reply, done
      for (const proxy of proxies) await proxy.away()
      await page.getByLabel('Search mail').fill('stove arr')
      await row('When does the stove arrive?').click()
      await page.getByText('I ordered a stove last week').first().waitFor()
      await page.getByRole('button', { name: 'Reply', exact: true }).click()
      await until('the cursor in the text', () =>
        body.evaluate((element) => element.contains(document.activeElement)),
      )
      await page.keyboard.type('It arrives on Monday.')
      await until('the typed text saved', async () => (await composer.innerText()).includes('Saved'))
      await composer.getByRole('button', { name: /More ways to send/ }).click()
      await page.getByRole('menuitem', { name: 'Information given' }).click()
      await page
        .getByRole('navigation')
        .getByRole('button', { name: /^Outbox/ })
        .click()
      await row('When does the stove arrive?').waitFor()
      await shot('5-offline')
      expect(servers.smtp.mails).toHaveLength(1)

      // --- it comes back: the reply leaves once
      for (const proxy of proxies) await proxy.back()
      await until('the second reply at the server', () => servers.smtp.mails.length === 2, 60_000)
      await until('its copy in Sent', () => servers.dovecot.messages(USER, 'Sent').length === 2, 60_000)
      await page.getByText('Everything was sent.').waitFor()
      expect(servers.smtp.mails.map(({ to }) => to)).toEqual([[CUSTOMER], ['bob@test.local']])

      expect(faults).toEqual([])
      failed = null
      await desk.close()
    },
  )
})

interface Servers {
  readonly dovecot: Dovecot
  readonly smtp: SmtpSink
  readonly imapPort: number
  readonly smtpPort: number
}

/** A mailbox of thousands, and its way out, both behind proxies that can take the network away. */
async function startServers(): Promise<Servers> {
  const server = (dovecot = await startDovecot())
  const sink = (smtp = await startSmtpSink({ lmtp: server.lmtpPort }))
  const imap = await startFaultProxy(server.imapPort)
  const out = await startFaultProxy(sink.port)
  proxies.push(imap, out)
  server.deliver(USER, [...manyMails(BULK - 1), STOVE])
  return { dovecot: server, smtp: sink, imapPort: imap.port, smtpPort: out.port }
}

async function connectMailbox(page: Page, servers: Servers): Promise<void> {
  await page.getByRole('heading', { name: 'New account' }).waitFor()
  await page.getByLabel('E-mail address').fill(USER)
  await page.getByLabel('Name shown to customers').fill('Support Desk')
  const incoming = page.getByRole('group', { name: /Incoming/ })
  await fillServer(incoming, servers.imapPort)
  await incoming.getByLabel('User name').fill(USER)
  await incoming.getByLabel('Password').fill('wrong')
  const outgoing = page.getByRole('group', { name: /Outgoing/ })
  await fillServer(outgoing, servers.smtpPort)

  // A wrong password is told apart from everything else, before anything is saved.
  await page.getByRole('button', { name: 'Test connection' }).click()
  await page.getByText(/refused the password/).waitFor()
  await incoming.getByLabel('Password').fill('secret')
  await page.getByRole('button', { name: 'Test connection' }).click()
  await page.getByText('Everything works.').waitFor()
  await page.getByRole('button', { name: 'Save account' }).click()
}

async function fillServer(group: Locator, port: number): Promise<void> {
  await group.getByLabel('Server').fill('127.0.0.1')
  await group.getByLabel('Encryption').selectOption({ label: 'None' })
  await group.getByLabel('Port').fill(String(port))
}

async function orderNewest(page: Page): Promise<void> {
  const order = page.getByRole('button', { name: /^Order:/ })
  if ((await order.getAttribute('aria-label'))?.includes('Oldest')) await order.click()
  await page.getByRole('button', { name: /Newest first/ }).waitFor()
}

async function addUserData(page: Page, key: string, value: string): Promise<void> {
  await page.getByRole('tab', { name: 'Case Data' }).click()
  // The form stays open after a value was added, for the next one.
  const add = page.getByRole('button', { name: 'Add a value' })
  if (await add.isVisible()) await add.click()
  await page.getByLabel('Key', { exact: true }).fill(key)
  await page.getByLabel('Value', { exact: true }).fill(value)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: new RegExp(`^Edit ${key}`) }).waitFor()
}

async function axe(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`)).toEqual([])
}

/** A field's unfolded value. */
function header(raw: string | undefined, name: string): string {
  const head = (raw ?? '').split(/\r?\n\r?\n/)[0]?.replace(/\r?\n[ \t]+/g, ' ') ?? ''
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim() ?? ''
}
