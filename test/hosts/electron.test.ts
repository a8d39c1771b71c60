import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type {} from '../../src-renderer/port.ts'
import type { Record as Recorded } from '../support/electron-stand-in/record.ts'
import { type ElectronDesk, endStandIns, launchStandIn, startStandIn } from '../support/electron.ts'
import { startServe } from '../support/serve.ts'
import { until } from '../support/until.ts'

let dataDir: string
const folders: string[] = []
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'desk-'))
  folders.push(folder)
  return folder
}
afterAll(() => {
  endStandIns()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** A call over the page's own line, with an id that the page doesn't use. */
async function ask(desk: ElectronDesk, method: string, request: unknown = {}): Promise<unknown> {
  return await desk.page.evaluate(
    ([method, request]) =>
      new Promise<unknown>((resolve, reject) => {
        const id = Math.floor(1_000_000 + Math.random() * 1e9)
        setTimeout(() => reject(new Error('no answer')), 10_000)
        window.workbin?.onMessage((message) => {
          if (typeof message === 'object' && message !== null && 'id' in message && message.id === id)
            resolve(message)
        })
        window.workbin?.post({ id, method, request })
      }),
    [method, request] as const,
  )
}

describe('the window', () => {
  let desk: ElectronDesk
  let record: Recorded
  let network: { url: string; seen: string[]; close: () => void }
  const faults: string[] = []

  beforeAll(async () => {
    dataDir = newFolder()
    desk = await launchStandIn({ dataDir })
    desk.page.on('pageerror', (error) => faults.push(error.message))
    record = await desk.record()
    const seen: string[] = []
    const server = createServer((request, response) => {
      seen.push(request.url ?? '')
      response.end('<!doctype html><title>elsewhere</title>')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    network = { url: `http://127.0.0.1:${port}`, seen, close: () => server.close() }
  })
  afterAll(async () => {
    network.close()
    await desk.quit()
  })

  it('is sandboxed, isolated and without Node, with every option as it must be', () => {
    expect(record.windows).toHaveLength(1)
    const { webPreferences, ...options } = record.windows[0]?.options as { webPreferences: object }
    expect(webPreferences).toEqual({
      preload: expect.stringMatching(/out[/\\]preload[/\\]preload\.cjs$/),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      safeDialogs: true,
      spellcheck: true,
      devTools: true,
    })
    expect(options).toEqual({
      x: 160,
      y: 70,
      width: 1280,
      height: 860,
      minWidth: 320,
      minHeight: 400,
      title: 'Workbin',
      show: false,
    })
    expect(record.sandboxed).toBe(true)
  })

  it('shows app://desk, a scheme with no more rights than it needs', () => {
    expect(record.windows[0]?.loaded).toEqual(['app://desk/'])
    expect(record.schemes).toEqual([
      { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true } },
    ])
    expect(record.handled).toEqual(['app'])
  })

  it('is shown once the page is there, and the desk works in it', async () => {
    await desk.page.getByText('Welcome to Workbin').waitFor()
    expect((await desk.record()).windows[0]?.visible).toBe(true)
    expect(faults).toEqual([])
  })

  it('gives the page exactly post and onMessage', async () => {
    const seen = await desk.page.evaluate(() => ({
      pipe: Object.keys(window.workbin ?? {}),
      frozen: Object.isFrozen(window.workbin),
      node: ['require', 'process', 'Buffer', 'module', 'electron', '__electron_send', 'global'].filter(
        (name) => name in window,
      ),
    }))
    expect(seen).toEqual({ pipe: ['post', 'onMessage'], frozen: true, node: [] })
  })

  it('has its own instance for its data folder', () => {
    expect(record.singleInstance).toBe(true)
    expect(record.paths).toEqual({ userData: join(dataDir, 'electron') })
  })

  it('has a menu of the platform’s own roles', () => {
    expect(record.menu).toEqual([
      ...(process.platform === 'darwin' ? [{ role: 'appMenu' }] : []),
      { role: 'fileMenu' },
      { role: 'editMenu' },
      { label: 'View', submenu: expect.arrayContaining([{ role: 'zoomIn' }, { role: 'togglefullscreen' }]) },
      { role: 'windowMenu' },
    ])
  })

  it.each(['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal', 'fullscreen', 'hid'])(
    'is denied the permission “%s”',
    async (permission) => {
      expect(await desk.ask({ do: 'ask-permission', permission })).toEqual([false, false, false])
    },
  )

  it('goes nowhere else', async () => {
    await desk.page.evaluate((url) => {
      location.href = url
    }, `${network.url}/away`)
    await until('the refusal', async () =>
      (await desk.record()).denied.includes(`navigate ${network.url}/away`),
    )
    expect(new URL(desk.page.url()).pathname).toBe('/')
    expect(network.seen).toEqual([])
  })

  it('opens no other window', async () => {
    await desk.page.evaluate((url) => void window.open(url), `${network.url}/popup`)
    await until('the refusal', async () => (await desk.record()).denied.includes('window.open'))
    expect(network.seen).toEqual([])
  })

  it('frames nothing from elsewhere', async () => {
    await desk.page.evaluate((url) => {
      const frame = document.createElement('iframe')
      frame.src = url
      document.body.append(frame)
    }, `${network.url}/frame`)
    await desk.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
    await desk.page.evaluate(() => document.querySelector('iframe:last-of-type')?.remove())
    expect(network.seen).toEqual([])
  })

  it('fetches nothing from elsewhere, by its policy and by the session', async () => {
    const answers = await desk.page.evaluate(async (url) => {
      const image = new Promise((resolve) => {
        const picture = new Image()
        picture.onload = () => resolve('loaded')
        picture.onerror = () => resolve('refused')
        picture.src = `${url}/picture`
      })
      const fetched = fetch(`${url}/fetched`, { mode: 'no-cors' }).then(
        () => 'loaded',
        () => 'refused',
      )
      return [await image, await fetched]
    }, network.url)
    expect(answers).toEqual(['refused', 'refused'])
    expect(network.seen).toEqual([])
  })

  it('runs no script that a page is given by a string', async () => {
    const ran = await desk.page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'window.ran = true'
      document.body.append(script)
      const link = document.createElement('a')
      link.setAttribute('onclick', 'window.ran = true')
      link.click()
      return 'ran' in window
    })
    expect(ran).toBe(false)
  })

  it('answers bytes on its own origin, errors as JSON', async () => {
    const answer = await desk.page.evaluate(async () => {
      const response = await fetch('/attachments/01890a5d-ac96-774b-bcce-b302099a8057')
      return [response.status, response.headers.get('content-type'), await response.json()] as const
    })
    expect(answer).toEqual([404, 'application/json', expect.objectContaining({ code: 'not-found' })])
  })

  it('imports an uploaded file, tells of new work and counts it', async () => {
    await desk.ask({ do: 'focus', focused: false })
    const mail = [
      'From: Ann <b>Lee</b> <ann@x.test>',
      'To: support@desk.test',
      'Subject: Where is my order?',
      'Message-ID: <1@x.test>',
      `Date: ${new Date().toUTCString()}`,
      '',
      'Hello',
    ].join('\r\n')
    const upload = (await desk.page.evaluate(async (body) => {
      const response = await fetch('/uploads?name=order.eml', { method: 'POST', body })
      return (await response.json()) as unknown
    }, mail)) as { id: string }
    await ask(desk, 'startImport', { uploads: [upload.id], queue_id: null })
    const noticed = await until('the notification', async () => {
      const { badge, notifications } = await desk.record()
      return badge === 1 && notifications.length === 1 && notifications
    })
    expect(noticed[0]?.body).toBe('Where is my order?')
    expect(noticed[0]?.title).not.toMatch(/[<>]/)
  })

  it('a click on the notification brings the desk to its thread', async () => {
    const told = desk.page.evaluate(
      () =>
        new Promise((resolve) => {
          window.workbin?.onMessage((message) => {
            if (typeof message === 'object' && message !== null && 'open' in message) resolve(message.open)
          })
        }),
    )
    // The listener stands before the click: both go to the page in this order.
    await desk.page.evaluate(() => true)
    await desk.ask({ do: 'click-notification', at: 0 })
    expect(await told).toEqual({ thread: expect.stringMatching(/^[0-9A-Za-z]{16}$/) })
    expect((await desk.record()).windows[0]?.focused).toBe(true)
  })

  it('opens links outside only as http, https and mailto', async () => {
    for (const url of ['https://x.test/a', 'mailto:a@x.test']) await ask(desk, 'openLink', { url })
    for (const url of ['file:///etc/passwd', 'javascript:alert(1)', 'smb://x/y', 'ms-msdt:/id'])
      await ask(desk, 'openLink', { url })
    expect((await desk.record()).opened).toEqual(['https://x.test/a', 'mailto:a@x.test'])
  })

  it.each([
    ['another site', { url: 'https://evil.test/', inFrame: false, otherWindow: false }],
    ['another host of the scheme', { url: 'app://evil/', inFrame: false, otherWindow: false }],
    ['a look-alike', { url: 'http://app.desk/', inFrame: false, otherWindow: false }],
    ['a frame of our page', { url: 'app://desk/', inFrame: true, otherWindow: false }],
    ['a mail’s frame', { url: 'about:srcdoc', inFrame: true, otherWindow: false }],
    ['another window', { url: 'app://desk/', inFrame: false, otherWindow: true }],
    ['nothing that is a URL', { url: '', inFrame: false, otherWindow: false }],
  ])('a message from %s does nothing', async (who, from) => {
    const before = await ask(desk, 'dispositions')
    const forged = { id: 5, method: 'saveDisposition', request: { id: null, name: `from ${who}` } }
    await desk.ask({ do: 'send-ipc', from, args: ['01890a5d', forged] })
    const { value } = (await ask(desk, 'dispositions')) as { value: unknown }
    expect(value).toEqual((before as { value: unknown }).value)
  })

  it('a second start brings this window to the front, and only that', async () => {
    await desk.ask({ do: 'focus', focused: false })
    await desk.ask({ do: 'second-instance' })
    const { windows } = await desk.record()
    expect(windows).toHaveLength(1)
    expect(windows[0]?.focused).toBe(true)
  })

  it('a page that is loaded again works on', async () => {
    await desk.page.reload()
    expect(await ask(desk, 'overview')).toMatchObject({ value: { all: { total: 1 } } })
  })

  it('a page that crashed is loaded again', async () => {
    await desk.ask({ do: 'crash' })
    await until('the new page', async () => {
      const page = await desk.currentPage()
      return page !== desk.page && (await page.locator('body').innerText()).length > 0
    })
    expect((await desk.record()).windows[0]?.reloads).toBe(1)
  })
})

describe('a desk in Electron', () => {
  beforeEach(() => (dataDir = newFolder()))
  afterEach(() => endStandIns())

  it('quits cleanly, lets its folder go, and keeps where its window was', async () => {
    const bounds = { x: 40, y: 50, width: 900, height: 700 }
    const desk = await launchStandIn({ dataDir })
    expect(existsSync(join(dataDir, 'desk.lock'))).toBe(true)
    await desk.ask({ do: 'resize', bounds })
    expect(await desk.quit()).toBe(0)
    expect(existsSync(join(dataDir, 'desk.lock'))).toBe(false)
    // The write-ahead log was folded in: the store was closed, not dropped.
    expect(existsSync(join(dataDir, 'workbin.db-wal'))).toBe(false)
    expect(JSON.parse(readFileSync(join(dataDir, 'window.json'), 'utf8'))).toEqual({
      bounds,
      maximized: false,
    })

    const again = await launchStandIn({ dataDir })
    expect((await again.record()).windows[0]?.options).toMatchObject(bounds)
    expect(await again.quit()).toBe(0)
  })

  it.skipIf(process.platform === 'darwin')('ends when its window is closed', async () => {
    const desk = await launchStandIn({ dataDir })
    await desk.ask({ do: 'close-window' })
    expect(await desk.exited).toBe(0)
  })

  it('ends by SIGTERM', async () => {
    const desk = await launchStandIn({ dataDir })
    process.kill(desk.pid, 'SIGTERM')
    expect(await desk.exited).toBe(0)
    expect(existsSync(join(dataDir, 'desk.lock'))).toBe(false)
  })

  it('a second instance ends at once and touches nothing', async () => {
    const { exited } = await startStandIn({ dataDir, second: true })
    expect(await exited).toBe(0)
    expect(existsSync(join(dataDir, 'workbin.db'))).toBe(false)
  })

  it('refuses a folder on which the browser’s desk runs', async () => {
    const served = await startServe({ data: dataDir })
    const { exited, log } = await startStandIn({ dataDir })
    expect(await exited).toBe(3)
    expect(log()).toContain(`A desk already runs on this data folder (process ${served.pid}).`)
    expect(await served.stop()).toBe(0)
  })

  it('says what is wrong with a settings file', async () => {
    const { exited, log } = await startStandIn({ dataDir, settings: { agnet: {} } })
    expect(await exited).toBe(1)
    expect(log()).toMatch(/The settings file .* can’t be used: agnet: there is no such setting\./)
  })

  it('keeps passwords sealed by the system', async () => {
    const secret = 'canary-secret-77'
    const settings = {
      accounts: [
        {
          id: 'support',
          address: 'support@desk.test',
          imap: { host: '127.0.0.1', port: 9, tls: 'none', user: 'u', password: secret },
        },
      ],
    }
    const desk = await launchStandIn({ dataDir, settings })
    expect(await desk.quit()).toBe(0)
    const kept = readFileSync(join(dataDir, 'secrets.json'), 'utf8')
    expect(kept).toContain('"kind":"safe-storage"')
    expect(kept).not.toContain(secret)
    expect(readFileSync(join(dataDir, 'logs/workbin.log'), 'utf8')).not.toContain(secret)
  })

  it('starts over the lock of a desk that was killed', async () => {
    const desk = await launchStandIn({ dataDir })
    await desk.kill()
    expect(existsSync(join(dataDir, 'desk.lock'))).toBe(true)
    writeFileSync(join(dataDir, 'window.json'), 'half a fi')
    const again = await launchStandIn({ dataDir })
    expect(await again.quit()).toBe(0)
  })
})
