import { fold } from './search-text.ts'

/**
 * First and last name from a display name as mail programs write them: `Ann Lee`, `"Lee, Ann"`, `Ann Lee (Acme)`.
 * Both empty where it holds no name but an address.
 */
export function splitName(display: string): { first_name: string; last_name: string } {
  const name = display
    .replace(/\([^)]*\)/g, ' ')
    .replace(/["“”]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
  if (name === '' || name.includes('@')) return { first_name: '', last_name: '' }
  const turned = /^([^,]+),\s*([^,]+)$/.exec(name)
  if (turned) return { first_name: turned[2] ?? '', last_name: turned[1] ?? '' }
  const [first_name = '', ...rest] = name.split(' ')
  return { first_name, last_name: rest.join(' ') }
}

const BETWEEN = /[^\p{L}\p{N}\p{M}]+/u

/** What a typed prefix may begin: the words of the name, the address, its local part's words, its domain's labels. */
export function completionWords(name: string, address: string): readonly string[] {
  const folded = fold(address)
  const at = folded.lastIndexOf('@')
  const domain = folded.slice(at + 1)
  // Not the last label: everybody lives in “com”.
  const labels = domain.split('.').slice(0, -1)
  const words = [
    ...fold(name).split(BETWEEN),
    folded,
    ...folded.slice(0, Math.max(at, 0)).split(BETWEEN),
    domain,
    ...labels,
  ]
  return [...new Set(words.map((word) => word.slice(0, LONGEST)).filter((word) => word !== ''))]
}

/** The prefixes in what an agent typed into a recipient field. */
export function completionPrefixes(typed: string): readonly string[] {
  const parts = fold(typed)
    .replace(/[<>"“”(),;]/g, ' ')
    .split(/\s+/)
    .flatMap((part) => (part.includes('@') || part.includes('.') ? [part] : part.split(BETWEEN)))
  return [...new Set(parts.map((part) => part.slice(0, LONGEST)).filter((part) => part !== ''))].slice(0, 8)
}

const LONGEST = 64
