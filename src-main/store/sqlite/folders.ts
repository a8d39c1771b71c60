import type { FolderState } from '../../contract/domain.ts'
import type { FolderCursor, FolderKey, MailLocation, Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { interactionRow } from './interactions.ts'
import { readJson } from './stored-json.ts'

/** What a folder's ledger counts a mail as. */
export type Outcome = 'stored' | 'duplicate' | 'held-back'

/** How far connectors have looked, and each folder's ledger. */
export function folders(
  engine: Engine,
): Pick<
  Store,
  'folderCursors' | 'saveFolderCursor' | 'folderStates' | 'knownUids' | 'forgetLocations' | 'locations'
> {
  return {
    async folderCursors(accountId) {
      return engine
        .sql<Omit<FolderCursor, 'cursor'> & { cursor: string }>(
          `select account_id, folder, uidvalidity, role, cursor, on_server, last_look
             from folders where account_id = ? order by folder`,
        )
        .all(accountId)
        .map((row) => ({ ...row, cursor: readJson<unknown>(row.cursor) }))
    },
    async saveFolderCursor(cursor) {
      engine.write((touched) => {
        writeCursor(engine, cursor)
        touched.kind('accounts')
      })
    },
    async folderStates(accountId) {
      return engine
        .sql<FolderState>(
          `select folder, role, on_server, stored, duplicates, held_back, last_look
             from folders where account_id = ? order by folder`,
        )
        .all(accountId)
    },
    async knownUids(folder, after, limit) {
      return engine
        .sql<{ uid: number }>(
          `select uid from locations
            where account_id = ? and folder = ? and uidvalidity = ? and uid > ? order by uid limit ?`,
        )
        .all(folder.account_id, folder.folder, folder.uidvalidity, after, limit)
        .map((row) => row.uid)
    },
    async forgetLocations(folder, uids) {
      if (uids.length === 0) return
      engine.write((touched) => {
        for (const uid of uids) forgetLocation(engine, { ...folder, uid })
        touched.kind('accounts')
      })
    },
    async locations(id) {
      return engine
        .sql<MailLocation>(
          `select account_id, folder, uidvalidity, uid from locations
            where row = ? order by account_id, folder, uid`,
        )
        .all(interactionRow(engine, id).row)
    },
  }
}

/**
 * Keeps a connector's cursor. Another UIDVALIDITY makes it another folder: the server numbers its mail anew, so
 * the old places are forgotten and the ledger begins again.
 */
export function writeCursor(engine: Engine, cursor: FolderCursor): void {
  openFolder(engine, cursor, cursor.role)
  engine
    .sql(
      'update folders set role = ?, cursor = ?, on_server = ?, last_look = ? where account_id = ? and folder = ?',
    )
    .run(
      cursor.role,
      JSON.stringify(cursor.cursor ?? null),
      cursor.on_server,
      cursor.last_look,
      cursor.account_id,
      cursor.folder,
    )
}

/** Notes where a mail lies, and counts it in its folder's ledger, once. */
export function addLocation(
  engine: Engine,
  row: number,
  location: MailLocation,
  role: 'inbound' | 'outbound',
  outcome: Outcome,
): void {
  const known = engine
    .sql<{ row: number }>(
      'select row from locations where account_id = ? and folder = ? and uidvalidity = ? and uid = ?',
    )
    .get(location.account_id, location.folder, location.uidvalidity, location.uid)
  if (known?.row === row) return
  if (known) forgetLocation(engine, location)
  openFolder(engine, location, role)
  engine
    .sql(
      'insert into locations (account_id, folder, uidvalidity, uid, row, outcome) values (?, ?, ?, ?, ?, ?)',
    )
    .run(location.account_id, location.folder, location.uidvalidity, location.uid, row, outcome)
  countInLedger(engine, location, outcome, 1)
}

/** Forgets the places of an interaction that leaves the store. */
export function forgetLocationsOf(engine: Engine, row: number): void {
  const places = engine
    .sql<MailLocation>('select account_id, folder, uidvalidity, uid from locations where row = ?')
    .all(row)
  for (const place of places) forgetLocation(engine, place)
}

function forgetLocation(engine: Engine, location: MailLocation): void {
  const gone = engine
    .sql<{ outcome: Outcome }>(
      `delete from locations where account_id = ? and folder = ? and uidvalidity = ? and uid = ?
       returning outcome`,
    )
    .get(location.account_id, location.folder, location.uidvalidity, location.uid)
  if (gone) countInLedger(engine, location, gone.outcome, -1)
}

function openFolder(engine: Engine, key: FolderKey, role: 'inbound' | 'outbound'): void {
  const known = engine
    .sql<{ uidvalidity: string }>('select uidvalidity from folders where account_id = ? and folder = ?')
    .get(key.account_id, key.folder)
  if (!known) {
    engine
      .sql(`insert into folders (account_id, folder, role, uidvalidity, cursor) values (?, ?, ?, ?, 'null')`)
      .run(key.account_id, key.folder, role, key.uidvalidity)
  } else if (known.uidvalidity !== key.uidvalidity) {
    engine.sql('delete from locations where account_id = ? and folder = ?').run(key.account_id, key.folder)
    engine
      .sql(
        `update folders set uidvalidity = ?, cursor = 'null', on_server = 0, stored = 0, duplicates = 0,
                held_back = 0, last_look = null
          where account_id = ? and folder = ?`,
      )
      .run(key.uidvalidity, key.account_id, key.folder)
  }
}

function countInLedger(engine: Engine, folder: FolderKey, outcome: Outcome, by: 1 | -1): void {
  const column = outcome === 'held-back' ? 'held_back' : outcome === 'duplicate' ? 'duplicates' : 'stored'
  engine
    .sql(`update folders set ${column} = ${column} + ? where account_id = ? and folder = ?`)
    .run(by, folder.account_id, folder.folder)
}
