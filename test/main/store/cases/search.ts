import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Attachment } from '../../../../src-main/contract/domain.ts'
import type { Arrival, ParsedMail } from '../../../../src-main/store/store.ts'
import { ADA } from '../../../support/drafting.ts'
import {
  arrival,
  DAY,
  hash,
  MINUTE,
  type OpenStore,
  openTestStore,
  person,
  START,
  type TestStore,
} from '../../../support/open-store.ts'
import { seeded } from '../../../support/seeded.ts'

export function searchCases(open: OpenStore): void {
  describe('search', () => {
    let t: TestStore
    let filed: number
    beforeEach(() => {
      t = openTestStore(open)
      t.pass(30 * DAY)
      filed = 0
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    /** Files mails a minute apart, each in a thread of its own; its subject is its name here. */
    async function file(
      ...mails: (Partial<ParsedMail> & { subject: string; about?: Partial<Arrival> })[]
    ): Promise<void> {
      const batch = mails.map(({ about, ...mail }) =>
        arrival(mail, { received: START + (filed += 1) * MINUTE, unread: false, ...about }),
      )
      await t.store.ingest(batch, null)
    }
    const ask = (query: string, after: string | null = null, limit = 50) =>
      t.store.search({ query, after, limit, agent: ADA })
    const found = async (query: string) => (await ask(query)).rows.map((row) => row.subject)

    it('looks everywhere: subject, people, text, user data, names of files', async () => {
      await file(
        { subject: 'one', text: 'The parcel was torn.' },
        { subject: 'two', from: person('bob@parcel.test', 'Bob') },
        { subject: 'three', cc: [person('x@y.test', 'Parcel Service')] },
        { subject: 'four', about: { udata: { carrier: { name: 'Parcel & Co' } } } },
        { subject: 'five', attachments: [attached('my-parcel_label.pdf')] },
        { subject: 'the parcel' },
        { subject: 'none' },
      )
      expect(await found('parcel')).toEqual(['the parcel', 'five', 'four', 'three', 'two', 'one'])
      expect(await found('PÁRC')).toHaveLength(6)
      expect(await found('torn parcel')).toEqual(['one'])
    })

    it('shows the newest first, whatever came in first, page by page', async () => {
      await file({ subject: 'b', text: 'word' }, { subject: 'c', text: 'word' })
      await file({ subject: 'a', text: 'word', about: { received: START } })
      const first = await ask('word', null, 2)
      expect(first.rows.map((row) => row.subject)).toEqual(['c', 'b'])
      const second = await ask('word', first.next, 2)
      expect(second).toMatchObject({ rows: [{ kind: 'message', subject: 'a' }], next: null, total: null })
      await expect(ask('word', 'nonsense')).rejects.toMatchObject({ code: 'invalid' })
    })

    it('asks one field by an operator', async () => {
      await file(
        { subject: 'gold', text: 'silver', attachments: [attached('bronze.pdf')] },
        { subject: 'silver', text: 'gold', to: [person('gold@desk.test', 'Gold Team')] },
        {
          subject: 'iron',
          from: person('silver.lee@ann.test', 'Ann Gold'),
          about: { udata: { plan: 'Gold plus' } },
        },
      )
      expect(await found('subject:gold')).toEqual(['gold'])
      expect(await found('from:gold')).toEqual(['iron'])
      expect(await found('from:silver.lee@ann.test')).toEqual(['iron'])
      expect(await found('from:"ann gold"')).toEqual(['iron'])
      expect(await found('from:"gold ann"')).toEqual([])
      expect(await found('to:gold')).toEqual(['silver'])
      expect(await found('file:bronz')).toEqual(['gold'])
      expect(await found('udata.plan:gold')).toEqual(['iron'])
      expect(await found('udata.Plan:"gold plus"')).toEqual(['iron'])
      expect(await found('udata.plan:')).toEqual(['iron'])
      expect(await found('udata.other:gold')).toEqual([])
      expect(await found('has:attachment')).toEqual(['gold'])
      expect(await found('gold -has:attachment -from:gold')).toEqual(['silver'])
    })

    it('finds a phrase only where its words stand next to each other', async () => {
      await file(
        { subject: 'yes', text: 'It never\narrived — at all.' },
        { subject: 'no', text: 'It arrived, but never at all.' },
      )
      expect(await found('"never arrived"')).toEqual(['yes'])
      expect(await found('"arrived at a')).toEqual(['yes'])
      expect(await found('arrived -"never arrived"')).toEqual(['no'])
      expect(await found('-"never arrived"')).toEqual(['no'])
      expect(await found('-never')).toEqual([])
    })

    it('finds characters inside a run of Japanese, Chinese or Thai', async () => {
      await file(
        { subject: '1', text: '本日東京都庁に荷物が届きませんでした。' },
        { subject: '2', text: '東の京' },
        { subject: '3', text: 'สวัสดีครับ สินค้าชำรุด' },
        { subject: '4', text: '주문취소 부탁드립니다' },
      )
      expect(await found('東京')).toEqual(['1'])
      expect(await found('京都庁')).toEqual(['1'])
      expect(await found('京')).toEqual(['2', '1'])
      expect(await found('荷物 届き')).toEqual(['1'])
      expect(await found('東京に')).toEqual([])
      expect(await found('ชำรุด')).toEqual(['3'])
      expect(await found('취소')).toEqual(['4'])
      expect((await ask('東京 ')).words).toEqual(['東京'])
    })

    it('asks for state: status, queue, owner, category, unread, days', async () => {
      const support = await t.store.saveQueue(null, 'Support')
      const sales = await t.store.saveQueue(null, 'Sales')
      await t.store.rememberAgent(ADA, 'Ada Moss')
      await file(
        { subject: 'a', text: 'word', about: { queue_id: support.id, unread: true } },
        { subject: 'b', text: 'word', about: { queue_id: support.id } },
        { subject: 'c', text: 'word', about: { queue_id: sales.id, received: START + 10 * DAY } },
      )
      const [, b] = (await ask('word')).rows
      await t.store.accept([b?.thread_id ?? ''], ADA)
      expect(await found('status:new queue:Support')).toEqual(['a'])
      expect(await found('queue:supp word')).toEqual(['b', 'a'])
      expect(await found('-queue:support word')).toEqual(['c'])
      expect(await found('owner:me')).toEqual(['b'])
      expect(await found('owner:moss status:in-progress')).toEqual(['b'])
      expect(await found(`owner:${ADA}`)).toEqual(['b'])
      expect(await found('owner:none')).toEqual(['c', 'a'])
      expect(await found('-owner:none')).toEqual(['b'])
      expect(await found('is:unread word')).toEqual(['a'])
      expect(await found('is:read')).toEqual(['c', 'b'])
      expect(await found('after:2026-05-10')).toEqual(['c'])
      expect(await found('before:2026-05-10 word')).toEqual(['b', 'a'])
      expect(await found('status:done')).toEqual([])
    })

    it('tells what it can’t understand, and searches for the rest', async () => {
      await file({ subject: 'a', text: 'word' })
      expect(await ask('word queue:Nowhere x')).toMatchObject({ rows: [], fault: { from: 5, to: 18 } })
      expect(await ask('queue:Nowhere word')).toMatchObject({
        rows: [{ subject: 'a' }],
        fault: { from: 0, to: 13 },
      })
      expect(await ask('word category:none')).toMatchObject({ rows: [{ subject: 'a' }], fault: { from: 5 } })
      expect(await ask('owner:nobody-here')).toMatchObject({ rows: [], fault: { from: 0 } })
    })

    it('never breaks, whatever is typed', async () => {
      await file({ subject: 'a', text: 'either AND or NOT "quoted" *' })
      for (const query of [
        '"',
        '*',
        'AND',
        'OR',
        'NOT',
        '-',
        '""',
        'a"b',
        '({',
        "'",
        'words:x',
        '\0',
        '\ud800',
        '',
      ])
        await expect(ask(query), JSON.stringify(query)).resolves.toBeTruthy()
      expect(await found('AND')).toEqual(['a'])
      const random = seeded(1)
      const pieces = [
        '"',
        '*',
        '-',
        ':',
        'from:',
        'udata.',
        ' ',
        'AND',
        '(',
        'é',
        '東',
        'is:',
        '\n',
        'a',
        '^',
        '+',
      ]
      for (let i = 0; i < 300; i++) {
        const query = Array.from({ length: 6 }, () => pieces[Math.floor(random() * pieces.length)]).join('')
        await expect(ask(query), JSON.stringify(query)).resolves.toBeTruthy()
      }
    })

    it('finds a long word while it is typed, however many words begin like it', async () => {
      const batch = Array.from({ length: 90 }, (_, i) => ({
        subject: String(i),
        text: `reference customnumber${String(i).padStart(3, '0')}`,
      }))
      await file(...batch)
      expect(await found('customnumber')).toHaveLength(50)
      expect(await found('customnumber08')).toEqual([
        '89',
        '88',
        '87',
        '86',
        '85',
        '84',
        '83',
        '82',
        '81',
        '80',
      ])
      expect(await found('customnumber042')).toEqual(['42'])
      expect(await found('customnumberx')).toEqual([])
    })

    it('gives the same as looking at every mail, for any mixture of conditions', async () => {
      const random = seeded(11)
      const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]
      const vocabulary = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta']
      const mails = Array.from({ length: 300 }, (_, i) => {
        // The earlier half is about other things than the later one, so that conditions avoid each other.
        const half = i < 150 ? vocabulary.slice(0, 4) : vocabulary.slice(2)
        return {
          subject: String(i),
          text: Array.from({ length: 3 }, () => pick(half)).join(' '),
          from: person(`${pick(['ann', 'bob'])}@customer.test`),
          unread: random() < 0.3,
        }
      })
      for (let i = 0; i < mails.length; i += 100)
        await file(...mails.slice(i, i + 100).map(({ unread, ...mail }) => ({ ...mail, about: { unread } })))

      type Mail = (typeof mails)[number]
      const ALL: [string, (mail: Mail) => boolean] = ['', () => true]
      const conditions: [string, (mail: Mail) => boolean][] = [
        ...vocabulary.flatMap((word): [string, (mail: Mail) => boolean][] => [
          [word, (mail) => mail.text.includes(word)],
          [`-${word}`, (mail) => !mail.text.includes(word)],
        ]),
        ['"alpha beta"', (mail) => mail.text.includes('alpha beta')],
        ['from:ann', (mail) => mail.from.address.startsWith('ann')],
        ['-from:ann', (mail) => !mail.from.address.startsWith('ann')],
        ['is:unread', (mail) => mail.unread],
        ['-is:unread', (mail) => !mail.unread],
      ]
      for (let i = 0; i < 80; i++) {
        const asked = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(conditions) ?? ALL)
        const query = `${asked.map(([text]) => text).join(' ')} `
        const expected = mails
          .filter((mail) => asked.every(([, holds]) => holds(mail)))
          .map((mail) => mail.subject)
          .reverse()
        const got: string[] = []
        for (let after: string | null = null; ;) {
          const page = await ask(query, after, 37)
          got.push(...page.rows.map((row) => row.subject))
          after = page.next
          if (after === null) break
        }
        expect(got, query).toEqual(expected)
      }
    })
  })
}

function attached(name: string): Omit<Attachment, 'id'> {
  return {
    name,
    content_type: 'application/pdf',
    size: 3,
    sha256: hash(name),
    content_id: null,
    inline: false,
  }
}
