import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Delivery, ListRow, Uuid } from '../../../../src-main/contract/domain.ts'
import type { DeliveryReport } from '../../../../src-main/store/store.ts'
import {
  arrival,
  DAY,
  hash,
  type OpenStore,
  openTestStore,
  person,
  sentArrival,
  type TestStore,
} from '../../../support/open-store.ts'

const ADA = 7

/** What comes in about what went out: Sent copies and delivery reports. */
export function bothWaysCases(open: OpenStore): void {
  describe('mail that went out and comes back', () => {
    let t: TestStore
    beforeEach(async () => {
      t = openTestStore(open)
      await t.store.setOwnAddresses(['support@desk.test'])
      t.pass(DAY)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    async function send(thread_id: string | null, messageId: string, to = ['ann@customer.test']) {
      const draft = await t.store.createDraft({
        kind: thread_id === null ? 'new' : 'reply',
        owner_id: ADA,
        thread_id,
        parent_id: thread_id,
        content: {
          account_id: 'support',
          to: to.map((address) => ({ address })),
          cc: [],
          bcc: [],
          subject: 'Re: Where is my order?',
          format: 'plain',
          html: '',
          text: 'On its way.',
          quote: null,
          standard_response_ids: [],
        },
        attachments: [],
      })
      return t.store.enqueue({
        draft_id: draft.id,
        revision: draft.revision,
        by: ADA,
        account_id: 'support',
        from: person('support@desk.test', 'Support'),
        message_id: messageId,
        envelope: { from: 'support@desk.test', to, smtputf8: false },
        wire_sha256: hash('wire'),
        sent_sha256: hash('sent'),
        sent_size: 10,
        due_at: t.now(),
        sample: false,
        sent_copy: 'owed',
        text: 'On its way.',
        html: null,
        quote_at: null,
        snippet: 'On its way.',
        attachments: [],
        seen: null,
        done: thread_id === null ? null : { disposition_id: null },
      })
    }
    async function accepted(outbox: Uuid, to = ['ann@customer.test']) {
      await t.store.claimDue(t.now(), 10)
      await t.store.markDataStarted(outbox)
      await t.store.resolveSend(outbox, {
        state: 'accepted',
        recipients: to.map((address) => ({ address, state: 'accepted', reply: '250 OK' })),
        problem: null,
      })
    }
    async function question() {
      const [filed] = await t.store.ingest([arrival({ message_id: 'question@mail.test' })], null)
      return filed?.thread_id ?? ''
    }
    async function row(): Promise<ListRow | undefined> {
      const page = await t.store.listPage({
        view: { kind: 'all' },
        order: 'newest',
        after: null,
        limit: 1,
        agent: ADA,
      })
      return page.rows[0]
    }
    const bounce = (about: string, recipients: DeliveryReport['recipients']) =>
      arrival(
        {
          from: person('mailer-daemon@relay.test'),
          machine: { kind: 'bounce', reason: 'It is a delivery status report.' },
          report: { message_id: about, recipients },
        },
        { received: t.now() },
      )
    const sentCopy = (messageId: string, account_id = 'support') =>
      sentArrival(
        { message_id: messageId },
        { account_id, folder: 'Sent', location: { account_id, folder: 'Sent', uidvalidity: '1', uid: 1 } },
      )

    it('a mail sent from here that is found in Sent is the same interaction, and its copy is filed', async () => {
      const thread = await question()
      const sent = await send(thread, 'answer@desk.test')
      await accepted(sent.outbox_id)
      const [found] = await t.store.ingest([sentCopy('answer@desk.test')], null)
      expect(found).toMatchObject({
        interaction_id: sent.interaction_id,
        thread_id: thread,
        outcome: 'duplicate',
      })
      expect(await t.store.delivery(sent.outbox_id)).toMatchObject({ state: 'filed', sent_copy: 'filed' })
      expect(await t.store.locations(sent.interaction_id)).toMatchObject([{ folder: 'Sent', uid: 1 }])
      expect((await t.store.thread(thread, ADA)).messages.length).toBe(2)
    })

    it('another account’s folder, or an import, files no copy', async () => {
      const sent = await send(await question(), 'answer@desk.test')
      await accepted(sent.outbox_id)
      const [elsewhere, imported] = await t.store.ingest(
        [sentCopy('answer@desk.test', 'private'), sentArrival({ message_id: 'answer@desk.test' })],
        null,
      )
      expect([elsewhere?.interaction_id, imported?.interaction_id]).toEqual([
        sent.interaction_id,
        sent.interaction_id,
      ])
      expect(await t.store.delivery(sent.outbox_id)).toMatchObject({ state: 'accepted', sent_copy: 'owed' })
    })

    it('a send of unknown outcome that is found in Sent was sent', async () => {
      const thread = await question()
      const sent = await send(thread, 'answer@desk.test')
      await t.store.claimDue(t.now(), 10)
      await t.store.markDataStarted(sent.outbox_id)
      await t.store.resolveSend(sent.outbox_id, {
        state: 'unknown',
        recipients: [],
        problem: 'The line broke.',
      })
      expect(await row()).toMatchObject({ trouble: 'unknown', place: { kind: 'workbin', owner_id: ADA } })
      await t.store.ingest([sentCopy('answer@desk.test')], null)
      expect(await t.store.delivery(sent.outbox_id)).toMatchObject({ state: 'filed', problem: null })
      expect(await row()).toMatchObject({ trouble: null, place: { kind: 'done' } })
      expect(await t.store.interaction(sent.interaction_id)).toMatchObject({
        status: 3,
        stopped_reason: 'Sent',
      })
    })

    it('a bounce stands beside what bounced, in its writer’s workbin, and the delivery shows it', async () => {
      const thread = await question()
      const to = ['ann@customer.test', 'bob@customer.test']
      const sent = await send(thread, 'answer@desk.test', to)
      await accepted(sent.outbox_id, to)
      expect(await row()).toMatchObject({ place: { kind: 'done' }, trouble: null })

      const [filed] = await t.store.ingest(
        [
          bounce('answer@desk.test', [
            { address: 'Bob@customer.test', action: 'failed', diagnostic: '550 no such user' },
          ]),
        ],
        null,
      )
      expect(filed).toMatchObject({ thread_id: thread, outcome: 'stored' })
      expect(await t.store.interaction(filed?.interaction_id ?? '')).toMatchObject({
        sub_type: 'InboundNDR',
        parent_id: sent.interaction_id,
        status: 2,
        owner_id: ADA,
      })
      expect(await row()).toMatchObject({
        place: { kind: 'workbin', workbin: 'in-progress', owner_id: ADA },
        trouble: 'rejected',
        unread: true,
        machine: 'bounce',
      })
      const delivery: Delivery | null | undefined = (await t.store.thread(thread, ADA)).messages.find(
        (message) => message.direction === 'out',
      )?.delivery
      // That it was accepted stays a fact.
      expect(delivery).toMatchObject({
        state: 'accepted',
        recipients: [
          { address: 'ann@customer.test', state: 'accepted' },
          { address: 'bob@customer.test', state: 'rejected', reply: '550 no such user' },
        ],
        problem: expect.stringContaining('Bob@customer.test'),
      })

      await t.store.markDone([thread], null, ADA)
      expect(await row()).toMatchObject({ trouble: null, place: { kind: 'done' } })
    })

    it('a bounce of a mail that an older desk sent still finds its thread', async () => {
      const [old] = await t.store.ingest([sentArrival({ message_id: 'old@desk.test' })], null)
      const [filed] = await t.store.ingest(
        [bounce('old@desk.test', [{ address: 'ann@customer.test', action: 'failed', diagnostic: '' }])],
        null,
      )
      expect(filed?.thread_id).toBe(old?.thread_id)
      expect(await row()).toMatchObject({ place: { kind: 'queue' }, trouble: 'rejected' })
    })

    it('a report that isn’t about a failure causes no trouble', async () => {
      const thread = await question()
      const sent = await send(thread, 'answer@desk.test')
      await accepted(sent.outbox_id)
      const [filed] = await t.store.ingest(
        [
          arrival({
            from: person('ann@customer.test'),
            machine: { kind: 'report', reason: 'It is a read receipt.' },
            report: { message_id: 'answer@desk.test', recipients: [] },
          }),
        ],
        null,
      )
      expect(filed?.thread_id).toBe(thread)
      expect(await t.store.interaction(filed?.interaction_id ?? '')).toMatchObject({
        sub_type: 'InboundReport',
      })
      expect((await row())?.trouble).toBeNull()
    })

    it('a bounce of something we never sent is a mail like any other', async () => {
      await question()
      const [filed] = await t.store.ingest(
        [bounce('never@desk.test', [{ address: 'x@y.test', action: 'failed', diagnostic: '' }])],
        null,
      )
      expect(filed?.reason).toBe('new')
      expect(await t.store.interaction(filed?.interaction_id ?? '')).toMatchObject({
        sub_type: 'InboundNDR',
        status: 0,
      })
    })

    it('the outbox lists what isn’t finally delivered', async () => {
      const waits = await send(null, 'waits@desk.test')
      t.pass(1)
      const fails = await send(null, 'fails@desk.test')
      t.pass(1)
      const sent = await send(null, 'sent@desk.test')
      await t.store.claimDue(t.now(), 10)
      await t.store.requeue(waits.outbox_id, t.now() + DAY, 'No line.')
      await t.store.markDataStarted(fails.outbox_id)
      await t.store.resolveSend(fails.outbox_id, {
        state: 'rejected',
        recipients: [{ address: 'ann@customer.test', state: 'rejected', reply: '550' }],
        problem: 'Refused.',
      })
      await t.store.markDataStarted(sent.outbox_id)
      await t.store.resolveSend(sent.outbox_id, { state: 'accepted', recipients: [], problem: null })
      const shown = async (order: 'newest' | 'oldest', after: string | null) =>
        t.store.listPage({ view: { kind: 'outbox' }, order, after, limit: 1, agent: ADA })
      const first = await shown('newest', null)
      const second = await shown('newest', first.next)
      expect([first, second]).toMatchObject([
        { total: 2, rows: [{ interaction_id: fails.interaction_id, trouble: 'rejected' }] },
        { total: 2, rows: [{ interaction_id: waits.interaction_id, trouble: null }], next: null },
      ])
      expect((await shown('oldest', null)).rows).toMatchObject([{ interaction_id: waits.interaction_id }])
      expect((await t.store.counts(ADA)).outbox).toEqual({ waiting: 1, trouble: 1 })
    })
  })
}
