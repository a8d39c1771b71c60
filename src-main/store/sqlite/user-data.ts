import type { InteractionId, UserData, UserDataValue } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Store } from '../store.ts'
import type { Engine, Touched } from './engine.ts'
import { recordHistory } from './history.ts'
import { interactionRow } from './interactions.ts'
import { oweWriteBack } from './owed-calls.ts'
import { indexMessage, unindexMessage } from './search-index.ts'
import { readJson, readJsonOr } from './stored-json.ts'
import { refreshThread } from './threads.ts'
import { saveUndo } from './undo.ts'

// Contracts, interactions: depth <= 4, <= 64 KB.
const LARGEST = 64 * 1024
const DEEPEST = 4

/** One key before and after; null: it isn't there. Values as JSON, so that any key and any value survive. */
interface KeyChange {
  readonly key: string
  readonly before: string | null
  readonly after: string | null
}

/** Editing user data. */
export function userData(engine: Engine): Pick<Store, 'setUserData'> {
  return {
    async setUserData(id, set, remove, by) {
      return engine.write((touched) => {
        const before = read(engine, id)
        const after = new Map(before)
        for (const key of remove) after.delete(key)
        for (const [key, value] of Object.entries(set)) after.set(key, JSON.stringify(value))
        const json = checkUserData(after)
        const changes = [...new Set([...before.keys(), ...after.keys()])]
          .map((key) => ({ key, before: before.get(key) ?? null, after: after.get(key) ?? null }))
          .filter((change) => change.before !== change.after)
        if (changes.length === 0) return { undo_id: null, udata: readJson<UserData>(json) }
        write(engine, touched, id, after, changes, by, 'user-data')
        return {
          undo_id: saveUndo(engine, 'user-data', { interaction_id: id, changes }),
          udata: readJson<UserData>(json),
        }
      })
    },
  }
}

/** Undo of `setUserData`: only the keys that it changed. Throws `conflict` when one of them changed since. */
export function restoreUserData(engine: Engine, touched: Touched, before: string, by: number): void {
  const saved = readJson<{ interaction_id: InteractionId; changes: readonly KeyChange[] }>(before)
  const now = read(engine, saved.interaction_id)
  const back = saved.changes.map(({ key, before, after }) => ({ key, before: after, after: before }))
  for (const { key, before, after } of back) {
    if ((now.get(key) ?? null) !== before)
      throw new CoreError('conflict', `“${key}” was changed again since, so this can’t be undone.`)
    if (after === null) now.delete(key)
    else now.set(key, after)
  }
  checkUserData(now)
  write(engine, touched, saved.interaction_id, now, back, by, 'undo')
}

/** User data as the JSON text to store. Throws `invalid` above 64 KB or more than 4 levels. */
export function checkUserData(values: ReadonlyMap<string, string>): string {
  const json = `{${[...values].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
  const size = Buffer.byteLength(json)
  if (size > LARGEST)
    throw new CoreError(
      'invalid',
      `User data may hold 64 KB; this would make ${Math.ceil(size / 1024)} KB. Shorten a value.`,
    )
  for (const [key, value] of values)
    // The user data object itself is the first level.
    if (deeperThan(DEEPEST - 1, readJson<UserDataValue>(value)))
      throw new CoreError(
        'invalid',
        `“${key}” is nested too deeply; user data has at most ${DEEPEST} levels.`,
      )
  return json
}

/** User data as stored JSON text of one value each. */
export function userDataEntries(udata: UserData): Map<string, string> {
  return new Map(Object.entries(udata).map(([key, value]) => [key, JSON.stringify(value)]))
}

function read(engine: Engine, id: InteractionId): Map<string, string> {
  return userDataEntries(readJsonOr<UserData>(interactionRow(engine, id).udata, {}))
}

function write(
  engine: Engine,
  touched: Touched,
  id: InteractionId,
  values: ReadonlyMap<string, string>,
  changes: readonly KeyChange[],
  by: number,
  what: string,
): void {
  const { row, thread_id } = interactionRow(engine, id)
  unindexMessage(engine, row)
  engine
    .sql('update interactions set udata = ? where row = ?')
    .run(values.size === 0 ? null : checkUserData(values), row)
  indexMessage(engine, row)
  for (const { key, before, after } of changes)
    recordHistory(engine, {
      interaction_id: id,
      by,
      what,
      key,
      before: before === null ? null : readJson<UserDataValue>(before),
      after: after === null ? null : readJson<UserDataValue>(after),
    })
  refreshThread(engine, touched, thread_id)
  oweWriteBack(engine, touched, id)
}

/** Whether a value holds more than so many levels of objects and arrays. */
function deeperThan(levels: number, value: UserDataValue): boolean {
  if (value === null || typeof value !== 'object') return false
  return levels === 0 || Object.values(value).some((inner) => deeperThan(levels - 1, inner))
}
