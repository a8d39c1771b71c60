import { expect, test } from 'vitest'
import { namedAsChosen } from '../../../src-main/core/uploaded-names.ts'

const uploads = [
  { file: '/data/tmp/upload-1', name: 'old mail.mbox' },
  { file: '/data/tmp/upload-2', name: 'folder/holiday.jpg' },
]

test('an import tells of the files as they were chosen', () => {
  const report = namedAsChosen(
    {
      found: 3,
      held_back_reasons: [{ what: '/data/tmp/upload-1, mail 2', reason: 'It has too many parts.' }],
      not_mail: ['/data/tmp/upload-2', '/elsewhere/notes.txt'],
    },
    uploads,
  )
  expect(report).toEqual({
    found: 3,
    held_back_reasons: [{ what: 'old mail.mbox, mail 2', reason: 'It has too many parts.' }],
    not_mail: ['folder/holiday.jpg', '/elsewhere/notes.txt'],
  })
})

test('what a report leaves out stays out', () => {
  expect(namedAsChosen({ found: 3 }, uploads)).toEqual({ found: 3 })
})
