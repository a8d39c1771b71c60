import type { Clock } from '../../src-main/core/host-services.ts'

/** A clock that only the test turns. */
export interface FakeClock extends Clock {
  /** Turns it on, calling what falls due on the way, in order; what a call sets going gets its turn in between. */
  advance(ms: number): Promise<void>
  /** How many calls wait. */
  readonly waiting: number
}

export function createFakeClock(start = Date.UTC(2026, 4, 4, 9, 0, 0)): FakeClock {
  let now = start
  const calls = new Set<{ readonly at: number; readonly call: () => void }>()
  return {
    now: () => now,
    after(ms, call) {
      const entry = { at: now + Math.max(0, ms), call }
      calls.add(entry)
      return () => calls.delete(entry)
    },
    get waiting() {
      return calls.size
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await turns()
        const [next] = [...calls].sort((a, b) => a.at - b.at)
        if (!next || next.at > end) break
        calls.delete(next)
        now = Math.max(now, next.at)
        next.call()
      }
      now = end
      await turns()
    },
  }
}

/** Lets promises and callbacks that are ready run. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}
