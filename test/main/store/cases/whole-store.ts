import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  arrival,
  DAY,
  hash,
  HOUR,
  MINUTE,
  type OpenStore,
  openTestStore,
  person,
  sentArrival,
  START,
  type TestStore,
} from '../../../support/open-store.ts'

const ADA = 7
const BOB = 8

/** Export, and that nothing drifts apart whatever is done. */
export function wholeStoreCases(open: OpenStore): void {
  describe('the whole store', () => {
    let t: TestStore
    beforeEach(async () => {
      t = openTestStore(open)
      await t.store.setOwnAddresses(['support@desk.test'])
      t.pass(30 * DAY)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    it('exports every interaction once, by start date and then by id', async () => {
      expect(await t.store.empty()).toBe(true)
      const filed: { at: number; id: string }[] = []
      for (const at of [3, 1, 1, 2, 1, 3]) {
        const [one] = await t.store.ingest([arrival({}, { received: START + at * HOUR })], null)
        filed.push({ at, id: one?.interaction_id ?? '' })
      }
      const exported: string[] = []
      let after: string | null = null
      do {
        const page = await t.store.exportPage(after, 2)
        exported.push(...page.interactions.map((one) => one.interaction_id))
        after = page.next
      } while (after !== null)
      expect(exported).toEqual(
        filed.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).map((one) => one.id),
      )
      expect(await t.store.empty()).toBe(false)
    })

    it('names every blob that it needs', async () => {
      await t.store.ingest(
        [
          arrival({
            raw: { sha256: hash('raw'), size: 3 },
            attachments: [
              {
                name: null,
                content_type: 'text/plain',
                size: 1,
                sha256: hash('attached'),
                content_id: null,
                inline: false,
              },
            ],
          }),
        ],
        null,
      )
      const draft = await t.store.createDraft({
        kind: 'new',
        owner_id: ADA,
        thread_id: null,
        parent_id: null,
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
        attachments: [
          {
            name: 'a',
            content_type: 'a/b',
            size: 1,
            sha256: hash('drafted'),
            content_id: null,
            inline: false,
          },
        ],
      })
      const all = new Set([hash('raw'), hash('attached'), hash('drafted')])
      expect(await t.store.blobsInUse()).toEqual(all)
      // A discarded draft can still come back, so its files stay.
      await t.store.discardDraft(draft.id, ADA)
      expect(await t.store.blobsInUse()).toEqual(all)
    })

    it('exports names that are empty, people and folders as the contract has them', async () => {
      const [filed] = await t.store.ingest(
        [arrival({ from: null, message_id: null, subject: '' }, { came_by: 'api:portal' })],
        null,
      )
      const { interactions } = await t.store.exportPage(null, 10)
      expect(interactions[0]).toMatchObject({
        interaction_id: filed?.interaction_id,
        message_id: null,
        folder: 'api:portal',
        html: null,
        attachments: [],
      })
      expect(interactions[0]).not.toHaveProperty('from')
      expect(interactions[0]).not.toHaveProperty('cc')
    })

    it.each([1, 2, 3])(
      'keeps rows, counts and search in step through a storm of commands (%i)',
      async (seed) => {
        const random = seeded(seed)
        const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
        const queues = [await t.store.saveQueue(null, 'Support'), await t.store.saveQueue(null, 'Billing')]
        const messages: string[] = []
        const threads: string[] = []
        const undos: string[] = []
        let refused = 0
        for (let step = 0; step < 150; step++) {
          t.pass(MINUTE)
          const thread = pick(threads) ?? ''
          const some = [...new Set([thread, pick(threads) ?? thread])]
          const agent = random() < 0.7 ? ADA : BOB
          const command = async () => {
            switch (thread === '' ? 0 : Math.floor(random() * 11)) {
              case 1:
                return t.store.accept(some, agent)
              case 2:
                return t.store.release([thread], agent)
              case 3:
                return t.store.moveToQueue(some, pick(queues)?.id ?? '', agent)
              case 4:
                return t.store.moveToWorkbin([thread], random() < 0.5 ? 'review' : 'in-progress', agent)
              case 5:
                return t.store.markDone(some, null, agent)
              case 6:
                return t.store.setRead(some, random() < 0.5, agent)
              case 7:
                return t.store.undo(pick(undos) ?? '', agent)
              case 8:
                return t.store.setUserData(thread, { [pick(['a', 'b', 'c']) ?? 'a']: step }, [], agent)
              default: {
                // Parents that are missing, known, or arrive later, in any order.
                const id = `m${Math.floor(random() * 300)}@mail.test`
                const parents = [pick(messages), `m${Math.floor(random() * 300)}@mail.test`]
                const mail = {
                  message_id: id,
                  references: random() < 0.7 ? parents.flatMap((parent) => (parent ? [parent] : [])) : [],
                  from: person(pick(['ann@customer.test', 'bob@customer.test']) ?? 'ann@customer.test'),
                  held_back: random() < 0.05 ? 'unreadable' : null,
                }
                const received = t.now() - Math.floor(random() * 10 * DAY)
                const [filed] = await t.store.ingest(
                  [
                    random() < 0.7
                      ? arrival(mail, {
                          received,
                          queue_id: pick(queues)?.id ?? null,
                          unread: random() < 0.8,
                        })
                      : sentArrival({ message_id: id, references: mail.references }, { received }),
                  ],
                  null,
                )
                messages.push(id)
                threads.push(filed?.thread_id ?? '')
                return { undo_id: null }
              }
            }
          }
          try {
            const done = await command()
            if (done?.undo_id) undos.push(done.undo_id)
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^(conflict|too-late)$/) })
            refused++
          }
        }
        expect(refused).toBeLessThan(120)
        expect(await t.store.check()).toMatchObject({ problems: [] })
        // What the lists add up to is what the counts say.
        const { all } = await t.store.counts(ADA)
        const rows = await t.store.listPage({
          view: { kind: 'all' },
          order: 'newest',
          after: null,
          limit: 200,
          agent: ADA,
        })
        expect(all).toEqual({ total: rows.rows.length, unread: rows.rows.filter((row) => row.unread).length })
      },
    )
  })
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
