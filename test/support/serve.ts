import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import { z } from 'zod'
import type { Core } from '../../src-main/contract/core.ts'
import { connect } from '../../src-main/contract/rpc.ts'

const root = resolve(import.meta.dirname, '../..')

const readySchema = z.strictObject({
  ready: z.literal(true),
  ui: z.string(),
  api: z.string().nullable(),
  pid: z.number(),
  data: z.string(),
})

/** The built desk as `npm run serve` runs it, in a process of its own. */
export interface ServedDesk {
  readonly ui: string
  /** Where the APIs listen; null while they don't. */
  readonly api: string | null
  readonly data: string
  readonly pid: number
  /** What it wrote to standard error so far. */
  log(): string
  /** A second page beside Chromium's: the same contract over the same WebSocket. */
  connect(): Promise<ConnectedCore>
  /** `kill -9`: as a crash or a power cut would, as far as a process can. */
  kill(): Promise<void>
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>
}

export interface ConnectedCore {
  readonly core: Core
  close(): void
}

/** Starts the built desk on a data folder. Throws with its log when it doesn't become ready. */
export async function startServe(options: {
  data: string
  settings?: unknown
  args?: readonly string[]
}): Promise<ServedDesk> {
  const args = ['--data', options.data, '--ui-port', '0', '--no-open', ...(options.args ?? [])]
  if (options.settings !== undefined) {
    const file = join(await temporaryFolder(), 'settings.json')
    await writeFile(file, JSON.stringify(options.settings))
    args.push('--settings', file)
  }
  const child = spawn(process.execPath, [join(root, 'out/main/browser.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const exited = once(child, 'exit').then(([code]) => {
    running.delete(child)
    return typeof code === 'number' ? code : null
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))

  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    exited.then((code) => {
      throw new Error(`The desk ended with ${code} before it was ready:\n${log}`)
    }),
  ])
  const ready = readySchema.parse(JSON.parse(first))

  return {
    ui: ready.ui,
    api: ready.api,
    data: ready.data,
    pid: ready.pid,
    log: () => log,
    connect: () => connectTo(ready.ui),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.kill('SIGTERM')
      return await exited
    },
  }
}

async function connectTo(ui: string): Promise<ConnectedCore> {
  const { host, hash, origin } = new URL(ui)
  const socket = new WebSocket(`ws://${host}/rpc`, ['workbin', hash.slice(1)], { origin })
  await once(socket, 'open')
  const connection = connect({
    post: (message) => socket.send(JSON.stringify(message)),
    onMessage: (listener) =>
      void socket.on('message', (data: Buffer) => listener(JSON.parse(data.toString()) as unknown)),
  })
  socket.on('close', () => connection.cut())
  socket.on('error', () => connection.cut())
  return { core: connection.core, close: () => socket.terminate() }
}

const running = new Set<ChildProcess>()
const folders: string[] = []

/** A folder that `endServes` removes. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'workbin-'))
  folders.push(folder)
  return folder
}

/** Ends what a test left running and removes its folders. */
export async function endServes(): Promise<void> {
  for (const child of [...running]) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
}
