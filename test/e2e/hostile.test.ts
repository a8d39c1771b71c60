import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, ConsoleMessage, Page } from 'playwright-core'
import { afterEach, expect, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { hostileHtml } from '../support/hostile-html.ts'
import { endServes, type ServedDesk, startServe, temporaryFolder } from '../support/serve.ts'
import { until } from '../support/until.ts'

/** Mail that attacks its reader, read and answered in a real Chromium: nothing runs, nothing leaves. */

/** Alerts even where the page itself is out of reach. */
const SCRIPT = '(alert(1),top.hostile=1)'
const LEAK = 'leak.test'
const GIF = 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'

const browsers: Browser[] = []
const canaries: Server[] = []
afterEach(async () => {
  for (const browser of browsers.splice(0)) await browser.close()
  await endServes()
  for (const canary of canaries.splice(0)) {
    canary.closeAllConnections()
    canary.close()
  }
})

test('hostile mail runs nothing and asks nobody, opened or quoted', async () => {
  const { canary, desk, end, page, seen } = await openDesk()
  const vectors = hostileHtml({ script: SCRIPT, canary: canary.origin, leak: LEAK })
  const mails = vectors.map(({ name, html }, index) => ({
    subject: `${hostileWord(index, canary.origin)} ${name}`,
    from: hostileWord(index + 1, canary.origin),
    file: hostileWord(index + 2, canary.origin),
    html: `<p>before-${index}.</p>${html}<p>after-${index}.</p>`,
  }))
  const mbox = mails.map((mail, index) => `From x@y Thu Jan  1 00:00:00 2026\n${rawMail(mail, index)}\n`)
  await importFiles(page, [{ name: 'hostile.mbox', text: mbox.join('') }], vectors.length)

  const unread = new Set(vectors.keys())
  const first = page.getByRole('option').first()
  await first.click()
  const text = page.frameLocator('iframe').locator('body')
  const composer = page.getByRole('region', { name: 'Composer' })
  let open = -1
  while (unread.size > 0) {
    const before = open
    open = await until(`another mail than ${before}`, async () => {
      const index = /before-(\d+)\./.exec(await text.innerText({ timeout: 1_000 }))?.[1]
      return index !== undefined && Number(index) !== before ? { index: Number(index) } : null
    }).then(({ index }) => index)
    unread.delete(open)

    await page.getByRole('button', { name: 'Reply', exact: true }).click()
    await composer.getByRole('button', { name: 'Show the quoted mail' }).click()
    const quote = composer.locator('blockquote')
    await until(`the quote of ${open}`, async () => (await quote.innerText()).includes(`before-${open}.`))
    await composer.getByRole('button', { name: 'Close and keep the draft' }).click()
    await composer.waitFor({ state: 'detached' })
    expect(await scriptsRun(page), vectors[open]?.name).toBe(0)
    expect(seen.leaving(), vectors[open]?.name).toEqual([])
    expect(seen.said, vectors[open]?.name).toEqual([])
    await page.keyboard.press('j')
  }

  // Names of senders and files are text, and a file is never saved outside the folder chosen.
  const file = page.getByRole('list', { name: 'Attachments' }).getByRole('link').last()
  const [download] = await Promise.all([page.waitForEvent('download'), file.click()])
  expect(download.suggestedFilename()).not.toMatch(/[/\\\p{Cc}\p{Cf}<>]|^\.|^con/iu)

  // The search marks what it finds in hostile words, and the source is text.
  await page.getByLabel('Search mail').fill('onerror')
  await first.click()
  await page.getByRole('button', { name: 'More about this message' }).click()
  await page.getByRole('menuitem', { name: 'Show source' }).click()
  await page.getByRole('dialog').getByText('hostile.test').first().waitFor()
  await page.keyboard.press('Escape')

  expect(await scriptsRun(page)).toBe(0)
  expect(seen.leaving()).toEqual([])
  expect(seen.said).toEqual([])
  expect(page.url()).toMatch(new RegExp(`^${origin(desk)}/`))
  expect(canary.asked).toEqual([])
  expect(canary.connections()).toBe(0)

  // What watched would have seen it: the same things where nothing forbids them.
  const control = await page.context().newPage()
  await control.goto(`${canary.origin}/control`)
  expect(canary.asked).toContain('/control')
  await control.setContent(
    `<img src="http://control.${LEAK}/x.png"><img src="data:," onerror="${SCRIPT.replace('alert(1),', '')}">`,
  )
  await until('the control’s script', async () => (await scriptsRun(control)) > 0)
  const { net } = await end()
  const names = net.match(/[\w-]+\.leak\.test/g) ?? []
  expect([...new Set(names)]).toEqual([`control.${LEAK}`])
})

test('pictures from outside are asked for on request only, each by the core, and never in private networks', async () => {
  const { canary, desk, page, seen } = await openDesk()
  const at = (path: string) => `${canary.origin}/${path}`
  const html = [
    '<p>before-0.</p>',
    `<img src="${at('1.png')}"><img src="${at('2.png')}" srcset="${at('set.png')} 2x" onerror="${SCRIPT}">`,
    `<picture><source srcset="${at('source.png')}"><img src="${at('1.png')}"></picture>`,
    `<p style="background:url(${at('style.png')})">x</p><table background="${at('table.png')}"><td>x</table>`,
    `<video poster="${at('poster.png')}" src="${at('video.mp4')}"></video><link rel=icon href="${at('icon.png')}">`,
  ].join('')
  await importFiles(page, [{ name: 'newsletter.eml', text: rawMail({ ...plain, html }, 0) }], 1)
  await page.getByRole('option').first().click()
  await page.getByText('2 remote images not loaded.').waitFor()
  expect(seen.leaving()).toEqual([])
  const before = seen.requests.length

  await page.getByRole('button', { name: 'Load', exact: true }).click()
  await page.getByText('2 images could not be loaded.').waitFor()
  await page.getByText('The image lies in a private network.').waitFor()
  const asked = seen.requests.slice(before).map((url) => new URL(url))
  expect(asked.map(({ origin }) => origin)).toEqual([origin(desk), origin(desk)])
  for (const { pathname } of asked) expect(pathname).toMatch(/^\/remote-images\/[0-9A-Za-z]{16}$/)
  expect(asked.map(({ searchParams }) => searchParams.get('url')).sort()).toEqual([at('1.png'), at('2.png')])
  expect(canary.connections()).toBe(0)
  expect(await scriptsRun(page)).toBe(0)
  // The browser itself notes that the two were refused.
  expect(seen.said.filter((line) => !line.includes('status of 403'))).toEqual([])
})

test('what passed the sanitiser would meet two more walls', async () => {
  const { canary, page } = await openDesk()
  await importFiles(page, [{ name: 'plain.eml', text: rawMail(plain, 0) }], 1)
  await page.getByRole('option').first().click()
  await page.frameLocator('iframe').getByText('before-0.').waitFor()
  // DNS and connections ahead of a request are no fetch, so only the sanitiser holds those.
  const vectors = hostileHtml({ script: SCRIPT, canary: canary.origin, leak: LEAK })
    .filter(({ name }) => name !== 'looked-up links')
    .map(({ html }) => html)

  // In the mail's own frame: its sandbox and its policy.
  const blocked = await page.locator('iframe').evaluate(async (frame, raw) => {
    const mail = frame instanceof HTMLIFrameElement ? frame.contentDocument : null
    if (!mail) throw new Error('The mail’s frame is out of reach')
    let refused = 0
    mail.addEventListener('securitypolicyviolation', () => refused++)
    for (const html of raw) {
      mail.body.innerHTML = html
      // Two frames: parsed, laid out, and asked for what it would ask for.
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    }
    return refused
  }, vectors)
  expect(blocked).toBeGreaterThan(vectors.length / 2)
  expect(await scriptsRun(page)).toBe(0)
  expect(canary.asked).toEqual([])
})

test('files that are no mail, and mails that can’t be taken apart, are told by their names and shown', async () => {
  const { page, seen } = await openDesk()
  await page.getByRole('button', { name: /^Import mail/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog
    .locator('input[type=file]')
    .first()
    .setInputFiles([
      {
        name: '<img src=x onerror=top.hostile=1>.eml',
        mimeType: 'message/rfc822',
        buffer: Buffer.from('\n'),
      },
      { name: 'holiday.mbox', mimeType: 'application/mbox', buffer: Buffer.from('\u0089PNG\r\n\u001a\n') },
      { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Buy milk.') },
    ])
  await dialog.getByRole('button', { name: 'Import', exact: true }).click()
  await dialog.getByText('Import finished.').waitFor()
  const report = await dialog.innerText()
  expect(report).toContain('<img src=x onerror=top.hostile=1>.eml')
  expect(report).toContain('It has no header')
  expect(report).toContain('holiday.mbox')
  expect(report).toContain('notes.txt')
  expect(report).not.toContain('upload-')
  await dialog.getByRole('button', { name: 'Close' }).last().click()

  await page
    .getByRole('navigation')
    .getByRole('button', { name: /^Held back/ })
    .click()
  await page.getByRole('option').first().click()
  await page.getByText('Held back: It has no header').waitFor()
  expect(await scriptsRun(page)).toBe(0)
  expect(seen.said).toEqual([])
})

interface Canary {
  readonly origin: string
  readonly asked: readonly string[]
  connections(): number
}

/** Notes whoever comes; a connection without a request counts, too. */
async function startCanary(): Promise<Canary> {
  const asked: string[] = []
  let connections = 0
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.setHeader('access-control-allow-origin', '*')
    if (request.url?.endsWith('.js')) {
      response.setHeader('content-type', 'text/javascript')
      response.end(SCRIPT)
    } else if (request.url?.endsWith('.png')) {
      response.setHeader('content-type', 'image/gif')
      response.end(Buffer.from(GIF, 'base64'))
    } else {
      response.setHeader('content-type', 'text/html')
      response.end(`<script>${SCRIPT}</script>`)
    }
  })
  server.on('connection', () => connections++)
  canaries.push(server)
  const { port } = await new Promise<AddressInfo>((resolve, reject) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('The canary has no port'))
      else resolve(address)
    })
  })
  return { origin: `http://127.0.0.1:${port}`, asked, connections: () => connections }
}

