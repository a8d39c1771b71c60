import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Status } from '../../../../src-main/contract/domain.ts'
import type {
  ApiInteraction,
  InteractionInput,
  InteractionPatch,
} from '../../../../src-main/store/api-store.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
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
    /** History as key (or what) → [before, after]. */
    const history = async (id: string) =>
      (await t.store.history(id)).map(({ what, agent_name, key, before, after }) => ({
        what: `${agent_name}: ${what}`,
        key,
        before,
        after,
      }))

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

    const moves: readonly (readonly [Status, Status, boolean])[] = ([0, 1, 2, 3] as const).flatMap((from) =>
      ([0, 1, 2, 3] as const).map((to) => {
        const allowed = { 0: [0, 1, 2, 3], 1: [0, 1, 2, 3], 2: [1, 2, 3], 3: [3] }[from]
        return [from, to, allowed.includes(to)] as const
      }),
    )
    it.each(moves)('go from status %i to %i: %s', async (from, to, allowed) => {
      const { interaction_id, thread_id, ...made } = await create({ status: from, owner_id: ADA })
      const moved = change(interaction_id, { status: to })
      if (!allowed) {
        await expect(moved).rejects.toMatchObject({
          code: 'conflict',
          detail: { member: 'status', from, to },
        })
        expect(await t.store.apiInteraction(interaction_id)).toMatchObject(made)
        return
      }
      expect(await moved).toMatchObject({ status: to })
      expect(await place(thread_id)).toMatchObject({
        kind: to === 3 ? 'done' : to === 2 ? 'workbin' : 'queue',
      })
    })

    it('stopped end now; whoever had them keeps them, and their queue is left', async () => {
      const { interaction_id, thread_id } = await create({ status: 2, owner_id: ADA })
      t.pass(MINUTE)
      const stopped = await change(interaction_id, { status: 3, stopped_reason: 'Handled elsewhere' })
      expect(stopped).toMatchObject({
        status: 3,
        owner_id: ADA,
        stopped_reason: 'Handled elsewhere',
        end_date: iso(t.now()),
      })
      expect(await place(thread_id)).toEqual({ kind: 'done' })
      t.pass(MINUTE)
      // 3 to 3 is no change; other members still may be.
      expect(await change(interaction_id, { status: 3, category_id: 'late' })).toEqual({
        ...stopped,
        category_id: 'late',
      })
    })

    it('pass from one agent’s workbin to another’s, and back to the queue', async () => {
      const { interaction_id, thread_id } = await create({ status: 2, owner_id: ADA })
      await t.store.moveToWorkbin([thread_id], 'review', ADA)
      await change(interaction_id, { subject: 'Still reviewed' })
      expect(await place(thread_id)).toMatchObject({ workbin: 'review', owner_id: ADA })
      await change(interaction_id, { owner_id: BOB })
      expect(await place(thread_id)).toEqual({ kind: 'workbin', workbin: 'in-progress', owner_id: BOB })
      expect(await t.store.counts(BOB)).toMatchObject({
        inProgress: { mine: { total: 1 }, team: { total: 1 } },
      })
      expect(await change(interaction_id, { status: 1 })).not.toHaveProperty('owner_id')
      expect(await place(thread_id)).toMatchObject({ kind: 'queue' })
    })

    it('change member by member, with search, people and history in step', async () => {
      const made = await create({
        subject: 'Bill',
        text: 'Too much.',
        udata: { plan: 'gold', old: 1 },
        from: person('ann@customer.test'),
        timeshift: 60,
      })
      const changed = await change(made.interaction_id, {
        subject: 'Invoice',
        text: 'Far too much.',
        udata: { plan: 'silver' },
        from: person('lee@customer.test', 'Lee'),
        timeshift: null,
        external_id: 'x-2',
        customer_id: 'customer-9',
      })
      const { timeshift: _, ...kept } = made
      expect(changed).toEqual({
        ...kept,
        subject: 'Invoice',
        text: 'Far too much.',
        udata: { plan: 'silver' },
        from: person('lee@customer.test', 'Lee'),
        external_id: 'x-2',
        customer_id: 'customer-9',
      })
      const find = async (query: string) =>
        (await t.store.search({ query, after: null, limit: 9, agent: ADA })).rows.length
      expect(await Promise.all(['bill', 'ann@customer.test', 'gold'].map(find))).toEqual([0, 0, 0])
      expect(await Promise.all(['invoice', 'from:lee', 'silver', 'far'].map(find))).toEqual([1, 1, 1, 1])
      expect(await t.store.contact('customer-9')).toMatchObject({ threads: 1 })
      const by = 'Another system: api'
      expect(await history(made.interaction_id)).toEqual([
        { what: by, key: 'text', before: 'Too much.', after: 'Far too much.' },
        { what: by, key: 'customer_id', before: 'customer-1', after: 'customer-9' },
        { what: by, key: 'timeshift', before: 60, after: null },
        { what: by, key: 'subject', before: 'Bill', after: 'Invoice' },
        {
          what: by,
          key: 'from',
          before: { address: 'ann@customer.test' },
          after: { address: 'lee@customer.test', personal: 'Lee' },
        },
        { what: by, key: 'udata.plan', before: 'gold', after: 'silver' },
        { what: by, key: 'udata.old', before: 1, after: null },
        { what: by, key: 'external_id', before: null, after: 'x-2' },
      ])
    })

    it('show an agent who moved them, and refuse the undo of what was moved since', async () => {
      const { interaction_id, thread_id } = await create()
      const { undo_id } = await t.store.accept([thread_id], ADA)
      await change(interaction_id, { status: 3, stopped_reason: 'Elsewhere' })
      expect((await history(interaction_id)).at(-1)).toEqual({
        what: 'Another system: api',
        key: null,
        before: { status: 2, owner_id: ADA, workbin: 'in-progress' },
        after: { status: 3, owner_id: ADA, stopped_reason: 'Elsewhere' },
      })
      await expect(t.store.undo(undo_id ?? '', ADA)).rejects.toMatchObject({ code: 'conflict' })
    })

    it('change nothing where nothing is asked', async () => {
      const made = await create({ udata: { a: 1 }, to: [person('support@desk.test')] })
      expect(await change(made.interaction_id, {})).toEqual(made)
      expect(
        await change(made.interaction_id, { udata: { a: 1 }, to: [person('support@desk.test')], status: 0 }),
      ).toEqual(made)
      expect(await t.store.history(made.interaction_id)).toEqual([])
    })

    it.each([
      ['a parent that is not there', { parent_id: 'ffffffffffffffff' }, 'parent_id'],
      ['a thread that is not there', { thread_id: 'ffffffffffffffff' }, 'thread_id'],
      ['no customer', { customer_id: null }, 'customer_id'],
      ['half a link', { structured_text: 'https://files.test/1' }, 'structured_text_mime'],
      [
        'a link without its size',
        { binary_content: 'https://x.test', binary_content_mime: 'a/b' },
        'binary_content_size',
      ],
      ['an end before the start', { end_date: START - 1 }, 'end_date'],
      ['a reason while it is open', { stopped_reason: 'Why' }, 'stopped_reason'],
    ] as const)('are not given %s', async (_, patch, member) => {
      const made = await create()
      await expect(change(made.interaction_id, patch)).rejects.toMatchObject({
        code: 'invalid',
        detail: { member },
      })
      expect(await t.store.apiInteraction(made.interaction_id)).toEqual(made)
    })

    it('take no children where they say so', async () => {
      const closed = await create({ allow_children: false })
      const refusal = { code: 'conflict', detail: { member: 'parent_id' } }
      const parent_id = closed.interaction_id
      await expect(create({ parent_id })).rejects.toMatchObject(refusal)
      const other = await create()
      await expect(change(other.interaction_id, { parent_id })).rejects.toMatchObject(refusal)
      await change(parent_id, { allow_children: true })
      const child = await create({ parent_id })
      await change(parent_id, { allow_children: false })
      // A child that it has stays one.
      expect(await change(child.interaction_id, { parent_id, subject: 'Kept' })).toMatchObject({ parent_id })
    })

    it('never become their own ancestor', async () => {
      const root = await create()
      const child = await create({ parent_id: root.interaction_id })
      for (const parent_id of [root.interaction_id, child.interaction_id])
        await expect(change(root.interaction_id, { parent_id })).rejects.toMatchObject({
          code: 'invalid',
          detail: { member: 'parent_id' },
        })
    })

    it('move to another thread; the id of one that is left empty opens that', async () => {
      const [first, second, third] = [await create(), await create(), await create()]
      await change(second.interaction_id, { thread_id: first.thread_id })
      expect((await t.store.thread(second.thread_id, ADA)).thread_id).toBe(first.thread_id)
      await change(second.interaction_id, { thread_id: third.thread_id })
      const threadOf = async ({ interaction_id }: ApiInteraction) =>
        (await t.store.apiInteraction(interaction_id)).thread_id
      expect(await threadOf(second)).toBe(third.thread_id)
      const { messages } = await t.store.thread(third.thread_id, ADA)
      expect(messages.map(({ thread_reason }) => thread_reason)).toEqual(['moved', 'new'])
      expect((await t.store.thread(first.thread_id, ADA)).messages).toHaveLength(1)
    })

    it('leave a mail that is on its way out to the outbox', async () => {
      const draft = await t.store.createDraft(newDraft())
      const { interaction_id, outbox_id } = await t.store.enqueue(newSend(draft))
      await expect(change(interaction_id, { status: 3 })).rejects.toMatchObject({ code: 'conflict' })
      expect(await change(interaction_id, { category_id: 'late' })).toMatchObject({ category_id: 'late' })
      await t.store.undoSend(outbox_id)
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
