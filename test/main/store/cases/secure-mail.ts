import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Draft, SecureMailbox, Uuid } from '../../../../src-main/contract/domain.ts'
import type { Received, Submission } from '../../../../src-main/store/api-store.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import {
  arrival,
  hash,
  MINUTE,
  type OpenStore,
  openTestStore,
  person,
  type TestStore,
} from '../../../support/open-store.ts'
import {
  attached,
  conversation,
  interactionInput,
  NOW,
  once,
  submission,
} from '../../../support/submissions.ts'

/** Customers' secure mailboxes (contracts, secure mail). */
export function secureMailCases(open: OpenStore): void {
  describe('secure mail', () => {
    let t: TestStore
    beforeEach(async () => {
      t = openTestStore(open)
      await t.store.saveQueue(null, 'Support')
      await t.store.setOwnAddresses(['support@desk.test'])
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const ANN: SecureMailbox = { address: 'ann@customer.test', box: '' }
    const ALL = { index: 0, count: 10 }

    async function post(special: Partial<Submission> = {}): Promise<Received & { secure: Uuid }> {
      t.pass(MINUTE)
      const received = await t.store.receive(
        submission({ secure: ANN, came_by: 'api:securemail', received: t.now(), ...special }),
        NOW,
      )
      return { ...received, secure: received.secure_mail_id ?? '' }
    }
    const ids = async (box = ANN, status: 'read' | 'unread' | 'all' = 'all', page = ALL) =>
      (await t.store.secureMails(box, status, page))?.map(({ id }) => id) ?? null
    const place = async (thread: string) => (await t.store.thread(thread, ADA)).place
    async function answer(to: Received, special: Parameters<typeof newDraft>[0] = {}): Promise<Draft> {
      return t.store.createDraft(
        newDraft({ kind: 'reply', thread_id: to.thread_id, parent_id: to.interaction_id, ...special }),
      )
    }
    async function deliver(draft: Draft) {
      const sent = await t.store.enqueue(newSend(draft, { sent_copy: 'none' }))
      t.pass(MINUTE)
      await t.store.claimDue(t.now(), 10)
      await t.store.deliverSecurely(sent.outbox_id)
      return sent
    }

    it('lies in its box, newest first, until it is deleted; no box is another box', async () => {
      const first = await post()
      const second = await post()
      const boxed = await post({ secure: { ...ANN, box: 'Bills' } })
      expect(await ids()).toEqual([second.secure, first.secure])
      expect(await ids({ address: 'ANN@customer.test', box: '' })).toEqual([second.secure, first.secure])
      expect(await ids({ ...ANN, box: 'Bills' })).toEqual([boxed.secure])
      expect(await ids({ ...ANN, box: 'bills' })).toEqual([])
      expect(await ids(ANN, 'all', { index: 1, count: 5 })).toEqual([first.secure])
      expect(await ids(ANN, 'all', { index: 2, count: 5 })).toEqual([])
      expect(await ids(ANN, 'all', { index: 0, count: 0 })).toEqual([])
      expect(await t.store.countSecureMails(ANN, 'all')).toBe(2)
      await t.store.deleteSecureMail(second.secure, NOW)
      expect([await ids(), await t.store.countSecureMails(ANN, 'all')]).toEqual([[first.secure], 1])
      // Kept in the store: only lists and counts leave it out.
      expect(await t.store.secureMail(second.secure)).toMatchObject({ id: second.secure, deleted: true })
    })

    it('with the same time is sorted by id, at most 100 a page', async () => {
      const many = await Promise.all(
        Array.from({ length: 105 }, async () => t.store.receive(submission({ secure: ANN }), NOW)),
      )
      const sorted = many.map((each) => each.secure_mail_id).sort()
      expect(await ids(ANN, 'all', { index: 0, count: 500 })).toEqual(sorted.slice(0, 100))
      expect(await ids(ANN, 'all', { index: 100, count: 500 })).toEqual(sorted.slice(100))
    })

    it('of somebody whom nobody knows is not an empty list', async () => {
      const nobody = { address: 'nobody@customer.test', box: '' }
      expect([await ids(nobody), await t.store.countSecureMails(nobody, 'all')]).toEqual([null, null])
      // Known by any mail, though only secure mail lies in the box.
      await t.store.receive(submission({ from: person('nobody@customer.test') }), NOW)
      expect([await ids(nobody), await t.store.countSecureMails(nobody, 'all')]).toEqual([[], 0])
    })

    it('has what was posted, and what it answers where that lies in the same box', async () => {
      const first = await post({
        text: '',
        html: '<p>Hi</p>',
        attachments: [attached('bill.pdf')],
        udata: { order: '7' },
      })
      const thread = { kind: 'answer', parent_id: first.interaction_id } as const
      const second = await post({ thread })
      const elsewhere = await post({ thread, secure: { ...ANN, box: 'Bills' } })
      expect(await t.store.secureMail(first.secure)).toEqual({
        ...ANN,
        id: first.secure,
        direction: 'inbound',
        read: false,
        deleted: false,
        at: t.now() - 2 * MINUTE,
        html: '<p>Hi</p>',
        parent: null,
        interaction: expect.objectContaining({
          interaction_id: first.interaction_id,
          text: 'Hi',
          udata: { order: '7' },
          attachments: [expect.objectContaining({ name: 'bill.pdf' })],
        }),
      })
      expect(await t.store.secureMail(second.secure)).toMatchObject({ parent: first.secure })
      expect(await t.store.secureMail(elsewhere.secure)).toMatchObject({ parent: null })
      await expect(t.store.secureMail('019df237-3e80-74c3-a534-cb3153d0381b')).rejects.toMatchObject({
        code: 'not-found',
      })
    })

    it('answers the user data that was attached, never what the desk knows of the case', async () => {
      const first = await post({ udata: { order: '7' } })
      await t.store.setUserData(first.interaction_id, { risk: 'high' }, ['order'], ADA)
      const second = await post({
        udata: { colour: 'red' },
        thread: { kind: 'answer', parent_id: first.interaction_id },
      })
      const sent = await deliver(await answer(second))
      const udata = async (id: Uuid) => (await t.store.secureMail(id)).interaction.udata
      const [out] = (await ids()) ?? []
      expect([await udata(first.secure), await udata(second.secure), await udata(out ?? '')]).toEqual([
        { order: '7' },
        { colour: 'red' },
        undefined,
      ])
      // The agent sees the case.
      expect((await t.store.thread(sent.thread_id, ADA)).udata).toEqual({ risk: 'high', colour: 'red' })
    })

    describe('that the consumer reads', () => {
      it('is read, and waits for an agent all the same unless it is to be stopped', async () => {
        const { secure, thread_id } = await post()
        expect(await t.store.markSecureMailRead(secure, false, NOW)).toMatchObject({ read: true })
        expect(await place(thread_id)).toMatchObject({ kind: 'queue' })
        expect([await ids(ANN, 'read'), await ids(ANN, 'unread')]).toEqual([[secure], []])
        const stopped = await t.store.markSecureMailRead(secure, true, NOW)
        expect(stopped).toMatchObject({
          read: true,
          interaction: {
            status: 3,
            stopped_reason: 'read by consumer',
            end_date: new Date(t.now()).toISOString(),
          },
        })
        expect(await place(thread_id)).toEqual({ kind: 'done' })
        expect((await t.store.history(stopped.interaction.interaction_id)).at(-1)).toMatchObject({
          what: 'api',
          agent_name: 'Another system',
          after: { status: 3, stopped_reason: 'read by consumer' },
        })
        t.pass(MINUTE)
        expect(await t.store.markSecureMailRead(secure, true, NOW)).toEqual(stopped)
      })

      it('is stopped when it is Pending, and stays with the agent who holds it', async () => {
        const pending = await post()
        await t.store.accept([pending.thread_id], ADA)
        await t.store.release([pending.thread_id], ADA)
        expect(await t.store.markSecureMailRead(pending.secure, true, NOW)).toMatchObject({
          interaction: { status: 3 },
        })
        const held = await post()
        await t.store.accept([held.thread_id], ADA)
        expect(await t.store.markSecureMailRead(held.secure, true, NOW)).toMatchObject({
          read: true,
          interaction: { status: 2, owner_id: ADA },
        })
        expect(await place(held.thread_id)).toMatchObject({ kind: 'workbin', owner_id: ADA })
      })

      it('shows the agent that it was read; the agent’s own reading tells the consumer nothing', async () => {
        const { secure, thread_id } = await post()
        await t.store.setRead([thread_id], true, ADA)
        const mark = async () => (await t.store.thread(thread_id, ADA)).messages[0]?.secure
        expect(await mark()).toEqual({ ...ANN, read: false, deleted: false })
        await t.store.markSecureMailRead(secure, false, NOW)
        await t.store.deleteSecureMail(secure, NOW)
        expect(await mark()).toEqual({ ...ANN, read: true, deleted: true })
      })
    })

    it('that the consumer deletes leaves its queue, and stays with an agent who holds it', async () => {
      const queued = await post()
      const stopped = await t.store.deleteSecureMail(queued.secure, NOW)
      expect(stopped).toMatchObject({
        deleted: true,
        read: false,
        interaction: { status: 3, stopped_reason: 'deleted by consumer' },
      })
      expect(await t.store.deleteSecureMail(queued.secure, NOW)).toEqual(stopped)
      const held = await post()
      await t.store.accept([held.thread_id], ADA)
      expect(await t.store.deleteSecureMail(held.secure, NOW)).toMatchObject({ interaction: { status: 2 } })
    })

    describe('that is purged', () => {
      it('is gone with everything that belongs to it, and its contact stays known', async () => {
        const mail = await post({
          attachments: [attached('only.pdf'), attached('shared.pdf')],
          udata: { order: '7' },
          thread: conversation('c'),
        })
        const other = await post({ attachments: [attached('shared.pdf')], udata: { order: '8' } })
        const { undo_id } = await t.store.accept([mail.thread_id, other.thread_id], ADA)
        const { undo_id: edit } = await t.store.setUserData(mail.interaction_id, { plan: 'gold' }, [], ADA)
        const before = await t.store.secureMail(mail.secure)
        expect(await t.store.purgeSecureMail(mail.secure, NOW)).toEqual({
          mail: before,
          unused: [hash('only.pdf')],
        })
        for (const gone of [
          async () => t.store.secureMail(mail.secure),
          async () => t.store.purgeSecureMail(mail.secure, NOW),
          async () => t.store.deleteSecureMail(mail.secure, NOW),
          async () => t.store.markSecureMailRead(mail.secure, true, NOW),
          async () => t.store.interaction(mail.interaction_id),
          async () => t.store.history(mail.interaction_id),
          async () => t.store.thread(mail.thread_id, ADA),
        ])
          await expect(gone()).rejects.toMatchObject({ code: 'not-found' })
        expect(await t.store.blobsInUse()).toEqual(new Set([hash('shared.pdf')]))
        expect(
          (await t.store.search({ query: 'udata.order:7', after: null, limit: 9, agent: ADA })).rows,
        ).toEqual([])
        await expect(t.store.undo(edit ?? '', ADA)).rejects.toMatchObject({ code: 'too-late' })
        // What else the agent did with it in one go can still be taken back.
        await t.store.undo(undo_id ?? '', ADA)
        expect(await place(other.thread_id)).toMatchObject({ kind: 'queue' })
        await t.store.purgeSecureMail(other.secure, NOW)
        expect([await ids(), await t.store.countSecureMails(ANN, 'all')]).toEqual([[], 0])
        // Its conversation begins anew.
        expect(await post({ thread: conversation('c') })).toMatchObject({ repeated: false })
      })

      it('leaves its answers in their thread, without a parent', async () => {
        const first = await post()
        const second = await post({ thread: { kind: 'answer', parent_id: first.interaction_id } })
        await t.store.purgeSecureMail(first.secure, NOW)
        expect(await t.store.secureMail(second.secure)).toMatchObject({ parent: null })
        const { messages } = await t.store.thread(first.thread_id, ADA)
        expect(messages.map(({ interaction }) => interaction)).toMatchObject([
          { interaction_id: second.interaction_id },
        ])
        expect(messages[0]?.interaction).not.toHaveProperty('parent_id')
        // Its id still names their thread, so nothing else can have it.
        const again = t.store.createInteraction(
          interactionInput({ interaction_id: first.interaction_id }),
          NOW,
        )
        await expect(again).rejects.toMatchObject({ code: 'conflict' })
      })

      it('as the last of threads that became one leaves nothing that leads there', async () => {
        const [first, second] = [await post(), await post()]
        await t.store.updateInteraction(second.interaction_id, { thread_id: first.thread_id }, NOW)
        for (const { secure } of [first, second]) await t.store.purgeSecureMail(secure, NOW)
        expect(await t.store.check()).toEqual({ interactions: 0, problems: [] })
        await expect(t.store.thread(second.thread_id, ADA)).rejects.toMatchObject({ code: 'not-found' })
      })

      it('of ours goes from the outbox, too', async () => {
        const question = await post()
        const draft = await answer(question, { attachments: [attached('answer.pdf')] })
        const sent = await deliver(draft)
        const [out] = (await ids()) ?? []
        const { unused } = await t.store.purgeSecureMail(out ?? '', NOW)
        expect([...unused].sort()).toEqual([hash('answer.pdf'), hash('sent'), hash('wire')].sort())
        await expect(t.store.delivery(sent.outbox_id)).rejects.toMatchObject({ code: 'not-found' })
        expect(await t.store.blobsInUse()).toEqual(new Set())
      })

      it('never sends an answer to it by e-mail that was being written', async () => {
        const mail = await post()
        const draft = await answer(mail)
        await t.store.purgeSecureMail(mail.secure, NOW)
        const freed = await t.store.draft(draft.id)
        expect(freed).toMatchObject({ thread_id: null, parent_id: null, secure: ANN })
        await deliver(freed)
        expect(await t.store.countSecureMails(ANN, 'all')).toBe(1)
      })

      it('can’t be brought back by the Idempotency-Key that it came with', async () => {
        const asked = submission({ secure: ANN })
        const first = await t.store.receive(asked, once('k'))
        const changed = await t.store.updateInteraction(
          first.interaction_id,
          { subject: 'Changed' },
          once('u', 'p', 'interactions'),
        )
        expect(changed).toMatchObject({ subject: 'Changed' })
        await t.store.purgeSecureMail(first.secure_mail_id ?? '', NOW)
        expect(await t.store.receive(asked, once('k'))).toEqual({ ...first, repeated: true })
        expect((await t.store.check()).interactions).toBe(0)
        await expect(
          t.store.updateInteraction(
            first.interaction_id,
            { subject: 'Changed' },
            once('u', 'p', 'interactions'),
          ),
        ).rejects.toMatchObject({ code: 'not-found' })
      })
    })

    describe('answered by an agent', () => {
      it('is filed in the mailbox in one step, accepted, with nothing left to send', async () => {
        const question = await post({ secure: { ...ANN, box: 'Bills' } })
        const draft = await answer(question)
        expect(draft.secure).toEqual({ ...ANN, box: 'Bills' })
        const sent = await deliver(draft)
        expect(await t.store.delivery(sent.outbox_id)).toMatchObject({
          state: 'filed',
          sent_copy: 'none',
          problem: null,
          recipients: [{ address: 'ann@customer.test', state: 'accepted' }],
        })
        const [out] = (await t.store.secureMails({ ...ANN, box: 'Bills' }, 'unread', ALL)) ?? []
        expect(out).toMatchObject({
          direction: 'outbound',
          read: false,
          at: t.now(),
          parent: question.secure,
          interaction: {
            interaction_id: sent.interaction_id,
            entity_type: 1,
            status: 3,
            stopped_reason: 'Sent',
            text: 'It is on its way.',
          },
        })
        // Read by the consumer: nothing of ours is routed, so nothing is stopped.
        expect(await t.store.markSecureMailRead(out?.id ?? '', true, NOW)).toMatchObject({
          read: true,
          interaction: { stopped_reason: 'Sent' },
        })
        expect(await t.store.counts(ADA)).toMatchObject({ outbox: { waiting: 0, trouble: 0 } })
      })

      it('goes there also where another message of the thread is answered, a forward and a new mail never', async () => {
        const [mail] = await t.store.ingest([arrival()], null)
        const thread_id = mail?.thread_id ?? ''
        const secure = async (special: Parameters<typeof newDraft>[0]) =>
          (await t.store.createDraft(newDraft(special))).secure
        expect(await secure({ kind: 'reply', thread_id, parent_id: thread_id })).toBeNull()
        const question = await post({ thread: { kind: 'answer', parent_id: thread_id } })
        const parent_id = question.interaction_id
        expect(await secure({ kind: 'reply', thread_id, parent_id: thread_id })).toEqual(ANN)
        expect(await secure({ kind: 'reply-all', thread_id, parent_id })).toEqual(ANN)
        expect(await secure({ kind: 'forward', thread_id, parent_id })).toBeNull()
        expect(await secure({})).toBeNull()
      })

      it('keeps its mailbox while it is written, discarded and sent', async () => {
        const draft = await answer(await post())
        await t.store.saveDraft(draft.id, 0, { text: 'It has left.' })
        expect(await t.store.draft(draft.id)).toMatchObject({ secure: ANN, text: 'It has left.' })
        const { undo_id } = await t.store.discardDraft(draft.id, ADA)
        await t.store.undo(undo_id ?? '', ADA)
        const again = await t.store.draft(draft.id)
        expect(again).toMatchObject({ secure: ANN })
        const sent = await t.store.enqueue(newSend(again))
        expect(await t.store.undoSend(sent.outbox_id)).toMatchObject({ secure: ANN })
        // Taken back before it was filed: nothing of it reached the mailbox.
        expect(await t.store.countSecureMails(ANN, 'all')).toBe(1)
      })

      it('is delivered once, and only while it is claimed', async () => {
        const sent = await t.store.enqueue(newSend(await answer(await post())))
        await expect(t.store.deliverSecurely(sent.outbox_id)).rejects.toMatchObject({ code: 'conflict' })
        await t.store.claimDue(t.now(), 10)
        await t.store.deliverSecurely(sent.outbox_id)
        await expect(t.store.deliverSecurely(sent.outbox_id)).rejects.toMatchObject({ code: 'conflict' })
        expect(await t.store.countSecureMails(ANN, 'all')).toBe(2)
      })

      it('that is no answer to secure mail has no mailbox to go to', async () => {
        const sent = await t.store.enqueue(newSend(await t.store.createDraft(newDraft())))
        await t.store.claimDue(t.now(), 10)
        await expect(t.store.deliverSecurely(sent.outbox_id)).rejects.toMatchObject({ code: 'invalid' })
        expect(await t.store.delivery(sent.outbox_id)).toMatchObject({ state: 'claimed' })
      })
    })

    it('that nobody waits for any more changes nothing', async () => {
      const { secure } = await post()
      const late = { once: null, mayBegin: () => false }
      for (const asked of [
        async () => t.store.markSecureMailRead(secure, true, late),
        async () => t.store.deleteSecureMail(secure, late),
        async () => t.store.purgeSecureMail(secure, late),
      ])
        await expect(asked()).rejects.toMatchObject({ code: 'busy' })
      expect(await t.store.secureMail(secure)).toMatchObject({
        read: false,
        deleted: false,
        interaction: { status: 0 },
      })
    })
  })
}
