import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Log, MailSink, RemoteConnector, RemoteMailbox } from '../connectors/connector.ts'
import type { Reporter } from '../connectors/remote-contacts.ts'
import type { RemoteSetup } from '../connectors/remote-sink.ts'
import type { Core } from '../contract/core.ts'
import type { RemoteState, UserDataValue } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { remoteOptionsSchemas, remoteSchema, type RemoteSettings } from '../contract/settings.ts'
import type { Secrets } from '../secrets.ts'
import type { Blobs } from '../store/blobs.ts'
import type { RemoteDuty } from '../store/remote-store.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './host-services.ts'
import { connectorFor } from './remote-connectors.ts'
import { startDraft } from './remote-drafts.ts'
import { type RemoteAtWork, startRemoteWork } from './remote-work.ts'
import { ensureQueue, type StoredSettings } from './stored-settings.ts'

export interface RemotesOptions {
  readonly store: Store
  readonly blobs: Blobs
  readonly settings: StoredSettings
  readonly secrets: Secrets
  readonly clock: Clock
  readonly log: Log
  /** A remote was reached again or changed: mail that waits for `remote:<id>` may go. */
  readonly onOnline: (accountId: string) => void
  readonly onChange: () => void
  /** Set by tests only. */
  readonly timing?: Pick<RemoteSetup, 'limits'> & { readonly random?: () => number }
}

/** The remote systems at work. */
export interface Remotes {
  readonly calls: Pick<
    Core,
    | 'remotes'
    | 'saveRemote'
    | 'removeRemote'
    | 'testRemote'
    | 'syncRemote'
    | 'pullCustomer'
    | 'startRemoteDraft'
    | 'remoteMails'
    | 'countRemoteMails'
    | 'remoteMail'
    | 'remoteMailUserData'
    | 'removeRemoteMail'
  >
  start(): Promise<void>
  /** Something is owed. */
  wake(): void
  /** By the remote's id; null where it is gone or takes no mail. */
  sink(remoteId: string): Promise<MailSink | null>
  /** A queue has another name, or its work went to another queue: what names it follows. */
  renameQueue(from: string, to: string): Promise<void>
  close(): Promise<void>
}

const CLOSE_WITHIN = 5_000

