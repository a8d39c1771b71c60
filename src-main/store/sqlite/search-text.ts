/**
 * How text becomes the words that are searched for. The index and the query go through the same functions, so the
 * engine's own tokenizer (`ascii`) has nothing left to decide and can't disagree with the verification of phrases.
 */

/** Longer runs (keys, hashes, base64) are cut here, in the index and in the query alike. */
export const LONGEST_WORD = 64
/** Characters of one text that are indexed: some hundred pages; beyond are dumps, and they would stall the core. */
const LONGEST_TEXT = 500_000

/** Combining accents of Latin, Greek, Cyrillic, Hebrew and Arabic; not the marks that are letters (kana, Thai, Indic). */
const ACCENTS =
  /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670\u0640]+/g
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ı: 'i',
  þ: 'th',
  ς: 'σ',
}
const LETTER = /[ßæœøđðłıþς]/g

const ASCII = /^[\0-\x7f]*$/
const ASCII_WORDS = /[a-z0-9]+/g
/** Scripts written without spaces: each character (with its marks) is a unit of its own. */
const RUN =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/v
const UNITS =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u30fc]\p{M}*|[[\p{L}\p{N}\p{M}]--[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u30fc]]+/gv
const BETWEEN_WORDS = /[^\p{L}\p{N}\p{M}]+/gu
const LONG_WORD = new RegExp(`[^ ]{${LONGEST_WORD + 1},}`, 'g')

/** One word, or one character of a script without spaces. */
export interface Unit {
  readonly text: string
  /** Of a script without spaces. */
  readonly run: boolean
  /** Follows its predecessor without anything between. */
  readonly joined: boolean
}

export function isAscii(text: string): boolean {
  return ASCII.test(text)
}

/** Lower case, without accents, width variants and ligatures; `ß` is `ss`, `ø` is `o`. */
export function fold(text: string): string {
  const start = text.length > LONGEST_TEXT ? text.slice(0, LONGEST_TEXT) : text
  if (isAscii(start)) return start.toLowerCase()
  return start
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(LETTER, (letter) => LETTERS[letter] ?? letter)
}

/** The folded words of a text, in their order. */
export function units(text: string): Unit[] {
  const folded = fold(text)
  if (isAscii(folded))
    return (folded.match(ASCII_WORDS) ?? []).map((word) => ({ text: cut(word), run: false, joined: false }))
  const found: Unit[] = []
  let end = -1
  for (const match of folded.matchAll(UNITS)) {
    found.push({ text: cut(match[0]), run: RUN.test(match[0]), joined: match.index === end })
    end = match.index + match[0].length
  }
  return found
}

/** The folded words joined by spaces: what a phrase is looked for in. */
export function spaced(text: string): string {
  return ` ${units(text)
    .map((unit) => unit.text)
    .join(' ')} `
}

/**
 * The terms that the index holds for a text, separated by spaces. Scripts without spaces give pairs of neighbours
 * (`東京都` gives `東京 京都 都`): a pair is rare where its characters are common, and one character is the prefix
 * of its pair.
 */
export function terms(text: string): string {
  const folded = fold(text)
  if (!RUN.test(folded)) {
    const plain = isAscii(folded) ? folded.replace(/[^a-z0-9]+/g, ' ') : folded.replace(BETWEEN_WORDS, ' ')
    return plain.replace(LONG_WORD, (word) => word.slice(0, LONGEST_WORD))
  }
  const list = units(text)
  return list
    .map((unit, i) => {
      const next = list[i + 1]
      return unit.run && next?.run && next.joined ? unit.text + next.text : unit.text
    })
    .join(' ')
}

/** Every text in a JSON value (numbers and booleans too), with the dotted path of object keys above it. */
export function* leaves(
  value: unknown,
  path: readonly string[] = [],
): Generator<{ path: string[]; text: string }> {
  if (typeof value === 'string') yield { path: [...path], text: value }
  else if (typeof value === 'number' || typeof value === 'boolean')
    yield { path: [...path], text: String(value) }
  else if (Array.isArray(value)) for (const part of value) yield* leaves(part, path)
  else if (typeof value === 'object' && value !== null)
    for (const [key, part] of Object.entries(value)) yield* leaves(part, [...path, key])
}

function cut(word: string): string {
  return word.length > LONGEST_WORD ? word.slice(0, LONGEST_WORD) : word
}

/**
 * Terms of one field carry its mark, a character that no text keeps through `fold`: `from:ann` asks for one term,
 * in the same index, so that the engine itself intersects it with the other words.
 */
export const MARK = {
  from: '\u0081',
  to: '\u0082',
  subject: '\u0083',
  file: '\u0084',
  udata: '\u0085',
} as const
/** Has at least one attachment that isn't inline. */
export const HAS_ATTACHMENT = '\u0086'

/** `udata.KEY` as a term: the key is there. */
export function keyTerm(key: string): string {
  const name = units(key)
    .map((unit) => unit.text)
    .join('\u0087')
  return MARK.udata + (name || '\u0087') + '\u0088'
}

/** Each of the terms with a mark before it. */
export function marked(mark: string, text: string): string[] {
  return terms(text)
    .split(' ')
    .filter((term) => term !== '')
    .map((term) => mark + term)
}
