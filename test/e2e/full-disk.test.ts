import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterEach, expect, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { mail, manyMails } from '../support/mails.ts'
import { endServes, startServe, temporaryFolder } from '../support/serve.ts'
import { until } from '../support/until.ts'

/** A data folder on a disk of its own that fills up under the desk. Only root may mount one. */

const USER = 'support@test.local'
const SIZE = 40 * 1_048_576

let browser: Browser | null = null
let dovecot: Dovecot | null = null
let disk: string | null = null
afterEach(async () => {
  await browser?.close()
  await dovecot?.stop()
  // Lazily: the desk may still be running on it.
  if (disk !== null) execFileSync('umount', ['--lazy', disk])
  browser = dovecot = disk = null
  await endServes()
})

test.skipIf(!mayMount())(
  'a full disk is told on screen, loses nothing, and goes on when there is room',
  async () => {
    const server = (dovecot = await startDovecot())
    server.deliver(USER, manyMails(20))
    const folder = (disk = await mountDisk())
    const imap = { host: '127.0.0.1', port: server.imapPort, tls: 'none', user: USER, password: 'secret' }
    const desk = await startServe({
      data: join(folder, 'desk'),
      settings: { accounts: [{ id: 'support', address: USER, imap, smtp: null }] },
    })
    browser = await launchChromium()
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    page.setDefaultTimeout(20_000)
    await page.goto(desk.ui)
    const queue = page.getByRole('navigation').getByRole('button', { name: /^Inbox/ })
    await until('the mailbox in the queue', async () => (await queue.innerText()).includes('20'))
    await page.getByRole('option').first().click()
    await page.getByRole('button', { name: 'Reply', exact: true }).click()
    const composer = page.getByRole('region', { name: 'Composer' })
    const body = composer.getByRole('textbox', { name: 'Message text' })
    await until('the cursor in the text', () =>
      body.evaluate((element) => element.contains(document.activeElement)),
    )
    await page.keyboard.type('Written with room. ')
    await until('the typed text saved', async () => (await composer.innerText()).includes('Saved'))

    // --- the disk fills: what is typed and what arrives can't be kept, and both are said
    fill(join(folder, 'filler'))
    server.deliver(
      USER,
      mail({
        from: 'Late <late@test.local>',
        to: USER,
        subject: 'Too late?',
        text: 'Hello',
        messageId: 'late@x',
      }),
    )
    for (let i = 0; i < 40; i++) await page.keyboard.insertText('Written without room. '.repeat(400))
    await page
      .getByText(/The disk is full/)
      .first()
      .waitFor()
    // The one that is answered is no longer in the queue.
    expect(await queue.innerText()).toContain('19')

    // --- there is room again: both are there, nobody had to do anything
    rmSync(join(folder, 'filler'))
    const { close, core } = await desk.connect()
    await until('the late mail', async () => (await queue.innerText()).includes('20'), 60_000)
    await until('a store without a problem', async () => (await core.overview({})).store_problem === null)
    await body.press('ControlOrMeta+End')
    await page.keyboard.type('End.')
    const view = { kind: 'workbin', workbin: 'drafts', team: false } as const
    const { rows } = await core.listPage({ view, order: 'newest', limit: 10 })
    const html = await until('all that was typed in the store', async () => {
      const draft = await core.draft({ draft_id: rows[0]?.draft_id ?? '' })
      return draft.html.includes('End.') ? draft.html : null
    })
    close()
    expect(html).toMatch(/Written with room\. Written without room\..*End\./s)
    expect(await desk.stop()).toBe(0)
    execFileSync(process.execPath, ['out/main/cli.js', 'check', '--data', join(folder, 'desk')])
  },
)

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'workbin-mount-'))
  try {
    mount(folder)
    execFileSync('umount', [folder])
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'ignore' })
}

async function mountDisk(): Promise<string> {
  const folder = join(await temporaryFolder(), 'disk')
  mkdirSync(folder)
  mount(folder)
  return folder
}

/** Takes what is left, however much the desk writes meanwhile. */
function fill(file: string): void {
  for (const size of [1_048_576, 4_096])
    for (let full = false; !full;)
      try {
        appendFileSync(file, Buffer.alloc(size))
      } catch {
        full = true
      }
}
