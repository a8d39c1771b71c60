import type { InteractionId } from '../../contract/domain.ts'
import type { Engine } from './engine.ts'

/** Whether `sought` stands above `start`, or is it. Messages can name each other in a circle; parents never do. */
export function hasAncestor(engine: Engine, start: InteractionId, sought: InteractionId): boolean {
  const parent = engine.sql<{ parent_id: InteractionId | null }>(
    'select parent_id from interactions where interaction_id = ?',
  )
  let at: InteractionId | null = start
  for (let step = 0; at !== null && step < 1000; step++) {
    if (at === sought) return true
    at = parent.get(at)?.parent_id ?? null
  }
  return false
}
