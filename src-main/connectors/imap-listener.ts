import type { ImapFlow } from 'imapflow'
import type { Log } from './connector.ts'
import type { Line, LineOptions } from './imap-line.ts'
import { createWakeUp } from './wake-up.ts'

/**
 * Listens to one more folder by IDLE on a line of its own and calls `news` when something changed in it. Where
 * the server has no IDLE or grants no further line, polling has to do; that is tried again every `retry` ms.
 */
export function listenTo(
  path: string,
  openLine: (more: Pick<LineOptions, 'onClient' | 'onVanished'>) => Promise<Line>,
  retry: number,
  news: () => void,
  log: Log,
): { close(): Promise<void> } {
  const wakeUp = createWakeUp()
  let closed = false
  let client: ImapFlow | null = null
  const isClosed = () => closed

  async function run(): Promise<void> {
    while (!isClosed()) {
      try {
        if (!(await listenOnce())) return
      } catch (error) {
        if (!isClosed())
          log('info', 'a folder is polled until it can be listened to', {
            folder: path,
            reason: error instanceof Error ? error.message : String(error),
          })
      }
      await wakeUp.pause(retry, isClosed)
    }
  }

  /** Until the line ends; false where the server can't IDLE. */
  async function listenOnce(): Promise<boolean> {
    const line = await openLine({
      onClient(opened) {
        client = opened
        if (isClosed()) opened.close()
      },
      onVanished: news,
    })
    try {
      if (!line.client.capabilities.has('IDLE')) return false
      line.client.on('exists', news)
      await line.client.mailboxOpen(path, { readOnly: true })
      // What came between the first look and now was announced to nobody.
      news()
      for (let short = 0; !isClosed() && line.client.usable && short < 5;) {
        const began = performance.now()
        await line.client.idle()
        short = performance.now() - began < 1000 ? short + 1 : 0
      }
      return true
    } finally {
      client = null
      await line.close()
    }
  }

  const running = run()
  return {
    async close() {
      closed = true
      client?.close()
      wakeUp.wake()
      await running
    },
  }
}
