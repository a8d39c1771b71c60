import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBlobs } from '../../../src-main/store/blobs.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'blobs-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function named(text: string) {
  const bytes = Buffer.from(text)
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

test('many blobs are stored together, each once, whatever was there before', async () => {
  const blobs = openBlobs(folder)
  blobs.put(named('old').bytes)
  await blobs.putAll([named('old'), named('one'), named('two'), named('one')])
  expect([...blobs.all()].sort()).toEqual(['old', 'one', 'two'].map((text) => named(text).sha256).sort())
  for (const text of ['old', 'one', 'two']) {
    expect(blobs.read(named(text).sha256)?.toString()).toBe(text)
    expect(blobs.verify(named(text).sha256)).toBe('ok')
  }
})

test('a batch that can’t be stored leaves nothing half-written', async () => {
  const blobs = openBlobs(folder)
  const two = named('two')
  // A file where its folder should be.
  writeFileSync(join(folder, two.sha256.slice(0, 2)), 'in the way')
  await expect(blobs.putAll([named('one'), two])).rejects.toThrow()
  expect(readdirSync(join(folder, '.begun'))).toEqual([])
})

test('what a crash left half-written goes when it is a day old', () => {
  openBlobs(folder)
  const old = join(folder, '.begun', 'old')
  writeFileSync(old, 'half')
  utimesSync(old, new Date(0), new Date(0))
  writeFileSync(join(folder, '.begun', 'at-work'), 'half')
  openBlobs(folder)
  expect(readdirSync(join(folder, '.begun'))).toEqual(['at-work'])
})
