import type { Uuid } from '../../contract/domain.ts'
import { newUuid } from '../ids.ts'
import type { Engine } from './engine.ts'

/** The queue for mail that names none; made where the desk has no queue yet. */
export function firstQueue(engine: Engine): Uuid {
  const first = engine.sql<{ id: Uuid }>('select id from queues order by position, id limit 1').get()
  if (first) return first.id
  const id = newUuid(engine.now())
  engine.sql("insert into queues (id, name, position) values (?, 'Inbox', 0)").run(id)
  return id
}

/** A queue's name; null when there is no such queue. */
export function queueName(engine: Engine, id: Uuid): string | null {
  return engine.sql<{ name: string }>('select name from queues where id = ?').get(id)?.name ?? null
}
