import type { InteractionId, Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { Store } from '../store.ts'
import { restoreDraft } from './drafts.ts'
import type { Engine, Touched } from './engine.ts'
import { restoreResponse } from './responses.ts'
import { readJson } from './stored-json.ts'
import { restoreRead } from './triage.ts'
import { restoreUserData } from './user-data.ts'
import { restoreWork, type WorkChange } from './work.ts'

/**
 * Puts back what one kind of command changed, from the JSON text that it gave to `saveUndo`. Throws `conflict`
 * when somebody changed it since.
 */
export type UndoHandler = (engine: Engine, touched: Touched, before: string, by: number) => void

const DAY = 24 * 60 * 60 * 1000

/** By the `what` that the command gave to `saveUndo`. */
const handlers = {
  work: restoreWork,
  read: restoreRead,
  'user-data': restoreUserData,
  draft: restoreDraft,
  response: restoreResponse,
} as const satisfies Record<string, UndoHandler>

export type UndoKind = keyof typeof handlers

/** Keeps what a command changed for a day; the answer is the id to hand to `undo`. */
export function saveUndo(engine: Engine, what: UndoKind, before: unknown): Uuid {
  const now = engine.now()
  const id = newUuid(now)
  engine.sql('delete from undo where at < ?').run(now - DAY)
  engine
    .sql('insert into undo (id, at, what, before) values (?, ?, ?, ?)')
    .run(id, now, what, JSON.stringify(before))
  return id
}

/** Nothing brings back what was purged: what undo keeps of that message goes, the rest of a command stays undoable. */
export function forgetUndo(engine: Engine, id: InteractionId): void {
  const kept = engine
    .sql<{ id: Uuid; what: UndoKind; before: string }>(
      "select id, what, before from undo where what in ('work', 'read', 'user-data') and instr(before, ?) > 0",
    )
    .all(id)
  for (const { id: undoId, what, before } of kept) {
    const rest = withoutMessage(what, before, id)
    if (rest === null) engine.sql('delete from undo where id = ?').run(undoId)
    else engine.sql('update undo set before = ? where id = ?').run(JSON.stringify(rest), undoId)
  }
}

/** Null where nothing is left to take back. */
function withoutMessage(what: UndoKind, before: string, id: InteractionId): unknown {
  if (what === 'work') {
    const rest = readJson<readonly WorkChange[]>(before).filter((change) => change.interaction_id !== id)
    return rest.length === 0 ? null : rest
  }
  if (what === 'read') {
    const read = readJson<{ readonly interactions: readonly InteractionId[] }>(before)
    const interactions = read.interactions.filter((interaction) => interaction !== id)
    return interactions.length === 0 ? null : { ...read, interactions }
  }
  const { interaction_id } = readJson<{ readonly interaction_id?: InteractionId }>(before)
  return interaction_id === id ? null : readJson<unknown>(before)
}

/** Taking back. */
export function undo(engine: Engine): Pick<Store, 'undo'> {
  return {
    async undo(undoId, by) {
      engine.write((touched) => {
        const saved = engine
          .sql<{ at: number; what: UndoKind; before: string }>(
            'delete from undo where id = ? returning at, what, before',
          )
          .get(undoId)
        if (!saved || saved.at < engine.now() - DAY)
          throw new CoreError('too-late', 'This can’t be undone any more.')
        handlers[saved.what](engine, touched, saved.before, by)
      })
    },
  }
}
