import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log, MailSink, RemoteConnector } from '../connectors/connector.ts'
import { RemoteFault } from '../connectors/remote-fault.ts'
import { retryWait } from '../connectors/remote-http.ts'
import type { Instant, RemoteState } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { OwedCall, PulledInteraction } from '../store/remote-store.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './host-services.ts'

/** One remote system at work: what it is owed, and what is taken over from it. */
export interface RemoteAtWork {
  readonly connector: RemoteConnector
  state(): Pick<RemoteState, 'connection' | 'problem' | 'last_contact'>
  /** Something may be owed, or due earlier than known. */
  wake(): void
  /** Looks and tries now, whatever it waits for. */
  lookNow(): void
  /** A customer's whole history there. */
  pullCustomer(customerId: string): Promise<{ stored: number; changed: number }>
  /** Notes that it was reached where the page asks it something by itself. */
  reached<T>(work: Promise<T>): Promise<T>
  /** Sends mail through it; null where it takes none. */
  readonly sink: MailSink | null
  /** Begins nothing new; resolves when what runs has ended. */
  end(): Promise<void>
}

export interface RemoteWorkOptions {
  readonly id: string
  readonly connector: RemoteConnector
  readonly store: Store
  /** Seconds between looks; 0: only when asked. */
  readonly every: number
  /** Queue of what is taken over; null: the first one. */
  readonly queueId: string | null
  readonly clock: Clock
  readonly log: Log
  /** Ends what runs over the line. */
  readonly abort: AbortController
  /** The sample desk speaks with nobody. */
  readonly mayWork: () => Promise<boolean>
  /** It was reached again after it was not. */
  readonly onOnline: () => void
  readonly onChange: () => void
  /** Set by tests only: of the waits between tries, 0 to 1. */
  readonly random?: () => number
}

const SECOND = 1000
const MINUTE = 60 * SECOND
/** After a call that was given up, the next one waits: by how many were in a row. */
const PAUSES: readonly number[] = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE]
const LONGEST_PAUSE = 30 * MINUTE
/** A timer never waits longer, so that a clock that was set or a computer that slept delays nothing for long. */
const LONGEST_WAIT = 10 * MINUTE
/** Before the store is asked once more what it couldn't do: a full disk is not freed within a second. */
const STORE_AGAIN = 10 * SECOND
/** Tries of one call (contracts: rules for every client connector). */
const TRIES = 5
/** So many are filed in one transaction, so that a long history never holds the desk up. */
const FILED_AT_ONCE = 25

/** Nothing is tried before `until`; only a person ends what is `lasting`. */
interface Hold {
  readonly until: Instant
  readonly lasting: boolean
  readonly problem: string
}

/**
 * Works off what a remote is owed, one call after the other, and looks at what is new there. Nobody waits for it: a
 * remote that hangs or is down holds up only itself.
 */
