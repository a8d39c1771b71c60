import Database from 'better-sqlite3'
import { existsSync, rmSync } from 'node:fs'
import { type Changes, joinChanges, NO_CHANGES } from '../../contract/core.ts'
import type { Instant, ThreadId, Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { migrations } from './migrations/index.ts'

/** Below this version a reset of the write-ahead log could corrupt the database (sqlite.org/wal.html#walresetbug). */
const OLDEST_SQLITE = [3, 51, 3] as const

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
  onChanges(listener: (changes: Changes) => void): () => void
  close(): void
}

/** Collects what a transaction touches, to be published after its commit. */
export interface Touched {
  thread(id: ThreadId): void
  contact(id: string): void
  draft(id: Uuid): void
  kind(...kinds: ('everything' | 'lists' | 'outbox' | 'responses' | 'settings' | 'accounts' | 'jobs')[]): void
}

/** Opens or makes the database at `file`, migrated. Throws `newer-database`, `disk`. */
export function openEngine(file: string, now: () => Instant): Engine {
  const db = translated(() => {
    const db = new Database(file)
    try {
      prepare(db, file)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  })

  const statements = new Map<string, Database.Statement>()
  const listeners = new Set<(changes: Changes) => void>()
  let pending: Changes | null = null

  function touch(changes: Partial<Changes>): void {
    pending = joinChanges(pending ?? NO_CHANGES, { ...NO_CHANGES, ...changes })
  }
  const touched: Touched = {
    thread: (id) => touch({ threads: [id] }),
    contact: (id) => touch({ contacts: [id] }),
    draft: (id) => touch({ drafts: [id] }),
    kind: (...kinds) => touch(Object.fromEntries(kinds.map((kind) => [kind, true]))),
  }

  return {
    db,
    now,
    sql<Row>(text: string): Database.Statement<unknown[], Row> {
      let statement = statements.get(text)
      if (!statement) {
        statement = db.prepare(text)
        statements.set(text, statement)
      }
      return statement as Database.Statement<unknown[], Row>
    },
    write<T>(work: (touched: Touched) => T): T {
      if (db.inTransaction) return work(touched)
      pending = null
      const result = translated(() => db.transaction(() => work(touched)).immediate())
      const changes = pending as Changes | null
      pending = null
      if (changes) for (const listener of listeners) listener(changes)
      return result
    },
    onChanges(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      // Leaves one plain file behind, without a write-ahead log to recover.
      db.pragma('wal_checkpoint(TRUNCATE)')
      db.close()
    },
  }
}

function prepare(db: Database.Database, file: string): void {
  const version = db.prepare<[], { v: string }>('select sqlite_version() as v').get()?.v ?? '0'
  if (older(version))
    throw new CoreError(
      'internal',
      `This build of Workbin carries SQLite ${version}, which can damage its database; ${OLDEST_SQLITE.join('.')} is the oldest safe one.`,
    )
  db.pragma('journal_mode = WAL')
  // WAL's own default is NORMAL, which loses the last commits at a power cut: 6 fsyncs for 50 commits against 57.
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  db.pragma('busy_timeout = 5000')
  db.pragma('cache_size = -65536')
  db.pragma('temp_store = MEMORY')
  migrate(db, file)
}

function migrate(db: Database.Database, file: string): void {
  const from = Number(db.pragma('user_version', { simple: true }))
  if (from > migrations.length)
    throw new CoreError(
      'newer-database',
      `This data was written by a newer Workbin (its version ${from}, this one knows ${migrations.length}). Update Workbin, or choose another data folder; nothing was changed.`,
    )
  if (from === migrations.length) return
  if (from > 0) {
    const backup = `${file}.before-${from + 1}`
    if (existsSync(backup)) rmSync(backup)
    db.prepare('vacuum into ?').run(backup)
  }
  db.transaction(() => {
    for (const migration of migrations.slice(from)) db.exec(migration.sql)
    db.pragma(`user_version = ${migrations.length}`)
  }).immediate()
}

function older(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, least] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0
    if (part !== least) return part < least
  }
  return false
}

/** Translates what the engine throws, once, into what an agent can act on. */
function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error
    const { code } = error
    if (code === 'SQLITE_FULL')
      throw new CoreError(
        'disk',
        'The disk is full. Free some space; nothing was lost and nothing is half-done.',
        {
          cause: error,
        },
      )
    if (code.startsWith('SQLITE_READONLY') || code === 'SQLITE_CANTOPEN' || code === 'SQLITE_PERM')
      throw new CoreError('disk', 'Workbin may not write to its data folder. Check its permissions.', {
        cause: error,
      })
    if (code.startsWith('SQLITE_IOERR'))
      throw new CoreError(
        'disk',
        'The disk reports an error. Nothing was saved; check the disk, then try again.',
        {
          cause: error,
        },
      )
    if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB')
      throw new CoreError(
        'disk',
        'The database is damaged. Close Workbin and restore a backup: npm run -s workbin -- restore FILE --data DIR.',
        { cause: error },
      )
    throw error
  }
}
