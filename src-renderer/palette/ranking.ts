/**
 * How well `text` answers what was typed: null not at all, else lower is better. Every typed word must begin a
 * word of the text, or at least stand in it.
 */
export function rank(text: string, typed: string): number | null {
  const words = fold(typed).split(/\s+/).filter(Boolean)
  if (words.length === 0) return 0
  const folded = fold(text)
  let cost = 0
  for (const word of words) {
    const at = folded.indexOf(word)
    if (at < 0) return null
    const begins = at === 0 || !/[\p{L}\p{N}]/u.test(folded[at - 1] ?? '')
    cost += (begins ? 0 : 100) + at
  }
  return cost
}

/** Lower case without accents. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase()
}
