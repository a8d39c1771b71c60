import { describe, expect, it } from 'vitest'
import { parseSearch, phrase, termsOf, wordsToMark } from '../../../src-main/store/sqlite/search-query.ts'
import { fold, spaced, terms } from '../../../src-main/store/sqlite/search-text.ts'
import { seeded } from '../../support/seeded.ts'

const NOW = new Date(2026, 4, 20, 12).getTime()
const parse = (query: string) => parseSearch(query, NOW)
const words = (query: string) =>
  parse(query).clauses.map(({ field, units, prefix, negated }) => ({
    field,
    words: units.map((unit) => unit.text).join(' '),
    prefix,
    negated,
  }))

describe('what the agent types', () => {
  it('is words, the last of which may go on', () => {
    expect(words('Refund  Ordér')).toEqual([
      { field: 'any', words: 'refund', prefix: false, negated: false },
      { field: 'any', words: 'order', prefix: true, negated: false },
    ])
    expect(words('refund order ')[1]?.prefix).toBe(false)
    expect(words('refund order.')[1]?.prefix).toBe(false)
    expect(words('ref* order ').map((word) => word.prefix)).toEqual([true, false])
  })

  it('is a phrase in quotation marks, also in an operator and before it is closed', () => {
    expect(words('"on its way" subject:"late order" -from:"Ann Lee" "still ty')).toEqual([
      { field: 'any', words: 'on its way', prefix: false, negated: false },
      { field: 'subject', words: 'late order', prefix: false, negated: false },
      { field: 'from', words: 'ann lee', prefix: false, negated: true },
      { field: 'any', words: 'still ty', prefix: true, negated: false },
    ])
  })

  it('asks for state, place and days', () => {
    expect(parse('status:in-progress -is:unread has:attachment queue:"First Line" owner:me')).toMatchObject({
      clauses: [],
      filters: [
        { kind: 'status', status: 2, negated: false },
        { kind: 'unread', negated: true },
        { kind: 'attachment', negated: false },
        { kind: 'queue', name: 'First Line' },
        { kind: 'owner', name: 'me' },
      ],
      fault: null,
    })
    const day = (year: number, month: number, date: number) => new Date(year, month - 1, date).getTime()
    expect(parse('after:2026-05-03 before:2026-06')).toMatchObject({
      since: day(2026, 5, 3),
      before: day(2026, 6, 1),
    })
    expect(parse('after:7d before:today')).toMatchObject({
      since: day(2026, 5, 13),
      before: day(2026, 5, 20),
    })
    // Twice: the narrower one.
    expect(parse('after:2025 after:2026')).toMatchObject({ since: day(2026, 1, 1) })
  })

  it.each([
    ['order status:odd', '“odd” is no status', 6, 16],
    ['before:2026-02-30 x', '“2026-02-30” is no date', 0, 17],
    ['has:wings x', 'doesn’t know', 0, 9],
    ['is:blue x', 'doesn’t know', 0, 7],
  ])('has a fault in “%s” that is told with its place', (query, message, from, to) => {
    const { fault, filters } = parse(query)
    expect(fault).toMatchObject({ from, to })
    expect(fault?.message.replace("'", '’')).toContain(message)
    expect(filters).toEqual([])
  })

  it('is not faulty while it is being typed', () => {
    for (const query of [
      'status:',
      'status:in-pro',
      'before:2026-0',
      'has:att',
      'is:un',
      'from:',
      '-',
      'udata.',
    ])
      expect(parse(query).fault, query).toBeNull()
  })

  it('never breaks: marks, operators of the engine, nothing at all', () => {
    for (const query of [
      '"',
      '*',
      '-',
      '""',
      'AND',
      'NOT x',
      'a" OR "b',
      ':',
      'from:"',
      '({[^',
      'NEAR(a b)',
      '\0',
    ])
      expect(() => parse(query).clauses.map(termsOf), query).not.toThrow()
    expect(parse('http://x.test/a?b=c').clauses).toHaveLength(1)
  })

  it('marks its words, characters of a script without spaces together', () => {
    expect(wordsToMark(parse('Größe 東京 from:ann -not udata.plan:gold'))).toEqual(['grosse', '東京', 'ann'])
  })
})

describe('the words of a text', () => {
  it('are folded: case, accents, width, ligatures, letters with a stroke', () => {
    expect(fold('ÅNGSTRÖM Łódź straße ﬁne ＡＢＣ ΔΟΣ şi İÇ')).toBe('angstrom lodz strasse fine abc δοσ si ic')
  })

  it('of a script without spaces are pairs of neighbours', () => {
    expect(terms('東京都のabc')).toBe('東京 京都 都の の abc')
    expect(termsOf(parse('京都').clauses[0] ?? never())).toEqual([{ text: '京都', prefix: true }])
    expect(termsOf(parse('都 ').clauses[0] ?? never())).toEqual([{ text: '都', prefix: true }])
  })

  it('stand next to each other in a phrase exactly where they do word by word', () => {
    const random = seeded(5)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] ?? never()
    const pieces = ['a', 'ab', 'b', 'É', 'ß', '東', '京', '-', ' ', '.', '\n', 'ก่า', 'x'.repeat(70)]
    const text = (n: number) => Array.from({ length: n }, () => pick(pieces)).join('')
    let found = 0
    for (let i = 0; i < 5000; i++) {
      const query = `"${text(1 + Math.floor(random() * 4))}"`
      const [clause] = parse(query).clauses
      if (!clause) continue
      const where = text(12)
      const expected = spaced(where).includes(` ${clause.units.map((unit) => unit.text).join(' ')} `)
      expect(phrase(clause)(where), JSON.stringify({ query, where })).toBe(expected)
      if (expected) found += 1
    }
    expect(found).toBeGreaterThan(500)
  })
})

function never(): never {
  throw new Error('there is nothing')
}
