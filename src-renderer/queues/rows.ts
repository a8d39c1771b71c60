import type { ListRow, ThreadId } from '../../src-main/contract/domain.ts'

/** Each row once: one that moved between two pages while they were asked stands where it was seen first. */
export function uniqueRows(rows: readonly ListRow[]): readonly ListRow[] {
  const seen = new Set<string>()
  return rows.filter(({ key }) => !seen.has(key) && seen.add(key))
}

/** The threads of these rows, each once, in their order; rows without a thread are left out. */
export function threadsOf(rows: readonly ListRow[]): readonly ThreadId[] {
  return [...new Set(rows.flatMap(({ thread_id }) => (thread_id ? [thread_id] : [])))]
}

/** Those of `keys` that none of the rows has. */
export function goneKeys(keys: Iterable<string>, rows: readonly ListRow[]): readonly string[] {
  const there = new Set(rows.map(({ key }) => key))
  return [...keys].filter((key) => !there.has(key))
}
