import type { Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { Store } from '../store.ts'
import { restoreDraft } from './drafts.ts'
import type { Engine, Touched } from './engine.ts'
import { restoreResponse } from './responses.ts'
import { restoreRead } from './triage.ts'
import { restoreUserData } from './user-data.ts'
import { restoreWork } from './work.ts'

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
