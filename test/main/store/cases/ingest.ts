import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FolderCursor, Ingested } from '../../../../src-main/store/store.ts'
import {
  arrival,
  DAY,
  hash,
  HOUR,
  MINUTE,
  type OpenStore,
  openTestStore,
  parsedMail,
  person,
  sentArrival,
  START,
  type TestStore,
} from '../../../support/open-store.ts'

const ADA = 7
const INBOX: FolderCursor = {
  account_id: 'support',
  folder: 'INBOX',
  uidvalidity: '1',
  role: 'inbound',
  cursor: { uid: 0 },
  on_server: 0,
  last_look: null,
}

export function ingestCases(open: OpenStore): void {
  describe('mail in', () => {
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

    async function take(...batch: Parameters<typeof arrival>[]): Promise<Ingested[]> {
      return [
        ...(await t.store.ingest(
          batch.map((one) => arrival(...one)),
          null,
        )),
      ]
    }
    async function one(...args: Parameters<typeof arrival>): Promise<Ingested> {
      const [ingested] = await take(args)
      if (!ingested) throw new Error('nothing was filed')
      return ingested
    }

    it('becomes an interaction with the fields of the data model and nothing empty', async () => {
      const queue = await t.store.saveQueue(null, 'Support')
      const filed = await one(
        {
          message_id: 'order@mail.test',
          from: person('ann@customer.test', 'Ann Lee'),
          cc: [person('bob@customer.test')],
          bcc: [person('secret@customer.test')],
          sent_date: '2026-05-04T08:59:00.000Z',
          timeshift: 120,
          html: '<p>My order has not arrived.</p>',
          attachments: [
            {
              name: 'order.pdf',
              content_type: 'application/pdf',
              size: 12,
              sha256: hash('pdf'),
              content_id: null,
              inline: false,
            },
          ],
        },
        { account_id: 'support', folder: 'INBOX', came_by: 'imap:support/INBOX', queue_id: queue.id },
      )
      const contact = await t.store.contactByAddress('ANN@customer.test')
      expect(await t.store.interaction(filed.interaction_id)).toEqual({
        interaction_id: filed.interaction_id,
        customer_id: contact?.id,
        status: 0,
        entity_type: 0,
        type: 'Inbound',
        sub_type: 'InboundNew',
        media_type: 'email',
        thread_id: filed.interaction_id,
        creator_app_id: 1,
        start_date: '2026-05-04T09:00:00.000Z',
        timeshift: 120,
        allow_children: true,
        subject: 'Where is my order?',
        from: { address: 'ann@customer.test', personal: 'Ann Lee' },
        to: [{ address: 'support@desk.test', personal: 'Support' }],
        cc: [{ address: 'bob@customer.test' }],
        sent_date: '2026-05-04T08:59:00.000Z',
        text: 'My order has not arrived.',
        html: '<p>My order has not arrived.</p>',
        message_id: 'order@mail.test',
        thread_reason: 'new',
        folder: 'support/INBOX',
        attachments: [
          {
            name: 'order.pdf',
            contentType: 'application/pdf',
            size: 12,
            sha256: hash('pdf'),
            contentId: null,
            inline: false,
          },
        ],
        activity_id: 1001,
        queue: 'Support',
      })
    })

    it('is one interaction wherever it was found, also twice in one batch', async () => {
      const mail = parsedMail()
      const at = (uid: number, folder = 'INBOX') => ({
        ...arrival(),
        mail,
        location: { account_id: 'support', folder, uidvalidity: '1', uid },
      })
      const first = await t.store.ingest([at(4), at(9)], null)
      const again = await t.store.ingest([at(4), at(2, 'All Mail')], null)
      expect([...first, ...again].map((each) => each.outcome)).toEqual([
        'stored',
        'duplicate',
        'duplicate',
        'duplicate',
      ])
      expect(new Set([...first, ...again].map((each) => each.interaction_id)).size).toBe(1)
      expect(await t.store.locations(first[0]?.interaction_id ?? '')).toEqual([
        { account_id: 'support', folder: 'All Mail', uidvalidity: '1', uid: 2 },
        { account_id: 'support', folder: 'INBOX', uidvalidity: '1', uid: 4 },
        { account_id: 'support', folder: 'INBOX', uidvalidity: '1', uid: 9 },
      ])
      expect(await t.store.known([mail.content_key, hash('another')])).toEqual(new Set([mail.content_key]))
    })

    it('keeps the ledger of a folder in step with what the server holds', async () => {
      const at = (uid: number, uidvalidity = '1') => ({
        location: { account_id: 'support', folder: 'INBOX', uidvalidity, uid },
      })
      const twice = parsedMail()
      const batch = [
        arrival({}, at(1)),
        arrival({ held_back: 'Its header never ends.' }, at(2)),
        { ...arrival({}, at(3)), mail: twice },
        { ...arrival({}, at(4)), mail: twice },
      ]
      await t.store.ingest(batch, { ...INBOX, cursor: { uid: 4 }, on_server: 4, last_look: START })
      const ledger = { folder: 'INBOX', role: 'inbound', on_server: 4, last_look: START }
      expect(await t.store.folderStates('support')).toEqual([
        { ...ledger, stored: 2, duplicates: 1, held_back: 1 },
      ])
      expect(await t.store.folderCursors('support')).toEqual([
        { ...INBOX, cursor: { uid: 4 }, on_server: 4, last_look: START },
      ])
      expect(await t.store.knownUids(INBOX, 1, 2)).toEqual([2, 3])
      // Looked at again: each still counts as what it was.
      await t.store.ingest(batch, { ...INBOX, cursor: { uid: 4 }, on_server: 4, last_look: START })
      expect(await t.store.folderStates('support')).toEqual([
        { ...ledger, stored: 2, duplicates: 1, held_back: 1 },
      ])

      await t.store.forgetLocations(INBOX, [1, 2, 99])
      expect(await t.store.folderStates('support')).toEqual([
        { ...ledger, stored: 1, duplicates: 1, held_back: 0 },
      ])

      // The server counts anew, so every mail is met again under another number.
      await t.store.ingest(
        batch.map((one, i) => ({ ...one, ...at(i + 101, '2') })),
        { ...INBOX, uidvalidity: '2', on_server: 4 },
      )
      expect(await t.store.folderStates('support')).toEqual([
        { ...ledger, last_look: null, stored: 0, duplicates: 4, held_back: 0 },
      ])
      expect(await t.store.knownUids({ ...INBOX, uidvalidity: '2' }, 0, 10)).toEqual([101, 102, 103, 104])
      expect(await t.store.counts(ADA)).toMatchObject({ all: { total: 3 }, heldBack: 1 })
    })

    it('moves the cursor and files the mail together or not at all', async () => {
      const impossible = arrival({}, { received: Number.NaN })
      await expect(
        t.store.ingest([arrival(), impossible], { ...INBOX, cursor: { uid: 2 } }),
      ).rejects.toThrow()
      expect(await t.store.empty()).toBe(true)
      expect(await t.store.folderCursors('support')).toEqual([])
    })

    it('joins the thread of the mail that it answers', async () => {
      const first = await one({ message_id: 'first@mail.test' })
      const answer = await one({ references: ['first@mail.test'] }, { received: START + MINUTE })
      expect(answer).toMatchObject({ thread_id: first.thread_id, reason: 'in-reply-to', outcome: 'stored' })
      expect(await t.store.interaction(answer.interaction_id)).toMatchObject({
        sub_type: 'InboundCustomerReply',
        parent_id: first.interaction_id,
        thread_id: first.interaction_id,
        activity_id: 1002,
      })
      const { messages } = await t.store.thread(first.thread_id, ADA)
      expect(messages.map((message) => message.interaction.interaction_id)).toEqual([
        first.interaction_id,
        answer.interaction_id,
      ])
    })

    it('goes to the workbin of the agent who holds its thread, unread', async () => {
      const first = await one({ message_id: 'first@mail.test' })
      await t.store.accept([first.thread_id], ADA)
      await t.store.setRead([first.thread_id], true, ADA)
      await one({ references: ['first@mail.test'] })
      expect(await t.store.thread(first.thread_id, ADA)).toMatchObject({
        place: { kind: 'workbin', workbin: 'in-progress', owner_id: ADA },
        status: 2,
        messages: [{ unread: false }, { unread: true, interaction: { status: 2, owner_id: ADA } }],
      })
      expect((await t.store.counts(ADA)).inProgress).toEqual({
        mine: { total: 1, unread: 1 },
        team: { total: 1, unread: 1 },
      })
    })

    it('stays in the queue that its thread was moved to', async () => {
      const support = await t.store.saveQueue(null, 'Support')
      const billing = await t.store.saveQueue(null, 'Billing')
      const first = await one({ message_id: 'first@mail.test' }, { queue_id: support.id })
      await t.store.moveToQueue([first.thread_id], billing.id, ADA)
      await one({ references: ['first@mail.test'] }, { queue_id: support.id })
      expect((await t.store.thread(first.thread_id, ADA)).place).toEqual({
        kind: 'queue',
        queue_id: billing.id,
      })
    })

    it('reopens a Done thread as New in the queue that it had last, wherever the answer came in', async () => {
      const support = await t.store.saveQueue(null, 'Support')
      const billing = await t.store.saveQueue(null, 'Billing')
      const first = await one({ message_id: 'first@mail.test' }, { queue_id: billing.id })
      const place = async () => {
        const { status, place } = await t.store.thread(first.thread_id, ADA)
        return { status, ...place }
      }
      await t.store.markDone([first.thread_id], null, ADA)
      expect(await place()).toEqual({ status: 3, kind: 'done' })
      await one({ references: ['first@mail.test'] })
      expect(await place()).toEqual({ status: 0, kind: 'queue', queue_id: billing.id })
      await t.store.markDone([first.thread_id], null, ADA)
      await one({ references: ['first@mail.test'] }, { queue_id: support.id })
      expect(await place()).toEqual({ status: 0, kind: 'queue', queue_id: billing.id })
    })

    it('brings two threads together when their common parent arrives late', async () => {
      const left = await one({ message_id: 'left@mail.test', references: ['root@mail.test'] })
      const right = await one(
        { message_id: 'right@mail.test', references: ['middle@mail.test'], subject: 'Re: Where?' },
        { received: START + MINUTE, udata: { plan: 'gold' } },
      )
      expect(right.thread_id).not.toBe(left.thread_id)
      await t.store.accept([left.thread_id], ADA)
      const draft = await t.store.createDraft({
        kind: 'reply',
        owner_id: ADA,
        thread_id: right.thread_id,
        parent_id: right.interaction_id,
        content: {
          account_id: null,
          to: [],
          cc: [],
          bcc: [],
          subject: '',
          format: 'plain',
          html: '',
          text: '',
          quote: null,
          standard_response_ids: [],
        },
        attachments: [],
      })

      const middle = await one(
        { message_id: 'middle@mail.test', references: ['root@mail.test'] },
        { received: START - HOUR },
      )
      const merged = await t.store.thread(right.thread_id, ADA)
      expect(merged).toMatchObject({
        thread_id: left.thread_id,
        // The agent who works on one half has the whole.
        place: { kind: 'workbin', owner_id: ADA },
        udata: { plan: 'gold' },
        drafts: [{ id: draft.id }],
        messages: [
          { interaction: { interaction_id: middle.interaction_id } },
          { interaction: { interaction_id: left.interaction_id } },
          {
            interaction: { interaction_id: right.interaction_id, parent_id: middle.interaction_id },
            thread_reason: 'late-parent',
          },
        ],
      })
      expect(await t.store.counts(ADA)).toMatchObject({
        all: { total: 1 },
        inProgress: { mine: { total: 1 } },
      })

      // Ids of merged threads open the whole, and what answers either joins it.
      const root = await one({ message_id: 'root@mail.test' }, { received: START - 2 * HOUR })
      expect(root.thread_id).toBe(left.thread_id)
      const answer = await one({ references: ['right@mail.test'] })
      expect(answer.thread_id).toBe(left.thread_id)
    })

    it('never makes a circle of parents, however mails name each other', async () => {
      const a = await one({ message_id: 'a@mail.test', references: ['b@mail.test'] })
      const b = await one({ message_id: 'b@mail.test', references: ['a@mail.test'] })
      const parents = await Promise.all(
        [a, b].map(async (each) => (await t.store.interaction(each.interaction_id)).parent_id),
      )
      expect(parents).toEqual([undefined, a.interaction_id])
    })

    it('inherits the case data of its thread, and what comes with it wins', async () => {
      const first = await one({ message_id: 'first@mail.test' }, { udata: { plan: 'gold', order: 17 } })
      await one({ references: ['first@mail.test'] }, { udata: { order: 18 } })
      expect((await t.store.thread(first.thread_id, ADA)).udata).toEqual({ plan: 'gold', order: 18 })
    })

    it('from the Sent folder is Done, read, and of the first recipient who is not ours', async () => {
      const question = await one({ message_id: 'question@mail.test' })
      const [sent] = await t.store.ingest(
        [
          sentArrival(
            {
              references: ['question@mail.test'],
              to: [person('Support@Desk.test'), person('ann@customer.test', 'Ann Lee')],
              bcc: [person('boss@desk.test')],
            },
            { received: START + HOUR },
          ),
        ],
        null,
      )
      const contact = await t.store.contactByAddress('ann@customer.test')
      expect(await t.store.interaction(sent?.interaction_id ?? '')).toMatchObject({
        customer_id: contact?.id,
        thread_id: question.thread_id,
        entity_type: 1,
        type: 'Outbound',
        sub_type: 'OutboundReply',
        status: 3,
        stopped_reason: 'Sent',
        end_date: '2026-05-04T10:00:00.000Z',
        reference_id: 'question@mail.test',
        bcc: [{ address: 'boss@desk.test' }],
      })
      const [row] = (
        await t.store.listPage({ view: { kind: 'all' }, order: 'newest', after: null, limit: 5, agent: ADA })
      ).rows
      // Answered, so it doesn't wait; the customer stays the one who is named.
      expect(row).toMatchObject({
        waiting_since: null,
        outbound: true,
        correspondent: { address: 'ann@customer.test', personal: 'Ann Lee' },
      })
    })

    it('of a sender who can’t be read belongs to “Unknown sender” and shows what was written', async () => {
      const filed = await one({ from: null, from_as_written: 'undisclosed' })
      const { contact, messages } = await t.store.thread(filed.thread_id, ADA)
      expect(contact).toMatchObject({ name: 'Unknown sender', address: '' })
      expect(messages[0]).toMatchObject({ from_as_written: 'undisclosed' })
      const other = await one({ from: null })
      expect((await t.store.thread(other.thread_id, ADA)).contact?.id).toBe(contact?.id)
    })

    it('that is held back is an interaction all the same, counted and shown with its reason', async () => {
      const filed = await one({ held_back: 'It has more than 1,000 parts.', text: 'raw' })
      expect(filed.outcome).toBe('held-back')
      const page = await t.store.listPage({
        view: { kind: 'held-back' },
        order: 'newest',
        after: null,
        limit: 10,
        agent: ADA,
      })
      expect(page).toMatchObject({
        total: 1,
        rows: [{ kind: 'message', interaction_id: filed.interaction_id, held_back: true }],
      })
      expect((await t.store.thread(filed.thread_id, ADA)).messages[0]?.held_back).toBe(
        'It has more than 1,000 parts.',
      )
      const [again] = await t.store.ingest(
        [{ ...arrival(), mail: { ...parsedMail(), content_key: (await exportedKey()).content_key } }],
        null,
      )
      expect(again?.outcome).toBe('duplicate')

      async function exportedKey() {
        const raw = await t.store.rawMail(filed.interaction_id)
        return { content_key: raw?.sha256 ?? '' }
      }
    })

    it('keeps its order when more than a thousand arrive in one millisecond', async () => {
      for (let batch = 0; batch < 11; batch++)
        await t.store.ingest(
          Array.from({ length: 100 }, (_, i) => arrival({ subject: `mail ${batch * 100 + i}` })),
          null,
        )
      const { rows, total } = await t.store.listPage({
        view: { kind: 'all' },
        order: 'newest',
        after: null,
        limit: 3,
        agent: ADA,
      })
      expect(total).toBe(1100)
      expect(rows.map((row) => [row.subject, row.at])).toEqual([
        ['mail 1099', START],
        ['mail 1098', START],
        ['mail 1097', START],
      ])
    })

    it('of 1970, or of a date that can’t be, is listed like any other', async () => {
      await t.store.ingest(
        [arrival({ subject: 'epoch' }, { received: 0 }), arrival({ subject: 'before' }, { received: -5 })],
        null,
      )
      const { rows } = await t.store.listPage({
        view: { kind: 'all' },
        order: 'oldest',
        after: null,
        limit: 5,
        agent: ADA,
      })
      expect(rows.map((row) => [row.subject, row.at, row.waiting_since])).toEqual([
        ['epoch', 0, 0],
        ['before', 0, 0],
      ])
    })

    it('dated in the future keeps its date but not the top of the list', async () => {
      await one({ subject: 'from 2099' }, { received: Date.UTC(2099, 0, 1) })
      t.pass(MINUTE)
      await one({ subject: 'newer' }, { received: t.now() })
      const { rows } = await t.store.listPage({
        view: { kind: 'all' },
        order: 'newest',
        after: null,
        limit: 5,
        agent: ADA,
      })
      expect(rows.map((row) => row.subject)).toEqual(['newer', 'from 2099'])
      expect(rows[1]?.at).toBe(Date.UTC(2099, 0, 1))
    })

    it('takes a queue that was deleted meanwhile for the first queue, and makes one where there is none', async () => {
      const filed = await one({}, { queue_id: '019df237-3e80-74c3-a534-cb3153d0381b' })
      const [queue] = await t.store.queues()
      expect(queue?.name).toBe('Inbox')
      expect((await t.store.thread(filed.thread_id, ADA)).place).toEqual({
        kind: 'queue',
        queue_id: queue?.id,
      })
    })
  })
}