export function createRemotes(options: RemotesOptions): Remotes {
  const { store, blobs, settings, secrets, clock, log } = options
  const atWork = new Map<string, RemoteAtWork>()
  const state = { closed: false }
  let woken = false
  /** Changes of the settings, one after the other. */
  let turn: Promise<unknown> = Promise.resolve()

  async function stored(): Promise<readonly RemoteSettings[]> {
    const parsed = z.array(remoteSchema).safeParse((await store.setting('remotes')) ?? [])
    if (parsed.success) return parsed.data
    throw new CoreError(
      'internal',
      `The stored settings “remotes” can't be read: ${z.prettifyError(parsed.error)}`,
    )
  }

  async function find(id: string): Promise<RemoteSettings> {
    const remote = (await stored()).find((remote) => remote.id === id)
    if (!remote) throw new CoreError('not-found', `There is no remote “${id}” any more.`)
    return remote
  }

  async function setupOf(
    remote: RemoteSettings,
    key: string | null,
    signal: AbortSignal,
  ): Promise<RemoteSetup> {
    return {
      remote,
      key,
      log,
      signal,
      now: () => clock.now(),
      ...(options.timing?.limits ? { limits: options.timing.limits } : {}),
    }
  }

  function connect(setup: RemoteSetup): RemoteConnector {
    const { id } = setup.remote
    return connectorFor(setup, {
      keeper: {
        known: (theirIds) => store.pulledAlready(id, theirIds),
        async keep(bytes) {
          const sha256 = createHash('sha256').update(bytes).digest('hex')
          await blobs.putAll([{ sha256, bytes }])
          return { sha256, size: bytes.length }
        },
      },
      reporter,
    })
  }

  /** Who is on our side of a message that is reported. */
  async function reporter(): Promise<Reporter> {
    const agent = await settings.agent()
    const accounts = await settings.accounts()
    return {
      agentId: agent.id,
      addresses: [...accounts.map(({ address }) => address), ...(agent.email ? [agent.email] : [])],
    }
  }

  async function begin(remote: RemoteSettings): Promise<void> {
    const abort = new AbortController()
    const setup = await setupOf(remote, await secrets.get(secretName(remote.id)), abort.signal)
    const pulls =
      remote.kind === 'interactions' ? remoteOptionsSchemas.interactions.parse(remote.options) : null
    atWork.set(
      remote.id,
      startRemoteWork({
        id: remote.id,
        connector: connect(setup),
        store,
        every: pulls?.every ?? 0,
        queueId: pulls && pulls.queue !== null ? await ensureQueue(store, pulls.queue) : null,
        clock,
        log,
        abort,
        mayWork: async () => !(await settings.isSample()),
        onOnline: () => void tellOutbox(remote.id),
        onChange: options.onChange,
        ...(options.timing?.random ? { random: options.timing.random } : {}),
      }),
    )
  }

  async function end(id: string): Promise<void> {
    const work = atWork.get(id)
    atWork.delete(id)
    await work?.end()
  }

  /** Mail for the remote itself, and of accounts whose mail leaves through it. */
  async function tellOutbox(id: string): Promise<void> {
    if (state.closed) return
    options.onOnline(`remote:${id}`)
    for (const account of await settings.accounts()) if (account.through === id) options.onOnline(account.id)
  }

  async function tellDuties(): Promise<void> {
    await store.setRemoteDuties((await settings.isSample()) ? [] : await dutiesOf(await stored(), store))
  }

  /** The remote at work, for what the page asks of it. */
  async function working(id: string): Promise<RemoteAtWork> {
    await notOnSample()
    const work = atWork.get(id)
    if (!work) throw new CoreError('not-found', `There is no remote “${id}” any more.`)
    return work
  }

  async function notOnSample(): Promise<void> {
    if (await settings.isSample())
      throw new CoreError(
        'sample',
        'This is the sample desk, and nothing leaves this computer. Close it first to work with other systems.',
      )
  }

  async function throughMailbox<T>(id: string, ask: (mailbox: RemoteMailbox) => Promise<T>): Promise<T> {
    const work = await working(id)
    const { mailbox } = work.connector
    if (!mailbox) throw new CoreError('invalid', `The remote “${id}” holds no mailboxes of customers.`)
    return await work.reached(ask(mailbox))
  }

  async function stateOf(remote: RemoteSettings): Promise<RemoteState> {
    const work = atWork.get(remote.id)
    const { waiting, failed, problem } = await store.owedCounts(remote.id)
    const now = work?.state() ?? { connection: 'idle' as const, problem: null, last_contact: null }
    return {
      id: remote.id,
      kind: remote.kind,
      url: remote.url,
      options: shownOptions(remote),
      has_key: (await secrets.get(secretName(remote.id))) !== null,
      capabilities: work?.connector.capabilities ?? NOTHING,
      connection: now.connection === 'idle' && failed > 0 ? 'failed' : now.connection,
      problem: now.problem ?? problem,
      last_contact: now.last_contact,
      owed: { waiting, failed },
    }
  }

  /** One change of the settings at a time, so that none is lost. */
  async function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const mine = turn.then(change)
    turn = mine.catch(() => undefined)
    return await mine
  }

  /** A stored key belongs to the system that it was entered for: another one must not be shown it by a slip. */
  async function refuseElsewhere(input: RemoteSettings, before: RemoteSettings | undefined): Promise<void> {
    if (!before || input.key !== undefined || new URL(input.url).origin === new URL(before.url).origin) return
    if ((await secrets.get(secretName(input.id))) === null) return
    throw new CoreError(
      'invalid',
      `The stored key is for ${new URL(before.url).origin}. Enter the key for ${new URL(input.url).origin}.`,
    )
  }

  const calls: Remotes['calls'] = {
    remotes: async () => await Promise.all((await stored()).map(stateOf)),

    saveRemote: (input) =>
      inTurn(async () => {
        await notOnSample()
        const all = await stored()
        const before = all.find(({ id }) => id === input.id)
        const { key, ...given } = input
        await refuseElsewhere(input, before)
        const remote: RemoteSettings = {
          ...given,
          // What isn't entered stays as it is stored.
          ...(given.trustedCertificate === undefined && before?.trustedCertificate
            ? { trustedCertificate: before.trustedCertificate }
            : {}),
          ...(given.insecure === undefined && before?.insecure ? { insecure: before.insecure } : {}),
        }
        if (before && before.kind !== remote.kind)
          throw new CoreError(
            'conflict',
            `There is a remote “${remote.id}” of another kind. Choose another name, or remove that one first.`,
          )
        if (key === '') await secrets.delete(secretName(remote.id))
        else if (key !== undefined) await secrets.set(secretName(remote.id), key)
        await end(remote.id)
        await store.saveSetting('remotes', [...all.filter(({ id }) => id !== remote.id), remote])
        // Another place, or another part of it, is looked at from its beginning.
        if (before && placeOf(before) !== placeOf(remote)) await store.pull(remote.id, [], null, null)
        await tellDuties()
        await store.retryCalls(remote.id)
        await begin(remote)
        await tellOutbox(remote.id)
        options.onChange()
        return null
      }),

    removeRemote: ({ id }) =>
      inTurn(async () => {
        await find(id)
        await end(id)
        await store.saveSetting(
          'remotes',
          (await stored()).filter((remote) => remote.id !== id),
        )
        await store.dropRemote(id)
        await tellDuties()
        await secrets.delete(secretName(id))
        options.onChange()
        return null
      }),

    async testRemote(input) {
      const key = input.key ?? (await secrets.get(secretName(input.id)))
      const before = (await stored()).find(({ id }) => id === input.id)
      await refuseElsewhere(input, before)
      const remote = {
        ...input,
        trustedCertificate:
          input.trustedCertificate === undefined
            ? (before?.trustedCertificate ?? null)
            : input.trustedCertificate,
        ...(input.insecure === undefined && before?.insecure ? { insecure: before.insecure } : {}),
      }
      const abort = new AbortController()
      return await connect(await setupOf(remote, key === '' ? null : key, abort.signal)).test()
    },

    async syncRemote({ id }) {
      const work = await working(id)
      await store.retryCalls(id)
      work.lookNow()
      await tellOutbox(id)
      return null
    },

    pullCustomer: async ({ remote_id, customer_id }) =>
      await (await working(remote_id)).pullCustomer(customer_id),

    async startRemoteDraft(request) {
      const remote = await find(request.remote_id)
      return await startDraft({ store, settings, remote, request })
    },

    async remoteMails({ remote_id, address, box, status, index, count }) {
      const mails = await throughMailbox(remote_id, (mailbox) =>
        mailbox.list({ address, box }, status, { index, count }),
      )
      return { mails, more: mails.length >= count }
    },
    countRemoteMails: async ({ remote_id, address, box, status }) => ({
      count: await throughMailbox(remote_id, (mailbox) => mailbox.count({ address, box }, status)),
    }),
    remoteMail: ({ remote_id, id, open }) => throughMailbox(remote_id, (mailbox) => mailbox.mail(id, open)),
    remoteMailUserData: async ({ remote_id, id }) => ({
      udata: await throughMailbox(remote_id, (mailbox) => mailbox.userData(id)),
    }),
    async removeRemoteMail({ remote_id, id, how }) {
      await throughMailbox(remote_id, (mailbox) => mailbox.remove(id, how))
      return null
    },
  }

  return {
    calls,
    async start() {
      await store.recoverCalls()
      await tellDuties()
      for (const remote of await stored()) {
        // What failed while it was down has a new chance; what it refused waits for the agent.
        await store.retryCalls(remote.id, 5)
        await begin(remote)
      }
    },
    wake() {
      if (woken || state.closed) return
      woken = true
      setImmediate(() => {
        woken = false
        for (const work of atWork.values()) work.wake()
      })
    },
    async sink(remoteId) {
      if (await settings.isSample()) return null
      return atWork.get(remoteId)?.sink ?? null
    },
    renameQueue: (from, to) =>
      inTurn(async () => {
        const all = await stored()
        const renamed = all.map((remote) => withQueue(remote, from, to))
        if (JSON.stringify(renamed) === JSON.stringify(all)) return
        await store.saveSetting('remotes', renamed)
        await tellDuties()
        for (const [i, remote] of renamed.entries()) {
          if (remote === all[i] || !atWork.has(remote.id)) continue
          await end(remote.id)
          await begin(remote)
        }
      }),
    async close() {
      state.closed = true
      const ended = Promise.all([...atWork.keys()].map(end))
      await new Promise<void>((resolve) => {
        const stop = clock.after(CLOSE_WITHIN, resolve)
        void ended.then(() => {
          stop()
          resolve()
        })
      })
    },
  }
}

