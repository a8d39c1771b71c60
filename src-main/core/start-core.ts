import { MessageChannel, Worker } from 'node:worker_threads'
import type { Port } from '../contract/rpc.ts'
import { CoreError } from '../contract/errors.ts'
import type { Job } from '../contract/domain.ts'
import type { Attention, CoreFiles, CoreOptions, OwnerCommands } from './host-services.ts'
import { joinThreads } from './thread-line.ts'
import type { CoreCalls, HostCalls, WorkerData } from './worker.ts'

/** The core on its worker thread, as its host holds it. */
export interface HostedCore {
  /** A line for one page; its calls are checked on the core's side. */
  connectPage(): Port & { close(): void }
  readonly files: CoreFiles
  readonly owner: OwnerCommands
  /** Where the APIs listen; null while they don't. */
  apiUrl(): Promise<string | null>
  onAttention(listener: (attention: Attention) => void): () => void
  /** Called when the core died by itself; the host says so and ends. */
  onCrash(listener: (error: Error) => void): void
  /** Stops intake, finishes or rolls back what runs, closes the store, ends the thread. */
  close(): Promise<void>
}

export type StartOptions = Omit<CoreOptions, 'parseWorker' | 'apiWorker' | 'clock'> & {
  /** Worker files: built ones beside the host, or the sources in tests. */
  readonly coreWorker: URL
  readonly parseWorker: URL
  readonly apiWorker: URL
}

/** Starts the core off the host's own thread, so that no query, import or hostile mail freezes a window. */
export async function startCore(options: StartOptions): Promise<HostedCore> {
  const { coreWorker, log, openLink, secrets } = options
  const workerData: WorkerData = {
    dataDir: options.dataDir,
    host: options.host,
    version: options.version,
    parseWorker: options.parseWorker.href,
    apiWorker: options.apiWorker.href,
    apiPort: options.apiPort,
    resourcesDir: options.resourcesDir,
    secretsKind: secrets.kind,
    canOpenLinks: openLink !== null,
    atRest: options.atRest ?? false,
    settingsFile: options.settingsFile ?? null,
  }
  const worker = new Worker(coreWorker, { workerData, stdout: false, stderr: false })

  const attentionListeners = new Set<(attention: Attention) => void>()
  const crashListeners = new Set<(error: Error) => void>()
  let onProgress: ((job: Job) => void) | null = null
  let closing = false

  const host: HostCalls = {
    log: async (level, message, detail) => log(level, message, detail),
    wrapSecret: (plain) => secrets.wrap(plain),
    unwrapSecret: (wrapped) => secrets.unwrap(wrapped),
    openLink: async (url) => {
      if (openLink) await openLink(url)
    },
    attention: async (attention) => {
      for (const listener of attentionListeners) listener(attention)
    },
    progress: async (job) => onProgress?.(job),
  }
  const core = joinThreads<CoreCalls>(worker, host)

  worker.on('error', (error) => {
    const cause = error instanceof Error ? error : new Error(String(error))
    log('error', 'The core stopped', { error: cause.stack ?? cause.message })
    core.cut('Workbin’s core stopped. Start Workbin again; nothing that was saved is lost.')
    for (const listener of crashListeners) listener(cause)
  })
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      core.cut('Workbin is closing.')
      if (!closing && code !== 0)
        for (const listener of crashListeners) listener(new Error(`The core ended with code ${code}`))
      resolve()
    })
  })

  try {
    await core.call('ready')
  } catch (error) {
    closing = true
    await worker.terminate()
    throw error
  }

  return {
    connectPage() {
      if (closing) throw new CoreError('closed', 'Workbin is closing.')
      const { port1, port2 } = new MessageChannel()
      worker.postMessage({ page: port2 }, [port2])
      return {
        post: (message) => port1.postMessage(message),
        onMessage: (listener) => void port1.on('message', listener),
        close: () => port1.close(),
      }
    },
    files: {
      attachment: (id) => core.call('attachment', id),
      rawMail: (id) => core.call('rawMail', id),
      remoteImage: (id, url) => core.call('remoteImage', id, url),
      attach: (draft, file, name, type, inline) => core.call('attach', draft, file, name, type, inline),
      upload: (file, name) => core.call('upload', file, name),
    },
    owner: {
      async importPaths(paths, { queue, account, onProgress: listener }) {
        onProgress = listener
        try {
          return await core.call('importPaths', paths, { queue, account })
        } finally {
          onProgress = null
        }
      },
      exportTo: (folder) => core.call('exportTo', folder),
      check: () => core.call('check'),
      backupTo: (file) => core.call('backupTo', file),
    },
    apiUrl: () => core.call('apiUrl'),
    onAttention(listener) {
      attentionListeners.add(listener)
      return () => attentionListeners.delete(listener)
    },
    onCrash: (listener) => void crashListeners.add(listener),
    async close() {
      if (!closing) {
        closing = true
        await core
          .call('close')
          .catch((error: unknown) => log('error', 'Closing failed', { error: String(error) }))
        await worker.terminate()
      }
      await ended
    },
  }
}
