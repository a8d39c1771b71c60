import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Changes, type Core, joinChanges, NO_CHANGES } from '../contract/core.ts'
import { CoreError } from '../contract/errors.ts'
import { type Desk, DESK_FILES, openDesk } from './desk.ts'
import { forward } from './forward.ts'
import type { Attention, CoreOptions, RunningCore } from './host-services.ts'
import { systemClock } from './system-clock.ts'

/** Changes are told at most this often, so that a sync of thousands doesn't flood the page. */
const TELL_EVERY = 60
/** More threads than this in one telling: the page asks everything again. */
const MANY = 300
/** The badge and notifications follow at most this often. */
const ATTENTION_EVERY = 1000

/**
 * The one place where the modules meet: opens the data folder and answers its page and its host.
 * Throws `locked`, `newer-database`, `disk`, `invalid` (settings file).
 */
export async function createCore(given: CoreOptions): Promise<RunningCore> {
  const clock = given.clock ?? systemClock
  const options = { ...given, clock }
  const listeners = new Set<(changes: Changes) => void>()
  const attentionListeners = new Set<(attention: Attention) => void>()

  let pending: Changes | null = null
  let waiting = false
  let attentionWaits = false
  let closed = false

  function publish(changes: Partial<Changes>): void {
    pending = joinChanges(pending ?? NO_CHANGES, { ...NO_CHANGES, ...changes })
    if (waiting) return
    waiting = true
    // The first of a burst goes out with its turn of the loop, the rest together.
    setImmediate(tell)
  }

  function tell(): void {
    const changes = pending
    pending = null
    if (!changes) {
      waiting = false
      return
    }
    const told = changes.threads.length > MANY ? { ...changes, everything: true, threads: [] } : changes
    for (const listener of listeners) listener(told)
    if (changes.lists || changes.everything) lookForAttention()
    clock.after(TELL_EVERY, tell)
  }

  function lookForAttention(): void {
    if (attentionWaits || attentionListeners.size === 0) return
    attentionWaits = true
    clock.after(ATTENTION_EVERY, () => {
      attentionWaits = false
      if (closed) return
      desk.attention().then(
        (attention) => {
          for (const listener of attentionListeners) listener(attention)
        },
        (error: unknown) =>
          given.log('warn', 'The badge could not be brought up to date', { error: String(error) }),
      )
    })
  }

  let desk: Desk = await openDesk(options, publish)

  /** Each request is answered by the desk that is open at that moment. */
  const core: Core = {
    ...forward(() => desk.core, desk.core),
    async leaveSample() {
      if (!(await desk.isSample())) throw new CoreError('sample', 'This is not the sample desk.')
      await desk.close()
      for (const name of DESK_FILES) await rm(join(given.dataDir, name), { recursive: true, force: true })
      desk = await openDesk(options, publish)
      publish({ everything: true })
      return null
    },
    onChanges(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }

  return {
    core,
    files: forward(() => desk.files, desk.files),
    apiUrl: () => desk.apiUrl(),
    owner: forward(() => desk.owner, desk.owner),
    onAttention(listener) {
      attentionListeners.add(listener)
      lookForAttention()
      return () => attentionListeners.delete(listener)
    },
    async close() {
      if (closed) return
      closed = true
      await desk.close()
    },
  }
}
