/** Which rows of a virtual list are drawn: `from` inclusive, `to` exclusive, both within `count`. */
export interface RowWindow {
  readonly from: number
  readonly to: number
}

/** The rows that stand in a viewport (all lengths in pixels), and `overscan` more on either side. */
export function rowsInView(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
  overscan: number,
): RowWindow {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight)
  const last = Math.ceil((Math.max(0, scrollTop) + height) / rowHeight)
  const to = Math.min(count, last + overscan)
  return { from: Math.max(0, Math.min(first - overscan, to)), to }
}

/** Where to scroll so that row `index` is wholly in view; unchanged where it is already. */
export function scrollToRow(scrollTop: number, height: number, rowHeight: number, index: number): number {
  const top = index * rowHeight
  if (top < scrollTop) return top
  if (top + rowHeight > scrollTop + height) return Math.max(0, top + rowHeight - height)
  return scrollTop
}

/**
 * By how many rows the list must scroll so that what the agent sees stays where it is, after `before` became
 * `after`: the first row from `first` on that is still there is the anchor. 0 where none is.
 */
export function rowShift(before: readonly string[], after: readonly string[], first: number): number {
  const places = new Map(after.map((key, index) => [key, index]))
  for (let index = first; index < before.length; index++) {
    const key = before[index]
    const place = key === undefined ? undefined : places.get(key)
    if (place !== undefined) return place - index
  }
  return 0
}
