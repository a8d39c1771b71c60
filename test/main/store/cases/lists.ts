import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ListOrder, ListRow, View } from '../../../../src-main/contract/domain.ts'
import {
  arrival,
  DAY,
  HOUR,
  MINUTE,
  type OpenStore,
  openTestStore,
  sentArrival,
  START,
  type TestStore,
} from '../../../support/open-store.ts'

const ADA = 7
const BOB = 8

export function listCases(open: OpenStore): void {
  describe('lists', () => {
    let t: TestStore
    beforeEach(async () => {
      t = openTestStore(open)
      await t.store.setOwnAddresses(['support@desk.test'])
      t.pass(DAY)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    async function walk(view: View, order: ListOrder, limit: number, agent = ADA) {
      const rows: ListRow[] = []
      const totals = new Set<number | null>()
      let after: string | null = null
      do {
        const page = await t.store.listPage({ view, order, after, limit, agent })
        rows.push(...page.rows)
        totals.add(page.total)
        after = page.next
      } while (after !== null)
      return { rows, totals: [...totals] }
    }
    const subjects = (rows: readonly ListRow[]) => rows.map((row) => row.subject)

    it('page by key in both orders, whatever the size of a page', async () => {
      const numbers = Array.from({ length: 23 }, (_, i) => i)
      // History arrives backwards.
      for (const i of [...numbers].reverse())
        await t.store.ingest([arrival({ subject: String(i) }, { received: START + i * MINUTE })], null)
      for (const limit of [1, 7, 23, 50]) {
        const newest = await walk({ kind: 'all' }, 'newest', limit)
        expect(subjects(newest.rows)).toEqual(numbers.map(String).reverse())
        expect(newest.totals).toEqual([23])
        const [queue] = await t.store.queues()
        const oldest = await walk({ kind: 'queue', queue_id: queue?.id ?? '' }, 'oldest', limit)
        expect(subjects(oldest.rows)).toEqual(numbers.map(String))
      }
    })

    it('oldest first means who waits longest for an answer', async () => {
      await t.store.ingest(
        [
          arrival({ subject: 'A', message_id: 'a@mail.test' }, { received: START }),
          arrival({ subject: 'B', message_id: 'b@mail.test' }, { received: START + MINUTE }),
          arrival({ subject: 'C', message_id: 'c@mail.test' }, { received: START + 2 * MINUTE }),
          arrival({ subject: 'Re: B', references: ['b@mail.test'] }, { received: START + HOUR }),
        ],
        null,
      )
      await t.store.ingest(
        [sentArrival({ references: ['a@mail.test'] }, { received: START + 2 * HOUR })],
        null,
      )
      const { rows } = await walk({ kind: 'all' }, 'oldest', 10)
      expect(rows.map((row) => [row.subject, row.waiting_since, row.at, row.messages])).toEqual([
        ['B', START + MINUTE, START + HOUR, 2],
        ['C', START + 2 * MINUTE, START + 2 * MINUTE, 1],
        ['A', null, START + 2 * HOUR, 2],
      ])
    })

    it('show each place its own threads', async () => {
      const support = await t.store.saveQueue(null, 'Support')
      const billing = await t.store.saveQueue(null, 'Billing')
      const filed = await t.store.ingest(
        ['queued', 'billed', 'mine', 'theirs', 'reviewed', 'done'].map((subject, i) =>
          arrival(
            { subject },
            { received: START + i, queue_id: subject === 'billed' ? billing.id : support.id },
          ),
        ),
        null,
      )
      const [, , mine = '', theirs = '', reviewed = '', done = ''] = filed.map((each) => each.thread_id)
      await t.store.accept([mine], ADA)
      await t.store.accept([theirs], BOB)
      await t.store.moveToWorkbin([reviewed], 'review', BOB)
      await t.store.markDone([done], null, ADA)
      const shown = async (view: View) => {
        const { rows, totals } = await walk(view, 'newest', 10)
        return { subjects: subjects(rows), totals }
      }
      const workbin = (name: 'in-progress' | 'review', team: boolean) =>
        shown({ kind: 'workbin', workbin: name, team })
      expect({
        support: await shown({ kind: 'queue', queue_id: support.id }),
        billing: await shown({ kind: 'queue', queue_id: billing.id }),
        mine: await workbin('in-progress', false),
        team: await workbin('in-progress', true),
        myReview: await workbin('review', false),
        teamReview: await workbin('review', true),
        done: await shown({ kind: 'done' }),
        all: (await shown({ kind: 'all' })).totals,
      }).toEqual({
        support: { subjects: ['queued'], totals: [1] },
        billing: { subjects: ['billed'], totals: [1] },
        mine: { subjects: ['mine'], totals: [1] },
        team: { subjects: ['theirs', 'mine'], totals: [2] },
        myReview: { subjects: [], totals: [0] },
        teamReview: { subjects: ['reviewed'], totals: [1] },
        done: { subjects: ['done'], totals: [1] },
        all: [6],
      })
    })

    it('show drafts, mine and the team’s, by their last save', async () => {
      const [filed] = await t.store.ingest([arrival()], null)
      const draft = async (subject: string, owner_id: number, thread_id: string | null) => {
        t.pass(MINUTE)
        return t.store.createDraft({
          kind: thread_id === null ? 'new' : 'reply',
          owner_id,
          thread_id,
          parent_id: thread_id,
          content: {
            account_id: null,
            to: [{ address: 'ann@customer.test' }],
            cc: [],
            bcc: [],
            subject,
            format: 'plain',
            html: '',
            text: 'Dear  Ann,\nit is on its way.',
            quote: null,
            standard_response_ids: [],
          },
          attachments: [],
        })
      }
      const one = await draft('one', ADA, filed?.thread_id ?? null)
      await draft('two', BOB, null)
      await draft('three', ADA, null)
      const drafts = (team: boolean): View => ({ kind: 'workbin', workbin: 'drafts', team })
      expect(subjects((await walk(drafts(false), 'newest', 1)).rows)).toEqual(['three', 'one'])
      expect(subjects((await walk(drafts(false), 'oldest', 1)).rows)).toEqual(['one', 'three'])
      const team = await walk(drafts(true), 'newest', 2)
      expect(subjects(team.rows)).toEqual(['three', 'two', 'one'])
      expect(team.totals).toEqual([3])
      expect(team.rows[2]).toMatchObject({
        kind: 'draft',
        draft_id: one.id,
        thread_id: filed?.thread_id,
        correspondent: { address: 'ann@customer.test' },
        snippet: 'Dear Ann, it is on its way.',
        has_draft: true,
      })
      expect((await t.store.counts(ADA)).drafts).toEqual({
        mine: { total: 2, unread: 0 },
        team: { total: 3, unread: 0 },
      })
      expect((await walk({ kind: 'all' }, 'newest', 5)).rows[0]).toMatchObject({ has_draft: true })
      await t.store.discardDraft(one.id, ADA)
      expect((await walk({ kind: 'all' }, 'newest', 5)).rows[0]).toMatchObject({ has_draft: false })
    })

    it('mark attachments, but not the images of a signature', async () => {
      const part = { name: 'a', content_type: 'image/png', size: 1, sha256: 'a'.repeat(64), content_id: 'c' }
      await t.store.ingest(
        [
          arrival({ subject: 'inline', attachments: [{ ...part, inline: true }] }),
          arrival({ subject: 'attached', attachments: [{ ...part, inline: false }] }),
        ],
        null,
      )
      const { rows } = await walk({ kind: 'all' }, 'newest', 5)
      expect(rows.map((row) => [row.subject, row.attachments])).toEqual([
        ['attached', true],
        ['inline', false],
      ])
    })

    it('refuse a page that they never gave', async () => {
      await expect(
        t.store.listPage({ view: { kind: 'all' }, order: 'newest', after: 'x', limit: 5, agent: ADA }),
      ).rejects.toMatchObject({ code: 'invalid' })
    })
  })
}
