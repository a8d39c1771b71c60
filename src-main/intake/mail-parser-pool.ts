import { open } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { CoreError } from '../contract/errors.ts'
import { openBlobs } from '../store/blobs.ts'
import type { ParsedMail } from '../store/store.ts'
import type { MailKeys } from './content-key.ts'
import { HELD_BACK_TEXT, heldBack } from './parse-mail.ts'
import type { ParseAnswer, ParseFault, ParseItem, ParseWorkerData, RawMail } from './parse-protocol.ts'

/** Takes raw mails apart off the core's thread; a mail costs at most one worker, never the core. */
export interface ParserPool {
  /**
   * Resolves when the raw mail and its attachments are durable blobs. A mail that passes a limit or kills its
   * worker comes back as held back. Throws `disk`, `not-found` (its file) or `closed`.
   */
  take(raw: RawMail): Promise<ParsedMail>
  close(): Promise<void>
}

export interface ParserPoolOptions {
  /** The worker's file: built, or the source. */
  readonly worker: URL
  readonly blobsDir: string
  readonly size?: number
  readonly limits?: Partial<ParseLimits>
}

export interface ParseLimits {
  /** For taking one mail apart. */
  readonly milliseconds: number
  /** Heap of one worker. */
  readonly megabytes: number
}

const LIMITS: ParseLimits = { milliseconds: 2_000, megabytes: 256 }

// Large enough to share fsyncs and messages, small enough that both workers end at the same time.
const BATCH_MAILS = 32
const BATCH_BYTES = 8 << 20

interface Waiting {
  readonly number: number
  readonly raw: RawMail
  readonly bytes: number
  readonly resolve: (mail: ParsedMail) => void
  readonly reject: (error: CoreError) => void
  /** Known once its raw bytes are durable. */
  stored: (MailKeys & { size: number }) | null
  /** Set once a worker died with it: it goes alone, so that the next death tells. */
  suspect: boolean
}

interface Hand {
  readonly worker: Worker
  readonly clock: Int32Array
  batch: Map<number, Waiting>
  /** What the clock showed when it was last looked at, and since when. */
  seen: number
  since: number
  /** Set when it was ended for taking too long. */
  overtime: boolean
}

