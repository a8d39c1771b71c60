import type { WriteTerms } from '../store/api-store.ts'

/** How long an answer waits for the store before it says "busy", ms (contract 00, 0.4). */
export const BUSY_MS = 5_000

const WAITING = 0
const BEGUN = 1
const GIVEN_UP = 2

/** Of each `mayBegin` its flag: a function can't cross a thread, four shared bytes can. */
const flags = new WeakMap<() => boolean, Int32Array>()

/**
 * The right of a write to begin, shared by the thread that waits for it and the thread that does it. Exactly one of
 * `begin` and `giveUp` succeeds, so an answer "nothing was stored" is always true.
 */
export interface Permit {
  readonly mayBegin: () => boolean
  /** False where the write has begun: its outcome must be waited for. */
  giveUp(): boolean
}

export function newPermit(): Permit {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  return {
    mayBegin: beginOf(flag),
    giveUp: () => Atomics.compareExchange(flag, 0, WAITING, GIVEN_UP) !== BEGUN,
  }
}

function beginOf(flag: Int32Array): () => boolean {
  const mayBegin = () => Atomics.compareExchange(flag, 0, WAITING, BEGUN) === WAITING
  flags.set(mayBegin, flag)
  return mayBegin
}

/** Terms as they cross a thread. */
export interface SentTerms {
  readonly once: WriteTerms['once']
  readonly flag: Int32Array | null
}

export function sendTerms({ once, mayBegin }: WriteTerms): SentTerms {
  return { once, flag: (mayBegin && flags.get(mayBegin)) ?? null }
}

export function receiveTerms({ once, flag }: SentTerms): WriteTerms {
  return flag === null ? { once } : { once, mayBegin: beginOf(flag) }
}
