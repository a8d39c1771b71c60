import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address, Instant } from '../../src-main/contract/domain.ts'
import { openSqliteStore } from '../../src-main/store/sqlite/open-store.ts'
import type { Arrival, ParsedMail, Store } from '../../src-main/store/store.ts'

/** Any engine: the store's cases run on each. */
export type OpenStore = (options: { readonly file: string; readonly now: () => Instant }) => Store

/** A store in a folder of its own, with a clock that only the test turns. */
export interface TestStore {
  readonly store: Store
  readonly folder: string
  readonly file: string
  now(): Instant
  /** Turns the clock on. */
  pass(ms: number): void
  /** Closes the store and opens it again, as after a restart. */
  reopen(): Promise<void>
  close(): Promise<void>
}

export const START = Date.UTC(2026, 4, 4, 9, 0, 0)
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export function openTestStore(open: OpenStore = openSqliteStore): TestStore {
  const folder = mkdtempSync(join(tmpdir(), 'workbin-store-'))
  const file = join(folder, 'workbin.db')
  let at = START
  const now = () => at
  let store = open({ file, now })
  return {
    get store() {
      return store
    },
    folder,
    file,
    now,
    pass(ms) {
      at += ms
    },
    async reopen() {
      await store.close()
      store = open({ file, now })
    },
    async close() {
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A plain mail from Ann to Support, another one each time; say what is special about it. */
export function parsedMail(special: Partial<ParsedMail> = {}): ParsedMail {
  const text = special.text ?? 'My order has not arrived.'
  const raw = special.raw ?? { sha256: hash(randomUUID()), size: 1000 }
  return {
    raw,
    content_key: raw.sha256,
    message_id: `${randomUUID()}@mail.test`,
    references: [],
    in_reply_to: special.references?.length ? 1 : 0,
    from: person('ann@customer.test', 'Ann Lee'),
    from_as_written: null,
    reply_to: null,
    to: [person('support@desk.test', 'Support')],
    cc: [],
    bcc: [],
    subject: 'Where is my order?',
    sent_date: null,
    timeshift: null,
    received: null,
    text,
    html: null,
    quote_at: null,
    snippet: text.slice(0, 200),
    attachments: [],
    machine: null,
    report: null,
    held_back: null,
    ...special,
  }
}

/** An inbound, unread mail on its way into the store. */
export function arrival(mail: Partial<ParsedMail> = {}, special: Partial<Arrival> = {}): Arrival {
  return {
    mail: parsedMail(mail),
    direction: 'in',
    received: START,
    unread: true,
    queue_id: null,
    came_by: 'import',
    account_id: null,
    folder: null,
    location: null,
    ...special,
  }
}

/** A mail of ours that came from the Sent folder. */
export function sentArrival(mail: Partial<ParsedMail> = {}, special: Partial<Arrival> = {}): Arrival {
  return arrival(
    { from: person('support@desk.test', 'Support'), to: [person('ann@customer.test', 'Ann Lee')], ...mail },
    { direction: 'out', unread: false, ...special },
  )
}

export function person(address: string, personal?: string): Address {
  return personal === undefined ? { address } : { address, personal }
}

/** SHA-256 in hex. */
export function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
