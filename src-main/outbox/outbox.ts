import type { Instant, Uuid } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { AgentSettings } from '../contract/settings.ts'
import type { Log, MailSink, MailSource, SendOutcome } from '../connectors/connector.ts'
import { retryWait } from '../connectors/remote-http.ts'
import type { Clock } from '../core/host-services.ts'
import type { Blobs } from '../store/blobs.ts'
import type { OwedMail, Store } from '../store/store.ts'
import { createSentFolder } from './sent-folder.ts'
import { SECURE_ACCOUNT } from './way-out.ts'
import { writtenMail } from './written-mail.ts'

export interface Outbox {
  /** After a crash, before anything else: what had begun is `unknown`, what hadn't is queued again. */
  recover(): Promise<void>
  /** Something may be due, or owed to a Sent folder, earlier than known. */
  wake(): void
  /** The account's server can be reached (again), or its settings changed: tries at once what waits for it. */
  online(accountId: string): void
  /** Begins nothing new; waits for running sends to end, at most 5 s. What still runs then is `unknown` at the next start. */
  close(): Promise<void>
}

export interface OutboxOptions {
  readonly store: Store
  readonly blobs: Blobs
  /** Null where the account is gone or can't send. */
  readonly sinkFor: (accountId: string) => Promise<MailSink | null>
  readonly sourceFor: (accountId: string) => MailSource | null
  /** Who writes, for systems that ask for a name. */
  readonly agent: () => Promise<Pick<AgentSettings, 'id' | 'firstName' | 'lastName'>>
  readonly clock: Clock
  readonly log: Log
  /** Set by tests only: of the waits between tries, 0 to 1. */
  readonly random?: () => number
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** Waits before the next try, by how many there were; the last one again and again. */
export const RETRY_AFTER: readonly number[] = [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR]
/** A timer never waits longer, so that a clock that was set or a computer that slept delays nothing for long. */
const LONGEST_WAIT = 10 * MINUTE
/** Before the store is asked to write an outcome once more: a full disk is not freed within a second. */
const WRITE_AGAIN = 10 * SECOND
const CLOSE_WITHIN = 5 * SECOND
const CLAIM_AT_ONCE = 20

type NotSent = Extract<SendOutcome, { readonly kind: 'not-sent' }>
/** settled: written down already. */
type Outcome = SendOutcome | 'held' | 'closing' | 'settled'

/** One account's mail: one at a time, in the order in which it is due. */
interface Line {
  readonly waiting: OwedMail[]
  busy: boolean
  /** Nothing of this account can leave before `until`. */
  hold: { readonly until: Instant; readonly problem: string } | null
  /** How often in a row the account's server couldn't be used. */
  failures: number
}

/**
 * Sends what is owed, each mail once: a mail is begun only after `claimed`, its bytes leave only after `data_started`
 * is durable, and what came of it is written down until that succeeds. Nothing that may have arrived is sent again
 * but by the agent's word.
 */
export function createOutbox(options: OutboxOptions): Outbox {
  const { store, blobs, sinkFor, sourceFor, clock, log } = options
  const lines = new Map<string, Line>()
  const inHand = new Set<Uuid>()
  const running = new Set<Promise<void>>()
  const timers = new Set<() => void>()
  let stopTimer: (() => void) | null = null
  let claiming = false
  let claimAgain = false
  const state = { closing: false }

  const sentFolder = createSentFolder({
    store,
    blobs,
    sourceFor,
    now: () => clock.now(),
    later,
    log,
  })

  function later(ms: number, call: () => void): void {
    if (state.closing) return
    const stop = clock.after(ms, () => {
      timers.delete(stop)
      if (!state.closing) call()
    })
    timers.add(stop)
  }

  /** Keeps count of what runs, so that `close` can wait for it. */
  function run(work: () => Promise<void>, what: string): void {
    const task: Promise<void> = work()
      .catch((error: unknown) => {
        if (!state.closing) log('error', `The outbox could not ${what}`, { error: messageOf(error) })
      })
      .finally(() => running.delete(task))
    running.add(task)
  }

  function lineOf(accountId: string): Line {
    const known = lines.get(accountId)
    if (known) return known
    const line: Line = { waiting: [], busy: false, hold: null, failures: 0 }
    lines.set(accountId, line)
    return line
  }

  async function claim(): Promise<void> {
    if (claiming) {
      claimAgain = true
      return
    }
    claiming = true
    let wait: number | null = WRITE_AGAIN
    try {
      do {
        let claimed: readonly OwedMail[]
        do {
          if (state.closing) return
          claimed = await store.claimDue(clock.now(), CLAIM_AT_ONCE)
          for (const mail of claimed) take(mail)
        } while (claimed.length === CLAIM_AT_ONCE)
      } while (askedAgain())
      const next = await store.nextDue()
      wait = next === null ? null : Math.min(Math.max(next - clock.now(), SECOND / 4), LONGEST_WAIT)
    } finally {
      claiming = false
      stopTimer?.()
      stopTimer = null
      if (wait !== null && !state.closing)
        stopTimer = clock.after(wait, () => {
          stopTimer = null
          startClaim()
        })
      if (askedAgain()) startClaim()
    }
  }

  function askedAgain(): boolean {
    const asked = claimAgain
    claimAgain = false
    return asked
  }

  function startClaim(): void {
    if (!state.closing) run(claim, 'look for due mail')
  }

  function take(mail: OwedMail): void {
    // The store hands a mail out once; should it ever not, the second hand stays empty.
    if (inHand.has(mail.outbox_id)) return
    inHand.add(mail.outbox_id)
    const line = lineOf(mail.account_id)
    line.waiting.push(mail)
    if (!line.busy) run(() => work(line), 'send')
  }

  async function work(line: Line): Promise<void> {
    line.busy = true
    try {
      for (let mail = line.waiting.shift(); mail; mail = line.waiting.shift()) {
        try {
          await settle(mail, line, await attempt(mail, line))
        } finally {
          inHand.delete(mail.outbox_id)
        }
      }
    } finally {
      line.busy = false
    }
  }

  /** What came of one try. Never throws: what can't be told any better is said as carefully as it must be. */
  async function attempt(mail: OwedMail, { hold }: Line): Promise<Outcome> {
    if (state.closing) return 'closing'
    if (hold && clock.now() < hold.until) return 'held'
    if (mail.account_id === SECURE_ACCOUNT) return await deliverSecurely(mail)
    const progress = { begun: false }
    try {
      const sink = await sinkFor(mail.account_id)
      if (!sink)
        return refused(
          mail,
          'The account that this mail was to go out from can’t send any more. Choose another one, then send it again.',
        )
      const mime = blobs.verify(mail.wire_sha256) === 'ok' ? blobs.read(mail.wire_sha256) : null
      if (!mime)
        return refused(
          mail,
          'The stored mail is missing or damaged on this computer’s disk, so it was not sent. Send it again.',
        )
      return await sink.send({
        envelope: mail.envelope,
        mime,
        written: () => writtenMail(mail, options),
        async dataStarted() {
          if (state.closing) throw new CoreError('closed', 'Workbin is closing.')
          await store.markDataStarted(mail.outbox_id)
          progress.begun = true
        },
      })
    } catch (error) {
      log('error', 'A send ended in a way it should not', { outbox: mail.outbox_id, error: messageOf(error) })
      return progress.begun
        ? {
            kind: 'unknown',
            problem: 'Workbin met a fault while this mail was being sent. Look whether it arrived.',
          }
        : { kind: 'not-sent', problem: `The mail could not be sent: ${messageOf(error)}`, lasting: false }
    }
  }

  /** Nothing leaves this computer: it lies in the mailbox, or it doesn't. */
  async function deliverSecurely(mail: OwedMail): Promise<Outcome> {
    try {
      await store.deliverSecurely(mail.outbox_id)
      return 'settled'
    } catch (error) {
      if (error instanceof CoreError && error.code === 'invalid') return refused(mail, error.message)
      // The mail went on without us; whoever moved it has told.
      if (error instanceof CoreError && (error.code === 'conflict' || error.code === 'not-found'))
        return 'settled'
      log('error', 'A mail could not be put into its secure mailbox', { error: messageOf(error) })
      return {
        kind: 'not-sent',
        problem: `It could not be put into the secure mailbox: ${messageOf(error)} Workbin tries again by itself.`,
        lasting: false,
      }
    }
  }

  async function settle(mail: OwedMail, line: Line, outcome: Outcome): Promise<void> {
    const id = mail.outbox_id
    if (outcome === 'settled') return
    if (outcome === 'closing') return await write(() => store.requeue(id, mail.due_at, null))
    if (outcome === 'held') {
      const { until, problem } = line.hold ?? { until: clock.now(), problem: null }
      return await write(() => store.requeue(id, until, problem))
    }
    if (outcome.kind !== 'not-sent') {
      line.hold = null
      line.failures = 0
    }
    switch (outcome.kind) {
      case 'accepted':
        await write(() =>
          store.resolveSend(id, {
            state: 'accepted',
            recipients: outcome.recipients,
            problem: undelivered(outcome.recipients),
          }),
        )
        return sentFolder.file(mail.account_id)
      case 'rejected':
        return await write(() =>
          store.resolveSend(id, {
            state: 'rejected',
            recipients: outcome.recipients,
            problem: outcome.problem,
          }),
        )
      case 'unknown':
        await write(() =>
          store.resolveSend(id, { state: 'unknown', recipients: mail.recipients, problem: outcome.problem }),
        )
        return sentFolder.lookFor(mail.account_id)
      case 'not-sent': {
        // A mail cut short by closing isn't at fault; it goes out first thing at the next start.
        if (state.closing) return await write(() => store.requeue(id, mail.due_at, null))
        const blocked = outcome.blocks === 'account'
        if (blocked) line.failures += 1
        const until = clock.now() + waitAfter(outcome, blocked ? line.failures : mail.attempts)
        line.hold = blocked ? { until, problem: outcome.problem } : null
        return await write(() => store.requeue(id, until, outcome.problem))
      }
    }
  }

  function waitAfter({ lasting, remote }: NotSent, failures: number): number {
    if (lasting) return HOUR
    if (!remote) return retryAfter(failures)
    const asked = (remote.retryAfter ?? 0) * SECOND
    return retryWait(failures, remote.retryAfter, options.random) ?? Math.max(HOUR, asked)
  }

  /** Writes an outcome down, again and again while the store can't (a full disk); it must not be forgotten. */
  async function write(command: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await command()
      } catch (error) {
        // The mail went on without us: seen in Sent meanwhile, or taken back.
        if (error instanceof CoreError && (error.code === 'conflict' || error.code === 'not-found')) return
        if (state.closing) return
        log('error', 'The outcome of a send could not be written down; it is tried again', {
          error: messageOf(error),
        })
        await new Promise<void>((resolve) => {
          // `close` doesn't wait for this: what isn't written is recovered at the next start.
          const stop = clock.after(WRITE_AGAIN, () => {
            giveUp.delete(release)
            resolve()
          })
          const release = () => {
            stop()
            resolve()
          }
          giveUp.add(release)
        })
      }
    }
  }
  const giveUp = new Set<() => void>()

  return {
    async recover() {
      const unknown = await store.recoverOutbox()
      for (const accountId of new Set(unknown.map((mail) => mail.account_id))) sentFolder.lookFor(accountId)
      startClaim()
    },
    wake() {
      startClaim()
      for (const accountId of lines.keys()) sentFolder.file(accountId)
    },
    online(accountId) {
      const line = lineOf(accountId)
      line.hold = null
      line.failures = 0
      run(async () => {
        await store.retryNow(accountId, clock.now())
        startClaim()
      }, 'try again')
      sentFolder.online(accountId)
    },
    async close() {
      state.closing = true
      stopTimer?.()
      for (const stop of timers) stop()
      timers.clear()
      for (const release of giveUp) release()
      await new Promise<void>((resolve) => {
        const stop = clock.after(CLOSE_WITHIN, resolve)
        void Promise.allSettled([...running, sentFolder.close()]).then(() => {
          stop()
          resolve()
        })
      })
    },
  }
}

function retryAfter(failures: number): number {
  const at = Math.min(Math.max(failures, 1), RETRY_AFTER.length) - 1
  return RETRY_AFTER[at] ?? HOUR
}

function refused(mail: OwedMail, problem: string): SendOutcome {
  return {
    kind: 'rejected',
    problem,
    recipients: mail.envelope.to.map((address) => ({ address, state: 'rejected', reply: null })),
  }
}

function undelivered(
  recipients: readonly { address: string; state: string; reply: string | null }[],
): string | null {
  const refusals = recipients.filter(({ state }) => state === 'rejected')
  if (refusals.length === 0) return null
  const named = refusals.map(({ address, reply }) => (reply ? `${address} (“${reply}”)` : address)).join(', ')
  return `The others have it, but the server doesn’t take mail for ${named}. Correct the address and write to them again.`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
