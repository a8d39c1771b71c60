import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MailSink, MailSource } from '../../../src-main/connectors/connector.ts'
import { createSmtpSink } from '../../../src-main/connectors/smtp.ts'
import type { Delivery, DraftContent, Uuid } from '../../../src-main/contract/domain.ts'
import type { Account } from '../../../src-main/contract/settings.ts'
import { type StoredSettings, storedSettings } from '../../../src-main/core/stored-settings.ts'
import { createOutbox, type Outbox } from '../../../src-main/outbox/outbox.ts'
import { prepareSend } from '../../../src-main/outbox/prepare-send.ts'
import { remoteOf } from '../../../src-main/outbox/way-out.ts'
import { openSecrets } from '../../../src-main/secrets.ts'
import { openBlobs, type Blobs } from '../../../src-main/store/blobs.ts'
import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import type { Store } from '../../../src-main/store/store.ts'
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { smtpAccount } from '../../support/smtp-sink.ts'
import { until } from '../../support/until.ts'

/** A store, an outbox and a clock that only the test turns; servers are the test's. */
export interface SendingDesk {
  readonly store: Store
  readonly blobs: Blobs
  readonly clock: FakeClock
  readonly outbox: Outbox
  readonly lines: readonly string[]
  accounts: Account[]
  /** Makes the sink of an account; over SMTP unless the test says otherwise. */
  sinkFor: (account: Account) => MailSink | null
  /** By the remote's id; a mail for another one finds it gone. */
  readonly remotes: Map<string, MailSink>
  source: MailSource | null
  /** Settings in the same store, without an account until the test saves one. */
  settings(): Promise<StoredSettings>
  write(content?: Partial<DraftContent>): Promise<Uuid>
  /** Writes a mail and presses Send. */
  send(content?: Partial<DraftContent>): Promise<Uuid>
  delivery(id: Uuid): Promise<Delivery>
  /** Waits until the mail rests in one of these states: nothing runs for it any more. */
  rests(id: Uuid, ...states: Delivery['state'][]): Promise<Delivery>
  /** The process dies now: nothing more is written, nothing runs on. */
  die(): void
  /** Starts on the same folder. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** Who presses Send. */
export const AGENT = { id: 7, firstName: 'Ada', lastName: 'Moss', email: 'ada@acme.test' }

export async function openSendingDesk(server: { readonly port: number }): Promise<SendingDesk> {
  const folder = mkdtempSync(join(tmpdir(), 'workbin-outbox-'))
  const blobs = openBlobs(join(folder, 'blobs'))
  const lines: string[] = []
  let clock = createFakeClock()
  let alive = { yes: true }
  let store = openSqliteStore({ file: join(folder, 'workbin.db'), now: () => clock.now() })
  let outbox = start()

  function start(): Outbox {
    const here = alive
    const made = createOutbox({
      store,
      blobs,
      clock,
      log: (level, message) => lines.push(`${level} ${message}`),
      async sinkFor(id) {
        if (!here.yes) throw new Error('the process is dead')
        const account = desk.accounts.find((account) => account.id === id)
        const remote = remoteOf(id) ?? account?.through
        if (remote) return desk.remotes.get(remote) ?? null
        return account ? desk.sinkFor(account) : null
      },
      sourceFor: () => (here.yes ? desk.source : null),
      agent: async () => AGENT,
      // The middle of the waits between tries.
      random: () => 0.5,
    })
    store.onChanges(({ outbox }) => {
      if (outbox && here.yes) made.wake()
    })
    return made
  }

  const desk: SendingDesk = {
    get store() {
      return store
    },
    blobs,
    get clock() {
      return clock
    },
    get outbox() {
      return outbox
    },
    lines,
    accounts: [smtpAccount(server, { user: 'ada' })],
    sinkFor: (account) => createSmtpSink({ account, password: 'pw', log: () => {} }),
    remotes: new Map(),
    source: null,
    settings: async () =>
      storedSettings(
        store,
        await openSecrets(folder, {
          kind: 'plain',
          wrap: async (plain) => plain,
          unwrap: async (wrapped) => wrapped,
        }),
      ),
    async write(content = {}) {
      const draft = await store.createDraft({
        kind: 'new',
        owner_id: 7,
        thread_id: null,
        parent_id: null,
        attachments: [],
        content: {
          account_id: 'support',
          to: [{ address: 'ann@x.test', personal: 'Ann Lee' }],
          cc: [],
          bcc: [],
          subject: 'Your order',
          format: 'plain',
          html: '',
          text: 'It is on its way.',
          quote: null,
          standard_response_ids: [],
          ...content,
        },
      })
      return draft.id
    },
    async send(content) {
      const draft = await store.draft(await desk.write(content))
      const sent = await prepareSend(
        { draft_id: draft.id, revision: draft.revision, done: null, seen: null },
        {
          store,
          blobs,
          clock,
          agent: AGENT,
          accounts: desk.accounts,
          undoSendSeconds: 10,
          subjectToken: false,
          sample: false,
        },
      )
      return sent.outbox_id
    },
    delivery: (id) => store.delivery(id),
    rests: (id, ...states) =>
      until(`the mail is ${states.join(' or ')}`, async () => {
        await clock.advance(0)
        const delivery = await store.delivery(id)
        return states.includes(delivery.state) ? delivery : null
      }),
    die() {
      alive.yes = false
      void store.close()
    },
    async restart() {
      if (alive.yes) {
        await outbox.close()
        await store.close()
        alive.yes = false
      }
      alive = { yes: true }
      clock = createFakeClock(clock.now() + 1000)
      store = openSqliteStore({ file: join(folder, 'workbin.db'), now: () => clock.now() })
      outbox = start()
      await outbox.recover()
    },
    async close() {
      if (alive.yes) {
        await outbox.close()
        await store.close()
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await outbox.recover()
  return desk
}

/** A source with a Sent folder in memory; the test takes it off line. */
export interface FakeSent extends MailSource {
  readonly sent: Map<string, Uint8Array>
  online: boolean
  appends: number
}

export function createFakeSent(): FakeSent {
  const fake: FakeSent = {
    sent: new Map(),
    online: true,
    appends: 0,
    start() {},
    async stop() {},
    lookNow() {},
    pauseHistory() {},
    resumeHistory() {},
    async fileSent(messageId, mime) {
      if (!fake.online) throw new Error('off line')
      if (fake.sent.has(messageId)) return 'already-there'
      fake.appends += 1
      fake.sent.set(messageId, mime)
      return 'filed'
    },
    async findInSent(messageId) {
      return fake.online ? fake.sent.has(messageId) : null
    },
  }
  return fake
}
