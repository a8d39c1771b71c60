import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Status } from '../../../../src-main/contract/domain.ts'
import type {
  ApiInteraction,
  InteractionInput,
  InteractionPatch,
} from '../../../../src-main/store/api-store.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import {
  HOUR,
  MINUTE,
  type OpenStore,
  openTestStore,
  person,
  START,
  type TestStore,
} from '../../../support/open-store.ts'
import { interactionInput, NOW } from '../../../support/submissions.ts'

const BOB = 8

/** What another system may change of an interaction (contracts, interactions 2.2 and 2.3). */
export function changedInteractionCases(open: OpenStore): void {
  describe('interactions that other systems change', () => {
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
  })
}