const NOTHING = { send: false, mailbox: false, pull: false, report: false } as const

/** Name of a remote's key in the secret store. */
function secretName(id: string): string {
  return `remote/${id}`
}

function shownOptions(remote: RemoteSettings): Readonly<Record<string, UserDataValue>> {
  const parsed = remoteOptionsSchemas[remote.kind].safeParse(remote.options)
  return parsed.success ? { ...parsed.data } : remote.options
}

/** What a cursor belongs to. */
function placeOf(remote: RemoteSettings): string {
  if (remote.kind !== 'interactions') return ''
  const { basePath, status } = remoteOptionsSchemas.interactions.parse(remote.options)
  return JSON.stringify([remote.url, basePath, status])
}

/** Queues that a remote's options name. */
function queuesOf(remote: RemoteSettings): readonly string[] {
  if (remote.kind === 'contacts-email') return remoteOptionsSchemas[remote.kind].parse(remote.options).queues
  if (remote.kind !== 'interactions') return []
  const { queue } = remoteOptionsSchemas[remote.kind].parse(remote.options)
  return queue === null ? [] : [queue]
}

function withQueue(remote: RemoteSettings, from: string, to: string): RemoteSettings {
  if (!queuesOf(remote).includes(from)) return remote
  const { queue, queues } = remote.options
  return {
    ...remote,
    options: {
      ...remote.options,
      ...(queue === from ? { queue: to } : {}),
      ...(Array.isArray(queues)
        ? { queues: [...new Set(queues.map((name) => (name === from ? to : name)))] }
        : {}),
    },
  }
}

/** Who is owed what. What was pulled from the very system that is reported to isn't reported: it has it. */
async function dutiesOf(remotes: readonly RemoteSettings[], store: Store): Promise<readonly RemoteDuty[]> {
  const idOf = new Map<string, string>()
  for (const name of remotes.flatMap(queuesOf)) idOf.set(name, await ensureQueue(store, name))
  return remotes.flatMap((remote): readonly RemoteDuty[] => {
    if (remote.kind === 'interactions') {
      const { writeBack } = remoteOptionsSchemas.interactions.parse(remote.options)
      return writeBack ? [{ remote_id: remote.id, kind: 'write-back', queues: null }] : []
    }
    if (remote.kind !== 'contacts-email') return []
    const chosen = queuesOf(remote)
    return [
      {
        remote_id: remote.id,
        kind: 'report',
        queues: chosen.length === 0 ? null : chosen.flatMap((name) => idOf.get(name) ?? []),
        except: remotes
          .filter((other) => other.kind === 'interactions' && hostOf(other.url) === hostOf(remote.url))
          .map(({ id }) => id),
      },
    ]
  })
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url
}