export function startRemoteWork(options: RemoteWorkOptions): RemoteAtWork {
  const { id, connector, store, clock, log } = options
  const running = new Set<Promise<unknown>>()
  const calls = loop(callOwed)
  const looks = loop(look)
  let hold: Hold | null = null
  let pullProblem: Hold | null = null
  /** Calls that run over the line now. */
  let working = 0
  let failures = 0
  let lookFailures = 0
  let down = false
  let ended = false
  let lastContact: Instant | null = null
  let unsettled: (() => Promise<void>) | null = null
  let told = ''

  /** Runs `step` again when asked while it ran, and after the milliseconds that it answers; null: when asked. */
  function loop(step: () => Promise<number | null>) {
    let busy = false
    let again = false
    let stopTimer: (() => void) | null = null
    async function turn(): Promise<void> {
      let wait: number | null = STORE_AGAIN
      try {
        again = false
        // What asks is often in the middle of telling others of a change.
        await nextTurn()
        if (ended) return
        wait = await step()
      } catch (error) {
        if (!ended) log('error', `Remote ${id}: ${messageOf(error)}`)
      } finally {
        busy = false
        tell()
        if (again) start()
        else if (wait !== null) after(wait)
      }
    }
    function start(): void {
      if (ended) return
      if (busy) {
        again = true
        return
      }
      busy = true
      stopTimer?.()
      stopTimer = null
      tell()
      run(turn())
    }
    function after(ms: number): void {
      stopTimer?.()
      stopTimer = null
      if (!ended)
        stopTimer = clock.after(Math.min(ms, LONGEST_WAIT), () => {
          stopTimer = null
          start()
        })
    }
    return {
      start,
      after,
      get busy() {
        return busy
      },
      stop() {
        stopTimer?.()
        stopTimer = null
      },
    }
  }

  function run(work: Promise<unknown>): void {
    const task: Promise<unknown> = work.finally(() => running.delete(task))
    running.add(task)
  }

  function state(): ReturnType<RemoteAtWork['state']> {
    const trouble = [hold, pullProblem].find((each) => each?.lasting) ?? hold ?? pullProblem
    return {
      connection:
        trouble?.lasting === true
          ? 'failed'
          : working > 0
            ? 'working'
            : trouble !== null
              ? 'waiting'
              : 'idle',
      problem: trouble?.problem ?? null,
      last_contact: lastContact,
    }
  }
  /** The page is told of what it shows, not of every turn. */
  function tell(): void {
    const { connection, problem } = state()
    const now = JSON.stringify([connection, problem])
    if (now === told) return
    told = now
    options.onChange()
  }

  async function overTheLine<T>(work: () => Promise<T>): Promise<T> {
    working += 1
    tell()
    try {
      return await work()
    } finally {
      working -= 1
    }
  }

  async function contact(): Promise<void> {
    lastContact = clock.now()
    failures = 0
    if (!down) return
    down = false
    // What was given up while it was down has a new chance; what it refused has none.
    await store.retryCalls(id, TRIES)
    options.onOnline()
  }

  /** The same where somebody else waits for the answer, who must not lose it. */
  function noteContact(): void {
    run(
      contact()
        .catch((error: unknown) => log('error', `Remote ${id}: ${messageOf(error)}`))
        .finally(tell),
    )
  }

  /** Mail that is taken shows that the remote is there. */
  function noting(sink: MailSink): MailSink {
    return {
      async send(mail) {
        const outcome = await sink.send(mail)
        if (outcome.kind === 'accepted') noteContact()
        return outcome
      },
    }
  }

  /** One call after the other until nothing is due; answers when the next one may be. */
  async function callOwed(): Promise<number | null> {
    if (unsettled) await settle(unsettled)
    if (!(await options.mayWork())) return null
    for (;;) {
      if (ended) return null
      if (hold && (hold.lasting || clock.now() < hold.until)) break
      const [call] = await store.claimCalls(id, clock.now(), 1)
      if (!call) break
      await carryOut(call)
    }
    if (hold?.lasting) return null
    const next = await store.nextCall(id)
    if (next === null) return null
    return Math.max(next - clock.now(), hold ? hold.until - clock.now() : 0, SECOND / 4)
  }

  async function carryOut(call: OwedCall): Promise<void> {
    let theirs: Readonly<Record<string, unknown>> | null
    try {
      theirs = await overTheLine(() => speak(call))
    } catch (error) {
      await failed(call, error)
      return
    }
    hold = null
    await settle(() => store.callDone(call.id, call.revision, theirs))
    await contact()
  }

  /** Writes down what came of a call; where the store can't (a full disk), before anything else next time. */
  async function settle(write: () => Promise<void>): Promise<void> {
    unsettled = write
    await write()
    unsettled = null
  }

  async function speak(call: OwedCall): Promise<Readonly<Record<string, unknown>> | null> {
    try {
      const interaction = await store.apiInteraction(call.interaction_id)
      if (call.kind === 'report') {
        await connector.report?.({ ...interaction, thread_id: call.thread_id })
        return null
      }
      const origin = await store.pulledFrom(call.interaction_id)
      if (origin?.remote_id !== id) return null
      return (await connector.writeBack?.(interaction, origin.theirs)) ?? null
    } catch (error) {
      // It was purged meanwhile: nothing is left to tell.
      if (error instanceof CoreError && error.code === 'not-found') return null
      throw error
    }
  }

  async function failed(call: OwedCall, error: unknown): Promise<void> {
    const problem = messageOf(error)
    // Due as it was, so that it keeps its place before the others.
    if (ended) return await settle(() => store.callAgain(call.id, call.due_at, null, true))
    if (isOurs(error)) {
      await settle(() => store.callAgain(call.id, call.due_at, null, true))
      throw error
    }
    log('warn', `Remote ${id}: a call failed`, { kind: call.kind, tries: call.attempts, problem })
    if (blocks(error)) {
      // The same would come of every call: it waits with the others, and nobody asks until somebody put it right.
      hold = { until: Number.POSITIVE_INFINITY, lasting: true, problem }
      down = true
      return await settle(() => store.callAgain(call.id, call.due_at, problem, true))
    }
    if (!(error instanceof CoreError) || error.code !== 'unreachable')
      return await settle(() => store.callFailed(call.id, problem))
    down = true
    const wait = call.attempts < TRIES ? retryWait(call.attempts, retryAfterOf(error), options.random) : null
    if (wait !== null) {
      hold = { until: clock.now() + wait, lasting: false, problem }
      return await settle(() => store.callAgain(call.id, call.due_at, problem))
    }
    const pause = PAUSES[Math.min(failures, PAUSES.length - 1)] ?? LONGEST_PAUSE
    failures += 1
    hold = {
      until: clock.now() + Math.max(pause, (retryAfterOf(error) ?? 0) * SECOND),
      lasting: false,
      problem,
    }
    await settle(() => store.callFailed(call.id, problem))
  }

  async function look(): Promise<number | null> {
    if (!connector.pull || !(await options.mayWork())) return null
    try {
      const cursor = await store.remoteCursor(id)
      await overTheLine(async () => await connector.pull?.({ cursor, take }))
      pullProblem = null
      lookFailures = 0
      await contact()
      return options.every === 0 ? null : options.every * SECOND
    } catch (error) {
      if (ended) return null
      if (isOurs(error)) throw error
      const problem = messageOf(error)
      log('warn', `Remote ${id}: a look failed`, { problem })
      down = true
      lookFailures += 1
      const lasting = blocks(error) || !(error instanceof CoreError) || error.code !== 'unreachable'
      const wait = lasting ? null : waitForLook(retryAfterOf(error))
      pullProblem = { until: clock.now() + (wait ?? 0), lasting: lasting || wait === null, problem }
      // What only a person can end is looked at again now and then, as it may have been put right over there.
      return wait ?? (options.every === 0 || blocks(error) ? null : LONGEST_PAUSE)
    }
  }

  /** As a call is tried again; then, where it looks by itself, ever more rarely. */
  function waitForLook(retryAfter: number | null): number | null {
    const soon = lookFailures < TRIES ? retryWait(lookFailures, retryAfter, options.random) : null
    if (soon !== null || options.every === 0) return soon
    const rarely = Math.max(options.every * SECOND, MINUTE) * 2 ** (lookFailures - TRIES)
    return Math.max(Math.min(rarely, LONGEST_PAUSE), (retryAfter ?? 0) * SECOND)
  }

  async function file(batch: readonly PulledInteraction[], cursor: unknown) {
    const sum = { stored: 0, changed: 0 }
    for (let at = 0; at < Math.max(batch.length, 1); at += FILED_AT_ONCE) {
      // A page asked for meanwhile goes first.
      await nextTurn()
      if (ended) throw new CoreError('closed', 'Workbin is closing.')
      const last = at + FILED_AT_ONCE >= batch.length
      const { stored, changed } = await store.pull(
        id,
        batch.slice(at, at + FILED_AT_ONCE),
        last ? cursor : undefined,
        options.queueId,
      )
      sum.stored += stored
      sum.changed += changed
    }
    return sum
  }
  async function take(batch: readonly PulledInteraction[], cursor: unknown): Promise<void> {
    await file(batch, cursor)
  }

  calls.start()
  if (connector.pull && options.every > 0) looks.start()

  return {
    connector,
    state,
    wake: () => calls.start(),
    lookNow() {
      hold = null
      pullProblem = null
      lookFailures = 0
      calls.start()
      if (connector.pull) looks.start()
      tell()
    },
    async pullCustomer(customerId) {
      const sum = { stored: 0, changed: 0 }
      if (!connector.pullCustomer)
        throw new CoreError('invalid', 'Nothing can be taken over from this remote.')
      await connector.pullCustomer(customerId, async (batch) => {
        const { stored, changed } = await file(batch, undefined)
        sum.stored += stored
        sum.changed += changed
      })
      noteContact()
      return sum
    },
    async reached(work) {
      const answer = await work
      noteContact()
      return answer
    },
    sink: connector.sink ? noting(connector.sink) : null,
    async end() {
      ended = true
      options.abort.abort()
      calls.stop()
      looks.stop()
      await Promise.allSettled([...running])
    },
  }
}

/** Whether every call would fail in the same way until somebody changes the settings: a key, a certificate, an address. */
function blocks(error: unknown): boolean {
  return (
    error instanceof RemoteFault &&
    error.code !== 'unreachable' &&
    (error.code === 'invalid' || error.stage !== 'answer' || error.status === 401 || redirects(error.status))
  )
}

/** Whether the fault is this desk's own: its disk, or that it is closing. Says nothing about the remote. */
function isOurs(error: unknown): boolean {
  return error instanceof CoreError && ['disk', 'locked', 'busy', 'closed'].includes(error.code)
}

function redirects(status: number | null): boolean {
  return status !== null && status >= 300 && status < 400
}

function retryAfterOf(error: unknown): number | null {
  return error instanceof RemoteFault ? error.retryAfter : null
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
