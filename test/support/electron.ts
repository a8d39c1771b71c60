import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { electronProgram } from '../../src-main/hosts/launch/prepare.mjs'
import type { Answer, Command, Record as Recorded } from './electron-stand-in/record.ts'
import { until } from './until.ts'

const root = resolve(import.meta.dirname, '../..')

/** Electron's own program, where it was fetched; the same story runs in it then. */
export const realElectron: string | null = electronProgram()

/** The built Electron host, running in its own process over a real Chromium. */
export interface ElectronDesk {
  /** The window's page. After a crash ask `currentPage`. */
  readonly page: Page
  currentPage(): Promise<Page>
  readonly pid: number
  /** What it wrote to standard error so far. */
  log(): string
  record(): Promise<Recorded>
  ask(command: Command): Promise<unknown>
  /** Quits as the menu would; answers the exit code. */
  quit(): Promise<number | null>
  /** SIGKILL. */
  kill(): Promise<void>
  readonly exited: Promise<number | null>
}

export interface StandInOptions {
  readonly dataDir: string
  readonly settings?: unknown
  /** As if another instance held the lock already: no window comes. */
  readonly second?: boolean
}

/** Starts the built main process with the stand-in for `electron`, and waits for its window. */
export async function launchStandIn(options: StandInOptions): Promise<ElectronDesk> {
  const { child, exited, log, profile } = await startStandIn(options)
  const port = profile.port
  let browser: Browser | null = null
  const cleanUp = exited.finally(() => browser?.close().catch(() => undefined))

  const ask = asker(child)
  browser = await until('the stand-in’s Chromium', async () => {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${log()}`)
    return await chromium.connectOverCDP(`http://127.0.0.1:${port}`)
  })
  const connected = browser
  const currentPage = () =>
    until('the window’s page', () =>
      connected
        .contexts()
        .flatMap((context) => context.pages())
        .find((page) => page.url().startsWith('http://desk.localhost')),
    )
  const page = await currentPage()
  await page.waitForLoadState('load')

  return {
    page,
    currentPage,
    pid: child.pid ?? 0,
    log,
    // The stand-in runs the code of this file's neighbour: what it sends is what is declared there.
    record: async () => (await ask({ do: 'record' })) as Recorded,
    ask,
    async quit() {
      child.send({ id: -1, command: { do: 'quit' } })
      return await cleanUp
    },
    async kill() {
      child.kill('SIGKILL')
      await cleanUp
    },
    exited: cleanUp,
  }
}

/** Starts the main process alone, for a start that brings no window. */
export async function startStandIn(options: StandInOptions) {
  const args = ['--data', options.dataDir]
  const folder = await mkdtemp(join(tmpdir(), 'workbin-electron-'))
  if (options.settings !== undefined) {
    const file = join(folder, 'settings.json')
    await writeFile(file, JSON.stringify(options.settings))
    args.push('--settings', file)
  }
  const port = await freePort()
  const child = spawn(
    process.execPath,
    [
      ...['--import', join(root, 'test/support/electron-stand-in/register.ts')],
      join(root, 'out/main/electron.js'),
      ...args,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...process.env,
        STAND_IN_DEBUG_PORT: String(port),
        STAND_IN_PROFILE: join(folder, 'profile'),
        STAND_IN_SECOND: options.second ? '1' : '',
      },
    },
  )
  running.add(child)
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const exited = once(child, 'exit').then(async ([code]) => {
    running.delete(child)
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    return typeof code === 'number' ? code : null
  })
  return { child, exited, log: () => text, profile: { folder, port } }
}

const running = new Set<ChildProcess>()

/** Ends what a test left running. */
export function endStandIns(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** Sends a command over the child's channel and waits for its answer. */
function asker(child: ChildProcess): (command: Command) => Promise<unknown> {
  let last = 0
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  child.on('message', (message) => {
    const answer = message as Answer
    const call = waiting.get(answer.id)
    if (!call) return
    waiting.delete(answer.id)
    if (answer.error !== undefined) call.reject(new Error(answer.error))
    else call.resolve(answer.value)
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The stand-in ended'))
    waiting.clear()
  })
  return (command) =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, { resolve, reject })
      child.send({ id, command })
    })
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (address === null || typeof address === 'string') throw new Error('No port')
  return address.port
}
