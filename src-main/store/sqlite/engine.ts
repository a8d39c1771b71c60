import Database from 'better-sqlite3'
import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { type Changes, NO_CHANGES } from '../../contract/core.ts'
import type { Instant, ThreadId, Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { type Migration, migrations } from './migrations/index.ts'

/** Below this version a reset of the write-ahead log could corrupt the database (sqlite.org/wal.html#walresetbug). */
const OLDEST_SQLITE = [3, 51, 3] as const

/**
 * So many small writes take about 30 ms in one transaction, and the sync costs each of them little: with 32 callers at
 * once groups of 16, 32 and 64 stored 1,650, 1,520 and 1,640 mails a second.
 */
const LARGEST_GROUP = 64

/** What every part of the SQLite engine works with. */
export interface Engine {
  readonly db: Database.Database
  readonly now: () => Instant
  /** A prepared statement, made once for each text. */
  sql<Row = unknown>(text: string): Database.Statement<unknown[], Row>
  /**
   * Runs `work` as one immediate transaction, durable when this returns, then publishes what it touched.
   * Inside another `write` it joins that transaction. No `await` inside.
   */
  write<T>(work: (touched: Touched) => T): T
  /**
   * As `write`, together with whatever else is asked for in the same turn: one transaction, one sync to disk, each
   * piece undone by itself where it throws. Resolves after the commit. `mayBegin` is asked once, just before; where
   * it says no, nothing is done and `busy` is thrown.
   */
  group<T>(work: (touched: Touched) => T, mayBegin?: () => boolean): Promise<T>
  onChanges(listener: (changes: Changes) => void): () => void
  close(): void
}

/** Collects what a transaction touches, to be published after its commit. */
export interface Touched {
  thread(id: ThreadId): void
  contact(id: string): void
  draft(id: Uuid): void
  kind(...kinds: Kind[]): void
}

type Kind =
  'everything' | 'lists' | 'outbox' | 'responses' | 'settings' | 'accounts' | 'jobs' | 'apis' | 'remotes'

interface Pending {
  readonly threads: Set<ThreadId>
  readonly contacts: Set<string>
  readonly drafts: Set<Uuid>
  readonly kinds: Set<Kind>
}

/** A piece of work that waits for the next group. */
interface GroupedPiece {
  /**
   * Does it inside the open transaction; the answer is told what became of that. `apart`: in a savepoint of its own, so
   * that what it throws is its own affair; otherwise it throws, and nothing of the transaction may stay.
   */
  begin(apart: boolean): (error: unknown) => void
  /** The transaction never came to it. */
  fail(error: unknown): void
}

function nothingTouched(): Pending {
  return { threads: new Set(), contacts: new Set(), drafts: new Set(), kinds: new Set() }
}

/** What is told after a commit; null when it touched nothing. */
function changesOf({ threads, contacts, drafts, kinds }: Pending): Changes | null {
  if (threads.size + contacts.size + drafts.size + kinds.size === 0) return null
  return {
    ...NO_CHANGES,
    ...Object.fromEntries([...kinds].map((kind) => [kind, true])),
    threads: [...threads],
    contacts: [...contacts],
    drafts: [...drafts],
  }
}

/** Opens or makes the database at `file`, migrated by `steps`. Throws `newer-database`, `disk`. */
export function openEngine(
  file: string,
  now: () => Instant,
  steps: readonly Migration[] = migrations,
): Engine {
  const db = translated(() => {
    const db = new Database(file)
    try {
      prepare(db, file, steps)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  })

  const grouped: GroupedPiece[] = []
  const statements = new Map<string, Database.Statement>()
  const listeners = new Set<(changes: Changes) => void>()
  let pending = nothingTouched()
  // Sets, since a batch of mail touches hundreds of things, many of them again and again.
  const touched: Touched = {
    thread: (id) => pending.threads.add(id),
    contact: (id) => pending.contacts.add(id),
    draft: (id) => pending.drafts.add(id),
    kind: (...kinds) => kinds.forEach((kind) => pending.kinds.add(kind)),
  }

  function write<T>(work: (touched: Touched) => T): T {
    if (db.inTransaction) return work(touched)
    pending = nothingTouched()
    const result = translated(() => db.transaction(() => work(touched)).immediate())
    const changes = changesOf(pending)
    if (changes) for (const listener of listeners) listener(changes)
    return result
  }

  /** What a piece of a group throws inside one undoes nothing of the others. */
  const savepoint = db.transaction((work: () => void) => work())

  /** Commits what was asked for since the last turn, at most `LARGEST_GROUP` at once. */
  function commitGroup(): void {
    const pieces = grouped.splice(0, LARGEST_GROUP)
    // Savepoints cost a tenth, and hardly ever does a piece fail: only then all is done again with them.
    if (!commitPieces(pieces, false)) commitPieces(pieces, true)
    // The loop turns between groups, so that a flood of them never holds up the desk.
    if (grouped.length > 0) setImmediate(commitGroup)
  }

  /** False where nothing was done and it must be done again, each piece apart. */
  function commitPieces(pieces: readonly GroupedPiece[], apart: boolean): boolean {
    const begun: ((error: unknown) => void)[] = []
    try {
      write(() => {
        for (const piece of pieces) {
          begun.push(piece.begin(apart))
          // SQLite gives up the whole transaction on a full disk: what comes next would be committed one by one.
          if (!db.inTransaction)
            throw new CoreError('disk', 'The disk refused to write. Nothing was saved; free some space.')
        }
      })
      for (const settle of begun) settle(null)
    } catch (error) {
      // Who holds the database was waited for long enough.
      if (!apart && !(error instanceof CoreError && error.code === 'locked')) return false
      for (const settle of begun) settle(error)
      for (const piece of pieces.slice(begun.length)) piece.fail(error)
    }
    return true
  }

  return {
    db,
    now,
    write,
    group<T>(work: (touched: Touched) => T, mayBegin?: () => boolean): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        if (grouped.length === 0) setImmediate(commitGroup)
        const fail = (error: unknown) => reject(asError(error))
        // Asked once, even where the work is done twice.
        let may: boolean | null = null
        function begin(apart: boolean): (error: unknown) => void {
          may ??= mayBegin?.() ?? true
          if (!may)
            return () => fail(new CoreError('busy', 'The desk was too busy; nothing was stored. Try again.'))
          let settle = fail
          const run = () => {
            const result = work(touched)
            settle = (error) => (error === null ? resolve(result) : fail(error))
          }
          if (!apart) {
            run()
            return settle
          }
          try {
            savepoint(run)
            return settle
          } catch (error) {
            // Its own reason says more than what became of the whole.
            return () => fail(translate(error))
          }
        }
        grouped.push({ begin, fail })
      })
    },
    sql<Row>(text: string): Database.Statement<unknown[], Row> {
      let statement = statements.get(text)
      if (!statement) {
        statement = db.prepare(text)
        statements.set(text, statement)
      }
      // The shape of a statement's rows is known only where its text is.
      // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
      return statement as Database.Statement<unknown[], Row>
    },
    onChanges(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      if (!db.open) return
      try {
        // Leaves one plain file behind, without a write-ahead log to recover.
        db.pragma('wal_checkpoint(TRUNCATE)')
      } finally {
        db.close()
      }
    },
  }
}

