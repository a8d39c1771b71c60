import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import type { Changes } from '../../src-main/contract/core.ts'
import { connect, type Connection, type Port } from '../../src-main/contract/rpc.ts'
import { startCore } from '../../src-main/core/start-core.ts'
import { plainSecrets } from '../../src-main/hosts/secret-backends.ts'
// Declares what the preload puts on the page's window.
import type {} from '../../src-renderer/port.ts'
import { endStandIns, launchStandIn } from '../support/electron.ts'
import { endServes, startServe } from '../support/serve.ts'
import { until } from '../support/until.ts'

/** One suite for every way between page and core: whoever adds a transport adds it here. */

interface Transport {
  readonly port: Port
  close(): Promise<void>
}

const root = join(import.meta.dirname, '../..')
const folders: string[] = []
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'transport-'))
  folders.push(made)
  return made
}

async function overMessagePort(): Promise<Transport> {
  const core = await startCore({
    dataDir: folder(),
    host: 'browser',
    version: '0',
    coreWorker: pathToFileURL(join(root, 'out/main/core-worker.js')),
    parseWorker: pathToFileURL(join(root, 'out/main/parse-worker.js')),
    apiWorker: pathToFileURL(join(root, 'out/main/api-worker.js')),
    apiPort: null,
    resourcesDir: join(root, 'resources'),
    secrets: plainSecrets,
    openLink: null,
    log: () => undefined,
  })
  return { port: core.connectPage(), close: () => core.close() }
}

async function overWebSocket(): Promise<Transport> {
  const desk = await startServe({ data: folder() })
  const { hash, host, origin } = new URL(desk.ui)
  const socket = new WebSocket(`ws://${host}/rpc`, ['workbin', hash.slice(1)], { origin })
  await once(socket, 'open')
  return {
    port: {
      post: (message) => socket.send(JSON.stringify(message)),
      onMessage: (listener) => socket.on('message', (data: Buffer) => listener(JSON.parse(data.toString()))),
    },
    async close() {
      socket.terminate()
      await desk.stop()
    },
  }
}

/** The desk's own page is on this line, too: calls of the test are told apart by their ids. */
const OURS = 1_000_000

async function overPreloadPipe(): Promise<Transport> {
  const desk = await launchStandIn({ dataDir: folder() })
  const listeners: ((message: unknown) => void)[] = []
  await desk.page.exposeFunction('heard', (message: { id?: number }) => {
    const ours = message.id === undefined ? message : { ...message, id: message.id - OURS }
    for (const listener of listeners) listener(ours)
  })
  await desk.page.evaluate((ours) => {
    const heard: unknown = Reflect.get(window, 'heard')
    window.workbin?.onMessage((message) => {
      if (typeof message !== 'object' || message === null || typeof heard !== 'function') return
      if (!('id' in message) || Number(message.id) > ours) Reflect.apply(heard, null, [message])
    })
  }, OURS)
  return {
    port: {
      post: (message) => {
        const shifted =
          typeof message === 'object' && message !== null && 'id' in message
            ? { ...message, id: Number(message.id) + OURS }
            : message
        void desk.page.evaluate((message) => window.workbin?.post(message), shifted)
      },
      onMessage: (listener) => listeners.push(listener),
    },
    async close() {
      await desk.quit()
    },
  }
}

afterAll(async () => {
  endStandIns()
  await endServes()
  for (const made of folders) rmSync(made, { recursive: true, force: true, maxRetries: 5 })
})

describe.each([
  ['a MessagePort', overMessagePort],
  ['a WebSocket', overWebSocket],
  ['the preload’s pipe', overPreloadPipe],
])('over %s', (_name, open) => {
  let transport: Transport
  let line: Connection
  const changes: Changes[] = []
  beforeAll(async () => {
    transport = await open()
    line = connect(transport.port)
    line.core.onChanges((change) => changes.push(change))
  })
  afterAll(() => transport.close())

  it('a question is answered', async () => {
    expect(await line.core.overview({})).toMatchObject({ first_run: true, sample: false })
  })

  it('a request that the schema refuses is answered with what is wrong', async () => {
    await expect(line.core.search({ query: 'x', after: null, limit: 0 })).rejects.toMatchObject({
      name: 'CoreError',
      code: 'invalid',
      message: expect.stringContaining('search.limit'),
    })
  })

  it('what the core has no method for is refused', async () => {
    const answers: unknown[] = []
    transport.port.onMessage((message) => answers.push(message))
    transport.port.post({ id: 999, method: 'constructor', request: {} })
    transport.port.post({ id: 998, method: '__proto__', request: {} })
    await until('both answers', () => answers.length >= 2)
    expect(answers).toEqual(
      [999, 998].map((id) => ({ id, error: expect.objectContaining({ code: 'invalid' }) })),
    )
  })

  it('an error keeps its code and its sentence', async () => {
    const error: unknown = await line.core
      .thread({ thread_id: '0000000000000000' })
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'CoreError', code: 'not-found' })
    expect((error as Error).message).toMatch(/\.$/)
  })

  it('of many calls at once each gets its own answer', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `Reason ${n}`)
    const made = await Promise.all(names.map((name) => line.core.saveDisposition({ id: null, name })))
    expect(made.map(({ name }) => name)).toEqual(names)
  })

  it('text of any script and length arrives as it was', async () => {
    const text = '日本語 — “quotes” \u2028 \u0000 👩‍👩‍👧 \\u0041 '.repeat(300).slice(0, 10_000)
    const agent = { id: 1, firstName: 'Ada', lastName: 'Møss', email: '', signature: { text, html: null } }
    await line.core.saveAgent(agent)
    expect((await line.core.settings({})).agent).toEqual(agent)
  })

  it('what a commit touched is told', async () => {
    changes.length = 0
    await line.core.saveQueue({ id: null, name: 'Billing' })
    await until('the change', () =>
      changes.some((change) => change.lists || change.settings || change.everything),
    )
  })

  it('what is no call is dropped, and the line goes on', async () => {
    for (const nonsense of [null, 1, 'x', [], {}, { id: 'a' }, { id: 1.5, method: 'overview', request: {} }])
      transport.port.post(nonsense)
    expect(await line.core.dispositions({})).not.toHaveLength(0)
  })

  it('a line that is cut fails what is under way', async () => {
    const call = line.core.overview({})
    line.cut()
    await expect(call).rejects.toMatchObject({ code: 'closed' })
    expect(await line.core.overview({})).toBeDefined()
  })
})
