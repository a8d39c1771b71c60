import type {
  Instant,
  InteractionId,
  SecureMailbox,
  ThreadId,
  UserData,
  Uuid,
} from '../../contract/domain.ts'
import { newUuid } from '../ids.ts'
import type { Engine } from './engine.ts'

/** A row of `secure_mails`. */
export interface SecureMailRow {
  readonly id: Uuid
  readonly row: number
  readonly address_key: string
  readonly address: string
  readonly box: string
  readonly direction: 'inbound' | 'outbound'
  readonly read: 0 | 1
  readonly deleted: 0 | 1
  readonly at: Instant
  readonly udata: string
}

/** Puts an interaction into a secure mailbox, unread. */
export function addSecureMail(
  engine: Engine,
  mail: {
    readonly row: number
    readonly mailbox: SecureMailbox
    readonly direction: SecureMailRow['direction']
    readonly at: Instant
    /** Exactly what was attached. */
    readonly udata: UserData
  },
): Uuid {
  const id = newUuid(engine.now())
  const { address, box } = mail.mailbox
  engine
    .sql(
      `insert into secure_mails (id, row, address_key, address, box, direction, at, udata)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      id,
      mail.row,
      address.toLowerCase(),
      address,
      box,
      mail.direction,
      mail.at,
      JSON.stringify(mail.udata),
    )
  return id
}

/** What of an interaction lies in a secure mailbox; null where it is no secure mail. */
export function secureMailOf(engine: Engine, row: number): SecureMailRow | null {
  return engine.sql<SecureMailRow>('select * from secure_mails where row = ?').get(row) ?? null
}

/**
 * Whose secure mailbox an answer goes to: that of the answered message, else that of the thread's newest inbound
 * message. Null where neither is secure.
 */
export function mailboxAnswered(
  engine: Engine,
  thread: ThreadId | null,
  parent: InteractionId | null,
): SecureMailbox | null {
  const answered =
    parent === null
      ? undefined
      : engine
          .sql<SecureMailbox>(
            `select s.address, s.box from interactions i join secure_mails s on s.row = i.row
              where i.interaction_id = ?`,
          )
          .get(parent)
  if (answered) return answered
  if (thread === null) return null
  return (
    engine
      .sql<SecureMailbox>(
        `select s.address, s.box from secure_mails s
          where s.row = (select row from interactions where thread_id = ? and entity_type = 0
                          order by row desc limit 1)`,
      )
      .get(thread) ?? null
  )
}
