import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { restoreBackup, writeBackup } from '../../../src-main/core/backup-file.ts'
import { openBlobs } from '../../../src-main/store/blobs.ts'

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'backup-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const at = (name: string) => join(dir, name)

async function make(texts: readonly string[] = ['one', 'two', 'x'.repeat(100_000), '']) {
  const blobs = openBlobs(at('blobs'))
  const names = texts.map((text) => blobs.put(Buffer.from(text)).sha256)
  writeFileSync(at('copy.db'), `database ${'y'.repeat(3000)}`)
  const report = await writeBackup(at('desk.workbin'), {
    database: at('copy.db'),
    interactions: 7,
    blobs,
    inUse: new Set(names),
  })
  return { blobs, names, report }
}

describe('a backup', () => {
  it('restored is the same desk', async () => {
    const { names, report } = await make()
    expect(report).toEqual({ interactions: 7, blobs: 4, bytes: 3009 + 100_006, missing: 0 })
    expect(await restoreBackup(at('desk.workbin'), at('new'))).toEqual({
      interactions: 7,
      blobs: 4,
      bytes: 3009 + 100_006,
    })
    expect(readFileSync(at('new/workbin.db'))).toEqual(readFileSync(at('copy.db')))
    const restored = openBlobs(at('new/blobs'))
    expect(names.map((name) => restored.verify(name))).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(readdirSync(at('new')).sort()).toEqual(['blobs', 'workbin.db'])
  })

  it('is a gzipped tar that other tools read', async () => {
    await make(['one'])
    mkdirSync(at('tar'))
    execFileSync('tar', ['-xzf', at('desk.workbin'), '-C', at('tar')])
    expect(readdirSync(at('tar')).sort()).toEqual(['backup.json', 'blobs', 'workbin.db'])
    expect(JSON.parse(readFileSync(at('tar/backup.json'), 'utf8'))).toMatchObject({
      format: 'workbin-backup',
      interactions: 7,
      blobs: 1,
    })
  })

  it.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    await make(['one'])
    expect(statSync(at('desk.workbin')).mode & 0o777).toBe(0o600)
  })

  it('leaves out what is missing or damaged, and says how much', async () => {
    const blobs = openBlobs(at('blobs'))
    const { sha256: good } = blobs.put(Buffer.from('good'))
    const { sha256: bad } = blobs.put(Buffer.from('bad'))
    writeFileSync(blobs.path(bad), 'changed')
    writeFileSync(at('copy.db'), 'db')
    const missing = createHash('sha256').update('gone').digest('hex')
    const inUse = new Set([good, bad, missing])
    const report = await writeBackup(at('b'), { database: at('copy.db'), interactions: 1, blobs, inUse })
    expect(report).toEqual({ interactions: 1, blobs: 1, bytes: 6, missing: 2 })
    expect((await restoreBackup(at('b'), at('new'))).blobs).toBe(1)
  })

  it('never overwrites a file, and leaves none behind where it can’t be written', async () => {
    await make()
    await expect(make()).rejects.toMatchObject({ code: 'invalid' })
    const blobs = openBlobs(at('blobs'))
    const parts = { database: at('copy.db'), interactions: 0, blobs, inUse: new Set<string>() }
    await expect(writeBackup(at('no/such/folder'), parts)).rejects.toMatchObject({ code: 'invalid' })
    expect(readdirSync(dir).filter((name) => name.endsWith('.part'))).toEqual([])
  })
})

describe('a restore refuses', () => {
  const refused = async (file: string) => {
    const error: unknown = await restoreBackup(file, at('new')).catch((error: unknown) => error)
    expect(existsSync(at('new/workbin.db'))).toBe(false)
    expect(existsSync(at('new')) ? readdirSync(at('new')) : []).toEqual([])
    return error
  }

  it('a folder that isn’t empty, and leaves it alone', async () => {
    await make()
    mkdirSync(at('new'))
    writeFileSync(at('new/mine.txt'), 'mine')
    await expect(restoreBackup(at('desk.workbin'), at('new'))).rejects.toMatchObject({ code: 'conflict' })
    expect(readdirSync(at('new'))).toEqual(['mine.txt'])
  })

  it('a file that isn’t there or is something else', async () => {
    expect(await refused(at('nothing'))).toMatchObject({ code: 'invalid' })
    writeFileSync(at('text'), 'not a backup')
    expect(await refused(at('text'))).toMatchObject({ code: 'invalid' })
    writeFileSync(at('gz'), gzipSync('x'.repeat(2000)))
    expect(await refused(at('gz'))).toMatchObject({ code: 'invalid' })
  })

  it.each([0.1, 0.5, 0.9, 0.999])('one cut short at %d of its length', async (share) => {
    await make()
    const bytes = readFileSync(at('desk.workbin'))
    writeFileSync(at('cut'), bytes.subarray(0, Math.floor(bytes.length * share)))
    expect(await refused(at('cut'))).toMatchObject({ code: 'invalid' })
  })

  it('one whose bytes were changed', async () => {
    await make()
    const bytes = gunzipSync(readFileSync(at('desk.workbin')))
    const database = bytes.indexOf('yyyy')
    const blob = bytes.indexOf('xxxx')
    for (const place of [100, 130, database - 20, database + 99, blob - 500, blob + 99_999]) {
      const changed = Buffer.from(bytes)
      changed[place] = (changed[place] ?? 0) ^ 1
      writeFileSync(at('changed'), gzipSync(changed))
      expect(await refused(at('changed')), `byte ${place}`).toMatchObject({ code: 'invalid' })
    }
  })

  it('one that names a place outside the folder', async () => {
    await make()
    const bytes = gunzipSync(readFileSync(at('desk.workbin')))
    const start = bytes.indexOf('blobs/')
    const block = bytes.subarray(start, start + 512)
    block.write('../../evil'.padEnd(71, '\0'), 0)
    let sum = 0
    block.fill(0x20, 148, 156)
    for (const byte of block) sum += byte
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    writeFileSync(at('evil'), gzipSync(bytes))
    expect(await refused(at('evil'))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('“../../evil”'),
    })
  })
})