export function createParserPool(options: ParserPoolOptions): ParserPool {
  // One core is the store's: with as many workers as cores they took turns with it, and an import took half as long again.
  const size = options.size ?? Math.max(1, Math.min(4, availableParallelism() - 1))
  const limits = { ...LIMITS, ...options.limits }
  const blobs = openBlobs(options.blobsDir)
  const hands = new Set<Hand>()
  let queue: Waiting[] = []
  let numbers = 0
  let closed = false
  let scheduled = false
  let watch: NodeJS.Timeout | null = null

  function hire(): Hand {
    const clock = new SharedArrayBuffer(8)
    const workerData: ParseWorkerData = { blobsDir: options.blobsDir, clock }
    const worker = new Worker(options.worker, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: limits.megabytes },
    })
    const hand: Hand = {
      worker,
      clock: new Int32Array(clock),
      batch: new Map(),
      seen: 0,
      since: 0,
      overtime: false,
    }
    let fault = ''
    hands.add(hand)
    worker.on('message', (answer: ParseAnswer) => settle(hand, answer))
    worker.on('error', (error) => {
      fault = error instanceof Error ? error.message : String(error)
    })
    worker.on('exit', () => {
      hands.delete(hand)
      if (closed) return
      mourn(hand, fault)
      dispatch()
    })
    worker.unref()
    return hand
  }

  function settle(hand: Hand, answer: ParseAnswer): void {
    if (answer.kind === 'stored') {
      for (const { number, ...stored } of answer.items) {
        const waiting = hand.batch.get(number)
        if (waiting) waiting.stored = stored
      }
      return
    }
    for (const { number, mail } of answer.mails) hand.batch.get(number)?.resolve(mail)
    for (const { number, fault } of answer.failed) hand.batch.get(number)?.reject(translated(fault))
    hand.batch = new Map()
    dispatch()
  }

  /**
   * The worker is gone: the mail it died of goes to another one alone, since a machine may be busy for a moment;
   * of the second time it is held back. The others just go on.
   */
  function mourn(hand: Hand, fault: string): void {
    const [count = 0, number = 0] = hand.clock
    const culprit = count % 2 === 1 ? hand.batch.get(number) : undefined
    const again: Waiting[] = []
    for (const waiting of hand.batch.values()) {
      if (waiting === culprit && waiting.suspect) {
        const why = hand.overtime
          ? `It couldn’t be taken apart within ${limits.milliseconds / 1_000} seconds.`
          : `Taking it apart needs more than ${limits.megabytes} MB of memory.`
        void holdBack(waiting, why)
      } else if (culprit === undefined && waiting.suspect) {
        // It died outside of any mail, twice: not this mail's fault, but it can't be taken in now.
        waiting.reject(
          new CoreError('internal', `A mail couldn’t be taken in: ${fault || 'the worker ended'}.`),
        )
      } else {
        if (waiting === culprit || culprit === undefined) waiting.suspect = true
        again.push(waiting)
      }
    }
    hand.batch = new Map()
    queue = [...again, ...queue]
  }

  async function holdBack(waiting: Waiting, why: string): Promise<void> {
    const { stored } = waiting
    try {
      if (!stored) throw new Error('its raw bytes weren’t stored')
      const file = await open(blobs.path(stored.sha256))
      try {
        const begin = Buffer.alloc(Math.min(stored.size, HELD_BACK_TEXT))
        const { bytesRead } = await file.read(begin, 0, begin.length, 0)
        waiting.resolve(heldBack(begin.subarray(0, bytesRead), stored.size, stored, null, why))
      } finally {
        await file.close()
      }
    } catch (error) {
      waiting.reject(new CoreError('disk', `A mail couldn’t be kept: ${String(error)}`, { cause: error }))
    }
  }

  function nextBatch(workers: number): Waiting[] {
    const share = Math.min(BATCH_MAILS, Math.ceil(queue.length / workers))
    const batch: Waiting[] = []
    let bytes = 0
    for (const waiting of queue) {
      if (
        batch.length > 0 &&
        (waiting.suspect || batch.length >= share || bytes + waiting.bytes > BATCH_BYTES)
      )
        break
      batch.push(waiting)
      bytes += waiting.bytes
      if (waiting.suspect) break
    }
    queue = queue.slice(batch.length)
    return batch
  }

  function dispatch(): void {
    while (queue.length > 0 && !closed) {
      const idle = [...hands].find(({ batch }) => batch.size === 0) ?? (hands.size < size ? hire() : null)
      if (!idle) break
      const batch = nextBatch(size)
      idle.batch = new Map(batch.map((waiting) => [waiting.number, waiting]))
      const items: ParseItem[] = batch.map(({ number, raw }) => ({ number, raw }))
      idle.worker.postMessage(items)
      // A worker at work keeps the process alive, an idle one doesn't.
      idle.worker.ref()
    }
    for (const { worker, batch } of hands) if (batch.size === 0) worker.unref()
    const working = [...hands].some(({ batch }) => batch.size > 0)
    if (working && !watch) watch = setInterval(look, Math.max(10, Math.min(100, limits.milliseconds / 4)))
    if (!working && watch) {
      clearInterval(watch)
      watch = null
    }
  }

  function look(): void {
    const now = performance.now()
    for (const hand of hands) {
      const count = Atomics.load(hand.clock, 0)
      if (count !== hand.seen) {
        hand.seen = count
        hand.since = now
      } else if (count % 2 === 1 && now - hand.since > limits.milliseconds && !hand.overtime) {
        hand.overtime = true
        void hand.worker.terminate()
      }
    }
  }

  return {
    take(raw) {
      return new Promise((resolve, reject) => {
        if (closed) {
          reject(new CoreError('closed', 'Workbin is closing.'))
          return
        }
        const bytes = raw instanceof Uint8Array ? raw.byteLength : raw.length
        queue.push({
          number: (numbers = (numbers + 1) & 0x7fffffff),
          raw,
          bytes,
          resolve,
          reject,
          stored: null,
          suspect: false,
        })
        // What is handed over in one go is shared out in one go.
        if (scheduled) return
        scheduled = true
        setImmediate(() => {
          scheduled = false
          dispatch()
        })
      })
    },
    async close() {
      closed = true
      if (watch) clearInterval(watch)
      const left = [...queue, ...[...hands].flatMap(({ batch }) => [...batch.values()])]
      queue = []
      await Promise.all([...hands].map(({ worker }) => worker.terminate()))
      for (const waiting of left) waiting.reject(new CoreError('closed', 'Workbin is closing.'))
    },
  }
}

function translated({ on, code, message }: ParseFault): CoreError {
  const cause = new Error(message)
  if (on === 'write') {
    const full = code === 'ENOSPC' || code === 'EDQUOT'
    const what = full
      ? 'The disk is full, so no mail can be taken in. Free some space; nothing was lost.'
      : `Mail can’t be stored: ${message}`
    return new CoreError('disk', what, { cause })
  }
  const detail = UNREADABLE
  if (code === 'ENOENT') return new CoreError('not-found', 'The file is gone.', { cause, detail })
  return new CoreError('disk', `The file can’t be read: ${message}`, { cause, detail })
}

const UNREADABLE = { unreadable: true }

/** Whether a failure of `take` is about the mail's own file, and not about where mail is stored. */
export function isUnreadable(error: CoreError): boolean {
  return error.detail === UNREADABLE
}