interface Seen {
  /** Every request of the browser, by URL. */
  readonly requests: readonly string[]
  /** Those to anyone but the desk; other tabs, dialogs and downloads that opened by themselves. */
  leaving(): readonly string[]
  /** What the console shows as an error or a warning. */
  readonly said: readonly string[]
}

interface WatchedDesk {
  readonly desk: ServedDesk
  readonly page: Page
  readonly canary: Canary
  readonly seen: Seen
  /** Ends the browser; answers what it noted of its network, names that it looked up among it. */
  end(): Promise<{ net: string }>
}

async function openDesk(): Promise<WatchedDesk> {
  const canary = await startCanary()
  const desk = await startServe({ data: await temporaryFolder() })
  const log = join(await temporaryFolder(), 'net.json')
  const browser = await launchChromium([`--log-net-log=${log}`])
  browsers.push(browser)
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)

  const requests: string[] = []
  const events: string[] = []
  const said: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('dialog', (dialog) => {
    events.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('popup', (popup) => events.push(`popup: ${popup.url()}`))
  page.on('pageerror', (error) => said.push(error.stack ?? error.message))
  page.on('console', (message: ConsoleMessage) => {
    if (['error', 'warning'].includes(message.type())) said.push(message.text())
  })
  await page.goto(desk.ui)
  await page.getByRole('heading', { name: 'Welcome to Workbin' }).waitFor()
  const own = [`${origin(desk)}/`, `ws${origin(desk).slice(4)}/`]
  const isOwn = (url: string) =>
    /^(?:data|blob|about):/.test(url) || own.some((start) => url.startsWith(start))
  return {
    desk,
    page,
    canary,
    seen: { requests, said, leaving: () => [...events, ...requests.filter((url) => !isOwn(url))] },
    async end() {
      await browser.close()
      return { net: readFileSync(log, 'utf8') }
    },
  }
}

function origin(desk: ServedDesk): string {
  return new URL(desk.ui).origin
}

/** In the page and in every frame of it. */
async function scriptsRun(page: Page): Promise<number> {
  return await page.evaluate(() => {
    const marked = (of: Window): number =>
      (Reflect.has(of, 'hostile') ? 1 : 0) +
      Array.from({ length: of.frames.length }, (_, i) => of.frames[i]).reduce((sum, frame) => {
        try {
          return sum + (frame ? marked(frame) : 0)
        } catch {
          // A frame of another origin: the mail got one in.
          return sum + 1
        }
      }, 0)
    return marked(window)
  })
}

async function importFiles(
  page: Page,
  files: readonly { name: string; text: string }[],
  mails: number,
): Promise<void> {
  await page.getByRole('button', { name: /^Import mail/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog
    .locator('input[type=file]')
    .first()
    .setInputFiles(
      files.map(({ name, text }) => ({ name, mimeType: 'application/mbox', buffer: Buffer.from(text) })),
    )
  await dialog.getByRole('button', { name: 'Import', exact: true }).click()
  await dialog.getByText('Import finished.').waitFor()
  expect(await dialog.locator('dl').innerText()).toMatch(new RegExp(`Stored\\s+${mails}\\b`))
  await dialog.getByRole('button', { name: 'Close' }).last().click()
}

const plain = { subject: 'News', from: 'Shop', file: 'plain.txt', html: '<p>before-0.</p>' }

/** Words that attack where a subject, a name or a file name is shown. */
function hostileWord(index: number, canary: string): string {
  const words = [
    `<img src=x onerror=${SCRIPT}>`,
    `"><script>${SCRIPT}</script>`,
    `<img src=${canary}/word.png>`,
    '\u202Egpj.exe\u202C {{constructor.constructor("top.hostile=1")()}}',
    '../../../../tmp/hostile.txt',
    '..\\..\\hostile.txt',
    'CON',
    `${'x'.repeat(400)}<svg onload=${SCRIPT}>`,
    `\${top.hostile=1} {@html '<img src=x onerror=${SCRIPT}>'}`,
    `javascript:${SCRIPT}//`,
    '\u0000\u0007\u2028<b>bold</b>\u200F',
    `</title></textarea></style><img src=x onerror=${SCRIPT}>`,
  ]
  return words[index % words.length] ?? ''
}

function rawMail(
  mail: { readonly subject: string; readonly from: string; readonly file: string; readonly html: string },
  index: number,
): string {
  return [
    `From: ${encodedWords(mail.from)} <sender${index}@hostile.test>`,
    'To: support@test.local',
    `Subject: ${encodedWords(mail.subject)}`,
    `Date: ${new Date(Date.UTC(2026, 0, 5, 9) + index * 60_000).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <hostile-${index}@hostile.test>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=part',
    '',
    '--part',
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    base64(mail.html),
    '--part',
    // Files that would run where a browser opened them.
    `Content-Type: ${['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/plain'][index % 4] ?? ''}`,
    `Content-Disposition: attachment; filename*=utf-8''${encodeURIComponent(mail.file)}`,
    'Content-Transfer-Encoding: base64',
    '',
    base64(`<svg xmlns="http://www.w3.org/2000/svg"><script>${SCRIPT}</script></svg>`),
    '--part--',
    '',
  ].join('\n')
}

/** RFC 2047, in words of at most 45 bytes that end between characters. */
function encodedWords(text: string): string {
  return Array.from({ length: Math.ceil(text.length / 15) }, (_, i) => text.slice(i * 15, i * 15 + 15))
    .map((part) => `=?utf-8?B?${Buffer.from(part).toString('base64')}?=`)
    .join('\n ')
}

function base64(text: string): string {
  return Buffer.from(text)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\n')
}
