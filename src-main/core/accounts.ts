import { z } from 'zod'
import type { AccountInput } from '../contract/core.ts'
import type { AccountState, ConnectionTest, RemoteTarget } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Account } from '../contract/settings.ts'
import type { FetchedMail, Log, MailSink, MailSource, SourceState } from '../connectors/connector.ts'
import { createImapSource, testImap } from '../connectors/imap.ts'
import { createSampleSink, SAMPLE_ACCOUNT } from '../connectors/sample-sink.ts'
import { createSmtpSink, testSmtp } from '../connectors/smtp.ts'
import type { Intake, RawArrival } from '../intake/intake.ts'
import { remoteOf } from '../outbox/way-out.ts'
import type { Secrets } from '../secrets.ts'
import type { FolderCursor, Store } from '../store/store.ts'
import type { Clock } from './host-services.ts'
import { ensureQueue, secretName, type StoredSettings, withoutSecrets } from './stored-settings.ts'

/** The accounts at work: one mail source each, a sink when something is to be sent. */
export interface Accounts {
  /** Starts every account's source. */
  start(): Promise<void>
  /** Stops all and starts what the settings say now. */
  restart(): Promise<void>
  /** Tells the store which addresses are ours. */
  tellOwnAddresses(): Promise<void>
  states(): Promise<readonly AccountState[]>
  state(id: string): Promise<AccountState>
  source(id: string): MailSource | null
  /** Null when the account, or the remote that it stands for or sends through, is gone or has no way to send. */
  sink(id: string): Promise<MailSink | null>
  save(input: AccountInput): Promise<void>
  remove(id: string): Promise<void>
  test(input: AccountInput): Promise<ConnectionTest>
  close(): Promise<void>
}

export interface AccountsOptions {
  readonly store: Store
  readonly settings: StoredSettings
  readonly secrets: Secrets
  readonly intake: Intake
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
  /** By the remote's id; null where it is gone or takes no mail. */
  readonly remoteSink: (remoteId: string) => Promise<MailSink | null>
  /** The account's server can be reached again: what it is owed may go now. */
  readonly onOnline: (accountId: string) => void
  /** Something that the status line shows has changed. */
  readonly onState: () => void
}

const namedRemotes = z.array(z.looseObject({ id: z.string(), kind: z.string() }))
/** Kinds of remote systems that take an agent's mail. */
const SENDING_KINDS: ReadonlySet<string> = new Set<RemoteTarget['kind']>([
  'gms-email',
  'secure-mail',
  'activity-response',
])
const OFFLINE: SourceState = { connection: 'connecting', problem: null, syncing: null, lastSync: null }

