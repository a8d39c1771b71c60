import { CoreError } from '../contract/errors.ts'
import type { Store } from '../store/store.ts'
import { forward } from './forward.ts'
import type { Clock } from './host-services.ts'

/** After this a store that could not write is tried again, ms. */
const TRY_AGAIN = 5_000

/** A store that tells when it can't write (disk full, read-only, damaged) and when it can again. */
export interface WatchedStore {
  readonly store: Store
  /** One sentence for the agent; null while it writes. */
  problem(): string | null
  stop(): void
}

export function watchStore(store: Store, clock: Clock, onChange: () => void): WatchedStore {
  let problem: string | null = null
  let callOff: (() => void) | null = null

  function failed(error: CoreError): void {
    if (problem !== error.message) {
      problem = error.message
      onChange()
    }
    callOff?.()
    callOff = clock.after(TRY_AGAIN, () => void tryAgain())
  }

  async function tryAgain(): Promise<void> {
    try {
      await store.saveSetting('probe', clock.now())
      problem = null
      callOff = null
      onChange()
    } catch (error) {
      if (error instanceof CoreError && error.code === 'disk') failed(error)
    }
  }

  const watched = forward(
    () => store,
    store,
    (call) => {
      const answer = call()
      if (answer instanceof Promise)
        answer.catch((error: unknown) => {
          if (error instanceof CoreError && error.code === 'disk') failed(error)
        })
      return answer
    },
  )
  return { store: watched, problem: () => problem, stop: () => callOff?.() }
}
