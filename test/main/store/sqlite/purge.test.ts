import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { apiInteractions } from '../../../../src-main/store/sqlite/api-interactions.ts'
import { type Engine, openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { owedCalls } from '../../../../src-main/store/sqlite/owed-calls.ts'
import { receiving } from '../../../../src-main/store/sqlite/received.ts'
import { secureMail } from '../../../../src-main/store/sqlite/secure-mail.ts'
import { triage } from '../../../../src-main/store/sqlite/triage.ts'
import { userData } from '../../../../src-main/store/sqlite/user-data.ts'
import { START } from '../../../support/open-store.ts'
import { attached, conversation, NOW, once, submission } from '../../../support/submissions.ts'

describe('a purge', () => {
  let folder: string
  let engine: Engine
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'workbin-purge-'))
    engine = openEngine(join(folder, 'workbin.db'), () => START)
  })
  afterEach(() => {
    engine.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Tables with a row that holds any of these texts. */
  function tablesWith(...texts: readonly string[]): readonly string[] {
    const tables = engine.db
      .prepare<[], { name: string }>(
        "select name from sqlite_schema where type = 'table' and sql not like 'create virtual%' and name not like 'words_%'",
      )
      .all()
    return tables
      .map(({ name }) => name)
      .filter((name) =>
        engine.db
          .prepare(`select * from "${name}"`)
          .all()
          .some((row) => texts.some((text) => JSON.stringify(row).includes(text))),
      )
  }

  it('leaves nothing of the message in any table but the key that it came with', async () => {
    await owedCalls(engine).setRemoteDuties([{ remote_id: 'crm', kind: 'report', queues: null }])
    const ANN = { address: 'ann@customer.test', box: '' }
    const mail = await receiving(engine).receive(
      submission({
        subject: 'Confidential subject',
        text: 'Confidential words.',
        html: '<p>Confidential words.</p>',
        udata: { secret: 'Confidential value' },
        attachments: [attached('Confidential.pdf')],
        thread: conversation('c'),
        secure: ANN,
        fingerprint: 'f',
      }),
      once('k'),
    )
    const id = mail.interaction_id
    const secure = mail.secure_mail_id ?? ''
    await apiInteractions(engine).updateInteraction(id, { udata: { a: 'Confidential' } }, once('u'))
    await triage(engine).accept([id], 7)
    await triage(engine).setRead([id], true, 7)
    await userData(engine).setUserData(id, { b: 'Confidential' }, [], 7)
    await secureMail(engine).markSecureMailRead(secure, false, once('r'))
    const named = tablesWith(id, 'Confidential', secure)
    for (const table of ['history', 'undo', 'api_answers', 'conversations', 'owed_calls', 'bodies'])
      expect(named).toContain(table)

    await secureMail(engine).purgeSecureMail(secure, NOW)
    expect(tablesWith('Confidential')).toEqual([])
    expect(tablesWith(id, secure)).toEqual(['api_answers'])
    expect(engine.db.prepare('select count(*) as n from words_docsize').get()).toEqual({ n: 0 })
    // The key stays used, so that a late repeat doesn't make the mail again.
    expect(
      engine.db.prepare('select key, answer is null as emptied from api_answers order by key').all(),
    ).toEqual([
      { key: 'k', emptied: 0 },
      { key: 'r', emptied: 1 },
      { key: 'u', emptied: 1 },
    ])
  })
})
