import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  ApiInteraction,
  InteractionInput,
  InteractionPatch,
} from '../../../../src-main/store/api-store.ts'
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
import { interactionInput, NOW, once, submission } from '../../../support/submissions.ts'

const BOB = 8

/** The data model as other systems read and write it (contracts, interactions). */
export function apiInteractionCases(open: OpenStore): void {
  describe('interactions of other systems', () => {
    let t: TestStore
    beforeEach(async () => {
      t = openTestStore(open)
      await t.store.saveQueue(null, 'Support')
      await t.store.rememberAgent(ADA, 'Ada Moss')
      t.pass(HOUR)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const create = async (special: Partial<InteractionInput> = {}) =>
      t.store.createInteraction(interactionInput(special), NOW)
    const change = async (id: string, patch: InteractionPatch) => t.store.updateInteraction(id, patch, NOW)
    const place = async (thread: string) => (await t.store.thread(thread, ADA)).place
    const iso = (at: number) => new Date(at).toISOString()

    it('are stored as they are described, and answered with what the desk adds', async () => {
      const made = await create({
        interaction_id: '00aabbccddeeff11',
        sub_type: 'InboundNew',
        external_id: 'x-1',
        creator_app_id: 17,
        allow_children: false,
        sent_date: START - MINUTE,
        timeshift: -120,
        category_id: 'billing',
        subject: 'Bill',
        text: 'Too much.',
        structured_text: 'https://files.test/1.html',
        structured_text_mime: 'text/html',
        binary_content: 'https://files.test/1.eml',
        binary_content_mime: 'message/rfc822',
        binary_content_size: 0,
        udata: { plan: { name: 'gold' } },
        from: person('ann@customer.test', 'Ann Lee'),
        reply_to: person('lee@customer.test'),
        to: [person('support@desk.test')],
        cc: [person('bob@customer.test')],
        bcc: [person('nobody@customer.test')],
        reference_id: 'not of inbound mail',
      })
      expect(made).toEqual({
        interaction_id: '00aabbccddeeff11',
        thread_id: '00aabbccddeeff11',
        customer_id: 'customer-1',
        status: 0,
        entity_type: 0,
        type: 'Inbound',
        sub_type: 'InboundNew',
        media_type: 'email',
        external_id: 'x-1',
        creator_app_id: 17,
        allow_children: false,
        start_date: iso(START),
        sent_date: iso(START - MINUTE),
        timeshift: -120,
        category_id: 'billing',
        subject: 'Bill',
        text: 'Too much.',
        structured_text: 'https://files.test/1.html',
        structured_text_mime: 'text/html',
        binary_content: 'https://files.test/1.eml',
        binary_content_mime: 'message/rfc822',
        binary_content_size: 0,
        udata: { plan: { name: 'gold' } },
        from: person('ann@customer.test', 'Ann Lee'),
        reply_to: person('lee@customer.test'),
        to: [person('support@desk.test')],
        cc: [person('bob@customer.test')],
        attachments: [],
        activity_id: 1001,
        message_id: null,
        queue: 'Support',
        holds: { structured_text: false, binary_content: null },
      })
      expect(await t.store.apiInteraction(made.interaction_id)).toEqual(made)
      expect(await t.store.thread(made.thread_id, ADA)).toMatchObject({
        place: { kind: 'queue' },
        messages: [{ unread: true, came_by_api: 'api:interactions' }],
      })
      const found = await t.store.search({ query: 'udata.plan:gold', after: null, limit: 9, agent: ADA })
      expect(found.rows).toHaveLength(1)
    })

    it('name a contact of their own, which later mail of the address belongs to', async () => {
      expect(await t.store.hasContact('customer-1')).toBe(false)
      await create({ from: person('ann@customer.test', 'Ann Lee') })
      expect(await t.store.hasContact('customer-1')).toBe(true)
      expect(await t.store.contact('customer-1')).toMatchObject({
        name: 'Ann Lee',
        addresses: ['ann@customer.test'],
      })
      const { interaction_id } = await t.store.receive(submission(), NOW)
      expect(await t.store.interaction(interaction_id)).toMatchObject({ customer_id: 'customer-1' })
      // An address that somebody has stays there; outbound ones are known by whom they went to.
      await create({ customer_id: 'customer-2', from: person('ann@customer.test') })
      expect(await t.store.contact('customer-2')).toMatchObject({ addresses: [] })
      await create({
        customer_id: 'customer-3',
        entity_type: 1,
        type: 'Outbound',
        status: 3,
        from: person('support@desk.test'),
        to: [person('carl@customer.test')],
      })
      expect(await t.store.contact('customer-3')).toMatchObject({ addresses: ['carl@customer.test'] })
    })

    it('of any year are listed and exported', async () => {
      const dates = ['0000-01-01T00:00:00.000Z', '1923-05-01T10:00:00.000Z', '9999-12-31T23:59:59.999Z']
      for (const date of dates) await create({ start_date: Date.parse(date) })
      const listed = await t.store.apiInteractions({}, { index: 0, count: 9 })
      expect(listed.map(({ start_date }) => start_date)).toEqual(dates.toReversed())
      const exported: string[] = []
      let after: string | null = null
      do {
        const page = await t.store.exportPage(after, 1)
        exported.push(...page.interactions.map(({ start_date }) => start_date))
        after = page.next
      } while (after !== null)
      expect(exported).toEqual(dates)
    })

    it('take an id that is free, and are refused with one that is taken', async () => {
      const { interaction_id } = await create()
      await expect(create({ interaction_id })).rejects.toMatchObject({ code: 'conflict' })
      expect((await t.store.check()).interactions).toBe(1)
    })

    it('stand in the thread that they name, else in their parent’s', async () => {
      const root = await create()
      const child = await create({ parent_id: root.interaction_id })
      const named = await create({ thread_id: root.thread_id })
      const own = await create({
        interaction_id: '00aabbccddeeff11',
        thread_id: '00aabbccddeeff11',
        parent_id: root.interaction_id,
      })
      expect([child, named, own].map((each) => each.thread_id)).toEqual([
        root.thread_id,
        root.thread_id,
        '00aabbccddeeff11',
      ])
      expect(child.parent_id).toBe(root.interaction_id)
      await expect(create({ parent_id: 'ffffffffffffffff' })).rejects.toMatchObject({
        code: 'invalid',
        detail: { member: 'parent_id' },
      })
      await expect(create({ thread_id: 'ffffffffffffffff' })).rejects.toMatchObject({
        code: 'invalid',
        detail: { member: 'thread_id' },
      })
    })

    it.each([
      ['New', { status: 0 }, { kind: 'queue' }, 0],
      ['Pending', { status: 1 }, { kind: 'queue' }, 1],
      ['In Progress with an owner', { status: 2, owner_id: BOB }, { kind: 'workbin', owner_id: BOB }, 2],
      ['In Progress without', { status: 2 }, { kind: 'queue' }, 2],
      ['stopped', { status: 3, stopped_reason: 'Spam' }, { kind: 'done' }, 3],
    ] as const)('that are %s lie where such work lies', async (_, given, expected, status) => {
      const made = await create(given)
      expect(await place(made.thread_id)).toMatchObject(expected)
      expect(made).toMatchObject({ ...given, status })
      // An end belongs to what is stopped, and is now where none is told.
      expect(made.end_date).toBe(status === 3 ? iso(t.now()) : undefined)
    })

    it('that join a thread somebody holds come to the holder', async () => {
      const root = await create()
      await t.store.accept([root.thread_id], ADA)
      const joined = await create({ thread_id: root.thread_id })
      expect(joined).toMatchObject({ status: 2, owner_id: ADA })
      expect(await place(root.thread_id)).toEqual({ kind: 'workbin', workbin: 'in-progress', owner_id: ADA })
    })

    it('can’t end before they start, nor carry more user data than fits', async () => {
      for (const given of [{ status: 3, end_date: START - 1 }, { udata: { a: 'x'.repeat(65_536) } }] as const)
        await expect(create(given)).rejects.toMatchObject({ code: 'invalid' })
      expect(await create({ status: 3, end_date: START })).toMatchObject({ end_date: iso(START) })
    })

    it('are made once under an Idempotency-Key, with the same answer whatever happened since', async () => {
      const first = await t.store.createInteraction(interactionInput(), once('k'))
      await change(first.interaction_id, { subject: 'Changed' })
      expect(await t.store.createInteraction(interactionInput(), once('k'))).toEqual(first)
      expect((await t.store.check()).interactions).toBe(1)
    })

    it('that hold bytes say so', async () => {
      const raw = { sha256: hash('raw'), size: 1000 }
      const [mail] = await t.store.ingest(
        [arrival({ raw, html: '<p>Hi</p>', message_id: 'm@mail.test' })],
        null,
      )
      expect(await t.store.apiInteraction(mail?.interaction_id ?? '')).toMatchObject({
        message_id: 'm@mail.test',
        holds: { structured_text: true, binary_content: raw },
      })
      await expect(t.store.apiInteraction('ffffffffffffffff')).rejects.toMatchObject({ code: 'not-found' })
    })

    describe('are paged', () => {
      const ids = async (
        filter: Parameters<TestStore['store']['apiInteractions']>[0],
        page = { index: 0, count: 50 },
      ) => (await t.store.apiInteractions(filter, page)).map((each) => each.interaction_id)

      it('newest start_date first, then by id; filters combine', async () => {
        const made: ApiInteraction[] = []
        for (const [at, special] of [
          [1, {}],
          [3, { entity_type: 1, type: 'Outbound', status: 3 }],
          [2, { status: 3 }],
          [3, { customer_id: 'other' }],
          [3, { entity_type: 7, media_type: 'chat', status: 1 }],
        ] as const)
          made.push(await create({ ...special, start_date: START + at * MINUTE }))
        const expected = (keep: (each: ApiInteraction) => boolean) =>
          made
            .filter(keep)
            .sort((a, b) =>
              a.start_date === b.start_date
                ? a.interaction_id < b.interaction_id
                  ? -1
                  : 1
                : a.start_date > b.start_date
                  ? -1
                  : 1,
            )
            .map((each) => each.interaction_id)
        expect(await ids({})).toEqual(expected(() => true))
        expect(await ids({ customer_id: 'customer-1' })).toEqual(
          expected((each) => each.customer_id === 'customer-1'),
        )
        expect(await ids({ status: 3 })).toEqual(expected((each) => each.status === 3))
        expect(await ids({ entity_type: 0 })).toEqual(expected((each) => each.entity_type === 0))
        expect(await ids({ entity_type: 7, status: 1 })).toEqual([made[4]?.interaction_id])
        expect(await ids({ entity_type: 7, status: 0 })).toEqual([])
        expect(await ids({ status: 3, entity_type: 0, customer_id: 'customer-1' })).toEqual([
          made[2]?.interaction_id,
        ])
        expect(await ids({ thread_id: made[0]?.thread_id ?? '' })).toEqual([made[0]?.interaction_id])
        expect(await ids({ thread_id: 'ffffffffffffffff' })).toEqual([])
        const all = await ids({})
        expect(await ids({}, { index: 1, count: 2 })).toEqual(all.slice(1, 3))
        expect(await ids({}, { index: 5, count: 2 })).toEqual([])
        expect(await ids({}, { index: 0, count: 0 })).toEqual([])
      })

      it('at most 200 at once', async () => {
        await Promise.all(Array.from({ length: 205 }, async () => create()))
        expect(await ids({}, { index: 0, count: 500 })).toHaveLength(200)
        expect(await ids({}, { index: 200, count: 500 })).toHaveLength(5)
      })
    })

    it('are known by their activity id, too', async () => {
      const made = await create({ start_date: START - DAY })
      const known = { activity_id: 1001, interaction: { interaction_id: made.interaction_id } }
      expect(await t.store.answeredActivity('1001')).toMatchObject(known)
      expect(await t.store.answeredActivity(made.interaction_id)).toMatchObject(known)
      for (const id of ['1002', '01001', '1001.0', '-1', '', 'ffffffffffffffff', '9999999999999999999'])
        expect(await t.store.answeredActivity(id)).toBeNull()
    })
  })
}
