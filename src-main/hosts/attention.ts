import type { ThreadId } from '../contract/domain.ts'
import type { Attention } from '../core/host-services.ts'

/** One system notification. */
export interface Notice {
  readonly title: string
  readonly body: string
  /** What a click opens; null: only the desk. */
  readonly thread: ThreadId | null
}

/** What to notify of, or null where the agent wants none, has nothing new or is looking at the desk. */
export function noticeOf(attention: Attention, looking: boolean): Notice | null {
  const [first] = attention.arrived
  if (!attention.notifications || looking || attention.arrivedCount === 0 || !first) return null
  if (attention.arrivedCount === 1)
    return {
      title: plain(first.from?.personal ?? first.from?.address ?? 'New mail'),
      body: plain(first.subject) || '(no subject)',
      thread: first.thread_id,
    }
  return {
    title: `${attention.arrivedCount} new mails`,
    body: attention.arrived.map(({ subject }) => plain(subject) || '(no subject)').join('\n'),
    thread: attention.arrivedCount <= attention.arrived.length ? first.thread_id : null,
  }
}

/** Notification servers may read markup, fetching pictures that it names: a mail's words have none. */
function plain(text: string): string {
  return Array.from(
    text
      .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
      .replace(/</g, '‹')
      .replace(/>/g, '›')
      .trim(),
  )
    .slice(0, 200)
    .join('')
}
