import type {
  ResponseCategory,
  ResponseTree,
  StandardResponseHead,
  Uuid,
} from '../../src-main/contract/domain.ts'

/** One line of the tree as it is shown. */
export type TreeRow =
  | {
      readonly kind: 'category'
      readonly id: Uuid
      readonly name: string
      readonly level: number
      readonly open: boolean
      readonly parent: Uuid | null
      /** Responses in it and in everything below it. */
      readonly count: number
      readonly position: number
      readonly size: number
    }
  | {
      readonly kind: 'response'
      readonly id: Uuid
      readonly name: string
      readonly level: number
      readonly parent: Uuid | null
      readonly response: StandardResponseHead
      readonly position: number
      readonly size: number
    }

export interface TreeOptions {
  /** Categories that are folded. */
  readonly folded: ReadonlySet<Uuid>
  /** Only these responses, everything unfolded; null: all of them. */
  readonly found: readonly Uuid[] | null
  /** Categories without responses are shown: for editing. */
  readonly empty: boolean
}

/** The tree from top to bottom: categories before responses, each in its kept order. */
export function treeRows(tree: ResponseTree, { folded, found, empty }: TreeOptions): readonly TreeRow[] {
  const known = new Set(tree.categories.map(({ id }) => id))
  // What names a category that is gone stands at the top.
  const home = (id: Uuid | null) => (id !== null && known.has(id) ? id : null)
  const responses = tree.responses.filter(({ id }) => found === null || found.includes(id))
  const counts = new Map<Uuid, number>()

  const below = (id: Uuid, seen: ReadonlySet<Uuid> = new Set()): number => {
    const cached = counts.get(id)
    if (cached !== undefined) return cached
    if (seen.has(id)) return 0
    const around = new Set([...seen, id])
    const count =
      responses.filter(({ category_id }) => category_id === id).length +
      tree.categories
        .filter(({ parent_id }) => parent_id === id)
        .reduce((sum, category) => sum + below(category.id, around), 0)
    counts.set(id, count)
    return count
  }

  const rows: TreeRow[] = []
  const walk = (parent: Uuid | null, level: number, seen: ReadonlySet<Uuid>) => {
    const categories = tree.categories
      .filter((category) => home(category.parent_id) === parent && !seen.has(category.id))
      .filter(({ id }) => (empty && found === null) || below(id) > 0)
      .toSorted(inOrder)
    const here = responses.filter(({ category_id }) => home(category_id) === parent).toSorted(inOrder)
    const size = categories.length + here.length
    categories.forEach(({ id, name }, i) => {
      const open = found !== null || !folded.has(id)
      rows.push({ kind: 'category', id, name, level, open, parent, count: below(id), position: i + 1, size })
      if (open) walk(id, level + 1, new Set([...seen, id]))
    })
    here.forEach((response, i) => {
      const { id, name } = response
      rows.push({
        kind: 'response',
        id,
        name,
        level,
        parent,
        response,
        position: categories.length + i + 1,
        size,
      })
    })
  }
  walk(null, 1, new Set())
  return rows
}

function inOrder(
  a: ResponseCategory | StandardResponseHead,
  b: ResponseCategory | StandardResponseHead,
): number {
  return a.position - b.position || a.name.localeCompare(b.name)
}

/** What a key does in a tree (WAI-ARIA tree view): where the cursor goes, what is folded or unfolded. */
export type TreeMove =
  | { readonly kind: 'go'; readonly id: Uuid }
  | { readonly kind: 'fold' | 'unfold' | 'choose'; readonly id: Uuid }

export function treeKey(rows: readonly TreeRow[], current: Uuid | null, key: string): TreeMove | null {
  const at = rows.findIndex(({ id }) => id === current)
  const row = rows[at]
  const go = (target: TreeRow | undefined): TreeMove | null => (target ? { kind: 'go', id: target.id } : null)
  switch (key) {
    case 'ArrowDown':
      return go(rows[at + 1])
    case 'ArrowUp':
      return go(rows[at < 0 ? rows.length - 1 : at - 1])
    case 'Home':
      return go(rows[0])
    case 'End':
      return go(rows.at(-1))
    case 'ArrowRight':
      if (row?.kind !== 'category') return null
      return row.open
        ? go(rows[at + 1]?.parent === row.id ? rows[at + 1] : undefined)
        : { kind: 'unfold', id: row.id }
    case 'ArrowLeft':
      if (row?.kind === 'category' && row.open) return { kind: 'fold', id: row.id }
      return go(rows.find(({ id }) => id === row?.parent))
    case 'Enter':
      if (!row) return null
      return row.kind === 'response'
        ? { kind: 'choose', id: row.id }
        : { kind: row.open ? 'fold' : 'unfold', id: row.id }
    default:
      return null
  }
}

/** Where a category stands: its name after those of its parents. */
export function categoryPath(tree: ResponseTree, id: Uuid | null): string {
  const names: string[] = []
  let category = tree.categories.find((one) => one.id === id)
  while (category && names.length < 20) {
    names.unshift(category.name)
    const parent = category.parent_id
    category = tree.categories.find((one) => one.id === parent)
  }
  return names.join(' / ')
}

/** Responses whose name holds every word of `text` in the page's own copy; best first: name begins with it. */
export function matchNames(tree: ResponseTree, text: string): readonly StandardResponseHead[] {
  const words = fold(text).split(/\s+/u).filter(Boolean)
  const scored = tree.responses.flatMap((response) => {
    const name = fold(response.name)
    const whole = `${name} ${fold(categoryPath(tree, response.category_id))} ${fold(response.snippet)}`
    if (!words.every((word) => whole.includes(word))) return []
    const rank = name.startsWith(words[0] ?? '') ? 0 : words.every((word) => name.includes(word)) ? 1 : 2
    return [{ response, rank }]
  })
  return scored
    .toSorted(
      (a, b) =>
        a.rank - b.rank ||
        b.response.used - a.response.used ||
        a.response.name.localeCompare(b.response.name),
    )
    .map(({ response }) => response)
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLocaleLowerCase()
}

/** A snippet for a line of a list: field codes, which nobody reads there, as `…`. */
export function withoutCodes(snippet: string): string {
  return snippet.replace(/<\$(?:(?!<\$)[^])*?(?:\$>|$)/gu, '…')
}
