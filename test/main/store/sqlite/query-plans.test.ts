import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListOrder, View } from '../../../../src-main/contract/domain.ts'
import { contacts } from '../../../../src-main/store/sqlite/contacts.ts'
import { type Engine, openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { exporting } from '../../../../src-main/store/sqlite/export.ts'
import { folders } from '../../../../src-main/store/sqlite/folders.ts'
import { ingest } from '../../../../src-main/store/sqlite/ingest.ts'
import { lists } from '../../../../src-main/store/sqlite/lists.ts'
import { threadDetail } from '../../../../src-main/store/sqlite/thread-detail.ts'
import { triage } from '../../../../src-main/store/sqlite/triage.ts'
import { userData } from '../../../../src-main/store/sqlite/user-data.ts'
import { arrival, sentArrival, START } from '../../../support/open-store.ts'

const ADA = 7
/** Tables that stay small however much mail there is. */
const SMALL = /^SCAN (counts|queues|dispositions|folders|meta|agents)\b|^SCAN CONSTANT ROW$/
/** A look-up of one message in the search index, and rows of a limited subquery. */
const LOOKUP = /^SCAN words VIRTUAL TABLE INDEX 0:=$|^SCAN r$/
const QUEUE: View = { kind: 'queue', queue_id: '019df237-3e80-74c3-a534-cb3153d0381b' }

describe('no question walks through the whole store', () => {
  let folder: string
  let engine: Engine
  /** Statements asked for since the last look. */
  let asked: Set<string>

  beforeAll(() => {
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
  })
  afterAll(() => {
    engine.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What SQLite does for the statements asked meanwhile. */
  async function plansOf(work: () => Promise<unknown>): Promise<string[]> {
    asked.clear()
    await work()
    return [...asked].flatMap((text) => {
      const names = [...text.matchAll(/@(\w+)/g)].map(([, name = '']) => [name, null] as const)
      const marks = Array.from(text.match(/\?/g) ?? [], () => null)
      const given: unknown[] = names.length > 0 ? [Object.fromEntries(names)] : marks
      return engine.db
        .prepare<unknown[], { detail: string }>(`explain query plan ${text}`)
        .all(...given)
        .map((step) => step.detail)
        .filter((detail) => !SMALL.test(detail) && !LOOKUP.test(detail))
    })
  }
  const slow = (plans: readonly string[]) => plans.filter((step) => /^SCAN|TEMP B-TREE/.test(step))

  const views: [string, View][] = [
    ['a queue', QUEUE],
    ['my workbin', { kind: 'workbin', workbin: 'in-progress', team: false }],
    ['the team’s workbin', { kind: 'workbin', workbin: 'review', team: true }],
    ['my drafts', { kind: 'workbin', workbin: 'drafts', team: false }],
    ['the team’s drafts', { kind: 'workbin', workbin: 'drafts', team: true }],
    ['done', { kind: 'done' }],
    ['all', { kind: 'all' }],
    ['held back', { kind: 'held-back' }],
    ['the outbox', { kind: 'outbox' }],
  ]
  it.each(
    views.flatMap(([name, view]) => (['newest', 'oldest'] as const).map((order) => ({ name, view, order }))),
  )(
    'a page of $name, $order first, reads its rows in their order',
    async ({ view, order }: { view: View; order: ListOrder }) => {
      const plans = await plansOf(() =>
        lists(engine).listPage({ view, order, after: null, limit: 50, agent: ADA }),
      )
      expect(plans.length).toBeGreaterThan(0)
      // Counted by their own small index: drafts, and what is in the outbox.
      expect(
        slow(plans).filter((step) => !/^SCAN (drafts|outbox) USING (COVERING )?INDEX/.test(step)),
      ).toEqual([])
    },
  )

  it('nor does any step of filing mail, reading, triage and export', async () => {
    const [question, answer] = await ingest(engine).ingest(
      [
        arrival({ message_id: 'a@mail.test' }),
        arrival({ references: ['a@mail.test'] }),
        sentArrival({ references: ['a@mail.test'] }),
      ],
      null,
    )
    const id = question?.thread_id ?? ''
    const plans = await plansOf(async () => {
      await ingest(engine).ingest(
        [
          arrival(
            { message_id: 'b@mail.test', references: ['a@mail.test', 'c@mail.test'] },
            { location: { account_id: 'a', folder: 'INBOX', uidvalidity: '1', uid: 1 } },
          ),
          sentArrival({ message_id: 'c@mail.test', references: ['a@mail.test'] }),
          arrival({
            machine: { kind: 'bounce', reason: '' },
            report: { message_id: 'c@mail.test', recipients: [] },
          }),
        ],
        null,
      )
      await threadDetail(engine).thread(id, ADA)
      await threadDetail(engine).body(id)
      const work = triage(engine)
      await work.accept([id], ADA)
      await work.release([id], ADA)
      await work.markDone([id], null, ADA)
      await work.setRead([id], true, ADA)
      await work.setRead([id], false, ADA)
      await userData(engine).setUserData(answer?.interaction_id ?? '', { plan: 'gold' }, [], ADA)
      await folders(engine).knownUids({ account_id: 'a', folder: 'INBOX', uidvalidity: '1' }, 0, 10)
      await folders(engine).locations(id)
      await lists(engine).counts(ADA)
      const contact = await contacts(engine).contactByAddress('ann@customer.test')
      await contacts(engine).contactHistory(contact?.id ?? '', null, 20)
      await exporting(engine).exportPage(null, 10)
    })
    expect(plans.length).toBeGreaterThan(50)
    expect(
      plans.filter((step) => step.startsWith('SCAN') && !/^SCAN (drafts|outbox) USING/.test(step)),
    ).toEqual([])
  })
})
