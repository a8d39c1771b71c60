import type { Disposition, InteractionId, Queue, Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { recordHistory } from './history.ts'
import { ownAddresses, saveOwnAddresses } from './own-addresses.ts'
import { queueName } from './queues.ts'

/** Queues, dispositions, agents' names and settings documents. */
export function settings(
  engine: Engine,
): Pick<
  Store,
  | 'queues'
  | 'saveQueue'
  | 'deleteQueue'
  | 'dispositions'
  | 'saveDisposition'
  | 'deleteDisposition'
  | 'setting'
  | 'saveSetting'
  | 'rememberAgent'
  | 'setOwnAddresses'
> {
  return {
    async queues() {
      return engine.sql<Queue>('select id, name from queues order by position, id').all()
    },

    async saveQueue(id, name) {
      return engine.write((touched) => {
        const saved = saveNamed(engine, 'queues', id, name, 'queue')
        touched.kind('settings', 'lists')
        return saved
      })
    },

    async deleteQueue(id, moveTo) {
      engine.write((touched) => {
        const from = queueName(engine, id)
        const to = queueName(engine, moveTo)
        if (from === null) throw gone('queue')
        if (to === null || id === moveTo)
          throw new CoreError('invalid', `Choose another queue for the work in “${from}”.`)
        const open = engine
          .sql<{ interaction_id: InteractionId }>(
            'select interaction_id from interactions where queue_id = ? and status < 3',
          )
          .all(id)
        for (const { interaction_id } of open)
          recordHistory(engine, {
            interaction_id,
            by: null,
            what: 'move',
            before: { queue: from },
            after: { queue: to },
          })
        engine.sql('update interactions set queue_id = ? where queue_id = ?').run(moveTo, id)
        // A thread's place only takes the other queue's id, so its row and the counts follow without being computed
        // again: 10,000 threads would take seconds.
        engine.sql('update threads set place = ? where place = ?').run(`queue:${moveTo}`, `queue:${id}`)
        engine
          .sql(
            `insert into counts (place, owner_id, total, unread)
             select ?, owner_id, total, unread from counts where place = ?
             on conflict (place, owner_id)
             do update set total = total + excluded.total, unread = unread + excluded.unread`,
          )
          .run(`queue:${moveTo}`, `queue:${id}`)
        engine.sql('delete from counts where place = ?').run(`queue:${id}`)
        // Work that was marked Done with a mail and comes back with it, comes back to the other queue.
        engine
          .sql('update outbox set done = replace(done, ?, ?) where instr(done, ?) > 0')
          .run(id, moveTo, id)
        engine.sql('delete from queues where id = ?').run(id)
        touched.kind('everything')
      })
    },

    async dispositions() {
      return engine.sql<Disposition>('select id, name from dispositions order by position, id').all()
    },

    async saveDisposition(id, name) {
      return engine.write((touched) => {
        const saved = saveNamed(engine, 'dispositions', id, name, 'disposition')
        touched.kind('settings')
        return saved
      })
    },

    async deleteDisposition(id) {
      engine.write((touched) => {
        // What was marked with it keeps its name.
        const { changes } = engine.sql('delete from dispositions where id = ?').run(id)
        if (changes === 0) throw gone('disposition')
        touched.kind('settings')
      })
    },

    async setting(name): Promise<unknown> {
      const row = engine.sql<{ value: string }>('select value from settings where key = ?').get(name)
      return row ? JSON.parse(row.value) : null
    },

    async saveSetting(name, value) {
      engine.write((touched) => {
        if (value === null || value === undefined) engine.sql('delete from settings where key = ?').run(name)
        else
          engine
            .sql(
              `insert into settings (key, value) values (?, ?)
               on conflict (key) do update set value = excluded.value`,
            )
            .run(name, JSON.stringify(value))
        touched.kind('settings')
        if (name === 'accounts') touched.kind('accounts')
        if (name === 'sample') touched.kind('everything')
      })
    },

    async rememberAgent(id, name) {
      const known = engine.sql<{ name: string }>('select name from agents where id = ?').get(id)
      if (known?.name === name) return
      engine.write((touched) => {
        engine
          .sql(
            'insert into agents (id, name) values (?, ?) on conflict (id) do update set name = excluded.name',
          )
          .run(id, name)
        touched.kind('settings', 'lists')
      })
    },

    async setOwnAddresses(addresses) {
      const ours = new Set(addresses.map((address) => address.toLowerCase()))
      const known = ownAddresses(engine)
      if (ours.size === known.size && [...ours].every((address) => known.has(address))) return
      engine.write((touched) => {
        saveOwnAddresses(engine, addresses)
        touched.kind('settings')
      })
    },
  }
}

function saveNamed(
  engine: Engine,
  table: 'queues' | 'dispositions',
  id: Uuid | null,
  name: string,
  what: 'queue' | 'disposition',
): { id: Uuid; name: string } {
  const trimmed = name.trim()
  const same = engine.sql<{ id: Uuid }>(`select id from ${table} where name = ?`).get(trimmed)
  if (same && same.id !== id)
    throw new CoreError('conflict', `There is a ${what} called “${trimmed}” already. Choose another name.`)
  if (id === null) {
    const made = newUuid(engine.now())
    engine
      .sql(
        `insert into ${table} (id, name, position)
         values (?, ?, (select coalesce(max(position) + 1, 0) from ${table}))`,
      )
      .run(made, trimmed)
    return { id: made, name: trimmed }
  }
  const { changes } = engine.sql(`update ${table} set name = ? where id = ?`).run(trimmed, id)
  if (changes === 0) throw gone(what)
  return { id, name: trimmed }
}

function gone(what: 'queue' | 'disposition'): CoreError {
  return new CoreError('not-found', `This ${what} is not there any more.`)
}
