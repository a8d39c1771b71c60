import type { ThreadId } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Submission } from '../api-store.ts'
import type { Engine } from './engine.ts'

/** Contracts, contacts/email 3.2: so many keys for each tenant, org and cat. */
const MOST_KEYS = 50

export type Conversation = Extract<Submission['thread'], { kind: 'conversation' }>

/** The thread in which a conversation was filed first; it may have been merged since. Null where it begins. */
export function conversationThread(engine: Engine, conversation: Conversation): ThreadId | null {
  const { tenant, org, cat } = conversation
  const row = engine
    .sql<{ thread_id: ThreadId }>(
      'select thread_id from conversations where tenant = ? and org = ? and cat = ? and conv_id = ?',
    )
    .get(tenant, org, cat, conversation.conv_id.toLowerCase())
  return row?.thread_id ?? null
}

/**
 * Remembers where a conversation goes on, and the metadata keys that its category uses. Throws `invalid` with
 * `{ metadataKeys: true, keys }` where these would be more than 50; `keys` are the new ones.
 */
export function keepConversation(engine: Engine, conversation: Conversation, thread: ThreadId): void {
  const { tenant, org, cat, conv_id } = conversation
  keepMetadataKeys(engine, conversation)
  engine
    .sql(
      `insert into conversations (tenant, org, cat, conv_id, thread_id) values (?, ?, ?, ?, ?)
       on conflict do update set thread_id = excluded.thread_id where thread_id <> excluded.thread_id`,
    )
    .run(tenant, org, cat, conv_id.toLowerCase(), thread)
}

function keepMetadataKeys(engine: Engine, { tenant, org, cat, metadata }: Conversation): void {
  const known = new Set(
    engine
      .sql<{ key: string }>('select key from metadata_keys where tenant = ? and org = ? and cat = ?')
      .all(tenant, org, cat)
      .map(({ key }) => key),
  )
  const keys = [...new Set(metadata)].filter((key) => !known.has(key))
  if (keys.length > 0 && known.size + keys.length > MOST_KEYS)
    throw new CoreError(
      'invalid',
      `${tenant}/${org}/${cat} uses ${known.size} metadata keys; with ${keys.length} new ones it would be more than ${MOST_KEYS}.`,
      { detail: { metadataKeys: true, keys } },
    )
  const add = engine.sql('insert into metadata_keys (tenant, org, cat, key) values (?, ?, ?, ?)')
  for (const key of keys) add.run(tenant, org, cat, key)
}
