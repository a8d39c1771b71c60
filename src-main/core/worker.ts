import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { serve } from '../contract/rpc.ts'
import type { SettingsFile } from '../contract/settings.ts'
import type { Job } from '../contract/domain.ts'
import type { Log } from '../connectors/connector.ts'
import type { SecretBackend } from '../secrets.ts'
import { createCore } from './core.ts'
import type { Attention, CoreFiles, CoreOptions, OwnerCommands, RunningCore } from './host-services.ts'
import { joinThreads } from './thread-line.ts'

/** What the host hands over as the thread starts: plain data only. */
export interface WorkerData {
  readonly dataDir: string
  readonly host: CoreOptions['host']
  readonly version: string
  readonly parseWorker: string
  readonly apiWorker: string
  readonly apiPort: number | null
  readonly resourcesDir: string
  readonly secretsKind: SecretBackend['kind']
  readonly canOpenLinks: boolean
  readonly atRest: boolean
  readonly settingsFile: SettingsFile | null
}

/** What the core's thread answers to its host. */
export type CoreCalls = {
  ready: () => Promise<void>
  apiUrl: () => Promise<string | null>
  close: () => Promise<void>
  importPaths: (
    paths: readonly string[],
    options: { queue: string | null; account: string | null },
  ) => Promise<Job>
} & { [K in keyof CoreFiles]: CoreFiles[K] } & {
  [K in Exclude<keyof OwnerCommands, 'importPaths'>]: OwnerCommands[K]
}

/** What the host answers to the core's thread. */
export type HostCalls = {
  log: (...line: Parameters<Log>) => Promise<void>
  wrapSecret: (plain: string) => Promise<string>
  unwrapSecret: (wrapped: string) => Promise<string>
  openLink: (url: string) => Promise<void>
  attention: (attention: Attention) => Promise<void>
  progress: (job: Job) => Promise<void>
}

const port = parentPort
if (!port) throw new Error('The core’s worker runs only as a worker thread.')

// eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- set by startCore on the other side of this thread
const data = workerData as WorkerData
let running: Promise<RunningCore> | null = null
const core = (): Promise<RunningCore> => (running ??= start())

const calls: CoreCalls = {
  ready: async () => {
    await core()
  },
  apiUrl: async () => (await core()).apiUrl(),
  close: async () => {
    if (running) await (await running).close()
  },
  attachment: async (id) => (await core()).files.attachment(id),
  rawMail: async (id) => (await core()).files.rawMail(id),
  remoteImage: async (id, url) => (await core()).files.remoteImage(id, url),
  attach: async (...args) => (await core()).files.attach(...args),
  upload: async (file, name) => (await core()).files.upload(file, name),
  importPaths: async (paths, options) =>
    (await core()).owner.importPaths(paths, {
      ...options,
      onProgress: (job) => void host.call('progress', job).catch(() => undefined),
    }),
  exportTo: async (folder) => (await core()).owner.exportTo(folder),
  check: async () => (await core()).owner.check(),
  backupTo: async (file) => (await core()).owner.backupTo(file),
}
const host = joinThreads<HostCalls>(port, calls)

// Logging must never fail what it reports on.
const log: Log = (level, message, detail) =>
  void host.call('log', level, message, detail).catch(() => undefined)

async function start(): Promise<RunningCore> {
  const started = await createCore({
    dataDir: data.dataDir,
    host: data.host,
    version: data.version,
    parseWorker: new URL(data.parseWorker),
    apiWorker: new URL(data.apiWorker),
    apiPort: data.apiPort,
    resourcesDir: data.resourcesDir,
    secrets: {
      kind: data.secretsKind,
      wrap: (plain) => host.call('wrapSecret', plain),
      unwrap: (wrapped) => host.call('unwrapSecret', wrapped),
    },
    openLink: data.canOpenLinks ? (url) => host.call('openLink', url) : null,
    log,
    atRest: data.atRest,
    ...(data.settingsFile ? { settingsFile: data.settingsFile } : {}),
  })
  started.onAttention((attention) => void host.call('attention', attention).catch(() => undefined))
  return started
}

port.on('message', (message: unknown) => {
  if (typeof message !== 'object' || message === null || !('page' in message)) return
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the only message that carries a port, sent by startCore
  const page = message.page as MessagePort
  void core().then(({ core }) => {
    const stop = serve(core, {
      post: (value) => page.postMessage(value),
      onMessage: (listener) => void page.on('message', listener),
    })
    page.on('close', stop)
  })
})
