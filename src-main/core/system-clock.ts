import type { Clock } from './host-services.ts'

/** The computer's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    // Longer than setTimeout can count (24.8 days) is as good as its longest wait: the caller asks again.
    const timer = setTimeout(call, Math.min(Math.max(0, ms), 0x7fffffff))
    return () => clearTimeout(timer)
  },
}
