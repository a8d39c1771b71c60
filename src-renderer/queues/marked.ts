import { fold } from '../palette/ranking.ts'

export interface Piece {
  readonly text: string
  readonly marked: boolean
}

/** Cuts `text` where a word of it begins with one of `words` (folded), to mark what a search found. */
export function markWords(text: string, words: readonly string[]): readonly Piece[] {
  const wanted = words.filter(Boolean)
  if (wanted.length === 0) return [{ text, marked: false }]
  const pieces: Piece[] = []
  let plain = ''
  // Word by word, since folding can change lengths: only whole words keep their places.
  for (const part of text.split(/([\p{L}\p{N}\p{M}]+)/u)) {
    const folded = fold(part)
    const word = wanted
      .filter((candidate) => folded.startsWith(candidate))
      .sort((a, b) => b.length - a.length)[0]
    const inner = word ?? longestInside(folded, wanted)
    if (!inner) {
      plain += part
      continue
    }
    const at = folded.indexOf(inner)
    const head = lengthOfFolded(part, at)
    const tail = lengthOfFolded(part, at + inner.length)
    plain += part.slice(0, head)
    if (plain) pieces.push({ text: plain, marked: false })
    pieces.push({ text: part.slice(head, tail), marked: true })
    plain = part.slice(tail)
  }
  if (plain) pieces.push({ text: plain, marked: false })
  return pieces
}

/** Scripts without spaces have their words inside longer runs. */
function longestInside(folded: string, words: readonly string[]): string | null {
  const inside = words.filter((word) => /[^\p{Script=Latin}\p{N}]/u.test(word) && folded.includes(word))
  return inside.sort((a, b) => b.length - a.length)[0] ?? null
}

/** How many characters of `text` fold into the first `count` characters of its folded form. */
function lengthOfFolded(text: string, count: number): number {
  if (count === 0) return 0
  let length = 0
  let folded = 0
  for (const character of text) {
    if (folded >= count && !/^\p{M}$/u.test(character)) break
    folded += fold(character).length
    length += character.length
  }
  return length
}
