import { parentPort, workerData } from 'node:worker_threads'
import type { Log } from '../connectors/connector.ts'
import { joinThreads } from '../core/thread-line.ts'
import type { ServedSettings } from './desk.ts'
import { servedApis } from './served-apis.ts'
import { type ApiServer, startApi } from './server.ts'
import { type ApiCoreCalls, type ApiThreadCalls, type ApiThreadData, farDesk } from './thread-calls.ts'

/** Lines of the log are told together: a flood of requests isn't a flood of messages. */
const TELL_LOG_EVERY = 100

const port = parentPort
if (!port) throw new Error('The APIs’ worker runs only as a worker thread.')

// eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- set by core/apis.ts on the other side of this thread
const { tmp } = workerData as ApiThreadData

let server: ApiServer | null = null
let settings: ServedSettings | null = null
let lines: Parameters<Log>[] = []
let telling: NodeJS.Timeout | null = null

const calls: ApiThreadCalls = {
  async start(listen, given) {
    settings = given
    server = await startApi({
      ...listen,
      apis: servedApis,
      context: { desk, settings: () => told(settings), now: () => Date.now(), tmp },
      log(...line) {
        lines.push(line)
        telling ??= setTimeout(() => void tellLog(), TELL_LOG_EVERY)
      },
      record: (use) => void core.call('record', use).catch(() => undefined),
    })
    return { url: server.url, served: server.served() }
  },
  async tell(given) {
    settings = given
    await server?.refresh()
    return server?.served() ?? []
  },
  async stop() {
    const stopping = server
    server = null
    await stopping?.close()
    await tellLog()
  },
}
const core = joinThreads<ApiCoreCalls>(port, { ...calls })
const desk = farDesk(core)

async function tellLog(): Promise<void> {
  telling = null
  const told = lines
  lines = []
  // A line that can't be told must not fail what it reports on.
  if (told.length > 0) await core.call('log', told).catch(() => undefined)
}

function told(settings: ServedSettings | null): ServedSettings {
  if (settings === null) throw new Error('The APIs were asked before their settings were told.')
  return settings
}
