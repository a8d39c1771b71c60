import type { HistoryEntry, Instant, InteractionId, UserDataValue, Uuid } from '../../contract/domain.ts'
import { newUuid } from '../ids.ts'
import type { Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { interactionRow } from './interactions.ts'
import { readJson } from './stored-json.ts'

/** One change of one interaction: who, what, from what to what. */
export interface HistoryRecord {
  readonly interaction_id: InteractionId
  /** Null: the desk itself. */
  readonly by: number | null
  readonly what: string
  /** For user data the key. */
  readonly key?: string | null
  readonly before: UserDataValue
  readonly after: UserDataValue
}

/** Remembers a change of an interaction, in the transaction that makes it. */
export function recordHistory(engine: Engine, record: HistoryRecord): void {
  const at = engine.now()
  engine
    .sql(
      `insert into history (id, interaction_id, at, agent_id, what, key, before, after)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      newUuid(at),
      record.interaction_id,
      at,
      record.by,
      record.what,
      record.key ?? null,
      JSON.stringify(record.before),
      JSON.stringify(record.after),
    )
}

/** Agents' names as they were last known; the number where none is. */
export function agentName(engine: Engine, id: number): string {
  const row = engine.sql<{ name: string }>('select name from agents where id = ?').get(id)
  return row?.name || `Agent ${id}`
}

interface HistoryRow {
  id: Uuid
  at: Instant
  agent_id: number | null
  what: string
  key: string | null
  before: string
  after: string
}

/** The history of interactions, oldest first. */
export function history(engine: Engine): Pick<Store, 'history'> {
  return {
    async history(id): Promise<readonly HistoryEntry[]> {
      interactionRow(engine, id)
      return engine
        .sql<HistoryRow>(
          `select id, at, agent_id, what, key, before, after from history
           where interaction_id = ? order by sequence`,
        )
        .all(id)
        .map((row) => ({
          id: row.id,
          at: row.at,
          agent_id: row.agent_id,
          agent_name:
            row.agent_id !== null
              ? agentName(engine, row.agent_id)
              : row.what === 'api'
                ? 'Another system'
                : 'Workbin',
          what: row.what,
          key: row.key,
          before: readJson<UserDataValue>(row.before),
          after: readJson<UserDataValue>(row.after),
        }))
    },
  }
}
