import { Worker } from 'node:worker_threads'
import type { ApiDesk, ServedSettings } from '../api/desk.ts'
import type { ListenOptions } from '../api/listener.ts'
import {
  answeringDesk,
  type ApiCoreCalls,
  type ApiThreadCalls,
  type ApiThreadData,
  type Listening,
} from '../api/thread-calls.ts'
import type { ApiUse } from '../api/use.ts'
import type { Log } from '../connectors/connector.ts'
import { joinThreads } from './thread-line.ts'

/** The APIs' listener on its thread. */
export interface ApiThread {
  readonly url: string
  readonly served: Listening['served']
  tell(settings: ServedSettings): Promise<void>
  /** Answers what is under way, tells what it counted, ends. */
  close(): Promise<void>
}

/** Memory of the APIs' thread; what requests may hold is limited far below. */
const THREAD_MB = 256
const YOUNG_MB = 12

/** Starts the thread and its listener. Throws `invalid` where it can't listen. */
export async function startApiThread(options: {
  readonly worker: URL
  readonly tmp: string
  readonly desk: ApiDesk
  readonly listen: ListenOptions
  readonly settings: ServedSettings
  readonly log: Log
  readonly record: (use: readonly ApiUse[]) => Promise<void>
  /** It ended by itself. */
  readonly onCrash: (thread: ApiThread, error: Error) => void
}): Promise<ApiThread> {
  const workerData: ApiThreadData = { tmp: options.tmp }
  const worker = new Worker(options.worker, {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MB, maxYoungGenerationSizeMb: YOUNG_MB },
  })
  const calls: ApiCoreCalls = {
    ...answeringDesk(options.desk),
    async log(lines) {
      for (const line of lines) options.log(...line)
    },
    record: (use) => options.record(use),
  }
  const far = joinThreads<ApiThreadCalls>(worker, { ...calls })
  let closing = false
  let thread: ApiThread | null = null
  const faults: Error[] = []

  worker.on('error', (error) => {
    faults.push(error instanceof Error ? error : new Error(String(error)))
  })
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      far.cut('The APIs’ thread ended.')
      if (thread && !closing) options.onCrash(thread, faults[0] ?? new Error(`It ended with code ${code}`))
      resolve()
    })
  })

  let listening: Listening
  try {
    listening = await far.call('start', options.listen, options.settings)
  } catch (error) {
    closing = true
    await worker.terminate()
    throw faults[0] ?? error
  }
  let { served } = listening
  thread = {
    url: listening.url,
    get served() {
      return served
    },
    async tell(settings) {
      served = await far.call('tell', settings)
    },
    async close() {
      closing = true
      await far.call('stop').catch(() => undefined)
      await worker.terminate()
      await ended
    },
  }
  return thread
}
