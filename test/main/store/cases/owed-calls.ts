import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Changes } from '../../../../src-main/contract/core.ts'
import type { Queue } from '../../../../src-main/contract/domain.ts'
import type { RemoteDuty } from '../../../../src-main/store/remote-store.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import {
  arrival,
  MINUTE,
  type OpenStore,
  openTestStore,
  sentArrival,
  type TestStore,
} from '../../../support/open-store.ts'
import { pulledInteraction } from '../../../support/pulled.ts'
import { interactionInput, NOW, submission } from '../../../support/submissions.ts'

const REPORT: RemoteDuty = { remote_id: 'analytics', kind: 'report', queues: null }
const WRITE_BACK: RemoteDuty = { remote_id: 'crm', kind: 'write-back', queues: null }
const THEIRS = 'ABCDEFGH01234567'

/** What remotes are owed by themselves. */
export function owedCallCases(open: OpenStore): void {
  describe('what remotes are owed', () => {
    let t: TestStore
    let support: Queue
    let sales: Queue
    beforeEach(async () => {
      t = openTestStore(open)
      support = await t.store.saveQueue(null, 'Support')
      sales = await t.store.saveQueue(null, 'Sales')
      await t.store.setOwnAddresses(['support@desk.test'])
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const claim = async (remote = 'analytics') => await t.store.claimCalls(remote, t.now(), 100)
    const owed = async (remote = 'analytics') => {
      const { waiting, failed } = await t.store.owedCounts(remote)
      return { waiting, failed }
    }

    async function send(special: Parameters<typeof newDraft>[0] = {}, sample = false) {
      const draft = await t.store.createDraft(newDraft(special))
      return await t.store.enqueue(newSend(draft, { sample }))
    }
    async function accepted(outbox: string) {
      await t.store.claimDue(t.now(), 10)
      await t.store.markDataStarted(outbox)
      await t.store.resolveSend(outbox, {
        state: 'accepted',
        recipients: [{ address: 'ann@customer.test', state: 'accepted', reply: 'OK' }],
        problem: null,
      })
    }

    it('is each message that comes in, however it comes, once', async () => {
      await t.store.setRemoteDuties([REPORT])
      const mail = arrival()
      const [mailed] = await t.store.ingest([mail], null)
      await t.store.ingest([mail], null)
      t.pass(1)
      const received = await t.store.receive(submission(), NOW)
      t.pass(1)
      const created = await t.store.createInteraction(interactionInput(), NOW)
      t.pass(1)
      const [sent] = await t.store.ingest([sentArrival()], null)
      t.pass(1)
      await t.store.pull('crm', [pulledInteraction(THEIRS)], null, null)
      expect(
        (await claim()).map(({ interaction_id, kind, attempts }) => [interaction_id, kind, attempts]),
      ).toEqual(
        [mailed, received, created, sent, { interaction_id: THEIRS }].map((each) => [
          each?.interaction_id,
          'report',
          1,
        ]),
      )
      expect(await claim()).toEqual([])
    })

    it('is nothing of what came before, of other media, of what can’t be read, and of the sample', async () => {
      await t.store.ingest([arrival()], null)
      await t.store.setRemoteDuties([REPORT])
      await t.store.createInteraction(
        interactionInput({ entity_type: 2, media_type: 'chat', type: 'Chat' }),
        NOW,
      )
      await t.store.ingest([arrival({ held_back: 'unreadable' }), arrival({}, { came_by: 'sample' })], null)
      const { outbox_id } = await send({}, true)
      await accepted(outbox_id)
      expect(await owed()).toEqual({ waiting: 0, failed: 0 })
    })

    it('is a mail of ours when it has left, and not before', async () => {
      await t.store.setRemoteDuties([REPORT])
      const { outbox_id, interaction_id } = await send()
      expect(await owed()).toEqual({ waiting: 0, failed: 0 })
      await accepted(outbox_id)
      expect((await claim()).map((call) => call.interaction_id)).toEqual([interaction_id])
    })

    it('is only what lies in the chosen queues, the answers to it too', async () => {
      await t.store.setRemoteDuties([{ ...REPORT, queues: [sales.id] }])
      const [other, chosen] = await t.store.ingest(
        [arrival({}, { queue_id: support.id }), arrival({}, { queue_id: sales.id })],
        null,
      )
      t.pass(1)
      const reply = (thread_id = '') => ({ kind: 'reply' as const, thread_id, parent_id: thread_id })
      const quiet = await send(reply(other?.thread_id))
      const told = await send(reply(chosen?.thread_id))
      await accepted(quiet.outbox_id)
      await t.store.markDataStarted(told.outbox_id)
      await t.store.resolveSend(told.outbox_id, { state: 'accepted', recipients: [], problem: null })
      expect((await claim()).map((call) => call.interaction_id)).toEqual([
        chosen?.interaction_id,
        told.interaction_id,
      ])
    })

    it('is nothing that was pulled from the very system that is reported to', async () => {
      await t.store.setRemoteDuties([{ ...REPORT, except: ['crm'] }])
      await t.store.pull('crm', [pulledInteraction(THEIRS)], null, null)
      await t.store.pull('other', [pulledInteraction('ABCDEFGH01234568', { subject: 'Other' })], null, null)
      expect((await claim()).map((call) => call.interaction_id)).toEqual(['ABCDEFGH01234568'])
    })

    it('keeps the thread that it was first owed in, though threads are merged', async () => {
      await t.store.setRemoteDuties([REPORT])
      const [reply] = await t.store.ingest(
        [arrival({ message_id: 'reply@mail.test', references: ['first@mail.test'] })],
        null,
      )
      const [other] = await t.store.ingest([arrival({ message_id: 'other@mail.test' })], null)
      await t.store.ingest(
        [arrival({ references: ['reply@mail.test', 'other@mail.test'], message_id: 'first@mail.test' })],
        null,
      )
      const today = await Promise.all(
        [reply, other].map(
          async (each) => (await t.store.apiInteraction(each?.interaction_id ?? '')).thread_id,
        ),
      )
      expect(today[0]).toBe(today[1])
      const owedIn = new Map((await claim()).map((call) => [call.interaction_id, call.thread_id]))
      for (const each of [reply, other]) expect(owedIn.get(each?.interaction_id ?? '')).toBe(each?.thread_id)
    })

    it('goes on through every step, and by an agent’s word after a failure', async () => {
      await t.store.setRemoteDuties([REPORT])
      await t.store.ingest([arrival()], null)
      const [first] = await claim()
      await t.store.callAgain(first?.id ?? '', t.now() + MINUTE, 'It is down.')
      expect([await claim(), await t.store.nextCall('analytics')]).toEqual([[], t.now() + MINUTE])
      t.pass(MINUTE)
      const [second] = await claim()
      expect(second).toMatchObject({ id: first?.id, attempts: 2 })
      await t.store.callFailed(first?.id ?? '', 'It refused it.')
      expect(await t.store.owedCounts('analytics')).toEqual({
        waiting: 0,
        failed: 1,
        problem: 'It refused it.',
      })
      expect(await t.store.nextCall('analytics')).toBeNull()

      await t.store.retryCalls('analytics', 5)
      expect(await owed()).toEqual({ waiting: 0, failed: 1 })
      await t.store.retryCalls('analytics')
      const [third] = await claim()
      expect(third).toMatchObject({ id: first?.id, attempts: 1 })
      await t.store.callDone(third?.id ?? '', third?.revision ?? -1)
      expect([await owed(), await claim()]).toEqual([{ waiting: 0, failed: 0 }, []])
    })

    it('does not count what was not tried', async () => {
      await t.store.setRemoteDuties([REPORT])
      await t.store.ingest([arrival()], null)
      const [call] = await claim()
      await t.store.callAgain(call?.id ?? '', t.now(), null, true)
      expect((await claim()).map(({ attempts }) => attempts)).toEqual([1])
    })

    it('is claimed oldest first and only as much as asked for', async () => {
      await t.store.setRemoteDuties([REPORT])
      const ids: string[] = []
      for (let i = 0; i < 3; i++) {
        const [filed] = await t.store.ingest([arrival({ subject: `Order ${i}` })], null)
        ids.push(filed?.interaction_id ?? '')
        t.pass(MINUTE)
      }
      const two = await t.store.claimCalls('analytics', t.now(), 2)
      expect(two.map((call) => call.interaction_id)).toEqual(ids.slice(0, 2))
      expect(await t.store.claimCalls('another', t.now(), 2)).toEqual([])
    })

    it('waits again after a crash', async () => {
      await t.store.setRemoteDuties([REPORT])
      await t.store.ingest([arrival()], null)
      const [before] = await claim()
      await t.reopen()
      expect(await claim()).toEqual([])
      await t.store.recoverCalls()
      expect((await claim()).map(({ id }) => id)).toEqual([before?.id])
    })

    it('outlives a restart with the duties themselves', async () => {
      await t.store.setRemoteDuties([REPORT])
      await t.reopen()
      await t.store.ingest([arrival()], null)
      expect(await owed()).toEqual({ waiting: 1, failed: 0 })
    })

    it('ends with the duty, and with the remote', async () => {
      await t.store.setRemoteDuties([REPORT, { ...REPORT, remote_id: 'second' }])
      await t.store.ingest([arrival()], null)
      await t.store.setRemoteDuties([{ ...REPORT, remote_id: 'second' }])
      expect([await owed(), await owed('second')]).toEqual([
        { waiting: 0, failed: 0 },
        { waiting: 1, failed: 0 },
      ])
      const [running] = await claim('second')
      await t.store.dropRemote('second')
      await t.store.callDone(running?.id ?? '', running?.revision ?? 0)
      await t.store.ingest([arrival()], null)
      expect(await owed('second')).toEqual({ waiting: 0, failed: 0 })
    })

    it('is told to who shows it', async () => {
      await t.store.setRemoteDuties([REPORT])
      const told: Changes[] = []
      const stop = t.store.onChanges((changes) => told.push(changes))
      await t.store.ingest([arrival()], null)
      await claim()
      stop()
      expect(told.map(({ remotes }) => remotes)).toEqual([true, true])
    })

    describe('changes of what was pulled', () => {
      beforeEach(async () => {
        await t.store.setRemoteDuties([WRITE_BACK])
        await t.store.pull('crm', [pulledInteraction(THEIRS)], null, support.id)
      })
      const done = async () => {
        for (const call of await claim('crm')) await t.store.callDone(call.id, call.revision)
      }

      it('is owed nothing for what came from there', async () => {
        await t.store.pull(
          'crm',
          [pulledInteraction(THEIRS, { status: 2, owner_id: 4, udata: { a: 1 } })],
          null,
          null,
        )
        expect(await owed('crm')).toEqual({ waiting: 0, failed: 0 })
      })

      it.each<[string, () => Promise<unknown>]>([
        ['accepting it', () => t.store.accept([THEIRS], ADA)],
        ['moving it', () => t.store.moveToQueue([THEIRS], sales.id, ADA)],
        ['marking it Done', () => t.store.markDone([THEIRS], null, ADA)],
        ['its user data', () => t.store.setUserData(THEIRS, { plan: 'gold' }, [], ADA)],
        [
          'another system that changes it here',
          () => t.store.updateInteraction(THEIRS, { category_id: 'c' }, NOW),
        ],
      ])('is owed for %s', async (_, change) => {
        await change()
        expect((await claim('crm')).map(({ interaction_id, kind }) => [interaction_id, kind])).toEqual([
          [THEIRS, 'write-back'],
        ])
      })

      it('is owed for taking a change back', async () => {
        const { undo_id } = await t.store.accept([THEIRS], ADA)
        await done()
        await t.store.undo(undo_id ?? '', ADA)
        expect(await owed('crm')).toEqual({ waiting: 1, failed: 0 })
      })

      it('is owed once for several, and again where it changed while the call ran', async () => {
        await t.store.accept([THEIRS], ADA)
        await t.store.setUserData(THEIRS, { plan: 'gold' }, [], ADA)
        const [running, ...others] = await claim('crm')
        expect(others).toEqual([])
        await t.store.setUserData(THEIRS, { plan: 'silver' }, [], ADA)
        expect(await claim('crm')).toEqual([])
        await t.store.callDone(running?.id ?? '', running?.revision ?? -1, {
          interaction_id: THEIRS,
          status: 2,
        })
        const [again] = await claim('crm')
        expect(again).toMatchObject({ id: running?.id, attempts: 1 })
        await t.store.callDone(again?.id ?? '', again?.revision ?? -1)
        expect(await claim('crm')).toEqual([])
        expect((await t.store.pulledFrom(THEIRS))?.theirs).toEqual({ interaction_id: THEIRS, status: 2 })
      })

      it('is tried again by itself where a failed one changes anew', async () => {
        await t.store.accept([THEIRS], ADA)
        const [call] = await claim('crm')
        await t.store.callFailed(call?.id ?? '', 'It refused it.')
        await t.store.setUserData(THEIRS, { plan: 'gold' }, [], ADA)
        expect((await claim('crm')).map(({ attempts }) => attempts)).toEqual([1])
      })

      it('is nothing of an interaction that was not pulled, nor without the duty', async () => {
        const [ours] = await t.store.ingest([arrival()], null)
        await t.store.accept([ours?.thread_id ?? ''], ADA)
        await t.store.setRemoteDuties([])
        await t.store.accept([THEIRS], ADA)
        expect(await owed('crm')).toEqual({ waiting: 0, failed: 0 })
      })
    })
  })
}
