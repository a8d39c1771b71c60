import { expect, test } from 'vitest'
import {
  backoff,
  batchAfter,
  batches,
  compare,
  NOTHING_DONE,
  readProgress,
  uidSet,
} from '../../../src-main/connectors/imap-plan.ts'

test('what the server lists and the store lacks is missing; what the store has and the server doesn’t, vanished', () => {
  expect(compare([1, 3, 5, 7], [1, 3, 5, 7], [2, 3, 7, 9])).toEqual({ missing: [1, 5], vanished: [2, 9] })
  expect(compare([], [], [4])).toEqual({ missing: [], vanished: [4] })
})

test('mail from before the day asked for is neither missing nor vanished', () => {
  expect(compare([1, 2, 3, 4], [3, 4], [1, 3])).toEqual({ missing: [4], vanished: [] })
})

test('batches go from the newest back, hold 100 mails or 8 MB, and a larger mail stands alone', () => {
  const small = Array.from({ length: 150 }, (_, index) => ({ uid: index + 1, size: 1000 }))
  expect(batches(small).map((batch) => [batch[0]?.uid, batch.length])).toEqual([
    [150, 100],
    [50, 50],
  ])
  const mixed = [
    { uid: 1, size: 3_000_000 },
    { uid: 2, size: 30_000_000 },
    { uid: 3, size: 5_000_000 },
    { uid: 4, size: 4_000_000 },
  ]
  expect(batches(mixed).map((batch) => batch.map(({ uid }) => uid))).toEqual([[4], [3], [2], [1]])
  expect(batches([])).toEqual([])
})

test('a set of UIDs is written as ranges', () => {
  expect(uidSet([7, 1, 2, 3, 9, 10, 3])).toBe('1:3,7,9:10')
  expect(uidSet([5])).toBe('5')
  expect(uidSet([])).toBe('')
})

test('a cursor that isn’t ours means that nothing was done', () => {
  const ours = { uidNext: 8, count: 5, since: '2026-01-01', done: true, withheld: [3], former: ['9'] }
  expect(readProgress(JSON.parse(JSON.stringify(ours)))).toEqual(ours)
  for (const other of [
    null,
    'x',
    {},
    { uidNext: 0, count: 1 },
    { uidNext: 1.5, count: 1 },
    { uidNext: 3, count: -1 },
  ])
    expect(readProgress(other)).toEqual(NOTHING_DONE)
})

test('waits double up to a limit and vary by a quarter', () => {
  expect([1, 2, 3, 9].map((failures) => backoff(failures, 1000, 60_000, 0.5))).toEqual([
    1000, 2000, 4000, 60_000,
  ])
  expect([0, 1].map((chance) => backoff(1, 1000, 60_000, chance))).toEqual([750, 1250])
  expect(backoff(4000, 1000, 60_000, 0.5)).toBe(60_000)
})

test('the more often the line breaks, the less is asked for at once', () => {
  expect([0, 1, 2, 3, 50].map(batchAfter)).toEqual([100, 25, 6, 1, 1])
})
