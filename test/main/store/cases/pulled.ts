import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Queue } from '../../../../src-main/contract/domain.ts'
import { reportedId } from '../../../../src-main/outbox/reported-ids.ts'
import type { RemoteDuty } from '../../../../src-main/store/remote-store.ts'
import { ADA } from '../../../support/drafting.ts'
import {
  arrival,
  DAY,
  hash,
  HOUR,
  type OpenStore,
  openTestStore,
  person,
  START,
  type TestStore,
} from '../../../support/open-store.ts'
import { pulledInteraction } from '../../../support/pulled.ts'

const ROOT = 'ABCDEFGH01234567'
const REPLY = 'ABCDEFGH01234568'
const NOBODY = { address: '' }
const WRITE_BACK: RemoteDuty = { remote_id: 'crm', kind: 'write-back', queues: null }

/** What is taken over from the interaction stores of remotes. */
export function pulledCases(open: OpenStore): void {
  describe('interactions of a remote', () => {
    let t: TestStore
    let sales: Queue
    beforeEach(async () => {
      t = openTestStore(open)
      await t.store.saveQueue(null, 'Support')
      sales = await t.store.saveQueue(null, 'Sales')
      await t.store.setOwnAddresses(['support@desk.test'])
      t.pass(DAY)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const pull = (...batch: Parameters<TestStore['store']['pull']>[1]) =>
      t.store.pull('crm', batch, undefined, sales.id)
    const place = async (thread: string) => (await t.store.thread(thread, ADA)).place
    const count = async () => (await t.store.check()).interactions

    it('are filed with everything, under their id, in the queue chosen', async () => {
      expect(
        await pull(
          pulledInteraction(
            ROOT,
            {
              sub_type: 'InboundNew',
              category_id: 'orders',
              timeshift: 120,
              external_id: 'x-1',
              structured_text: 'https://crm.test/a.xml',
              structured_text_mime: 'text/xml',
              binary_content: 'https://crm.test/a.pdf',
              binary_content_mime: 'application/pdf',
              binary_content_size: 3,
              udata: { order: 77, ['__proto__']: { a: 1 } },
              reply_to: person('lee@customer.test'),
              to: [person('support@desk.test')],
              cc: [person('bob@customer.test')],
              sent_date: START - HOUR,
              unknown_member: { kept: true },
            },
            {
              message_id: 'a@mail.test',
              attachments: [
                {
                  name: 'bill.pdf',
                  content_type: 'application/pdf',
                  size: 3,
                  sha256: hash('bill'),
                  content_id: null,
                  inline: false,
                },
              ],
            },
          ),
        ),
      ).toEqual({ stored: 1, changed: 0 })
      expect(await t.store.apiInteraction(ROOT)).toMatchObject({
        interaction_id: ROOT,
        thread_id: ROOT,
        status: 0,
        subject: 'Where is my order?',
        text: 'It has not arrived.',
        external_id: 'x-1',
        category_id: 'orders',
        timeshift: 120,
        structured_text: 'https://crm.test/a.xml',
        binary_content_size: 3,
        start_date: new Date(START).toISOString(),
        sent_date: new Date(START - HOUR).toISOString(),
        reply_to: { address: 'lee@customer.test' },
        cc: [{ address: 'bob@customer.test' }],
        message_id: 'a@mail.test',
        queue: 'Sales',
        attachments: [{ name: 'bill.pdf', sha256: hash('bill') }],
      })
      expect((await t.store.apiInteraction(ROOT)).customer_id).toBe(
        (await t.store.contactByAddress('ann@customer.test'))?.id,
      )
      expect(await place(ROOT)).toEqual({ kind: 'queue', queue_id: sales.id })
      const found = await t.store.search({ query: 'arrived', after: null, limit: 5, agent: ADA })
      expect(found.rows).toHaveLength(1)
      expect(await t.store.pulledFrom(ROOT)).toMatchObject({
        remote_id: 'crm',
        their_id: ROOT,
        theirs: { unknown_member: { kept: true } },
      })
      expect((await t.store.thread(ROOT, ADA)).messages[0]).toMatchObject({ unread: true })
      expect(await t.store.pulledAlready('crm', [ROOT, REPLY])).toEqual(new Set([ROOT]))
    })

    it('are the same again without a trace, and know how far the remote was looked through', async () => {
      expect(await t.store.remoteCursor('crm')).toBeNull()
      await t.store.pull('crm', [pulledInteraction(ROOT)], { head: 1 }, null)
      const before = await t.store.history(ROOT)
      expect(await pull(pulledInteraction(ROOT))).toEqual({ stored: 0, changed: 0 })
      expect([await count(), await t.store.history(ROOT), await t.store.remoteCursor('crm')]).toEqual([
        1,
        before,
        { head: 1 },
      ])
      await t.store.pull('crm', [], { head: 2 }, null)
      await t.reopen()
      expect(await t.store.remoteCursor('crm')).toEqual({ head: 2 })
    })

    it('have their thread and their parents, in whatever order they come', async () => {
      const reply = pulledInteraction(REPLY, {
        thread_id: ROOT,
        parent_id: ROOT,
        start_date: START + HOUR,
        sub_type: 'InboundCustomerReply',
      })
      await pull(reply)
      expect((await t.store.apiInteraction(REPLY)).thread_id).toBe(ROOT)
      await pull(pulledInteraction(ROOT))
      const { messages } = await t.store.thread(ROOT, ADA)
      expect(
        messages.map(({ interaction }) => [interaction.interaction_id, interaction.parent_id ?? null]),
      ).toEqual([
        [ROOT, null],
        [REPLY, ROOT],
      ])
    })

    it('that name each other as parents make no circle', async () => {
      await pull(
        pulledInteraction(ROOT, { thread_id: ROOT, parent_id: REPLY }),
        pulledInteraction(REPLY, { thread_id: ROOT, parent_id: ROOT, start_date: START + HOUR }),
      )
      const parents = (await t.store.thread(ROOT, ADA)).messages.map(
        ({ interaction }) => interaction.parent_id ?? null,
      )
      expect(parents.filter((parent) => parent === null)).toHaveLength(1)
    })

    it('get an id of ours where theirs is none or taken by another, and keep theirs beside it', async () => {
      await pull(pulledInteraction(ROOT))
      await t.store.pull('other', [pulledInteraction(ROOT, { subject: 'Quite another' })], null, null)
      await pull(pulledInteraction('0000Ja9-GRD3D/2', { subject: 'With slashes' }))
      const all = await t.store.apiInteractions({}, { index: 0, count: 10 })
      expect(
        all
          .filter(({ interaction_id }) => interaction_id !== ROOT)
          .map(({ interaction_id, subject, external_id }) => [interaction_id.length, subject, external_id])
          .sort(),
      ).toEqual([
        [16, 'Quite another', ROOT],
        [16, 'With slashes', '0000Ja9-GRD3D/2'],
      ])
    })

    it('that the remote took over from us are not taken over again', async () => {
      const [ours] = await t.store.ingest([arrival({ subject: 'Ours' }, { received: START })], null)
      const id = ours?.interaction_id ?? ''
      expect(await pull(pulledInteraction(id, { subject: 'Ours', thread_id: id }))).toEqual({
        stored: 0,
        changed: 0,
      })
      expect(await count()).toBe(1)
      // A stranger who names our thread doesn't come into it; the answer that was written there does.
      const stranger = { thread_id: id, start_date: START + HOUR, from: person('eve@stranger.test') }
      await t.store.pull('other', [pulledInteraction('ABCDEFGH01234569', stranger)], null, null)
      expect((await t.store.thread(id, ADA)).messages).toHaveLength(1)
      await pull(pulledInteraction(REPLY, { thread_id: id, start_date: START + HOUR }))
      expect((await t.store.thread(id, ADA)).messages).toHaveLength(2)
    })

    it('that were reported there from here are not taken over', async () => {
      await t.store.setRemoteDuties([{ remote_id: 'analytics', kind: 'report', queues: null }])
      const [ours] = await t.store.ingest([arrival()], null)
      const external_id = reportedId({ interaction_id: ours?.interaction_id ?? '' })
      expect(
        await pull(pulledInteraction(ROOT, { external_id }), pulledInteraction(REPLY, { external_id: 'x' })),
      ).toEqual({ stored: 1, changed: 0 })
    })

    it('lie where they are worked on there', async () => {
      await pull(
        pulledInteraction(ROOT, { status: 2, owner_id: 4 }),
        pulledInteraction(REPLY, { status: 3, stopped_reason: 'Normal', subject: 'Done there' }),
        pulledInteraction('ABCDEFGH01234569', { status: 2, subject: 'Held by nobody' }),
        pulledInteraction('ABCDEFGH0123456A', {
          status: 3,
          entity_type: 1,
          type: 'Outbound',
          subject: 'Ours',
          from: person('support@desk.test'),
          to: [person('support@desk.test'), person('bob@customer.test')],
          bcc: [person('hidden@customer.test')],
        }),
        pulledInteraction('ABCDEFGH0123456B', { entity_type: 3, media_type: 'voice', subject: 'A call' }),
      )
      expect(await place(ROOT)).toEqual({ kind: 'workbin', workbin: 'in-progress', owner_id: 4 })
      expect(await place(REPLY)).toEqual({ kind: 'done' })
      expect(await t.store.apiInteraction(REPLY)).toMatchObject({ status: 3, stopped_reason: 'Normal' })
      expect(await place('ABCDEFGH01234569')).toEqual({ kind: 'queue', queue_id: sales.id })
      const outbound = await t.store.apiInteraction('ABCDEFGH0123456A')
      expect(outbound.bcc).toEqual([{ address: 'hidden@customer.test' }])
      expect(outbound.customer_id).toBe((await t.store.contactByAddress('bob@customer.test'))?.id)
      await t.store.accept(['ABCDEFGH01234569'], ADA)
    })

    it('without an address belong to the customer whom they belong to there', async () => {
      const call = { entity_type: 3, media_type: 'voice', from: NOBODY } as const
      await pull(
        pulledInteraction(ROOT),
        pulledInteraction(REPLY, { ...call, subject: 'A call' }),
        pulledInteraction('ABCDEFGH01234569', { ...call, customer_id: 'cust-9', subject: 'Another' }),
        pulledInteraction('ABCDEFGH0123456A', { ...call, customer_id: '', subject: 'Nobody' }),
      )
      const ann = await t.store.contactByAddress('ann@customer.test')
      expect((await t.store.apiInteraction(REPLY)).customer_id).toBe(ann?.id)
      expect(await t.store.contact('cust-9')).toMatchObject({ name: 'cust-9' })
      expect((await t.store.apiInteraction('ABCDEFGH01234569')).customer_id).toBe('cust-9')
    })

    it('that are only followed are not begun', async () => {
      expect(await pull(pulledInteraction(ROOT, {}, { known_only: true }))).toEqual({ stored: 0, changed: 0 })
      await pull(pulledInteraction(ROOT))
      expect(await pull(pulledInteraction(ROOT, { subject: 'New words' }, { known_only: true }))).toEqual({
        stored: 0,
        changed: 1,
      })
    })

    it('of a batch are all filed with the cursor, or none', async () => {
      const broken = pulledInteraction(REPLY, { subject: 'Broken' })
      const attachment = { content_type: 'x', size: 1, sha256: hash('x'), content_id: null, inline: false }
      const twice = { id: '019df237-3e80-74c3-a534-cb3153d0381b', name: 'a', ...attachment }
      await expect(
        t.store.pull(
          'crm',
          [pulledInteraction(ROOT), { ...broken, attachments: [twice, twice] }],
          { head: 9 },
          null,
        ),
      ).rejects.toThrow()
      expect([await count(), await t.store.remoteCursor('crm')]).toEqual([0, null])
      await expect(
        pull(...Array.from({ length: 51 }, (_, i) => pulledInteraction(`id-${i}`))),
      ).rejects.toMatchObject({ code: 'internal' })
    })

    describe('that are known', () => {
      const base = { udata: { plan: 'gold', order: 1 }, category_id: 'orders' }
      beforeEach(async () => {
        await t.store.setRemoteDuties([WRITE_BACK])
        await pull(pulledInteraction(ROOT, base))
      })

      it('follow what changed there', async () => {
        const now = {
          ...base,
          status: 2,
          owner_id: 4,
          category_id: 'refunds',
          subject: 'Refund, please',
          text: 'I want my money back.',
          udata: { plan: 'gold', order: 2, extra: [1] },
        } as const
        expect(await pull(pulledInteraction(ROOT, now))).toEqual({ stored: 0, changed: 1 })
        expect(await t.store.apiInteraction(ROOT)).toMatchObject({
          status: 2,
          owner_id: 4,
          category_id: 'refunds',
          subject: 'Refund, please',
          text: 'I want my money back.',
          udata: { plan: 'gold', order: 2, extra: [1] },
        })
        expect(await place(ROOT)).toEqual({ kind: 'workbin', workbin: 'in-progress', owner_id: 4 })
        expect((await t.store.thread(ROOT, ADA)).subject).toBe('Refund, please')
        const found = await t.store.search({ query: 'money', after: null, limit: 5, agent: ADA })
        expect(found.rows).toHaveLength(1)
        expect((await t.store.history(ROOT)).map(({ what, key, agent_id }) => [what, key, agent_id])).toEqual(
          [
            ['user-data', 'order', null],
            ['user-data', 'extra', null],
            ['remote', null, null],
          ],
        )

        await pull(pulledInteraction(ROOT, { ...now, status: 3, stopped_reason: 'Refunded' }))
        expect(await place(ROOT)).toEqual({ kind: 'done' })
        expect(await t.store.apiInteraction(ROOT)).toMatchObject({ status: 3, stopped_reason: 'Refunded' })
      })

      it('lose what was taken away there', async () => {
        await pull(pulledInteraction(ROOT, { udata: { order: 1 } }))
        const now = await t.store.apiInteraction(ROOT)
        expect([now.category_id, now.udata]).toEqual([undefined, { order: 1 }])
      })

      it('keep what was changed here while that is owed, and take the rest', async () => {
        await t.store.accept([ROOT], ADA)
        await t.store.setUserData(ROOT, { plan: 'silver' }, [], ADA)
        await pull(
          pulledInteraction(ROOT, {
            status: 3,
            stopped_reason: 'Closed there',
            category_id: 'refunds',
            udata: { plan: 'bronze', order: 2 },
          }),
        )
        expect(await t.store.apiInteraction(ROOT)).toMatchObject({
          status: 2,
          owner_id: ADA,
          udata: { plan: 'silver', order: 2 },
        })
        expect(await place(ROOT)).toMatchObject({ kind: 'workbin', owner_id: ADA })
        expect(await t.store.owedCounts('crm')).toMatchObject({ waiting: 1 })
      })

      it('stay as they are here where nothing of it changed there', async () => {
        await t.store.accept([ROOT], ADA)
        for (const call of await t.store.claimCalls('crm', t.now(), 9))
          await t.store.callDone(call.id, call.revision)
        await pull(pulledInteraction(ROOT, { ...base, subject: 'New words' }))
        expect(await t.store.apiInteraction(ROOT)).toMatchObject({
          status: 2,
          owner_id: ADA,
          subject: 'New words',
        })
      })

      it('come into one thread here when their threads became one there', async () => {
        await pull(pulledInteraction(REPLY, { thread_id: REPLY, start_date: START + HOUR }))
        await pull(pulledInteraction(REPLY, { thread_id: ROOT, start_date: START + HOUR }))
        expect((await t.store.thread(REPLY, ADA)).thread_id).toBe(ROOT)
        expect((await t.store.thread(ROOT, ADA)).messages).toHaveLength(2)
      })

      it('are another contact’s where their sender changed', async () => {
        await pull(pulledInteraction(ROOT, { ...base, from: person('bob@customer.test') }))
        expect((await t.store.apiInteraction(ROOT)).customer_id).toBe(
          (await t.store.contactByAddress('bob@customer.test'))?.id,
        )
      })

      it('keep a long text once, and are still the same again', async () => {
        const text = 'word '.repeat(10_000)
        await pull(pulledInteraction(ROOT, { ...base, text }))
        expect((await t.store.pulledFrom(ROOT))?.theirs.text).toMatch(/^sha256:[0-9a-f]{64}$/)
        expect(await pull(pulledInteraction(ROOT, { ...base, text }))).toEqual({ stored: 0, changed: 0 })
        expect(await pull(pulledInteraction(ROOT, { ...base, text: `${text}!` }))).toMatchObject({
          changed: 1,
        })
      })

      it('outlive their remote, and are known again when it comes back', async () => {
        await t.store.dropRemote('crm')
        expect(await t.store.remoteCursor('crm')).toBeNull()
        expect(await pull(pulledInteraction(ROOT, base))).toEqual({ stored: 0, changed: 0 })
        expect(await count()).toBe(1)
      })
    })
  })
}
