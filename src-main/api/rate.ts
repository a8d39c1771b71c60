const WINDOW_MS = 60_000
/** Requests in any minute (contract 00, 0.1.10). */
export const PER_MINUTE = 300
/** How many callers are remembered; the one that was away longest is forgotten first. */
const REMEMBERED = 2_000

/** Counts requests of each caller over the last minute. */
export interface Rate {
  /** Counts one. Null: it may go on; else the seconds after which the next one may. */
  take(caller: string): number | null
}

/** A sliding window: never more than `perMinute` in any 60 s, whenever they begin. */
export function createRate(now: () => number, perMinute = PER_MINUTE): Rate {
  const callers = new Map<string, { readonly times: number[]; next: number }>()
  return {
    take(caller) {
      const at = now()
      let seen = callers.get(caller)
      // Put last again: the map's order is who was here longest ago.
      if (seen) callers.delete(caller)
      else seen = { times: [], next: 0 }
      callers.set(caller, seen)
      if (callers.size > REMEMBERED) for (const [oldest] of callers) if (callers.delete(oldest)) break

      const { times } = seen
      if (times.length < perMinute) {
        times.push(at)
        return null
      }
      // Of a full ring the oldest stands where the next one goes.
      const free = (times[seen.next] ?? 0) + WINDOW_MS
      // A clock that was set back must not lock anybody out for longer than a minute.
      if (at < free && at >= free - WINDOW_MS) return Math.max(1, Math.ceil((free - at) / 1000))
      times[seen.next] = at
      seen.next = (seen.next + 1) % perMinute
      return null
    },
  }
}
