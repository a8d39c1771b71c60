import type { InteractionId } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Once } from '../api-store.ts'
import type { Engine } from './engine.ts'
import { readJson } from './stored-json.ts'

/** So long the same key gets the same answer. */
const KEPT = 24 * 60 * 60 * 1000
/** So many old answers go with each new one: the table stays as large as a day's writes, and no write waits for it. */
const DROPPED = 8

/**
 * Does the work and keeps its answer under the Idempotency-Key, in one transaction; asked again, answers what was
 * kept. `about` names the interaction that the answer shows in full, so that purging it takes the answer, too.
 * Throws `conflict` where the key came with another payload, `not-found` where what it made was purged since.
 */
export function onlyOnce<T>(
  engine: Engine,
  once: Once | null,
  work: () => T,
  about: (answer: T) => InteractionId | null = () => null,
): { readonly answer: T; readonly repeated: boolean } {
  if (once === null) return { answer: work(), repeated: false }
  const now = engine.now()
  const kept = engine
    .sql<{ payload: string; answer: string | null }>(
      'select payload, answer from api_answers where scope = ? and key = ? and at >= ?',
    )
    .get(once.scope, once.key, now - KEPT)
  if (kept) {
    if (kept.payload !== once.payload)
      throw new CoreError(
        'conflict',
        `The Idempotency-Key “${once.key}” was used for another request. Send this one under a key of its own.`,
        { detail: { idempotencyKey: once.key } },
      )
    if (kept.answer === null)
      throw new CoreError('not-found', 'What was made under this Idempotency-Key was purged since.')
    return { answer: readJson<T>(kept.answer), repeated: true }
  }
  const answer = work()
  engine
    .sql(
      `delete from api_answers
        where (scope, key) in (select scope, key from api_answers where at < ? order by at limit ?)`,
    )
    .run(now - KEPT, DROPPED)
  engine
    .sql(
      'insert or replace into api_answers (scope, key, payload, answer, about, at) values (?, ?, ?, ?, ?, ?)',
    )
    .run(once.scope, once.key, once.payload, JSON.stringify(answer), about(answer), now)
  return { answer, repeated: false }
}

/** Answers that show an interaction go with it; their keys stay used. */
export function forgetAnswers(engine: Engine, id: InteractionId): void {
  engine.sql('update api_answers set answer = null where about = ?').run(id)
}
