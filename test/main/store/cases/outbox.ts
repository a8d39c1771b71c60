import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Draft, OutboxState, RecipientOutcome, Uuid } from '../../../../src-main/contract/domain.ts'
import { CoreError } from '../../../../src-main/contract/errors.ts'
import type { NewSend } from '../../../../src-main/store/store.ts'
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
import { seeded } from '../../../support/seeded.ts'

const BOB = 8

export function outboxCases(open: OpenStore): void {
  describe('the outbox', () => {
    let t: TestStore
    beforeEach(async () => {
      t = openTestStore(open)
      t.pass(HOUR)
      await t.store.setOwnAddresses(['support@desk.test'])
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    async function question(special: Parameters<typeof arrival>[0] = {}) {
      const [filed] = await t.store.ingest([arrival({ message_id: 'question@mail.test', ...special })], null)
      return filed?.thread_id ?? ''
    }
    async function reply(thread: string, special: Parameters<typeof newDraft>[0] = {}): Promise<Draft> {
      return t.store.createDraft(
        newDraft({ kind: 'reply', thread_id: thread, parent_id: thread, ...special }),
      )
    }
    const send = async (draft: Draft, special: Partial<NewSend> = {}) =>
      t.store.enqueue(newSend(draft, special))
    const state = async (id: Uuid) => (await t.store.delivery(id)).state
    const took = (address: string): RecipientOutcome => ({ address, state: 'accepted', reply: '250 OK' })
    const refused = (address: string): RecipientOutcome => ({ address, state: 'rejected', reply: '550 No' })
    async function started(id: Uuid) {
      await t.store.claimDue(t.now(), 10)
      await t.store.markDataStarted(id)
    }
    async function outcome(
      id: Uuid,
      to: 'accepted' | 'rejected' | 'unknown',
      recipients = [took('ann@customer.test')],
    ) {
      await started(id)
      const problem = to === 'accepted' ? null : 'The line broke.'
      await t.store.resolveSend(id, { state: to, recipients: to === 'unknown' ? [] : recipients, problem })
    }
    const waiting = async () => (await t.store.counts(ADA)).outbox

    it('a reply becomes an outbound interaction in its thread, with what the case holds', async () => {
      const [filed] = await t.store.ingest(
        [
          arrival(
            { message_id: 'question@mail.test', references: ['before@mail.test'] },
            { udata: { plan: 'gold' } },
          ),
        ],
        null,
      )
      const thread = filed?.thread_id ?? ''
      const { id: response } = await t.store.saveResponse({
        id: null,
        category_id: null,
        name: 'Late',
        language: '',
        status: 'approved',
        subject: '',
        html: '',
        text: '',
      })
      const attachment = {
        name: 'label.pdf',
        content_type: 'application/pdf',
        size: 3,
        sha256: hash('label'),
        content_id: null,
        inline: false,
      }
      const draft = await reply(thread, {
        attachments: [attachment],
        content: {
          cc: [person('bob@customer.test')],
          bcc: [person('boss@desk.test')],
          standard_response_ids: [response],
        },
      })
      const sent = await send(draft, {
        message_id: 'answer@desk.test',
        due_at: t.now() + MINUTE,
        snippet: 'It is',
      })
      expect(sent).toMatchObject({ thread_id: thread })
      expect(await t.store.interaction(sent.interaction_id)).toMatchObject({
        status: 1,
        entity_type: 1,
        type: 'Outbound',
        sub_type: 'OutboundReply',
        parent_id: thread,
        thread_id: thread,
        owner_id: ADA,
        subject: 'Your order',
        text: 'It is on its way.',
        udata: { plan: 'gold' },
        from: person('support@desk.test', 'Support'),
        to: [person('ann@customer.test', 'Ann Lee')],
        cc: [person('bob@customer.test')],
        bcc: [person('boss@desk.test')],
        reference_id: 'question@mail.test',
        standard_response_id: response,
        message_id: 'answer@desk.test',
        thread_reason: 'own-reply',
        attachments: [{ name: 'label.pdf', sha256: hash('label') }],
      })
      expect(await t.store.rawMail(sent.interaction_id)).toEqual({ sha256: hash('sent'), size: 500 })
      expect(await t.store.delivery(sent.outbox_id)).toEqual({
        outbox_id: sent.outbox_id,
        interaction_id: sent.interaction_id,
        state: 'queued',
        due_at: t.now() + MINUTE,
        can_undo: true,
        changed_at: t.now(),
        attempts: 0,
        recipients: ['ann@customer.test', 'bob@customer.test', 'boss@desk.test'].map((address) => ({
          address,
          state: 'pending',
          reply: null,
        })),
        problem: null,
        sent_copy: 'owed',
        sample: false,
      })
      await expect(t.store.draft(draft.id)).rejects.toMatchObject({ code: 'not-found' })
      expect(await waiting()).toEqual({ waiting: 1, trouble: 0 })

      t.pass(MINUTE)
      await outcome(sent.outbox_id, 'accepted')
      expect((await t.store.response(response)).used).toBe(1)
      // Its own answer, naming only it, finds the thread.
      const [answer] = await t.store.ingest([arrival({ references: ['answer@desk.test'] })], null)
      expect(answer?.thread_id).toBe(thread)
    })

    it('a new mail begins a thread; a forward stays in its case', async () => {
      const fresh = await send(await t.store.createDraft(newDraft()))
      expect(fresh.thread_id).toBe(fresh.interaction_id)
      expect(await t.store.interaction(fresh.interaction_id)).toMatchObject({
        sub_type: 'OutboundNew',
        thread_reason: 'new',
      })
      const thread = await question()
      const forward = await send(await reply(thread, { kind: 'forward' }))
      expect(await t.store.interaction(forward.interaction_id)).toMatchObject({
        sub_type: 'OutboundRedirect',
        thread_id: thread,
      })
    })

    it('an older revision or a draft without a recipient sends nothing', async () => {
      const draft = await t.store.createDraft(newDraft())
      await t.store.saveDraft(draft.id, 0, { text: 'newer' })
      await expect(send(draft)).rejects.toMatchObject({ code: 'conflict' })
      await t.store.saveDraft(draft.id, 1, { to: [] })
      await expect(send(await t.store.draft(draft.id))).rejects.toMatchObject({ code: 'recipients' })
      expect(await waiting()).toEqual({ waiting: 0, trouble: 0 })
      expect(await t.store.draft(draft.id)).toMatchObject({ text: 'newer' })
    })

    it('a newer customer message stops the reply until it was seen; an older one that comes late does not', async () => {
      const thread = await question()
      const draft = await reply(thread)
      const follow = (received: number) =>
        t.store.ingest([arrival({ references: ['question@mail.test'] }, { received })], null)
      await follow(START - DAY)
      const [newer] = await follow(START + MINUTE)
      await expect(send(draft, { seen: thread })).rejects.toMatchObject({
        code: 'stale-reply',
        detail: { interaction_id: newer?.interaction_id },
      })
      expect(await t.store.draft(draft.id)).toEqual(draft)
      await send(draft, { seen: newer?.interaction_id ?? '' })
    })

    it('our own newer mail doesn’t stop a reply, nor what was seen and is gone', async () => {
      const thread = await question()
      const mine = await reply(thread)
      const other = await reply(thread)
      const sent = await send(other, { seen: thread, by: BOB })
      await t.store.undoSend(sent.outbox_id)
      await send(mine, { seen: sent.interaction_id })
    })

    it('undo before it is claimed leaves everything as it was', async () => {
      const thread = await question()
      await t.store.accept([thread], ADA)
      const solved = await t.store.saveDisposition(null, 'Solved')
      const before = await t.store.thread(thread, ADA)
      const file = {
        name: 'a.txt',
        content_type: 'text/plain',
        size: 1,
        sha256: hash('a'),
        content_id: null,
        inline: false,
      }
      const draft = await reply(thread, { attachments: [file] })
      const sent = await send(draft, { done: { disposition_id: solved.id } })
      expect(await t.store.thread(thread, ADA)).toMatchObject({
        status: 3,
        place: { kind: 'done' },
        messages: [{ interaction: { status: 3, stopped_reason: 'Sent' }, disposition: 'Solved' }, {}],
      })
      const back = await t.store.undoSend(sent.outbox_id)
      expect(back).toEqual({ ...draft, revision: 1, saved_at: t.now() })
      const { drafts, ...after } = await t.store.thread(thread, ADA)
      expect({ ...after, drafts: [] }).toEqual(before)
      expect(drafts).toHaveLength(1)
      await expect(t.store.undoSend(sent.outbox_id)).rejects.toMatchObject({ code: 'not-found' })
      await expect(t.store.interaction(sent.interaction_id)).rejects.toMatchObject({ code: 'not-found' })
      await send(back)
    })

    it('undo of a new mail leaves no thread behind', async () => {
      const sent = await send(await t.store.createDraft(newDraft()))
      await t.store.undoSend(sent.outbox_id)
      await expect(t.store.thread(sent.thread_id, ADA)).rejects.toMatchObject({ code: 'not-found' })
      expect((await t.store.counts(ADA)).all.total).toBe(0)
    })

    it('undo leaves what somebody changed meanwhile', async () => {
      const thread = await question()
      const sent = await send(await reply(thread), { done: { disposition_id: null } })
      await t.store.moveToWorkbin([thread], 'review', BOB)
      await t.store.undoSend(sent.outbox_id)
      expect(await t.store.thread(thread, ADA)).toMatchObject({ owner_id: BOB, drafts: [{}] })
    })

    it('is undone also while the line is down, and too late once it is claimed', async () => {
      const first = await send(await t.store.createDraft(newDraft()))
      await t.store.claimDue(t.now(), 1)
      await expect(t.store.undoSend(first.outbox_id)).rejects.toMatchObject({ code: 'too-late' })
      await t.store.requeue(first.outbox_id, t.now() + MINUTE, 'No line to the server; tried again soon.')
      expect(await t.store.delivery(first.outbox_id)).toMatchObject({
        state: 'queued',
        can_undo: true,
        attempts: 1,
        problem: 'No line to the server; tried again soon.',
      })
      expect(await t.store.undoSend(first.outbox_id)).toMatchObject({ subject: 'Your order' })
    })

    it('claims what is due, oldest first, once', async () => {
      const at = (due_at: number) => t.store.createDraft(newDraft()).then((draft) => send(draft, { due_at }))
      const late = await at(t.now() + MINUTE)
      const second = await at(t.now() - 1)
      const first = await at(t.now() - 2)
      expect(await t.store.nextDue()).toBe(t.now() - 2)
      expect((await t.store.claimDue(t.now(), 1)).map((mail) => mail.outbox_id)).toEqual([first.outbox_id])
      const [claimed] = await t.store.claimDue(t.now(), 10)
      expect(claimed).toMatchObject({
        outbox_id: second.outbox_id,
        state: 'claimed',
        attempts: 1,
        envelope: { from: 'support@desk.test', to: ['ann@customer.test'], smtputf8: false },
        wire_sha256: hash('wire'),
        sent_sha256: hash('sent'),
      })
      expect(await t.store.claimDue(t.now(), 10)).toEqual([])
      expect(await t.store.nextDue()).toBe(t.now() + MINUTE)
      t.pass(MINUTE)
      expect((await t.store.claimDue(t.now(), 10)).map((mail) => mail.outbox_id)).toEqual([late.outbox_id])
      expect(await t.store.nextDue()).toBeNull()
    })

    it('accepted: Done with reason Sent, then its copy in Sent, tried again when that failed', async () => {
      const thread = await question()
      const sent = await send(await reply(thread))
      await outcome(sent.outbox_id, 'accepted')
      expect(await t.store.interaction(sent.interaction_id)).toMatchObject({
        status: 3,
        stopped_reason: 'Sent',
        sent_date: new Date(t.now()).toISOString(),
        end_date: new Date(t.now()).toISOString(),
      })
      expect(await t.store.sentCopiesOwed('support')).toMatchObject([{ outbox_id: sent.outbox_id }])
      expect(await t.store.sentCopiesOwed('other')).toEqual([])
      await t.store.resolveSentCopy(sent.outbox_id, 'failed', 'The folder Sent is full.')
      expect(await t.store.delivery(sent.outbox_id)).toMatchObject({
        state: 'accepted',
        sent_copy: 'failed',
        problem: 'The folder Sent is full.',
      })
      expect(await t.store.sentCopiesOwed('support')).toHaveLength(1)
      await t.store.resolveSentCopy(sent.outbox_id, 'filed', null)
      await t.store.resolveSentCopy(sent.outbox_id, 'failed', 'late')
      expect(await t.store.delivery(sent.outbox_id)).toMatchObject({
        state: 'filed',
        sent_copy: 'filed',
        problem: null,
      })
      expect(await t.store.sentCopiesOwed('support')).toEqual([])
      expect(await waiting()).toEqual({ waiting: 0, trouble: 0 })
    })

    it('without a copy to file it is done when it is accepted', async () => {
      const sent = await send(await t.store.createDraft(newDraft()), { sent_copy: 'none' })
      await outcome(sent.outbox_id, 'accepted')
      expect(await state(sent.outbox_id)).toBe('filed')
    })

    it.each(['rejected', 'unknown'] as const)(
      '%s: back in its writer’s workbin, and a draft again by word',
      async (to) => {
        const thread = await question()
        const draft = await reply(thread)
        const sent = await send(draft, { done: { disposition_id: null } })
        await outcome(sent.outbox_id, to, [refused('ann@customer.test')])
        expect(await t.store.thread(thread, ADA)).toMatchObject({
          place: { kind: 'workbin', workbin: 'in-progress', owner_id: ADA },
          status: 2,
        })
        const [row] = (
          await t.store.listPage({
            view: { kind: 'outbox' },
            order: 'newest',
            after: null,
            limit: 9,
            agent: ADA,
          })
        ).rows
        expect(row).toMatchObject({ interaction_id: sent.interaction_id, trouble: to })
        expect(await waiting()).toEqual({ waiting: 0, trouble: 1 })
        await expect(t.store.undoSend(sent.outbox_id)).rejects.toMatchObject({ code: 'too-late' })

        const back = await t.store.takeBack(sent.outbox_id)
        expect(back).toMatchObject({ id: draft.id, revision: 1, text: draft.text })
        expect(back.returned).toContain('The line broke.')
        expect(back.returned).toContain(to === 'unknown' ? 'twice' : 'was not sent')
        // What was marked Done with it waits again.
        expect(await t.store.thread(thread, ADA)).toMatchObject({ status: 0, place: { kind: 'queue' } })
      },
    )

    it('sent again by the agent’s word it goes the same way with the same bytes', async () => {
      const sent = await send(await reply(await question()))
      await outcome(sent.outbox_id, 'unknown')
      const before = await t.store.owed(sent.outbox_id)
      await t.store.sendAgain(sent.outbox_id, t.now())
      const [claimed] = await t.store.claimDue(t.now(), 1)
      expect(claimed).toMatchObject({
        message_id: before.message_id,
        wire_sha256: before.wire_sha256,
        attempts: 2,
      })
      expect(await t.store.interaction(sent.interaction_id)).toMatchObject({ status: 1 })
      await t.store.markDataStarted(sent.outbox_id)
      await t.store.resolveSend(sent.outbox_id, {
        state: 'accepted',
        recipients: [took('ann@customer.test')],
        problem: null,
      })
      expect(await t.store.interaction(sent.interaction_id)).toMatchObject({
        status: 3,
        stopped_reason: 'Sent',
      })
    })

    it('refused for some of its recipients it was sent, and stays with its writer', async () => {
      const thread = await question()
      const sent = await send(await reply(thread, { content: { cc: [person('bob@customer.test')] } }))
      await started(sent.outbox_id)
      await t.store.resolveSend(sent.outbox_id, {
        state: 'accepted',
        recipients: [took('ann@customer.test'), refused('bob@customer.test')],
        problem: 'bob@customer.test was refused.',
      })
      await t.store.resolveSentCopy(sent.outbox_id, 'filed', null)
      expect(await t.store.delivery(sent.outbox_id)).toMatchObject({
        state: 'filed',
        problem: 'bob@customer.test was refused.',
      })
      const [row] = (
        await t.store.listPage({ view: { kind: 'all' }, order: 'newest', after: null, limit: 9, agent: ADA })
      ).rows
      expect(row).toMatchObject({ trouble: 'rejected', owner_id: ADA, place: { kind: 'workbin' } })
    })

    it('after a crash: what was only claimed is sent, what may have left is asked about', async () => {
      const claimed = await send(await t.store.createDraft(newDraft()))
      const dangling = await send(await t.store.createDraft(newDraft()))
      await t.store.claimDue(t.now(), 10)
      await t.store.markDataStarted(dangling.outbox_id)
      await t.reopen()
      expect(await t.store.recoverOutbox()).toMatchObject([
        { outbox_id: dangling.outbox_id, state: 'unknown' },
      ])
      expect(await state(claimed.outbox_id)).toBe('queued')
      expect(await t.store.unknownSends('support')).toMatchObject([{ outbox_id: dangling.outbox_id }])
      expect((await t.store.claimDue(t.now(), 10)).map((mail) => mail.outbox_id)).toEqual([claimed.outbox_id])
      expect((await t.store.delivery(dangling.outbox_id)).problem).toMatch(/not known/)
    })

    it('what waits for another try is due at once when the line is back; what undo holds is not', async () => {
      const tried = await send(await t.store.createDraft(newDraft()))
      const held = await send(await t.store.createDraft(newDraft()), { due_at: t.now() + MINUTE })
      await t.store.claimDue(t.now(), 1)
      await t.store.requeue(tried.outbox_id, t.now() + HOUR, 'No line.')
      await t.store.retryNow('other', t.now())
      expect(await t.store.nextDue()).toBe(t.now() + MINUTE)
      await t.store.retryNow('support', t.now())
      expect((await t.store.delivery(tried.outbox_id)).due_at).toBe(t.now())
      expect((await t.store.delivery(held.outbox_id)).due_at).toBe(t.now() + MINUTE)
    })

    it.each([1, 2, 3])('a random walk of all commands keeps to the design (%i)', async (seed) => {
      const random = seeded(seed)
      const allowed: Record<OutboxState, readonly OutboxState[]> = {
        queued: ['claimed'],
        claimed: ['queued', 'data_started', 'rejected'],
        data_started: ['queued', 'accepted', 'rejected', 'unknown', 'filed'],
        accepted: ['filed'],
        filed: [],
        rejected: ['queued'],
        unknown: ['queued', 'accepted', 'filed'],
      }
      interface Known {
        id: Uuid
        state: OutboxState
        /** Its bytes may have left; neither a server's certain no nor an agent's word allows another try. */
        left: boolean
      }
      const mails = new Map<Uuid, Known>()
      const draft = await t.store.createDraft(newDraft())
      const waitingDrafts: Draft[] = [draft]
      for (let step = 0; step < 250; step++) {
        const all = [...mails.values()]
        const mail = all[Math.floor(random() * all.length)]
        const command = Math.floor(random() * 15)
        try {
          if (command === 0 || !mail) {
            const next = waitingDrafts.pop() ?? (await t.store.createDraft(newDraft()))
            const made = await send(next, {
              due_at: t.now() + Math.floor(random() * 3) * MINUTE,
              sent_copy: random() < 0.3 ? 'none' : 'owed',
            })
            mails.set(made.outbox_id, { id: made.outbox_id, state: 'queued', left: false })
          } else if (command === 1) {
            const back = await t.store.undoSend(mail.id)
            expect(mail.state).toBe('queued')
            mails.delete(mail.id)
            waitingDrafts.push(back)
          } else if (command <= 4) {
            for (const claimed of await t.store.claimDue(t.now(), 1 + Math.floor(random() * 2)))
              expect(mails.get(claimed.outbox_id)).toMatchObject({ state: 'queued', left: false })
          } else if (command <= 6) {
            await t.store.markDataStarted(mail.id)
            mail.left = true
          } else if (command === 7) {
            await t.store.requeue(mail.id, t.now() + MINUTE, 'The server said: later.')
            mail.left = false
          } else if (command <= 9) {
            const to = (['accepted', 'rejected', 'unknown'] as const)[Math.floor(random() * 3)] ?? 'unknown'
            await t.store.resolveSend(mail.id, { state: to, recipients: [], problem: null })
          } else if (command === 10)
            await t.store.resolveSentCopy(mail.id, random() < 0.5 ? 'filed' : 'failed', null)
          else if (command === 11) {
            await t.store.sendAgain(mail.id, t.now())
            mail.left = false
          } else if (command === 12) {
            const back = await t.store.takeBack(mail.id)
            expect(['rejected', 'unknown']).toContain(mail.state)
            mails.delete(mail.id)
            waitingDrafts.push(back)
          } else if (command === 13) await t.store.retryNow('support', t.now())
          else if (random() < 0.3) {
            await t.reopen()
            await t.store.recoverOutbox()
          } else t.pass(MINUTE)
        } catch (error) {
          if (!(error instanceof CoreError)) throw error
          expect(['conflict', 'too-late']).toContain(error.code)
        }
        for (const known of mails.values()) {
          const now = await state(known.id)
          if (now !== known.state)
            expect(allowed[known.state], `${known.state} -> ${now} by ${command}`).toContain(now)
          if (now === 'queued' || now === 'claimed') expect(known.left).toBe(false)
          known.state = now
        }
      }
    })
  })
}
