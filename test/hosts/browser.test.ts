import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { endServes, type ServedDesk, startServe } from '../support/serve.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '../..')
const folders: string[] = []
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'serve-'))
  folders.push(folder)
  return folder
}
afterAll(async () => {
  await endServes()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** Runs the built host to its end. */
async function runHost(args: readonly string[], host = 'browser') {
  const child: ChildProcess = spawn(process.execPath, [join(root, 'out/main', `${host}.js`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = await once(child, 'close')
  return { code: code as number | null, stdout, stderr }
}

/** A request with exactly these headers: fetch would set Host and Origin by itself. */
function raw(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const { host, port, pathname, search } = new URL(url)
      const request = httpRequest(
        {
          host: '127.0.0.1',
          port,
          path: pathname + search,
          method: options.method ?? 'GET',
          headers: { host, ...options.headers },
          setHost: false,
        },
        (response) => {
          let body = ''
          response.on('data', (chunk: Buffer) => (body += chunk.toString()))
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          )
        },
      )
      request.on('error', reject)
      request.end(options.body)
    },
  )
}

/** What an upgrade is answered with: 101 and the cookie, or a status. */
async function upgrade(
  desk: ServedDesk,
  change: {
    token?: string
    protocols?: string[]
    headers?: Record<string, string>
    path?: string
    origin?: string | null
  } = {},
) {
  const { hash, host, origin } = new URL(desk.ui)
  const protocols = change.protocols ?? ['workbin', change.token ?? hash.slice(1)]
  const socket = new WebSocket(`ws://${host}${change.path ?? '/rpc'}`, protocols.filter(Boolean), {
    ...(change.origin === null ? {} : { origin: change.origin ?? origin }),
    headers: change.headers ?? {},
  })
  return await new Promise<{ status: number; cookie: string | null }>((resolve) => {
    socket.on('upgrade', (response) => {
      resolve({ status: 101, cookie: response.headers['set-cookie']?.[0] ?? null })
      socket.terminate()
    })
    socket.on('unexpected-response', (_request, response) =>
      resolve({ status: response.statusCode ?? 0, cookie: null }),
    )
    socket.on('error', () => resolve({ status: 0, cookie: null }))
  })
}

async function session(desk: ServedDesk): Promise<string> {
  const { cookie } = await upgrade(desk)
  return (cookie ?? '').split(';')[0] ?? ''
}

const attachment = '/attachments/01890a5d-ac96-774b-bcce-b302099a8057'

describe('serve', () => {
  let desk: ServedDesk
  let origin: string
  beforeAll(async () => {
    desk = await startServe({ data: newFolder() })
    origin = new URL(desk.ui).origin
  })

  it('prints one line: where the page is, on loopback, with a token of 256 bits in the fragment', () => {
    expect(desk.ui).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[0-9a-f]{64}$/)
  })

  it('gives the built page to anyone who asks for it by its own name, and nothing else', async () => {
    expect((await raw(`${origin}/`)).status).toBe(200)
    for (const path of [attachment, '/messages/0001a2B3c4D5e6F7.eml', '/uploads?name=x', '/nowhere'])
      expect((await raw(`${origin}${path}`)).status, path).toBe(401)
    expect(
      (await raw(`${origin}/uploads?name=x`, { method: 'POST', headers: { origin }, body: 'x' })).status,
    ).toBe(401)
  })

  it('its page carries the policy, with its own WebSocket and no other', async () => {
    const { headers } = await raw(`${origin}/`)
    const { host } = new URL(origin)
    expect(headers['content-security-policy']).toContain(`connect-src 'self' ws://${host};`)
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })

  it('with the session the bytes are there', async () => {
    const cookie = await session(desk)
    expect((await raw(`${origin}${attachment}`, { headers: { cookie } })).status).toBe(404)
    const uploaded = await raw(`${origin}/uploads?name=x.eml`, {
      method: 'POST',
      headers: { cookie, origin },
      body: 'Subject: x\r\n\r\nx',
    })
    expect([uploaded.status, JSON.parse(uploaded.body)]).toEqual([200, { id: expect.any(String) }])
  })

  it('the session is for this page alone: HttpOnly, SameSite=Strict, and not the token', async () => {
    const { cookie } = await upgrade(desk)
    expect(cookie).toMatch(/^workbin-\d+=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(new URL(desk.ui).hash.slice(1))
  })

  const hosts = [
    'evil.test',
    'localhost',
    '127.0.0.1',
    '127.0.0.1:1',
    '[::1]',
    '127.0.0.1.evil.test',
    '0.0.0.0',
  ]
  const origins = [
    'null',
    'https://evil.test',
    'http://127.0.0.1:1',
    'http://localhost',
    'http://127.0.0.1.evil.test',
  ]
  const routes = [
    '/',
    '/index.html',
    attachment,
    '/messages/0001a2B3c4D5e6F7.eml',
    '/remote-images/0001a2B3c4D5e6F7?url=x',
    '/uploads?name=x',
  ]

  it('another host or origin is refused on every route, session or not', async () => {
    const cookie = await session(desk)
    const { port } = new URL(origin)
    for (const path of routes) {
      for (const host of hosts)
        for (const name of host.includes(':') || host === '127.0.0.1' ? [host] : [host, `${host}:${port}`])
          expect(
            (await raw(`${origin}${path}`, { headers: { host: name, cookie } })).status,
            `${path} ${name}`,
          ).toBe(403)
      for (const from of origins) {
        for (const method of ['GET', 'POST'])
          expect(
            (await raw(`${origin}${path}`, { method, headers: { origin: from, cookie } })).status,
            `${method} ${path} from ${from}`,
          ).toBe(403)
      }
      // A write that doesn't say where it comes from.
      expect((await raw(`${origin}${path}`, { method: 'POST', headers: { cookie } })).status, path).toBe(403)
    }
  })

  it('another site’s request is refused by what the browser says of it', async () => {
    const cookie = await session(desk)
    for (const site of ['cross-site', 'same-site'])
      for (const path of routes.slice(2))
        expect(
          (
            await raw(`${origin}${path}`, {
              headers: { cookie, 'sec-fetch-site': site, 'sec-fetch-dest': 'image' },
            })
          ).status,
          `${path} ${site}`,
        ).toBe(403)
    // A link from elsewhere opens the page, which holds nothing without its token.
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' }
    expect((await raw(`${origin}/`, { headers })).status).toBe(200)
    expect((await raw(`${origin}${attachment}`, { headers: { ...headers, cookie } })).status).toBe(401)
  })

  it('the page’s line opens with the token, or with the session', async () => {
    expect((await upgrade(desk)).status).toBe(101)
    const cookie = await session(desk)
    expect((await upgrade(desk, { protocols: ['workbin'], headers: { cookie } })).status).toBe(101)
  })

  it.each<[string, Parameters<typeof upgrade>[1], number]>([
    ['a wrong token', { token: 'a'.repeat(64) }, 401],
    ['no token', { protocols: ['workbin'] }, 401],
    ['another protocol', { protocols: ['chat', 'x'] }, 403],
    ['another origin', { origin: 'https://evil.test' }, 403],
    ['the origin null', { origin: 'null' }, 403],
    ['no origin', { origin: null }, 403],
    ['another host', { headers: { host: 'evil.test' } }, 403],
    ['another address', { path: '/' }, 404],
    ['a token in the query', { path: '/rpc?token=x' }, 404],
    [
      'a made-up session',
      { protocols: ['workbin'], headers: { cookie: `workbin-1=${'0'.repeat(64)}` } },
      401,
    ],
  ])('the line is refused to %s', async (_what, change, status) => {
    expect((await upgrade(desk, change)).status).toBe(status)
  })

  it('a message that is no JSON ends the line', async () => {
    const { hash, host } = new URL(desk.ui)
    for (const message of ['{', Buffer.from([1, 2, 3])]) {
      const socket = new WebSocket(`ws://${host}/rpc`, ['workbin', hash.slice(1)], { origin })
      await once(socket, 'open')
      socket.send(message)
      const [code] = await once(socket, 'close')
      expect(code).toBe(1003)
    }
  })

  it('headers beyond 16 KB and addresses beyond 8 KB are refused', async () => {
    expect((await raw(`${origin}/`, { headers: { 'x-long': 'a'.repeat(20_000) } })).status).toBe(431)
    expect((await raw(`${origin}/?${'a'.repeat(9_000)}`)).status).toBe(414)
  })

  it('nonsense on the wire is answered 400 and closed', async () => {
    const socket = connectTcp(Number(new URL(origin).port), '127.0.0.1')
    socket.write('nonsense\r\n\r\n')
    const [data] = await once(socket, 'data')
    expect(String(data)).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('a second desk on the same folder exits 3 with one line', async () => {
    const { code, stderr, stdout } = await runHost(['--data', desk.data, '--no-open'])
    expect([code, stdout, stderr]).toEqual([
      3,
      '',
      `A desk already runs on this data folder (process ${desk.pid}). Close it first, or choose another folder with --data.\n`,
    ])
  })

  it('a port that is in use is named', async () => {
    const { code, stderr } = await runHost([
      '--data',
      newFolder(),
      '--no-open',
      '--ui-port',
      new URL(origin).port,
    ])
    expect(code).toBe(1)
    expect(stderr).toContain(
      `Port ${new URL(origin).port} is in use. Choose another one with --ui-port, or 0 for any.`,
    )
  })

  it('never writes its token to the log', () => {
    const token = new URL(desk.ui).hash.slice(1)
    expect(desk.log()).not.toContain(token)
    for (const name of readdirSync(join(desk.data, 'logs')))
      expect(readFileSync(join(desk.data, 'logs', name), 'utf8')).not.toContain(token)
  })

  it('SIGTERM ends it with 0, and lets the folder go', async () => {
    expect(await desk.stop()).toBe(0)
    expect(existsSync(join(desk.data, 'desk.lock'))).toBe(false)
    expect(existsSync(join(desk.data, 'workbin.db-wal'))).toBe(false)
  })
})

describe('the start of serve', () => {
  it.each([
    [['--bogus'], /Unknown option '--bogus'.*Usage: npm run serve/],
    [['--ui-port', 'x'], /--ui-port takes a number from 0 to 65535/],
    [['--ui-port', '70000'], /--ui-port takes a number from 0 to 65535/],
    [
      ['--settings', '/nowhere/s.json'],
      /The settings file \/nowhere\/s\.json can’t be read: there is no such file\./,
    ],
    [['extra'], /Usage: npm run serve/],
  ])('%j is refused in one clear line', async (args, message) => {
    const { code, stderr, stdout } = await runHost(['--data', newFolder(), '--no-open', ...args])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(message)
  })

  it('a settings file with a typing error names the place and starts nothing', async () => {
    const data = newFolder()
    const file = join(data, 's.json')
    writeFileSync(file, JSON.stringify({ accounts: [{ id: 'a', address: 'a@x.test', imap: { hots: 'h' } }] }))
    const { code, stderr } = await runHost(['--data', join(data, 'desk'), '--no-open', '--settings', file])
    expect(code).toBe(1)
    expect(stderr).toBe(
      `The settings file ${file} can’t be used: accounts[0].imap.hots: there is no such setting.\n`,
    )
    expect(existsSync(join(data, 'desk'))).toBe(false)
  })

  it('with --api-port the API listens beside the page', async () => {
    const child = spawn(
      process.execPath,
      [join(root, 'out/main/browser.js'), '--data', newFolder(), '--no-open', '--api-port', '0'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
    const [line] = await once(child.stdout, 'data')
    const { api, ui } = JSON.parse(String(line)) as { api: string; ui: string }
    expect(api).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(new URL(api).port).not.toBe(new URL(ui).port)
    const answer = await fetch(`${api}/anything`)
    expect([answer.status, await answer.json()]).toEqual([
      404,
      expect.objectContaining({ code: 'not-found' }),
    ])
    child.kill('SIGINT')
    expect((await once(child, 'exit'))[0]).toBe(0)
  })

  it('SIGTERM during the start ends it with 0', async () => {
    const data = newFolder()
    const child = spawn(process.execPath, [join(root, 'out/main/browser.js'), '--data', data, '--no-open'], {
      stdio: 'ignore',
    })
    await until('the lock', () => existsSync(join(data, 'desk.lock')))
    // The lock stands a moment before the signal handlers do.
    await until('the log’s folder', () => existsSync(join(data, 'workbin.db')))
    child.kill('SIGTERM')
    expect((await once(child, 'exit'))[0]).toBe(0)
    expect(existsSync(join(data, 'desk.lock'))).toBe(false)
  })
})

describe('in a real browser', () => {
  let desk: ServedDesk
  let browser: Browser
  beforeAll(async () => {
    desk = await startServe({ data: newFolder() })
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
      ],
    })
  })
  afterAll(async () => {
    await browser.close()
    await desk.stop()
  })

  it('the page connects, and its pictures and uploads carry the session that the line set', async () => {
    const page = await browser.newPage()
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    await page.goto(desk.ui)
    await page.getByText('Welcome to Workbin').waitFor()
    expect(faults).toEqual([])
    const answers = await page.evaluate(async (path) => {
      const upload = await fetch('/uploads?name=a.eml', { method: 'POST', body: 'Subject: a\r\n\r\na' })
      const bytes = await fetch(path)
      return [upload.status, bytes.status, document.cookie]
    }, attachment)
    expect(answers).toEqual([200, 404, ''])
    await page.close()
  })

  it('a page without the token gets nothing', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(new URL(desk.ui).origin)
    const status = await page.evaluate(async (path) => (await fetch(path)).status, attachment)
    expect(status).toBe(401)
    await context.close()
  })

  it('an upload that is too large is answered, not cut off', async () => {
    const page = await browser.newPage()
    await page.goto(desk.ui)
    await page.getByText('Welcome to Workbin').waitFor()
    const answer = await page.evaluate(async () => {
      const response = await fetch('/drafts/01890a5d-ac96-774b-bcce-b302099a8057/attachments?name=big', {
        method: 'POST',
        body: new Blob([new Uint8Array(51 * 1_048_576)]),
      })
      return [response.status, (await response.json()) as unknown] as const
    })
    expect(answer).toEqual([
      400,
      { code: 'invalid', message: 'The file is too large; at most 50 MB are taken.' },
    ])
    await page.close()
  })
})
