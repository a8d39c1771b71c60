import type { InteractionId } from '../../contract/domain.ts'
import type { AnsweredActivity, ApiStore } from '../api-store.ts'
import type { Engine } from './engine.ts'
import { type InteractionRow, readInteraction } from './interaction-row.ts'

/** Activity ids, which other systems name interactions by (contracts, activity response 5.1). */
export function answered(engine: Engine): Pick<ApiStore, 'answeredActivity'> {
  return {
    async answeredActivity(id) {
      return byInteractionId(engine, id) ?? byActivityId(engine, id)
    },
  }
}

function byInteractionId(engine: Engine, id: InteractionId): AnsweredActivity | null {
  if (!/^[0-9A-Za-z]{16}$/.test(id)) return null
  return read(engine.sql<InteractionRow>('select * from interactions where interaction_id = ?').get(id))
}

function byActivityId(engine: Engine, id: string): AnsweredActivity | null {
  // Longer ones no longer fit a number exactly, and nobody has so many.
  if (!/^[1-9]\d{0,14}$/.test(id)) return null
  return read(engine.sql<InteractionRow>('select * from interactions where activity_id = ?').get(Number(id)))
}

function read(row: InteractionRow | undefined): AnsweredActivity | null {
  return row ? { interaction: readInteraction(row), activity_id: row.activity_id } : null
}
