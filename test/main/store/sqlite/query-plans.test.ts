import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListOrder, View } from '../../../../src-main/contract/domain.ts'
import { answered } from '../../../../src-main/store/sqlite/answered-activity.ts'
import { apiInteractions } from '../../../../src-main/store/sqlite/api-interactions.ts'
import { apiUploads } from '../../../../src-main/store/sqlite/api-uploads.ts'
import { contacts } from '../../../../src-main/store/sqlite/contacts.ts'
import { type Engine, openEngine } from '../../../../src-main/store/sqlite/engine.ts'
import { exporting } from '../../../../src-main/store/sqlite/export.ts'
import { folders } from '../../../../src-main/store/sqlite/folders.ts'
import { ingest } from '../../../../src-main/store/sqlite/ingest.ts'
import { lists } from '../../../../src-main/store/sqlite/lists.ts'
import { namedCustomers } from '../../../../src-main/store/sqlite/named-customers.ts'
import { receiving } from '../../../../src-main/store/sqlite/received.ts'
import { secureMail } from '../../../../src-main/store/sqlite/secure-mail.ts'
import { threadDetail } from '../../../../src-main/store/sqlite/thread-detail.ts'
import { triage } from '../../../../src-main/store/sqlite/triage.ts'
import { userData } from '../../../../src-main/store/sqlite/user-data.ts'
import { arrival, sentArrival, START } from '../../../support/open-store.ts'
import {
  attached,
  conversation,
  interactionInput,
  NOW,
  once,
  submission,
} from '../../../support/submissions.ts'

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

  it('nor does anything that other systems ask for or hand in', async () => {
    const api = { ...receiving(engine), ...apiInteractions(engine), ...secureMail(engine) }
    const served = { ...apiUploads(engine), ...answered(engine), ...namedCustomers(engine) }
    const box = { address: 'ann@customer.test', box: '' }
    const page = { index: 0, count: 10 }
    const plans = await plansOf(async () => {
      const { id } = await served.keepUpload({ ...attached('a.pdf'), customer: 'C-7' }, once('u'))
      const mail = await api.receive(
        submission({
          secure: box,
          fingerprint: 'f',
          uploads: [id],
          attachments: [attached('a.pdf')],
          thread: conversation('c', { metadata: ['a'] }),
        }),
        once('r'),
      )
      const parent_id = mail.interaction_id
      await api.receive(submission({ thread: { kind: 'answer', parent_id } }), NOW)
      const made = await api.createInteraction(interactionInput({ parent_id }), once('i'))
      await api.updateInteraction(
        made.interaction_id,
        {
          status: 1,
          text: 'Again.',
          udata: { a: 1 },
          to: [{ address: 'x@y.test' }],
          thread_id: mail.thread_id,
        },
        once('j'),
      )
      await served.uploads([id], 'C-7')
      await served.dropOldUploads()
      await served.unusedBlobs([attached('a.pdf').sha256])
      await served.answeredActivity('1001')
      await served.answeredActivity(mail.interaction_id)
      await served.nameCustomer('C-7', ['ann@customer.test'])
      const secure = mail.secure_mail_id ?? ''
      await api.secureMail(secure)
      await api.markSecureMailRead(secure, true, NOW)
      await api.deleteSecureMail(secure, NOW)
      await api.purgeSecureMail(secure, NOW)
    })
    expect(plans.length).toBeGreaterThan(100)
    // A day's undo, what is on its way out and the files of one draft are few.
    expect(
      plans.filter(
        (step) =>
          step.startsWith('SCAN') && !/^SCAN (undo|f VIRTUAL|outbox USING INDEX outbox_shown)\b/.test(step),
      ),
    ).toEqual([])

    const pages = await plansOf(async () => {
      await api.secureMails(box, 'all', page)
      await api.secureMails(box, 'unread', page)
      await api.countSecureMails(box, 'read')
      for (const filter of [
        {},
        { status: 0 },
        { entity_type: 0 },
        { entity_type: 1 },
        { entity_type: 7, status: 1 },
        { customer_id: 'C-7' },
        { customer_id: 'C-7', status: 3, entity_type: 0 },
      ] as const)
        await api.apiInteractions(filter, page)
    })
    expect(pages.length).toBeGreaterThan(10)
    // All of them is read in the order of its index; only equal times are sorted.
    expect(
      slow(pages).filter(
        (step) =>
          !/^SCAN interactions USING (COVERING )?INDEX interactions_by_start$|LAST TERM OF ORDER BY$/.test(
            step,
          ),
      ),
    ).toEqual([])
  })
})
