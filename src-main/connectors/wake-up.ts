/** Lets one loop sleep until somebody has something for it; a call while it is busy isn't lost. */
export interface WakeUp {
  wake(): void
  /** Forgets calls so far; the loop looks at everything after this. */
  clear(): void
  isAwake(): boolean
  /** Resolves at the next call, at once if there was one since `clear`. */
  wait(): Promise<void>
  /** Sleeps `ms`, or until `done` holds at a call. */
  pause(ms: number, done: () => boolean): Promise<void>
}

export function createWakeUp(): WakeUp {
  let awake = false
  const sleepers = new Set<() => void>()
  return {
    wake() {
      awake = true
      for (const sleeper of [...sleepers]) sleeper()
    },
    clear() {
      awake = false
    },
    isAwake: () => awake,
    async wait() {
      if (awake) return
      await new Promise<void>((resolve) => {
        const sleeper = () => {
          sleepers.delete(sleeper)
          resolve()
        }
        sleepers.add(sleeper)
      })
    },
    async pause(ms, done) {
      if (done()) return
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer)
          sleepers.delete(sleeper)
          resolve()
        }
        const sleeper = () => {
          if (done()) end()
        }
        const timer = setTimeout(end, ms)
        sleepers.add(sleeper)
      })
    },
  }
}
