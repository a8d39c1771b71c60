import { setImmediate as breathe } from 'node:timers/promises'
import type { Instant } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Log } from '../connectors/connector.ts'
import type { Arrival, FolderCursor, Ingested, ParsedMail, Store } from '../store/store.ts'
import { isUnreadable, type ParserPool } from './mail-parser-pool.ts'
import type { RawMail } from './parse-protocol.ts'

/** A mail as it came, before it was taken apart. What only the mail itself can tell is asked once it was. */
export type RawArrival = Omit<Arrival, 'mail' | 'direction' | 'received'> & {
  readonly raw: RawMail
  readonly direction: Arrival['direction'] | ((mail: ParsedMail) => Arrival['direction'])
  readonly received: Instant | ((mail: ParsedMail) => Instant)
  /** For a mail in a file: told what became of it. With it, a file that can't be read costs only its own mail. */
  readonly told?: {
    filed(outcome: Ingested, mail: ParsedMail): void
    unreadable(error: CoreError): void
  }
}

export interface Intake {
  /**
   * Stores, takes apart, threads and files mails in their order; the cursor moves in the same transaction as the
   * last of them. Resolves after the commit with one outcome each (none for unreadable ones that are `told`). Calls are filed one after another.
   * Throws CoreError; then the cursor stands where it stood, and what was filed before is a duplicate next time.
   */
  takeIn(mails: readonly RawArrival[], cursor: FolderCursor | null): Promise<readonly Ingested[]>
  /** Resolves when what was handed over is filed; takes nothing more. */
  close(): Promise<void>
}

export interface IntakeOptions {
  readonly store: Pick<Store, 'ingest'>
  readonly pool: Pick<ParserPool, 'take'>
  readonly now: () => Instant
  readonly log: Log
  /** How long a batch may hold the core, ms: it answers agents between batches. */
  readonly patience?: () => number
}

/** The store files at most this many in one transaction. */
const LARGEST_BATCH = 100
const SMALLEST_BATCH = 8
const PATIENCE = 80

interface Parsed {
  readonly arrival: Arrival
  readonly told: RawArrival['told']
}

export function createIntake({ store, pool, now, log, patience }: IntakeOptions): Intake {
  let line: Promise<unknown> = Promise.resolve()
  let batchSize = 64
  let closed = false

  async function file(
    parsed: readonly Promise<Parsed | null>[],
    cursor: FolderCursor | null,
  ): Promise<Ingested[]> {
    const filed: Ingested[] = []
    for (let at = 0; at < parsed.length || at === 0;) {
      const some = await Promise.all(parsed.slice(at, at + batchSize))
      at += some.length
      const last = at >= parsed.length
      const batch = some.filter((mail) => mail !== null)
      if (batch.length > 0 || (last && cursor !== null)) {
        const begin = performance.now()
        const outcomes = await store.ingest(
          batch.map(({ arrival }) => arrival),
          last ? cursor : null,
        )
        adapt(batch.length, performance.now() - begin)
        for (const [i, outcome] of outcomes.entries()) {
          const { arrival, told } = batch[i] ?? {}
          if (arrival) told?.filed(outcome, arrival.mail)
          if (outcome.outcome === 'held-back')
            log('warn', 'A mail is held back', {
              interaction_id: outcome.interaction_id,
              reason: arrival?.mail.held_back,
            })
        }
        filed.push(...outcomes)
        await breathe()
      }
      if (last) break
    }
    return filed
  }

  /** Grows and shrinks the batch towards the time that it may take, on this machine and with this store. */
  function adapt(count: number, ms: number): void {
    if (count < Math.min(batchSize, SMALLEST_BATCH)) return
    const fitting = Math.round((count * (patience?.() ?? PATIENCE)) / Math.max(ms, 0.1))
    const next = Math.min(fitting, batchSize * 2)
    batchSize = Math.max(SMALLEST_BATCH, Math.min(LARGEST_BATCH, Math.round((batchSize + next) / 2)))
  }

  async function takeApart({ raw, told, ...rest }: RawArrival): Promise<Parsed | null> {
    let mail: ParsedMail
    try {
      mail = await pool.take(raw)
    } catch (error) {
      if (!told || !(error instanceof CoreError) || !isUnreadable(error)) throw error
      told.unreadable(error)
      return null
    }
    const direction = typeof rest.direction === 'function' ? rest.direction(mail) : rest.direction
    const received = typeof rest.received === 'function' ? rest.received(mail) : rest.received
    const arrival: Arrival = {
      ...rest,
      mail,
      direction,
      received: Number.isFinite(received) ? received : now(),
      unread: rest.unread && direction === 'in',
    }
    return { arrival, told }
  }

  return {
    async takeIn(mails, cursor) {
      if (closed) throw new CoreError('closed', 'Workbin is closing.')
      const parsed = mails.map(takeApart)
      // A failure is met where its batch is filed; until then it isn't an unhandled one.
      for (const promise of parsed) promise.catch(() => {})
      const before = line
      const filing = (async () => {
        await before.catch(() => {})
        return await file(parsed, cursor)
      })()
      line = filing
      filing.catch(() => {})
      return await filing
    },
    async close() {
      closed = true
      await line.catch(() => {})
    },
  }
}
