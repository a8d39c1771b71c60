import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checking } from '../../../../src-main/store/sqlite/check.ts'
import { type Engine, openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { ingest } from '../../../../src-main/store/sqlite/ingest.ts'
import { owedCalls } from '../../../../src-main/store/sqlite/owed-calls.ts'
import { pulled } from '../../../../src-main/store/sqlite/pulled.ts'
import { triage } from '../../../../src-main/store/sqlite/triage.ts'
import { arrival, HOUR, person, START } from '../../../support/open-store.ts'
import { pulledInteraction } from '../../../support/pulled.ts'

const ADA = 7
const ROOT = 'ABCDEFGH01234567'
const REPLY = 'ABCDEFGH01234568'

describe('what is kept for remotes in SQLite', () => {
  let folder: string
  let engine: Engine
  let asked: Set<string>
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'workbin-remotes-'))
    const real = openEngine(join(folder, 'workbin.db'), () => START)
    asked = new Set()
    engine = {
      ...real,
      sql<Row>(text: string) {
        asked.add(text)
        return real.sql<Row>(text)
      },
    }
    await owedCalls(engine).setRemoteDuties([
      { remote_id: 'analytics', kind: 'report', queues: null },
      { remote_id: 'crm', kind: 'write-back', queues: null },
    ])
  })
  afterEach(() => {
    engine.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('no step of it walks through a whole table', async () => {
    const calls = owedCalls(engine)
    const store = pulled(engine)
    const root = pulledInteraction(ROOT, { udata: { a: 1 } })
    const reply = { thread_id: ROOT, parent_id: ROOT, start_date: START + HOUR }
    await store.pull('crm', [pulledInteraction(REPLY, reply), root], { head: 1 }, null)
    const call = { ...reply, entity_type: 3, from: { address: '' } } as const
    await store.pull(
      'crm',
      [
        pulledInteraction(ROOT, {
          status: 2,
          owner_id: ADA,
          udata: { a: 2 },
          text: 'New',
          from: person('b@x.test'),
        }),
        pulledInteraction(REPLY, { ...reply, thread_id: REPLY }),
        pulledInteraction('id-3', call),
      ],
      { head: 2 },
      null,
    )
    await store.pulledFrom(ROOT)
    await store.pulledAlready('crm', [ROOT])
    await store.remoteCursor('crm')
    await ingest(engine).ingest([arrival()], null)
    await triage(engine).moveToWorkbin([ROOT], 'review', ADA)
    for (const remote of ['analytics', 'crm']) {
      for (const { id, revision } of await calls.claimCalls(remote, START, 10)) {
        await calls.callAgain(id, START, null)
        await calls.callFailed(id, 'x')
        await calls.callDone(id, revision, root.theirs)
      }
      await calls.nextCall(remote)
      await calls.owedCounts(remote)
      await calls.retryCalls(remote)
      await calls.claimCalls(remote, START, 10)
      await calls.recoverCalls()
    }
    await calls.dropRemote('crm')
    await calls.setRemoteDuties([])

    const mine = [...asked].filter((text) => /owed_calls|pulled_interactions|remote_cursors/.test(text))
    expect(mine.length).toBeGreaterThan(25)
    const plans = mine.flatMap((text) => {
      const names = [...text.matchAll(/@(\w+)/g)].map(([, name = '']) => [name, null] as const)
      const marks = Array.from(text.match(/\?/g) ?? [], () => null)
      return engine.db
        .prepare<unknown[], { detail: string }>(`explain query plan ${text}`)
        .all(...(names.length > 0 ? [Object.fromEntries(names)] : marks))
        .map(({ detail }) => detail)
    })
    // Only what is open is looked through where it matters for every remote: it is few, and has its own index.
    expect(plans.filter((step) => step.startsWith('SCAN') && !step.includes('owed_calls_open'))).toEqual([])
  })

  it('a check finds a call whose message is gone', async () => {
    await ingest(engine).ingest([arrival()], null)
    expect(await checking(engine).check()).toMatchObject({ problems: [] })
    engine.db.exec("update owed_calls set interaction_id = 'gone'")
    const { problems } = await checking(engine).check()
    expect(problems).toEqual(['There are 1 messages owed to a remote that are not there.'])
  })
})