export function createAccounts(options: AccountsOptions): Accounts {
  const { store, settings, secrets, intake, clock, log } = options
  const running = new Map<string, { source: MailSource | null; state: SourceState }>()

  async function find(id: string): Promise<Account> {
    const account = (await settings.accounts()).find((account) => account.id === id)
    if (!account) throw new CoreError('not-found', `There is no account “${id}”.`)
    return account
  }

  async function begin(account: Account): Promise<void> {
    const work: { source: MailSource | null; state: SourceState } = { source: null, state: OFFLINE }
    running.set(account.id, work)
    if (!account.imap) {
      // It only sends: nothing is listened for, so nothing is stopped either.
      work.state = { ...OFFLINE, connection: 'online' }
      return
    }
    const queueId = account.queue === null ? null : await ensureQueue(store, account.queue)
    work.source = createImapSource({
      account,
      password: () => secrets.get(secretName(account.id, 'imap')),
      cursors: () => store.folderCursors(account.id),
      knownUids: (folder, after, limit) => store.knownUids(folder, after, limit),
      takeIn: async (mails, cursor) => {
        if (mails.length === 0) await store.saveFolderCursor(cursor)
        else
          await intake.takeIn(
            mails.map((mail) => arrival(mail, cursor, queueId)),
            cursor,
          )
      },
      vanished: (folder, uids) => store.forgetLocations(folder, uids),
      report(state) {
        const cameOnline = state.connection === 'online' && work.state.connection !== 'online'
        work.state = state
        options.onState()
        if (cameOnline) options.onOnline(account.id)
      },
      log,
      now: () => clock.now(),
    })
    work.source.start()
  }

  async function end(id: string): Promise<void> {
    const work = running.get(id)
    running.delete(id)
    await work?.source?.stop()
  }

  async function stateOf(account: Account): Promise<AccountState> {
    const { connection, problem, syncing, lastSync } = running.get(account.id)?.state ?? OFFLINE
    return {
      account_id: account.id,
      address: account.address,
      connection: account.id === SAMPLE_ACCOUNT ? 'sample' : connection,
      problem,
      syncing,
      last_sync: lastSync,
      folders: await store.folderStates(account.id),
    }
  }

  async function tellOwnAddresses(): Promise<void> {
    const { email } = await settings.agent()
    const accounts = await settings.accounts()
    await store.setOwnAddresses([...accounts.map(({ address }) => address), ...(email ? [email] : [])])
  }

  async function passwordsFor({ account, imapPassword, smtpPassword }: AccountInput) {
    return {
      imap: imapPassword ?? account.imap?.password ?? (await secrets.get(secretName(account.id, 'imap'))),
      smtp: smtpPassword ?? account.smtp?.password ?? (await secrets.get(secretName(account.id, 'smtp'))),
    }
  }

  async function kindOfRemote(id: string): Promise<string | null> {
    const remotes = namedRemotes.safeParse(await store.setting('remotes')).data ?? []
    return remotes.find((remote) => remote.id === id)?.kind ?? null
  }

  async function sinkOfRemote(id: string): Promise<MailSink | null> {
    const sink = await options.remoteSink(id)
    if (sink) return sink
    // At the start, while it is saved, and when all closes it isn't at work, yet it is not gone.
    const kind = await kindOfRemote(id)
    return kind !== null && SENDING_KINDS.has(kind) ? notYet(id) : null
  }

  async function refuseUnknownRemote({ through }: Account): Promise<void> {
    if (!through) return
    if ((await kindOfRemote(through)) === 'gms-email') return
    throw new CoreError(
      'invalid',
      `There is no remote system “${through}” that an account’s mail can leave through. Choose one for GMS e-mail.`,
    )
  }

  async function start(): Promise<void> {
    await tellOwnAddresses()
    for (const account of await settings.accounts()) await begin(account)
  }

  return {
    start,
    tellOwnAddresses,
    async restart() {
      await Promise.all([...running.keys()].map(end))
      await start()
    },
    async states() {
      return await Promise.all((await settings.accounts()).map(stateOf))
    },
    state: async (id) => await stateOf(await find(id)),
    source: (id) => running.get(id)?.source ?? null,
    async sink(id) {
      // Nothing of the sample desk leaves this computer, whatever is set.
      if (await settings.isSample()) return createSampleSink(options.dataDir)
      const remote = remoteOf(id)
      if (remote !== null) return await sinkOfRemote(remote)
      const account = (await settings.accounts()).find((account) => account.id === id)
      if (!account) return null
      if (account.through) return await sinkOfRemote(account.through)
      if (!account.smtp) return null
      return createSmtpSink({ account, password: await secrets.get(secretName(id, 'smtp')), log })
    },
    async save(input) {
      if (await settings.isSample())
        throw new CoreError(
          'sample',
          'This is the sample desk. Close it first, then connect your mailbox: sample mail and yours never mix.',
        )
      await refuseUnknownRemote(input.account)
      const passwords = await passwordsFor(input)
      const account = await withoutSecrets(input.account, secrets)
      for (const server of ['imap', 'smtp'] as const) {
        const password = passwords[server]
        if (password !== null) await secrets.set(secretName(account.id, server), password)
      }
      if (account.queue !== null) await ensureQueue(store, account.queue)
      const others = (await settings.accounts()).filter(({ id }) => id !== account.id)
      if (others.some(({ address }) => address.toLowerCase() === account.address.toLowerCase()))
        throw new CoreError(
          'conflict',
          `${account.address} is connected already. Change that account instead.`,
        )
      await end(account.id)
      await settings.saveAccounts([...others, account])
      await tellOwnAddresses()
      await begin(account)
      options.onOnline(account.id)
    },
    async remove(id) {
      await find(id)
      await end(id)
      await settings.saveAccounts((await settings.accounts()).filter((account) => account.id !== id))
      await secrets.delete(secretName(id, 'imap'))
      await secrets.delete(secretName(id, 'smtp'))
      await tellOwnAddresses()
      options.onState()
    },
    async test(input) {
      const passwords = await passwordsFor(input)
      const { account } = input
      const tests: ConnectionTest[] = []
      if (account.imap) tests.push(await testImap(account, passwords.imap))
      if (account.smtp && tests.every(({ ok }) => ok)) tests.push(await testSmtp(account, passwords.smtp))
      if (tests.length === 0 && account.through)
        throw new CoreError(
          'invalid',
          `This account has no server of its own: its mail leaves through the remote system “${account.through}”. Test that one instead.`,
        )
      if (tests.length === 0)
        throw new CoreError('invalid', 'Enter an incoming (IMAP) or an outgoing (SMTP) server first.')
      return {
        ok: tests.every(({ ok }) => ok),
        steps: tests.flatMap(({ steps }) => steps),
        certificate: tests.find(({ certificate }) => certificate)?.certificate ?? null,
        folders: tests.flatMap(({ folders }) => folders),
      }
    },
    async close() {
      await Promise.all([...running.keys()].map(end))
    },
  }
}

/** Holds mail for a moment. */
function notYet(remote: string): MailSink {
  return {
    async send() {
      return {
        kind: 'not-sent',
        problem: `The remote system “${remote}” is not at work yet. Workbin tries again by itself.`,
        lasting: false,
        blocks: 'account',
        remote: { retryAfter: null },
      }
    },
  }
}

function arrival(mail: FetchedMail, cursor: FolderCursor, queueId: string | null): RawArrival {
  const { account_id, folder, uidvalidity } = cursor
  const inbound = cursor.role === 'inbound'
  return {
    raw: mail.raw,
    direction: inbound ? 'in' : 'out',
    received: mail.received,
    unread: inbound && !mail.seen,
    queue_id: queueId,
    came_by: `imap:${account_id}/${folder}`,
    account_id,
    folder,
    location: { account_id, folder, uidvalidity, uid: mail.uid },
  }
}
