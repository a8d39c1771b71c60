import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Changes } from '../../../../src-main/contract/core.ts'
import type { Queue } from '../../../../src-main/contract/domain.ts'
import { ADA } from '../../../support/drafting.ts'
import {
  arrival,
  DAY,
  hash,
  HOUR,
  MINUTE,
  type OpenStore,
  openTestStore,
  person,
  START,
  type TestStore,
} from '../../../support/open-store.ts'
import { attached, conversation, NOW, once, submission } from '../../../support/submissions.ts'

/** Mail that comes as fields through the served APIs. */
export function receivedCases(open: OpenStore): void {
  describe('mail by the APIs', () => {
    let t: TestStore
    let support: Queue
    let sales: Queue
    beforeEach(async () => {
      t = openTestStore(open)
      support = await t.store.saveQueue(null, 'Support')
      sales = await t.store.saveQueue(null, 'Sales')
      await t.store.rememberAgent(ADA, 'Ada Moss')
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const place = async (thread: string) => (await t.store.thread(thread, ADA)).place
    const count = async () => (await t.store.check()).interactions

    it('is an unread interaction of its customer, in its queue, with its files and user data', async () => {
      const received = await t.store.receive(
        submission({
          customer: { id: null, address: 'Ann@Customer.test', first_name: 'Ann', last_name: 'Lee' },
          from: person('Ann@Customer.test', 'Ann Lee'),
          udata: { order: '77' },
          text: 'When?\n\nOn 3 May 2026 at 10:02, Support <support@desk.test> wrote:\n> Soon.',
          attachments: [attached('bill.pdf')],
          queue_id: sales.id,
          external_id: 'theirs-1',
        }),
        NOW,
      )
      expect(received).toEqual({
        interaction_id: expect.stringMatching(/^[0-9A-Za-z]{16}$/),
        activity_id: 1001,
        thread_id: received.interaction_id,
        secure_mail_id: null,
        repeated: false,
      })
      const contact = await t.store.contactByAddress('ann@customer.test')
      expect(contact).toMatchObject({ first_name: 'Ann', last_name: 'Lee', addresses: ['Ann@Customer.test'] })
      const stored = await t.store.interaction(received.interaction_id)
      expect(stored).toMatchObject({
        customer_id: contact?.id,
        status: 0,
        entity_type: 0,
        type: 'Inbound',
        sub_type: 'InboundNew',
        media_type: 'email',
        external_id: 'theirs-1',
        start_date: new Date(START).toISOString(),
        sent_date: new Date(START).toISOString(),
        subject: 'Where is my order?',
        udata: { order: '77' },
        from: person('Ann@Customer.test', 'Ann Lee'),
        to: [person('support@desk.test')],
        folder: 'api:email/shop',
        thread_reason: 'new',
        queue: 'Sales',
        attachments: [{ name: 'bill.pdf', sha256: hash('bill.pdf'), contentType: 'application/pdf' }],
      })
      expect(await place(received.thread_id)).toEqual({ kind: 'queue', queue_id: sales.id })
      const { messages } = await t.store.thread(received.thread_id, ADA)
      expect(messages).toMatchObject([
        { unread: true, snippet: 'When?', secure: null, came_by_api: 'api:email/shop', folder: null },
      ])
      expect((await t.store.body(received.interaction_id)).quote_at).toBe(7)
      const found = await t.store.search({ query: 'udata.order:77 bill', after: null, limit: 9, agent: ADA })
      expect(found.rows.map((row) => row.interaction_id)).toEqual([received.interaction_id])
    })

    it('keeps every key of its user data apart from an object’s own', async () => {
      const udata: unknown = JSON.parse('{"__proto__":"a","constructor":"b"}')
      const { interaction_id } = await t.store.receive(
        submission({ udata: { ...(udata as Record<string, string>) } }),
        NOW,
      )
      const stored = await t.store.interaction(interaction_id)
      expect(Object.entries(stored.udata ?? {})).toEqual([
        ['__proto__', 'a'],
        ['constructor', 'b'],
      ])
    })

    it('of a desk without queues makes one, and without a queue that is there goes to the first', async () => {
      const { thread_id } = await t.store.receive(
        submission({ queue_id: '019df237-3e80-74c3-a534-cb3153d0381b' }),
        NOW,
      )
      expect(await place(thread_id)).toEqual({ kind: 'queue', queue_id: support.id })
    })

    it('keeps the text as it is, and has the words of HTML that came alone', async () => {
      const plain = await t.store.receive(submission({ text: '  a\r\n\r\n b ' }), NOW)
      expect((await t.store.body(plain.interaction_id)).text).toBe('  a\r\n\r\n b ')
      const html = await t.store.receive(submission({ text: '', html: '<p>Broken <b>pump</b></p>' }), NOW)
      expect(await t.store.body(html.interaction_id)).toMatchObject({
        text: 'Broken pump',
        html: '<p>Broken <b>pump</b></p>',
      })
    })

    it('names a contact that has no name, and never renames one', async () => {
      const customer = { id: null, address: 'ann@customer.test', first_name: 'Ann', last_name: 'Lee' }
      await t.store.receive(submission(), NOW)
      const contact = async () => t.store.contactByAddress('ann@customer.test')
      expect(await contact()).toMatchObject({ first_name: '', last_name: '' })
      await t.store.receive(submission({ customer }), NOW)
      expect(await contact()).toMatchObject({ first_name: 'Ann', last_name: 'Lee' })
      expect(await t.store.completeContacts('lee', 5)).toMatchObject([{ address: 'ann@customer.test' }])
      await t.store.receive(submission({ customer: { ...customer, first_name: 'Eve' } }), NOW)
      expect(await contact()).toMatchObject({ first_name: 'Ann', last_name: 'Lee' })
    })

    it('tells the desk what it touched, after it is stored', async () => {
      const told: Changes[] = []
      t.store.onChanges((changes) => told.push(changes))
      const { thread_id } = await t.store.receive(submission(), NOW)
      expect(told).toMatchObject([{ threads: [thread_id], lists: true }])
    })

    it('of our own side was sent: it is Done and waits for nobody', async () => {
      const { interaction_id, thread_id } = await t.store.receive(
        submission({
          direction: 'out',
          customer: { id: null, address: 'ann@customer.test', first_name: '', last_name: '' },
          from: person('agent@elsewhere.test'),
          to: [person('ann@customer.test', 'Ann Lee')],
          bcc: [person('boss@elsewhere.test')],
          came_by: 'api:contacts',
        }),
        NOW,
      )
      expect(await t.store.interaction(interaction_id)).toMatchObject({
        customer_id: (await t.store.contactByAddress('ann@customer.test'))?.id,
        status: 3,
        entity_type: 1,
        type: 'Outbound',
        sub_type: 'OutboundNew',
        stopped_reason: 'Sent',
        end_date: new Date(START).toISOString(),
        bcc: [person('boss@elsewhere.test')],
      })
      expect(await place(thread_id)).toEqual({ kind: 'done' })
    })

    describe('as an answer', () => {
      const answer = (parent_id: string) => submission({ thread: { kind: 'answer', parent_id } })

      it('goes to the agent who holds its thread, and leaves the answered message alone', async () => {
        const [first] = await t.store.ingest([arrival({}, { udata: { plan: 'gold' } })], null)
        const thread = first?.thread_id ?? ''
        await t.store.accept([thread], ADA)
        const before = await t.store.interaction(thread)
        const received = await t.store.receive(answer(thread), NOW)
        expect(received.thread_id).toBe(thread)
        expect(await t.store.interaction(received.interaction_id)).toMatchObject({
          status: 2,
          owner_id: ADA,
          parent_id: thread,
          sub_type: 'InboundCustomerReply',
          thread_reason: 'conversation',
          udata: { plan: 'gold' },
        })
        expect(await place(thread)).toEqual({ kind: 'workbin', workbin: 'in-progress', owner_id: ADA })
        expect(await t.store.interaction(thread)).toEqual(before)
      })

      it('reopens a thread that was done, in the queue that it had', async () => {
        const { thread_id } = await t.store.receive(submission({ queue_id: sales.id }), NOW)
        await t.store.markDone([thread_id], null, ADA)
        await t.store.receive(answer(thread_id), NOW)
        expect(await place(thread_id)).toEqual({ kind: 'queue', queue_id: sales.id })
      })

      it('is refused where what it answers is gone, and stores nothing', async () => {
        await expect(t.store.receive(answer('0VIdl77wpRAa4BGT'), NOW)).rejects.toMatchObject({
          code: 'invalid',
          detail: { parent: '0VIdl77wpRAa4BGT' },
        })
        expect(await count()).toBe(0)
        expect(await t.store.contactByAddress('ann@customer.test')).toBeNull()
      })
    })

    describe('of a conversation', () => {
      const message = (conv_id: string, special: Parameters<typeof conversation>[1] = {}) =>
        submission({ thread: conversation(conv_id, special), came_by: 'api:contacts' })

      it('stands in one thread, whatever the case of its id, and apart from other categories', async () => {
        const first = await t.store.receive(message('AB-1'), NOW)
        const second = await t.store.receive(message('Ab-1'), NOW)
        const other = await t.store.receive(message('ab-1', { cat: 'chat' }), NOW)
        expect([second.thread_id, other.thread_id]).toEqual([first.thread_id, other.interaction_id])
        const { messages } = await t.store.thread(first.thread_id, ADA)
        expect(messages.map((each) => [each.interaction.sub_type, each.thread_reason])).toEqual([
          ['InboundNew', 'new'],
          ['InboundCustomerReply', 'conversation'],
        ])
      })

      it('follows its thread where that was merged into another one', async () => {
        const first = await t.store.receive(message('ab-1'), NOW)
        const other = await t.store.receive(submission(), NOW)
        // Moved by whoever feeds the store: its thread held nothing else, so the two become one.
        await t.store.updateInteraction(first.interaction_id, { thread_id: other.thread_id }, NOW)
        const second = await t.store.receive(message('ab-1'), NOW)
        expect(second.thread_id).toBe(other.thread_id)
      })

      it('uses at most 50 metadata keys for each tenant, org and category, over all requests', async () => {
        const keys = Array.from({ length: 50 }, (_, i) => `key-${i}`)
        await t.store.receive(message('a', { metadata: keys.slice(0, 30) }), NOW)
        await t.store.receive(message('b', { metadata: keys }), NOW)
        const over = t.store.receive(message('c', { metadata: ['key-3', 'fresh'] }), NOW)
        await expect(over).rejects.toMatchObject({
          code: 'invalid',
          detail: { metadataKeys: true, keys: ['fresh'] },
        })
        expect(await count()).toBe(2)
        // What was refused left no key behind, and another category has keys of its own.
        await t.store.receive(message('d', { metadata: keys }), NOW)
        await t.store.receive(message('e', { metadata: ['fresh'], cat: 'chat' }), NOW)
        expect(await count()).toBe(4)
      })

      it('that comes again exactly is stored once, also in the same commit', async () => {
        const asked = { ...message('a'), fingerprint: hash('a') }
        const [first, again] = await Promise.all([t.store.receive(asked, NOW), t.store.receive(asked, NOW)])
        expect(again).toEqual({ ...first, repeated: true })
        await t.reopen()
        expect(await t.store.receive(asked, NOW)).toEqual({ ...first, repeated: true })
        expect(await count()).toBe(1)
      })
    })

    describe('under an Idempotency-Key', () => {
      it('gets the same answer again, and is stored once', async () => {
        const first = await t.store.receive(submission(), once('k'))
        t.pass(HOUR)
        expect(await t.store.receive(submission(), once('k'))).toEqual({ ...first, repeated: true })
        expect(await count()).toBe(1)
      })

      it('with another payload is refused; another caller’s same key is another key', async () => {
        await t.store.receive(submission(), once('k'))
        await expect(t.store.receive(submission(), once('k', 'other'))).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringContaining('“k”'),
        })
        await t.store.receive(submission(), once('k', 'payload', 'securemail:key-2'))
        expect(await count()).toBe(2)
      })

      it('that was refused is free for the next try', async () => {
        const gone = submission({ thread: { kind: 'answer', parent_id: '0VIdl77wpRAa4BGT' } })
        await expect(t.store.receive(gone, once('k'))).rejects.toMatchObject({ code: 'invalid' })
        expect(await t.store.receive(submission(), once('k', 'other'))).toMatchObject({ repeated: false })
      })

      it('is kept for 24 hours', async () => {
        const first = await t.store.receive(submission(), once('k'))
        t.pass(DAY)
        expect(await t.store.receive(submission(), once('k'))).toEqual({ ...first, repeated: true })
        t.pass(1)
        expect(await t.store.receive(submission(), once('k', 'other'))).toMatchObject({ repeated: false })
        expect(await count()).toBe(2)
      })
    })

    it('that nobody waits for any more stores nothing', async () => {
      const given = t.store.receive(submission({ fingerprint: hash('x') }), {
        ...once('k'),
        mayBegin: () => false,
      })
      await expect(given).rejects.toMatchObject({ code: 'busy' })
      expect(await count()).toBe(0)
      // Neither its key nor its fingerprint is used.
      expect(await t.store.receive(submission({ fingerprint: hash('x') }), once('k', 'other'))).toMatchObject(
        { repeated: false },
      )
    })

    it('of many callers at once is stored in few commits; what one is refused for touches no other', async () => {
      const told: Changes[] = []
      t.store.onChanges((changes) => told.push(changes))
      const given = await Promise.allSettled(
        Array.from({ length: 150 }, async (_, i) =>
          t.store.receive(
            i % 10 === 3
              ? submission({ thread: { kind: 'answer', parent_id: '0VIdl77wpRAa4BGT' } })
              : submission({ from: person(`customer${i}@x.test`) }),
            i % 10 === 7 ? { once: null, mayBegin: () => false } : NOW,
          ),
        ),
      )
      const codes = given.map((each) => (each.status === 'fulfilled' ? 'stored' : codeOf(each.reason)))
      expect(codes).toEqual(
        codes.map((_, i) => (i % 10 === 7 ? 'busy' : i % 10 === 3 ? 'invalid' : 'stored')),
      )
      expect(await count()).toBe(120)
      expect(told).toHaveLength(3)
      expect(await t.store.contactByAddress('customer7@x.test')).toBeNull()
    })

    it('of a customer whom the settings name belongs to the id given there', async () => {
      const customer = { id: 'C-7', address: 'ann@customer.test', first_name: '', last_name: '' }
      const before = await t.store.receive(submission(), NOW)
      t.pass(MINUTE)
      const after = await t.store.receive(submission({ customer }), NOW)
      // Also what came before: it is the same customer.
      for (const { interaction_id } of [before, after])
        expect(await t.store.interaction(interaction_id)).toMatchObject({ customer_id: 'C-7' })
      expect(await t.store.contact('C-7')).toMatchObject({ addresses: ['ann@customer.test'], threads: 2 })
    })
  })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
