import type { ThreadId } from '../../contract/domain.ts'
import type { KnownMail, ThreadLookup } from '../../intake/threading.ts'
import type { Engine } from './engine.ts'
import { currentThread } from './threads.ts'

/** Mails of one id that are looked at; more than that is a machine that reuses it. */
const LOOKED_AT = 200

/** Answers what `decideThread` asks, from inside the transaction that stores the mail. */
export function threadLookup(engine: Engine, own: ReadonlySet<string>): ThreadLookup {
  return {
    byMessageId(messageId) {
      return engine
        .sql<KnownMail>(
          'select interaction_id, thread_id from interactions where message_id = ? order by row limit ?',
        )
        .all(messageId, LOOKED_AT)
    },
    waitingFor(messageId) {
      return engine
        .sql<KnownMail>(
          `select i.interaction_id, i.thread_id
             from (select row, distance from mail_references where message_id = ? limit ?) r
             join interactions i on i.row = r.row
            order by r.distance, r.row`,
        )
        .all(messageId, LOOKED_AT)
    },
    byToken: (thread) => currentThread(engine, thread),
    participants(thread: ThreadId) {
      const rows = engine
        .sql<{ address_key: string }>('select address_key from participants where thread_id = ?')
        .all(thread)
      return new Set(rows.map((row) => row.address_key))
    },
    isOwn: (address) => own.has(address),
  }
}
