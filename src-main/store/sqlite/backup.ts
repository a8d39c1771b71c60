import Database from 'better-sqlite3'
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { CoreError } from '../../contract/errors.ts'
import type { Store } from '../store.ts'
import type { Engine } from './engine.ts'

/**
 * A consistent copy of the database in one plain file, checked before it gets its name. The desk goes on meanwhile:
 * pages are copied in small steps, and what is written in between gets into the copy.
 */
export function backup(engine: Engine): Pick<Store, 'backupTo'> {
  return {
    async backupTo(file) {
      if (existsSync(file))
        throw new CoreError('invalid', `${file} is there already. Choose another name for the backup.`)
      if (!existsSync(dirname(file)))
        throw new CoreError(
          'invalid',
          `There is no folder ${dirname(file)}. Make it, or choose another place.`,
        )
      const part = `${file}.${randomUUID()}.part`
      try {
        await engine.db.backup(part)
        verify(part, engine)
        const open = openSync(part, 'r+')
        try {
          fsyncSync(open)
        } finally {
          closeSync(open)
        }
        renameSync(part, file)
      } catch (error) {
        for (const left of [part, `${part}-wal`, `${part}-shm`, `${part}-journal`])
          if (existsSync(left)) rmSync(left)
        if (error instanceof CoreError) throw error
        throw new CoreError(
          'disk',
          `The backup could not be written to ${file} (${error instanceof Error ? error.message : String(error)}). Choose another place; nothing was changed here.`,
          { cause: error },
        )
      }
    },
  }
}

function verify(file: string, engine: Engine): void {
  const copy = new Database(file)
  try {
    // One file, without a write-ahead log beside it.
    copy.pragma('journal_mode = DELETE')
    const found = String(copy.pragma('integrity_check(1)', { simple: true }))
    const version = (database: Database.Database) => database.pragma('user_version', { simple: true })
    if (found !== 'ok' || version(copy) !== version(engine.db))
      throw new CoreError(
        'disk',
        `The backup didn't come out whole (${found}). Check the disk it was written to, then try again.`,
      )
  } finally {
    copy.close()
  }
}
