import type { ThreadId } from '../../contract/domain.ts'
import type { Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { searchProblems } from './search-index.ts'
import { computeThread, storedThread } from './threads.ts'

/** At most so many problems of one kind are told; one fault can touch every row. */
const TOLD = 20

/** Whether the store still says the same thing everywhere. */
export function checking(engine: Engine): Pick<Store, 'check'> {
  return {
    async check() {
      const interactions = engine.sql<{ n: number }>('select count(*) as n from interactions').get()?.n ?? 0
      const damaged = integrityProblems(engine)
      // What is read from a damaged file proves nothing about the rest.
      if (damaged.length > 0) return { interactions, problems: damaged }
      const kinds = [
        foreignKeyProblems(engine),
        await threadProblems(engine),
        countProblems(engine),
        ledgerProblems(engine),
        orphanProblems(engine),
        searchProblems(engine),
      ]
      return { interactions, problems: kinds.flatMap(firstFew) }
    },
  }
}

function firstFew(problems: readonly string[]): readonly string[] {
  if (problems.length <= TOLD) return problems
  return [...problems.slice(0, TOLD), `… and ${problems.length - TOLD} more of this kind.`]
}

function integrityProblems(engine: Engine): readonly string[] {
  return engine
    .sql<{ integrity_check: string }>('pragma integrity_check')
    .all()
    .map((row) => row.integrity_check)
    .filter((line) => line !== 'ok')
    .map((line) => `The database file is damaged: ${line}.`)
}

function foreignKeyProblems(engine: Engine): readonly string[] {
  return engine
    .sql<{ table: string; parent: string }>('pragma foreign_key_check')
    .all()
    .map((row) => `A row of ${row.table} belongs to one of ${row.parent} that is not there.`)
}

async function threadProblems(engine: Engine): Promise<readonly string[]> {
  const problems: string[] = []
  const ids = engine
    .sql<{ thread_id: ThreadId }>('select thread_id from threads union select thread_id from interactions')
    .all()
  for (const [index, { thread_id }] of ids.entries()) {
    if (index % 500 === 499) await new Promise((resolve) => setImmediate(resolve))
    const stored = storedThread(engine, thread_id)
    const computed = computeThread(engine, thread_id)
    if (!computed) problems.push(`Thread ${thread_id} has no messages.`)
    else if (!stored) problems.push(`Thread ${thread_id} is missing from the lists.`)
    else if (JSON.stringify(stored) !== JSON.stringify(computed))
      problems.push(`Thread ${thread_id} is listed otherwise than its messages say.`)
  }
  return problems
}

/** Counts are kept, not counted; here they are counted. */
function countProblems(engine: Engine): readonly string[] {
  return engine
    .sql<{ place: string; kept: number; counted: number }>(
      `with kept as (select place, owner_id, total, unread from counts where total <> 0 or unread <> 0),
            counted as (
              select place, coalesce(owner_id, 0) as owner_id, count(*) as total,
                     count(case when unread > 0 then 1 end) as unread
                from threads group by place, coalesce(owner_id, 0)
              union all
              select 'held-back', 0, count(*), 0 from interactions where held_back is not null having count(*) > 0),
            differing as (select * from (select * from kept except select * from counted)
                          union select * from (select * from counted except select * from kept))
       select distinct d.place,
              coalesce((select total from kept k where k.place = d.place and k.owner_id = d.owner_id), 0) as kept,
              coalesce((select total from counted c where c.place = d.place and c.owner_id = d.owner_id), 0) as counted
         from differing d`,
    )
    .all()
    .map((row) => `The count of “${row.place}” says ${row.kept}, and there are ${row.counted}.`)
}

function ledgerProblems(engine: Engine): readonly string[] {
  return engine
    .sql<{ account_id: string; folder: string }>(
      `select f.account_id, f.folder from folders f
        where f.stored <> (select count(*) from locations l where l.account_id = f.account_id
                             and l.folder = f.folder and l.outcome = 'stored')
           or f.duplicates <> (select count(*) from locations l where l.account_id = f.account_id
                                 and l.folder = f.folder and l.outcome = 'duplicate')
           or f.held_back <> (select count(*) from locations l where l.account_id = f.account_id
                                and l.folder = f.folder and l.outcome = 'held-back')`,
    )
    .all()
    .map((row) => `The ledger of ${row.account_id}/${row.folder} doesn’t add up.`)
}

const ORPHANS = [
  [
    'secure mails whose message is not there or goes the other way',
    `select count(*) as n from secure_mails s
      where not exists (select 1 from interactions i
                         where i.row = s.row and (i.entity_type = 1) = (s.direction = 'outbound'))`,
  ],
  [
    'marks of repeats whose message is not there',
    'select count(*) as n from repeats r where not exists (select 1 from interactions i where i.row = r.row)',
  ],
  [
    'conversations that lead nowhere',
    `select count(*) as n from conversations c
      where not exists (select 1 from interactions i where i.thread_id = c.thread_id)
        and not exists (select 1 from merged_threads m where m.old_id = c.thread_id)`,
  ],
  [
    'messages without a body',
    'select count(*) as n from interactions i where not exists (select 1 from bodies b where b.row = i.row)',
  ],
  [
    'messages of a contact that is not there',
    'select count(*) as n from interactions i where not exists (select 1 from contacts c where c.id = i.customer_id)',
  ],
  [
    'messages whose parent is not there',
    'select count(*) as n from interactions i where parent_id is not null and not exists (select 1 from interactions p where p.interaction_id = i.parent_id)',
  ],
  [
    'messages in the outbox that are not there',
    'select count(*) as n from outbox o where not exists (select 1 from interactions i where i.interaction_id = o.interaction_id)',
  ],
  [
    'messages owed to a remote that are not there',
    "select count(*) as n from owed_calls c where state <> 'done' and not exists (select 1 from interactions i where i.interaction_id = c.interaction_id)",
  ],
  [
    'merged threads that lead nowhere',
    'select count(*) as n from merged_threads m where not exists (select 1 from interactions i where i.thread_id = m.thread_id)',
  ],
  [
    'people named in a thread that is not there',
    'select count(distinct thread_id) as n from participants p where not exists (select 1 from interactions i where i.thread_id = p.thread_id)',
  ],
] as const

function orphanProblems(engine: Engine): readonly string[] {
  return ORPHANS.flatMap(([what, query]) => {
    const n = engine.sql<{ n: number }>(query).get()?.n ?? 0
    return n === 0 ? [] : [`There are ${n} ${what}.`]
  })
}
