import { describe, expect, it } from 'vitest'
import type { InteractionPatch } from '../../../../src-main/store/api-store.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import { DAY, hash, MINUTE, type OpenStore, openTestStore, person } from '../../../support/open-store.ts'
import { seeded } from '../../../support/seeded.ts'
import {
  attached,
  conversation,
  interactionInput,
  NOW,
  once,
  submission,
} from '../../../support/submissions.ts'

const BOB = 8
const STEPS = 200

/** Agents, customers and other systems at once. */
export function apiStormCases(open: OpenStore): void {
  describe('agents, customers and other systems at once', () => {
    it.each([1, 2, 3, 4])('leave everything in step (%i)', async (seed) => {
      const t = openTestStore(open)
      const random = seeded(seed)
      const chance = (part: number) => random() < part
      const among = (n: number) => Math.floor(random() * n)
      const pick = <T>(list: readonly T[]): T | undefined => list[among(list.length)]
      const queue = await t.store.saveQueue(null, 'Support')
      await t.store.saveQueue(null, 'Sales')
      t.pass(30 * DAY)
      const messages: string[] = []
      const secures: string[] = []
      const undos: string[] = []
      const sends: string[] = []
      const thread = async (): Promise<string> => {
        const id = pick(messages)
        return id === undefined ? '' : (await t.store.apiInteraction(id)).thread_id
      }
      const person_ = () => person(`customer${among(4)}@x.test`)

      const commands: readonly (() => Promise<unknown>)[] = [
        async () => {
          const from = person_()
          const parent_id = chance(0.4) ? pick(messages) : undefined
          const received = await t.store.receive(
            submission({
              from,
              direction: chance(0.8) ? 'in' : 'out',
              received: t.now() - among(3 * DAY),
              customer: {
                id: chance(0.1) ? 'C-7' : null,
                address: from.address,
                first_name: '',
                last_name: '',
              },
              thread: parent_id
                ? { kind: 'answer', parent_id }
                : chance(0.4)
                  ? conversation(`c${among(5)}`, { metadata: [`key${among(60)}`] })
                  : { kind: 'new' },
              secure: chance(0.4) ? { address: from.address, box: '' } : null,
              fingerprint: chance(0.3) ? hash(`f${among(20)}`) : null,
              attachments: chance(0.3) ? [attached(`file${among(5)}`)] : [],
              udata: chance(0.5) ? { [`k${among(3)}`]: among(9) } : {},
              queue_id: chance(0.5) ? queue.id : null,
            }),
            chance(0.2) ? once(`k${among(9)}`, `p${among(2)}`) : NOW,
          )
          if (received.repeated) return
          messages.push(received.interaction_id)
          if (received.secure_mail_id) secures.push(received.secure_mail_id)
        },
        async () => {
          const parent_id = pick(messages)
          const status = pick([0, 1, 2, 3] as const) ?? 0
          const made = await t.store.createInteraction(
            interactionInput({
              customer_id: `customer-${among(5)}`,
              status,
              entity_type: pick([0, 0, 0, 1, 2, 7] as const) ?? 0,
              start_date: t.now() - among(3 * DAY),
              from: person_(),
              ...(chance(0.5) ? { owner_id: pick([ADA, BOB]) ?? ADA } : {}),
              ...(parent_id && chance(0.6) ? { parent_id } : {}),
              ...(status === 3 && chance(0.5) ? { stopped_reason: 'Elsewhere' } : {}),
            }),
            NOW,
          )
          messages.push(made.interaction_id)
        },
        async () => {
          const id = pick(messages) ?? ''
          const parent = pick(messages)
          const into = await thread()
          const patch: InteractionPatch = {
            ...(chance(0.5) ? { status: pick([0, 1, 2, 3] as const) ?? 0 } : {}),
            ...(chance(0.3) ? { owner_id: pick([ADA, BOB, null]) ?? null } : {}),
            ...(chance(0.2) && parent ? { parent_id: parent } : {}),
            ...(chance(0.3) ? { thread_id: chance(0.3) ? id : into } : {}),
            ...(chance(0.3) ? { text: `Words ${among(9)}`, subject: `Subject ${among(9)}` } : {}),
            ...(chance(0.3) ? { udata: chance(0.5) ? null : { a: among(9) } } : {}),
            ...(chance(0.3) ? { from: person_(), to: [person_(), person_()] } : {}),
            ...(chance(0.2) ? { customer_id: `customer-${among(5)}` } : {}),
          }
          await t.store.updateInteraction(id, patch, NOW)
        },
        async () => t.store.markSecureMailRead(pick(secures) ?? '', chance(0.7), NOW),
        async () => t.store.deleteSecureMail(pick(secures) ?? '', NOW),
        async () => {
          const { mail } = await t.store.purgeSecureMail(pick(secures) ?? '', NOW)
          secures.splice(secures.indexOf(mail.id), 1)
          messages.splice(messages.indexOf(mail.interaction.interaction_id), 1)
        },
        async () => {
          const parent_id = pick(messages) ?? ''
          const draft = await t.store.createDraft(
            newDraft({ kind: 'reply', thread_id: await thread(), parent_id, attachments: [attached('out')] }),
          )
          if (chance(0.2)) return
          const { outbox_id } = await t.store.enqueue(
            newSend(draft, { done: chance(0.5) ? { disposition_id: null } : null }),
          )
          sends.push(outbox_id)
        },
        async () => {
          await t.store.claimDue(t.now(), 3)
          await t.store.deliverSecurely(pick(sends) ?? '')
        },
        async () => t.store.undoSend(pick(sends) ?? ''),
        async () => t.store.nameCustomer('C-7', [`customer${among(4)}@x.test`]),
        async () =>
          undos.push((await t.store.accept([await thread()], pick([ADA, BOB]) ?? ADA)).undo_id ?? ''),
        async () => undos.push((await t.store.markDone([await thread()], null, ADA)).undo_id ?? ''),
        async () => undos.push((await t.store.release([await thread()], ADA)).undo_id ?? ''),
        async () => t.store.undo(pick(undos) ?? '', ADA),
      ]

      const refused = new Map<string, number>()
      for (let step = 0; step < STEPS; step++) {
        t.pass(MINUTE)
        // Mail comes more often than anything else.
        const command = chance(0.35) ? commands[0] : pick(commands)
        try {
          await command?.()
        } catch (error) {
          const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
          refused.set(code, (refused.get(code) ?? 0) + 1)
        }
      }
      // Only what a rule refuses, and not most of it.
      for (const code of refused.keys())
        expect(['conflict', 'invalid', 'not-found', 'too-late']).toContain(code)
      expect([...refused.values()].reduce((a, b) => a + b, 0)).toBeLessThan(STEPS / 2)
      expect(await t.store.check()).toMatchObject({ problems: [] })
      // Whatever was done to it, each message that is there can be read in its thread.
      for (const id of messages) {
        const { thread_id } = await t.store.apiInteraction(id)
        const { messages: shown } = await t.store.thread(thread_id, ADA)
        expect(shown.map(({ interaction }) => interaction.interaction_id)).toContain(id)
      }
      await t.close()
    })
  })
}
