import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drafts } from '../../../../src-main/store/sqlite/drafts.ts'
import { type Engine, openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { ingest } from '../../../../src-main/store/sqlite/ingest.ts'
import { outbox } from '../../../../src-main/store/sqlite/outbox.ts'
import { search } from '../../../../src-main/store/sqlite/search.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import { arrival, START } from '../../../support/open-store.ts'

/** Statements about what stays small however much mail there is. */
const SMALL = /from (queues|agents) /
/**
 * FTS5 with a term, `M`, and row ids bounded, or one message; the vocabulary from a term on; the categories, which
 * stand one by one in the queue of a recursion; what is open in the outbox, by its own small index.
 */
const BOUNDED =
  /^SCAN (words VIRTUAL TABLE INDEX (\d+:M\d|0:=)|terms VIRTUAL TABLE INDEX [1-9]|found$|\(subquery-1\)$|outbox USING (COVERING )?INDEX outbox_(open|trouble))/

describe('neither search nor sending walks through the whole store', () => {
  let folder: string
  let engine: Engine
  let asked: Set<string>

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'workbin-plans-'))
    const real = openEngine(join(folder, 'workbin.db'), () => START)
    asked = new Set()
    engine = {
      ...real,
      sql<Row>(text: string) {
        asked.add(text)
        return real.sql<Row>(text)
      },
    }
    await ingest(engine).ingest(
      Array.from({ length: 3 }, () => arrival({ text: 'characters of a common word' })),
      null,
    )
    engine.db.exec("update interactions set category_id = 'refund'")
  })
  afterAll(() => {
    engine.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function scans(work: () => Promise<unknown>): Promise<string[]> {
    asked.clear()
    await work()
    expect(asked.size).toBeGreaterThan(0)
    return [...asked]
      .filter((text) => !SMALL.test(text))
      .flatMap((text) => {
        const names = [...text.matchAll(/@(\w+)/g)].map(([, name = '']) => [name, null] as const)
        const marks = Array.from(text.match(/\?/g) ?? [], () => null)
        const given: unknown[] = names.length > 0 ? [Object.fromEntries(names)] : marks
        return engine.db
          .prepare<unknown[], { detail: string }>(`explain query plan ${text}`)
          .all(...given)
          .map((step) => step.detail)
          .filter((detail) => /^SCAN|TEMP B-TREE FOR ORDER/.test(detail) && !BOUNDED.test(detail))
      })
  }

  it.each([
    'common',
    'charact',
    'common word -rare',
    '-common',
    '"common word"',
    'from:ann common',
    'has:attachment',
    'udata.plan:gold',
    'status:new',
    'status:new queue:inbox is:unread',
    'owner:me common',
    'owner:none',
    'is:read',
    'category:refund',
    'after:2020 before:2030',
  ])('looking for %s', async (query) => {
    expect(await scans(() => search(engine).search({ query, after: null, limit: 50, agent: ADA }))).toEqual(
      [],
    )
  })

  it('sending, and looking for what is to be sent', async () => {
    const steps = await scans(async () => {
      const draft = await drafts(engine).createDraft(newDraft())
      await drafts(engine).saveDraft(draft.id, 0, { text: 'x' })
      const owing = outbox(engine)
      const { outbox_id } = await owing.enqueue(newSend(await drafts(engine).draft(draft.id)))
      await owing.nextDue()
      await owing.claimDue(START, 10)
      await owing.requeue(outbox_id, START + 1, 'Later.')
      await owing.retryNow('support', START)
      await owing.claimDue(START, 10)
      await owing.markDataStarted(outbox_id)
      await owing.recoverOutbox()
      await owing.unknownSends('support')
      await owing.sentCopiesOwed('support')
      await owing.takeBack(outbox_id)
    })
    expect(steps).toEqual([])
  })
})
