import Database from 'better-sqlite3'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checking } from '../../../../src-main/store/sqlite/check.ts'
import { type Engine, openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { folders } from '../../../../src-main/store/sqlite/folders.ts'
import { ingest } from '../../../../src-main/store/sqlite/ingest.ts'
import { lists } from '../../../../src-main/store/sqlite/lists.ts'
import { migrations } from '../../../../src-main/store/sqlite/migrations/index.ts'
import { openSqliteStore } from '../../../../src-main/store/sqlite/open-store.ts'
import { arrival, START } from '../../../support/open-store.ts'

describe('the database file', () => {
  let folder: string
  let file: string
  const now = () => START
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'workbin-engine-'))
    file = join(folder, 'workbin.db')
  })
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const version = (path: string) => {
    const db = new Database(path, { readonly: true })
    try {
      return db.pragma('user_version', { simple: true })
    } finally {
      db.close()
    }
  }

  it('of a newer Workbin is refused and left as it is', () => {
    const newer = new Database(file)
    newer.pragma('user_version = 99')
    newer.close()
    const before = readFileSync(file)
    expect(() => openSqliteStore({ file, now })).toThrow(
      expect.objectContaining({ code: 'newer-database', message: expect.stringContaining('Update Workbin') }),
    )
    expect(version(file)).toBe(99)
    expect(readFileSync(file)).toEqual(before)
    expect(readdirSync(folder)).toEqual(['workbin.db'])
  })

  it('is copied beside itself before a migration', async () => {
    const store = openSqliteStore({ file, now })
    await store.ingest([arrival()], null)
    await store.close()
    const next = { name: 'next', sql: 'create table later (id integer primary key) strict;' }
    openEngine(file, now, [...migrations, next]).close()
    expect(version(file)).toBe(migrations.length + 1)

    const backup = `${file}.before-${migrations.length + 1}`
    expect(version(backup)).toBe(migrations.length)
    const kept = openSqliteStore({ file: backup, now })
    expect(await kept.check()).toEqual({ interactions: 1, problems: [] })
    await kept.close()
  })

  it('stays as it was when a migration fails', async () => {
    const store = openSqliteStore({ file, now })
    await store.ingest([arrival()], null)
    await store.close()
    const broken = {
      name: 'broken',
      sql: 'create table half (id integer) strict; insert into nowhere values (1);',
    }
    expect(() => openEngine(file, now, [...migrations, broken])).toThrow()
    const again = openSqliteStore({ file, now })
    expect(await again.check()).toEqual({ interactions: 1, problems: [] })
    await again.close()
    const db = new Database(file, { readonly: true })
    expect(db.prepare("select name from sqlite_schema where name = 'half'").get()).toBeUndefined()
    db.close()
  })

  it('makes no copy when there is nothing to migrate, and leaves one file behind when closed', async () => {
    for (let i = 0; i < 2; i++) {
      const store = openSqliteStore({ file, now })
      await store.ingest([arrival()], null)
      await store.close()
      await store.close()
    }
    expect(readdirSync(folder)).toEqual(['workbin.db'])
  })

  it('on a full disk takes all of a batch or nothing, says so, and goes on when there is room', async () => {
    const engine = openEngine(file, now)
    const mail = ingest(engine)
    const cursor = (uid: number) => ({
      account_id: 'a',
      folder: 'INBOX',
      uidvalidity: '1',
      role: 'inbound' as const,
      cursor: { uid },
      on_server: 0,
      last_look: null,
    })
    const batch = () => Array.from({ length: 20 }, () => arrival({ text: 'word '.repeat(2000) }))
    await mail.ingest(batch(), cursor(1))
    const pages = Number(engine.db.pragma('page_count', { simple: true }))
    engine.db.pragma(`max_page_count = ${pages + 40}`)
    let filed = 20
    const fill = async () => {
      for (let uid = 2; ; uid++) {
        await mail.ingest(batch(), cursor(uid))
        filed += 20
      }
    }
    const told: unknown[] = []
    engine.onChanges((changes) => told.push(changes))
    await expect(fill()).rejects.toMatchObject({
      code: 'disk',
      message: expect.stringContaining('The disk is full. Free some space'),
    })
    const accepted = filed / 20
    expect(await folders(engine).folderCursors('a')).toMatchObject([{ cursor: { uid: accepted } }])
    expect(told.length).toBe(accepted - 1)
    expect((await lists(engine).counts(1)).all.total).toBe(filed)
    expect(await checking(engine).check()).toEqual({ interactions: filed, problems: [] })

    engine.db.pragma('max_page_count = 1000000')
    await mail.ingest(batch(), cursor(99))
    expect(await checking(engine).check()).toEqual({ interactions: filed + 20, problems: [] })
    engine.close()
  })

  it('that is damaged, or no database at all, is said to be so and left alone', () => {
    writeFileSync(file, 'no database '.repeat(1000))
    const before = readFileSync(file)
    expect(() => openSqliteStore({ file, now })).toThrow(
      expect.objectContaining({ code: 'disk', message: expect.stringContaining('restore a backup') }),
    )
    expect(readFileSync(file)).toEqual(before)
  })

  it('in a folder that is not there can’t be opened, with a sentence that says why', () => {
    expect(() => openSqliteStore({ file: join(folder, 'missing', 'workbin.db'), now })).toThrow(
      expect.objectContaining({ code: 'disk', message: expect.stringContaining('not there') }),
    )
    expect(existsSync(join(folder, 'missing'))).toBe(false)
  })

  it('answers nothing after it was closed', async () => {
    const store = openSqliteStore({ file, now })
    await store.close()
    await expect(store.counts(1)).rejects.toMatchObject({ code: 'closed' })
    await expect(store.ingest([arrival()], null)).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('writes of one group', () => {
  let folder: string
  let engine: Engine
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'workbin-group-'))
    engine = openEngine(join(folder, 'workbin.db'), () => START)
    engine.db.exec('create table pieces (n integer primary key) strict')
  })
  afterEach(() => {
    engine.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const insert = (n: number) => () => {
    // Whether it is alone in its transaction shows in what it sees of the others'.
    engine.sql('insert into pieces (n) values (?)').run(n)
    return engine.sql<{ n: number }>('select count(*) as n from pieces').get()?.n
  }
  const stored = () =>
    engine
      .sql<{ n: number }>('select n from pieces order by n')
      .all()
      .map(({ n }) => n)
  const outcomes = async (asked: readonly Promise<unknown>[]) =>
    (await Promise.allSettled(asked)).map((each): unknown =>
      each.status === 'fulfilled' ? each.value : String(each.reason),
    )

  it('are done in the order they are asked for, and each undone by itself', async () => {
    expect(
      await outcomes([
        engine.group(insert(1)),
        engine.group(() => {
          insert(2)()
          throw new Error('Refused.')
        }),
        engine.group(insert(3), () => true),
        engine.group(insert(4), () => false),
        engine.group(insert(5)),
      ]),
    ).toEqual([1, 'Error: Refused.', 2, expect.stringContaining('nothing was stored'), 3])
    expect(stored()).toEqual([1, 3, 5])
  })

  it('all fail where their transaction is lost, and what comes after them is not done alone', async () => {
    const asked = [
      engine.group(insert(1)),
      engine.group(() => {
        // As SQLite does by itself on a full disk.
        engine.db.exec('rollback')
      }),
      engine.group(insert(3)),
    ]
    for (const outcome of await outcomes(asked)) expect(outcome).toMatch(/^(Core|Sqlite)Error/)
    expect(stored()).toEqual([])
    expect(await engine.group(insert(4))).toBe(1)
  })

  it('fail at once where the database is closed or somebody else holds it', async () => {
    const other = new Database(join(folder, 'workbin.db'))
    other.exec('begin immediate')
    engine.db.pragma('busy_timeout = 0')
    await expect(engine.group(insert(1))).rejects.toMatchObject({ code: 'locked' })
    other.close()
    const asked = engine.group(insert(2))
    engine.close()
    await expect(asked).rejects.toMatchObject({ code: 'closed' })
  })
})
