import { parentPort } from 'node:worker_threads'
import { joinThreads } from '../../src-main/core/thread-line.ts'

/** An APIs' thread that starts and dies of the first settings that it is told. */
if (parentPort)
  joinThreads(parentPort, {
    start: async () => ({ url: 'http://127.0.0.1:1', served: [] }),
    async tell() {
      setImmediate(() => {
        throw new Error('This thread dies.')
      })
      return []
    },
    stop: async () => undefined,
  })