function prepare(db: Database.Database, file: string, steps: readonly Migration[]): void {
  const version = db.prepare<[], { v: string }>('select sqlite_version() as v').get()?.v ?? '0'
  if (older(version))
    throw new CoreError(
      'internal',
      `This build of Workbin carries SQLite ${version}, which can damage its database; ${OLDEST_SQLITE.join('.')} is the oldest safe one.`,
    )
  refuseNewer(db, steps)
  db.pragma('journal_mode = WAL')
  // WAL's own default is NORMAL, which loses the last commits at a power cut: 6 fsyncs for 50 commits against 57.
  db.pragma('synchronous = FULL')
  // Mail in batches rewrites the same pages of its indexes: 13 % less is written than with the usual 1,000 pages.
  db.pragma('wal_autocheckpoint = 4000')
  db.pragma('foreign_keys = ON')
  db.pragma('busy_timeout = 5000')
  db.pragma('cache_size = -65536')
  db.pragma('temp_store = MEMORY')
  migrate(db, file, steps)
}

/** Before anything is written, so that the newer Workbin finds its file as it left it. */
function refuseNewer(db: Database.Database, steps: readonly Migration[]): void {
  const from = Number(db.pragma('user_version', { simple: true }))
  if (from > steps.length)
    throw new CoreError(
      'newer-database',
      `This data was written by a newer Workbin (its version ${from}, this one knows ${steps.length}). Update Workbin, or choose another data folder; nothing was changed.`,
    )
}

function migrate(db: Database.Database, file: string, steps: readonly Migration[]): void {
  const from = Number(db.pragma('user_version', { simple: true }))
  if (from === steps.length) return
  if (from > 0) {
    const backup = `${file}.before-${from + 1}`
    if (existsSync(backup)) rmSync(backup)
    db.prepare('vacuum into ?').run(backup)
    // SQLite doesn't sync what it vacuums into, and a backup that a power cut empties is none.
    const copy = openSync(backup, 'r+')
    fsyncSync(copy)
    closeSync(copy)
  }
  db.transaction(() => {
    for (const migration of steps.slice(from)) db.exec(migration.sql)
    db.pragma(`user_version = ${steps.length}`)
  }).immediate()
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function older(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, least] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0
    if (part !== least) return part < least
  }
  return false
}

function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw translate(error)
  }
}

/** Translates what SQLite throws, once, into what an agent can act on; anything else stays as it is. */
export function translate(error: unknown): unknown {
  if (error instanceof TypeError && error.message === 'The database connection is not open')
    return new CoreError('closed', 'The desk is closing.', { cause: error })
  if (error instanceof TypeError && error.message.startsWith('Cannot open database'))
    return new CoreError('disk', 'The data folder is not there. Make it, or choose another one.', {
      cause: error,
    })
  if (!(error instanceof Database.SqliteError)) return error
  const { code } = error
  const disk = (message: string) => new CoreError('disk', message, { cause: error })
  if (code === 'SQLITE_FULL')
    return disk('The disk is full. Free some space; nothing was lost and nothing is half-done.')
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN') || code === 'SQLITE_PERM')
    return disk('Workbin may not write to its data folder. Check its permissions.')
  if (code.startsWith('SQLITE_IOERR'))
    return disk('The disk reports an error. Nothing was saved; check the disk, then try again.')
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')
    return disk(
      'The database is damaged. Close Workbin and restore a backup: npm run -s workbin -- restore FILE --data DIR.',
    )
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return new CoreError(
      'locked',
      'Another program holds the database. Close it, then try again; nothing was changed.',
      { cause: error },
    )
  return error
}
