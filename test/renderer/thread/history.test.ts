import { expect, it } from 'vitest'
import type { HistoryEntry } from '../../../src-main/contract/domain.ts'
import { changeOf } from '../../../src-renderer/thread/history.ts'

const ada = { id: 7, firstName: 'Ada', lastName: 'Moss' }
const entry: HistoryEntry = {
  id: '00000000-0000-7000-8000-000000000001',
  at: 0,
  agent_id: 7,
  agent_name: 'Ada Moss',
  what: 'accept',
  key: null,
  before: null,
  after: null,
}

it('work is told by where it stood', () => {
  const before = { status: 0, queue: 'Support' }
  const after = { status: 2, owner_id: 7, workbin: 'in-progress' }
  expect(changeOf({ ...entry, before, after }, ada)).toBe('Support → In Progress (Ada Moss)')
  expect(changeOf({ ...entry, before: after, after: { status: 3, disposition: 'Refunded' } }, ada)).toBe(
    'In Progress (Ada Moss) → Done: Refunded',
  )
})

it('case data is told by its values, delivery by its words', () => {
  expect(changeOf({ ...entry, what: 'user-data', before: 'silver', after: 'unknown' }, ada)).toBe(
    'silver → unknown',
  )
  expect(changeOf({ ...entry, what: 'user-data', before: true, after: null }, ada)).toBe('Yes → —')
  expect(changeOf({ ...entry, what: 'delivery', before: 'data_started', after: 'filed' }, ada)).toBe(
    'Sending → Sent',
  )
  expect(changeOf({ ...entry, what: 'send', after: ['a@x.test', 'b@x.test'] }, ada)).toBe(
    'a@x.test, b@x.test',
  )
})

it('nothing is said where nothing changed', () => {
  expect(changeOf(entry, ada)).toBe(null)
})
