import { createHash } from 'node:crypto'

/** Longer members are kept as their hash: the text stands in the body, and all that is asked is whether it changed. */
const LONGEST_KEPT = 16 * 1024

/** The original as it is kept: enough to know next time what changed there. */
export function keptOf(theirs: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(theirs).map(([key, value]) => {
    const json = JSON.stringify([value])
    if (json.length <= LONGEST_KEPT || key === 'udata') return [key, value] as const
    return [key, `sha256:${createHash('sha256').update(json).digest('hex')}`] as const
  })
  return JSON.stringify(Object.fromEntries(members))
}
