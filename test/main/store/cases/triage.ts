import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Disposition, Queue, ThreadId } from '../../../../src-main/contract/domain.ts'
import {
  arrival,
  DAY,
  MINUTE,
  type OpenStore,
  openTestStore,
  sentArrival,
  START,
  type TestStore,
} from '../../../support/open-store.ts'

const ADA = 7
const BOB = 8

export function triageCases(open: OpenStore): void {
  describe('triage', () => {
    let t: TestStore
    let support: Queue
    let billing: Queue
    let solved: Disposition
    beforeEach(async () => {
      t = openTestStore(open)
      support = await t.store.saveQueue(null, 'Support')
      billing = await t.store.saveQueue(null, 'Billing')
      solved = await t.store.saveDisposition(null, 'Solved')
      await t.store.setOwnAddresses(['support@desk.test'])
      await t.store.rememberAgent(ADA, 'Ada Moss')
      await t.store.rememberAgent(BOB, 'Bob Ray')
      t.pass(DAY)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    async function thread(
      subject = 'Where is my order?',
      message = `${subject}@mail.test`,
    ): Promise<ThreadId> {
      const [filed] = await t.store.ingest(
        [arrival({ subject, message_id: message }, { queue_id: support.id })],
        null,
      )
      return filed?.thread_id ?? ''
    }
    async function state(id: ThreadId, agent = ADA) {
      const { place, status, owner_id, actions } = await t.store.thread(id, agent)
      return { place, status, owner_id, actions }
    }
    const inSupport = () => ({ kind: 'queue', queue_id: support.id }) as const
    const held = (by: number, workbin = 'in-progress') =>
      ({ kind: 'workbin', workbin, owner_id: by }) as const

    it('accepting makes a thread mine, In Progress, and takes it out of its queue', async () => {
      const id = await thread()
      expect(await state(id)).toMatchObject({ place: inSupport(), status: 0, owner_id: null })
      const { undo_id } = await t.store.accept([id], ADA)
      expect(undo_id).not.toBeNull()
      expect(await state(id)).toEqual({
        place: held(ADA),
        status: 2,
        owner_id: ADA,
        actions: [
          'release',
          'move',
          'mark-done',
          'reply',
          'reply-all',
          'forward',
          'mark-unread',
          'edit-user-data',
        ],
      })
      expect(await t.store.counts(ADA)).toMatchObject({
        queues: [
          { name: 'Support', total: 0, unread: 0 },
          { name: 'Billing', total: 0, unread: 0 },
        ],
        inProgress: { mine: { total: 1, unread: 1 }, team: { total: 1, unread: 1 } },
      })
      expect((await t.store.counts(BOB)).inProgress).toEqual({
        mine: { total: 0, unread: 0 },
        team: { total: 1, unread: 1 },
      })
      // Mine already: nothing happens, and there is nothing to undo.
      expect(await t.store.accept([id], ADA)).toEqual({ undo_id: null })
    })

    it('a thread that somebody else holds can’t be accepted, and the refusal names the holder', async () => {
      const free = await thread('Free')
      const taken = await thread('Taken')
      await t.store.accept([taken], BOB)
      await expect(t.store.accept([free, taken], ADA)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('“Taken” is held by Bob Ray'),
      })
      // All or nothing.
      expect(await state(free)).toMatchObject({ place: inSupport(), owner_id: null })
      for (const command of [
        t.store.release([taken], ADA),
        t.store.markDone([taken], null, ADA),
        t.store.moveToWorkbin([taken], 'review', ADA),
      ])
        await expect(command).rejects.toMatchObject({ code: 'conflict' })
      expect((await state(taken)).actions).toEqual(['move', 'forward', 'mark-unread', 'edit-user-data'])
      // The way to get at it is through its queue.
      await t.store.moveToQueue([taken], support.id, ADA)
      await t.store.accept([taken], ADA)
      expect(await state(taken)).toMatchObject({ place: held(ADA) })
    })

    it('releasing puts a thread back in its queue, Pending since it was in hand', async () => {
      const id = await thread()
      await t.store.accept([id], ADA)
      await t.store.release([id], ADA)
      expect(await state(id)).toMatchObject({ place: inSupport(), status: 1, owner_id: null })
      expect(await t.store.release([id], ADA)).toEqual({ undo_id: null })
    })

    it('a New thread that changes its queue stays New', async () => {
      const id = await thread()
      await t.store.moveToQueue([id], billing.id, ADA)
      expect(await state(id)).toMatchObject({ place: { kind: 'queue', queue_id: billing.id }, status: 0 })
      await expect(
        t.store.moveToQueue([id], '019df237-3e80-74c3-a534-cb3153d0381b', ADA),
      ).rejects.toMatchObject({ code: 'not-found' })
    })

    it('moving to a workbin makes a thread mine there', async () => {
      const id = await thread()
      await t.store.moveToWorkbin([id], 'review', ADA)
      expect(await state(id)).toMatchObject({ place: held(ADA, 'review'), status: 2 })
      expect((await t.store.counts(ADA)).review.mine.total).toBe(1)
    })

    it('Done keeps the owner, the disposition by its name at that time, and the moment', async () => {
      const id = await thread()
      await t.store.accept([id], ADA)
      await t.store.markDone([id], solved.id, ADA)
      await t.store.saveDisposition(solved.id, 'Solved well')
      expect(await state(id)).toEqual({
        place: { kind: 'done' },
        status: 3,
        owner_id: ADA,
        actions: ['move', 'reply', 'reply-all', 'forward', 'mark-unread', 'edit-user-data'],
      })
      expect(await t.store.interaction(id)).toMatchObject({
        status: 3,
        stopped_reason: 'Normal',
        end_date: '2026-05-05T09:00:00.000Z',
        owner_id: ADA,
        disposition: 'Solved',
      })
      await expect(t.store.accept([id], ADA)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('is done'),
      })
      expect(await t.store.markDone([id], null, ADA)).toEqual({ undo_id: null })
    })

    it('moving a Done thread reopens its newest inbound mail', async () => {
      const id = await thread()
      await t.store.markDone([id], solved.id, ADA)
      const { undo_id } = await t.store.moveToQueue([id], billing.id, BOB)
      expect(await state(id)).toMatchObject({ place: { kind: 'queue', queue_id: billing.id }, status: 1 })
      const reopened = await t.store.interaction(id)
      expect(reopened).not.toHaveProperty('stopped_reason')
      expect(reopened).not.toHaveProperty('end_date')
      await t.store.undo(undo_id ?? '', BOB)
      expect(await state(id)).toMatchObject({ place: { kind: 'done' }, owner_id: ADA })
      expect(await t.store.interaction(id)).toMatchObject({ disposition: 'Solved' })
    })

    it('a thread with only mail of ours holds no work', async () => {
      const [sent] = await t.store.ingest([sentArrival()], null)
      await expect(t.store.moveToWorkbin([sent?.thread_id ?? ''], 'review', ADA)).rejects.toMatchObject({
        code: 'conflict',
      })
    })

    it('acts on every open mail of a thread at once', async () => {
      const id = await thread('First', 'first@mail.test')
      const [second] = await t.store.ingest([arrival({ references: ['first@mail.test'] })], null)
      await t.store.markDone([id, id], null, ADA)
      expect(await t.store.interaction(second?.interaction_id ?? '')).toMatchObject({ status: 3 })
      expect(await state(id)).toMatchObject({ place: { kind: 'done' } })
    })

    it('undo puts the work back exactly as it was', async () => {
      const ids = [await thread('One'), await thread('Two')]
      await t.store.accept([ids[1] ?? ''], ADA)
      const before = await Promise.all(ids.map((id) => t.store.interaction(id)))
      const { undo_id } = await t.store.markDone(ids, solved.id, ADA)
      await t.store.undo(undo_id ?? '', ADA)
      expect(await Promise.all(ids.map((id) => t.store.interaction(id)))).toEqual(before)
      await expect(t.store.undo(undo_id ?? '', ADA)).rejects.toMatchObject({ code: 'too-late' })
    })

    it('undo is refused when somebody changed the work since, and after a day', async () => {
      const id = await thread()
      const first = await t.store.accept([id], ADA)
      await t.store.release([id], ADA)
      await expect(t.store.undo(first.undo_id ?? '', ADA)).rejects.toMatchObject({ code: 'conflict' })
      expect(await state(id)).toMatchObject({ place: inSupport(), status: 1 })

      const second = await t.store.accept([id], ADA)
      t.pass(DAY + MINUTE)
      await expect(t.store.undo(second.undo_id ?? '', ADA)).rejects.toMatchObject({ code: 'too-late' })
      expect(await state(id)).toMatchObject({ place: held(ADA) })
    })

    it('undo works over a restart', async () => {
      const id = await thread()
      const { undo_id } = await t.store.accept([id], ADA)
      await t.reopen()
      await t.store.undo(undo_id ?? '', ADA)
      expect(await state(id)).toMatchObject({ place: inSupport(), status: 0 })
    })

    it('reading and marking unread keep the counts, and can be undone', async () => {
      const id = await thread('First', 'first@mail.test')
      await t.store.ingest([arrival({ references: ['first@mail.test'] }, { received: START + MINUTE })], null)
      const unread = async () => (await t.store.thread(id, ADA)).messages.map((message) => message.unread)
      expect(await unread()).toEqual([true, true])
      const read = await t.store.setRead([id], true, ADA)
      expect(await unread()).toEqual([false, false])
      expect((await t.store.counts(ADA)).all).toEqual({ total: 1, unread: 0 })
      expect(await t.store.setRead([id], true, ADA)).toEqual({ undo_id: null })
      await t.store.undo(read.undo_id ?? '', ADA)
      expect(await unread()).toEqual([true, true])
      await t.store.setRead([id], true, ADA)
      await t.store.setRead([id], false, ADA)
      expect(await unread()).toEqual([false, true])
    })

    it('every change stands in the history with its agent', async () => {
      const id = await thread()
      const { undo_id } = await t.store.accept([id], ADA)
      await t.store.undo(undo_id ?? '', BOB)
      await t.store.markDone([id], solved.id, BOB)
      const entries = await t.store.history(id)
      expect(
        entries.map(({ what, agent_name, before, after }) => ({ what, agent_name, before, after })),
      ).toEqual([
        {
          what: 'accept',
          agent_name: 'Ada Moss',
          before: { status: 0, queue: 'Support' },
          after: { status: 2, owner_id: ADA, workbin: 'in-progress' },
        },
        {
          what: 'undo',
          agent_name: 'Bob Ray',
          before: { status: 2, owner_id: ADA, workbin: 'in-progress' },
          after: { status: 0, queue: 'Support' },
        },
        {
          what: 'mark-done',
          agent_name: 'Bob Ray',
          before: { status: 0, queue: 'Support' },
          after: { status: 3, owner_id: BOB, stopped_reason: 'Normal', disposition: 'Solved' },
        },
      ])
    })

    it('tells what a commit touched, by ids', async () => {
      const id = await thread()
      const told: unknown[] = []
      const stop = t.store.onChanges((changes) => told.push(changes))
      await t.store.accept([id], ADA)
      await t.store.accept([id], ADA)
      await expect(t.store.accept([id], BOB)).rejects.toThrow()
      stop()
      await t.store.release([id], ADA)
      expect(told).toEqual([expect.objectContaining({ threads: [id], lists: true, everything: false })])
    })

    it('a thread that is not there is said to be not there', async () => {
      await expect(t.store.accept(['0000000000000000'], ADA)).rejects.toMatchObject({ code: 'not-found' })
      await expect(t.store.thread('0000000000000000', ADA)).rejects.toMatchObject({ code: 'not-found' })
    })
  })
}
