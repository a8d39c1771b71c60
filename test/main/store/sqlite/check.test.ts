import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checking } from '../../../../src-main/store/sqlite/check.ts'
import { type Engine, openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { ingest } from '../../../../src-main/store/sqlite/ingest.ts'
import { arrival, START } from '../../../support/open-store.ts'

describe('a check', () => {
  let folder: string
  let engine: Engine
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'workbin-check-'))
    engine = openEngine(join(folder, 'workbin.db'), () => START)
    const location = { account_id: 'a', folder: 'INBOX', uidvalidity: '1', uid: 1 }
    await ingest(engine).ingest([arrival({}, { location }), arrival({ held_back: 'unreadable' })], null)
  })
  afterEach(() => {
    engine.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('of a sound store finds nothing', async () => {
    expect(await checking(engine).check()).toEqual({ interactions: 2, problems: [] })
  })

  it.each([
    ['a count', "update counts set unread = 7 where place like 'queue:%'", 'The count of “queue:'],
    [
      'the count of held back mail',
      "delete from counts where place = 'held-back'",
      'The count of “held-back”',
    ],
    [
      'the count of a place without threads',
      "insert into counts values ('done', 3, 1, 0)",
      'The count of “done”',
    ],
    ['a thread’s row', "update threads set status = 3, place = 'done'", 'is listed otherwise'],
    ['a missing thread', 'delete from threads', 'is missing from the lists'],
    ['an emptied thread', "update threads set thread_id = 'x' || thread_id", 'has no messages'],
    [
      'a message that search lost',
      'delete from words where rowid = (select min(row) from interactions)',
      'search',
    ],
    ['a message that search kept', "insert into words (rowid, text) values (1, 'ghost')", 'search'],
    ['a lost body', 'delete from bodies', 'without a body'],
    ['a ledger', 'update folders set stored = 5', 'ledger of a/INBOX'],
    ['a lost contact', 'pragma foreign_keys = off; delete from contacts', 'contact'],
    ['a row without its parent', 'pragma foreign_keys = off; delete from interactions', 'belongs to one of'],
    [
      'a secure mail that lost its message',
      "insert into secure_mails values ('s', (select min(row) from interactions), 'a', 'a', '', 'outbound', 0, 0, 0, '{}')",
      'secure mails',
    ],
    [
      'the mark of a repeat of nothing',
      "pragma foreign_keys = off; insert into repeats values ('f', 1)",
      'belongs to one of',
    ],
    [
      'a conversation that leads nowhere',
      "insert into conversations values ('t', 'o', 'c', 'x', 'gone')",
      'conversations',
    ],
    ['a lost parent', "update interactions set parent_id = 'gone'", 'parent'],
  ])('finds %s that is wrong', async (_, damage, told) => {
    engine.db.exec(damage)
    const { problems } = await checking(engine).check()
    expect(problems.join('\n')).toContain(told)
  })
})
