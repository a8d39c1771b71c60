import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { openSqliteStore } from '../../../../src-main/store/sqlite/open-store.ts'
import { START } from '../../../support/open-store.ts'

const script = resolve(import.meta.dirname, '../../../support/fifty-commits.ts')
const atOnce = resolve(import.meta.dirname, '../../../support/writes-at-once.ts')
const canTrace = spawnSync('strace', ['-e', 'trace=fsync', process.execPath, '--version']).status === 0

describe('what was acknowledged is on the disk', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'workbin-durable-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it('the database is opened to sync every commit, in a write-ahead log', () => {
    const engine = openEngine(join(folder, 'workbin.db'), () => START)
    const pragma = (name: string) => engine.db.pragma(name, { simple: true })
    // synchronous: 2 is FULL; 1, the usual NORMAL, loses the last commits at a power cut.
    expect([pragma('synchronous'), pragma('journal_mode'), pragma('foreign_keys')]).toEqual([2, 'wal', 1])
    engine.close()
  })

  /** Runs a script until it dies, and counts what really reaches the system. */
  function syncsOf(...given: readonly string[]): number {
    const trace = join(folder, 'trace')
    const run = spawnSync(
      'strace',
      ['-f', '-e', 'trace=fsync,fdatasync', '-o', trace, process.execPath, ...given],
      { encoding: 'utf8' },
    )
    expect(run.stdout).toBe('done\n')
    return (readFileSync(trace, 'utf8').match(/f(data)?sync\(\d+/g) ?? []).length
  }

  // Where there is no strace the case above holds the setting.
  it.skipIf(!canTrace)('fifty commits are at least fifty syncs', () => {
    expect(syncsOf(script, join(folder, 'workbin.db'))).toBeGreaterThanOrEqual(50)
  })

  it.skipIf(!canTrace)('fifty mails that APIs hand in at once share one sync', async () => {
    const none = syncsOf(atOnce, join(folder, 'none.db'), '0')
    const file = join(folder, 'workbin.db')
    const fifty = syncsOf(atOnce, file, '50')
    // The one of the commit, and the one with which a write-ahead log begins.
    expect(fifty - none).toBeGreaterThanOrEqual(1)
    expect(fifty - none).toBeLessThanOrEqual(2)
    const store = openSqliteStore({ file, now: () => START })
    expect(await store.check()).toEqual({ interactions: 50, problems: [] })
    await store.close()
  })

  it('a process that is killed after its answer has lost nothing', async () => {
    const file = join(folder, 'workbin.db')
    const run = spawnSync(process.execPath, [script, file], { encoding: 'utf8' })
    expect({ signal: run.signal, stdout: run.stdout }).toEqual({ signal: 'SIGKILL', stdout: 'done\n' })
    const store = openSqliteStore({ file, now: () => START })
    expect(await store.setting('preferences')).toEqual({ i: 49 })
    expect(await store.check()).toMatchObject({ problems: [] })
    await store.close()
  })
})
