import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { ListenOptions } from '../api/listener.ts'
import { keyHash } from '../api/keys.ts'
import { localDay } from '../api/use.ts'
import type { Log } from '../connectors/connector.ts'
import type { Core } from '../contract/core.ts'
import type { ApiKey, ApiName, ApisState, ServedApi } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { ApiSettings } from '../contract/settings.ts'
import type { Secrets } from '../secrets.ts'
import type { Blobs } from '../store/blobs.ts'
import { newUuid } from '../store/ids.ts'
import type { Store } from '../store/store.ts'
import { createApiDesk } from './api-desk.ts'
import { type ApiThread, startApiThread } from './api-thread.ts'
import type { Clock } from './host-services.ts'
import type { StoredSettings } from './stored-settings.ts'

export interface ApisOptions {
  readonly store: Store
  readonly settings: StoredSettings
  readonly secrets: Secrets
  readonly blobs: Blobs
  readonly dataDir: string
  /** File URL of the APIs' thread: built file, or the source in tests. */
  readonly worker: URL
  /** From the command line; null: as the settings say. */
  readonly port: number | null
  /** A start that can't listen throws; otherwise Settings shows why. */
  readonly mustListen: boolean
  readonly clock: Clock
  readonly log: Log
  readonly onChange: () => void
}

/** The APIs that this desk serves, on a thread of their own. */
export interface Apis {
  readonly calls: Pick<
    Core,
    'apis' | 'apiSettings' | 'saveApiSettings' | 'setApisPaused' | 'makeApiKey' | 'revokeApiKey'
  >
  start(): Promise<void>
  /** Where it listens; null while it doesn't. */
  url(): string | null
  close(): Promise<void>
}

const HOUR = 3_600_000
/** After a crash the thread is started again: soon, then less and less often, ms. */
const FIRST_WAIT = 1_000
const LONGEST_WAIT = 60_000
/** A thread that ran so long was well, ms. */
const WELL_AFTER = 60_000

const NAMES: readonly ApiName[] = ['email', 'interactions', 'contacts', 'securemail', 'activity']

/** The APIs that this desk serves: their thread, their settings, their keys. */
export function createApis(options: ApisOptions): Apis {
  const { store, settings, clock, log, onChange } = options
  const desk = createApiDesk({ store, blobs: options.blobs, settings, onSettings: () => apply(false) })

  let thread: ApiThread | null = null
  /** What the thread was told last, so that only changes are told. */
  let told = ''
  let listens = ''
  let problem: string | null = null
  let wait = FIRST_WAIT
  let stopWaiting: (() => void) | null = null
  let stopHourly: (() => void) | null = null
  let stopChanges: (() => void) | null = null
  let closed = false

  /** One change after the other, each as the settings are by then. */
  let last: Promise<void> = Promise.resolve()
  function apply(throws: boolean): Promise<void> {
    const next = last.then(() => (closed ? undefined : bringUpToDate(throws)))
    last = next.catch((error: unknown) =>
      log('error', 'The APIs could not follow their settings', { error: String(error) }),
    )
    return next
  }

  async function bringUpToDate(throws: boolean): Promise<void> {
    const api = await settings.api()
    for (const { id, addresses } of api.activity?.customers ?? []) await store.nameCustomer(id, addresses)
    const listen = await listenOptions(api)
    const served = await settings.servedSettings()
    const wanted = JSON.stringify(listen)
    if (thread && wanted === listens) {
      const text = JSON.stringify(served)
      if (text === told) return
      await thread.tell(served)
      told = text
      onChange()
      return
    }
    await stop()
    listens = wanted
    problem = null
    if (listen === null) return onChange()
    try {
      const started = await startApiThread({
        worker: options.worker,
        tmp: join(options.dataDir, 'tmp'),
        desk,
        listen,
        settings: served,
        log,
        async record(use) {
          for (const day of use) await store.recordApiUse(day)
          onChange()
        },
        onCrash: (crashed, error) => {
          if (crashed === thread) startAgain(error)
        },
      })
      thread = started
      told = JSON.stringify(served)
      const began = clock.now()
      wellSince = began
      log('info', 'The APIs listen', { url: started.url })
    } catch (error) {
      listens = ''
      if (throws) throw error
      problem =
        error instanceof CoreError ? error.message : 'The APIs could not be started; the log says why.'
      log('error', 'The APIs don’t listen', { error: String(error) })
    }
    onChange()
  }

  let wellSince = 0
  function startAgain(error: Error): void {
    thread = null
    listens = ''
    if (closed) return
    if (clock.now() - wellSince >= WELL_AFTER) wait = FIRST_WAIT
    const seconds = Math.round(wait / 1000)
    problem = `The APIs stopped by a fault and start again in ${seconds} s. Nothing that was accepted is lost.`
    log('error', 'The APIs’ thread stopped', { error: error.stack ?? error.message, seconds })
    stopWaiting?.()
    stopWaiting = clock.after(wait, () => void apply(false).catch(() => undefined))
    wait = Math.min(wait * 2, LONGEST_WAIT)
    onChange()
  }

  /** Null where they are off. */
  async function listenOptions(api: ApiSettings): Promise<ListenOptions | null> {
    if (api.enabled === false) return null
    if (options.port === null && api.enabled !== true && api.port === undefined) return null
    return {
      listen: api.listen ?? '127.0.0.1',
      port: options.port ?? api.port ?? 0,
      tls: await settings.apiTls(),
    }
  }

  async function stop(): Promise<void> {
    stopWaiting?.()
    stopWaiting = null
    const stopping = thread
    thread = null
    listens = ''
    told = ''
    await stopping?.close()
  }

  async function dropOldUploads(): Promise<void> {
    try {
      await desk.dropOldUploads()
    } catch (error) {
      log('warn', 'Old uploads could not be removed', { error: String(error) })
    }
    if (!closed) stopHourly = clock.after(HOUR, () => void dropOldUploads())
  }

  async function state(): Promise<ApisState> {
    const [api, keys, use] = await Promise.all([
      settings.api(),
      settings.apiKeys(),
      store.apiUse(localDay(clock.now())),
    ])
    const url = thread?.url ?? null
    const base = url === null ? null : (api.publicUrl?.replace(/\/+$/, '') ?? url)
    const lastUse = new Map(use.keys.map(({ id, at }) => [id, at]))
    return {
      url,
      docs: url === null ? null : `${url}/docs`,
      problem,
      apis: NAMES.map((name): ServedApi => {
        const today = use.apis.find((one) => one.api === name)
        const calls = thread?.served.find((one) => one.api === name)?.calls ?? []
        return {
          api: name,
          calls:
            base === null
              ? []
              : calls.map(({ method, path }) => ({ method, url: base + path.replace(/:(\w+)/g, '{$1}') })),
          state: url === null ? 'off' : api.paused === true ? 'paused' : 'open',
          requests_today: today?.requests ?? 0,
          refusals_today: today?.refusals ?? 0,
          last_refusals: today?.last ?? [],
        }
      }),
      keys: keys.map(({ sha256: _, ...key }): ApiKey => ({ ...key, last_used: lastUse.get(key.id) ?? null })),
    }
  }

  return {
    calls: {
      apis: state,
      apiSettings: () => settings.api(),
      async saveApiSettings(input) {
        await settings.saveApi(input)
        await apply(false)
        return null
      },
      async setApisPaused({ paused }) {
        await settings.saveApi({ ...(await settings.api()), paused })
        await apply(false)
        return null
      },
      async makeApiKey({ name, scopes, tenants, customer }) {
        const keys = await settings.apiKeys()
        if (keys.some((key) => key.name === name))
          throw new CoreError('conflict', `There is a key called “${name}” already. Choose another name.`)
        const key = `wb_${randomBytes(32).toString('base64url')}`
        const at = clock.now()
        const made = { id: newUuid(at), name, scopes, tenants, customer, made: at }
        await settings.saveApiKeys([...keys, { ...made, sha256: keyHash(key) }])
        await apply(false)
        onChange()
        return { key, made: { ...made, last_used: null } }
      },
      async revokeApiKey({ id }) {
        const keys = await settings.apiKeys()
        if (!keys.some((key) => key.id === id))
          throw new CoreError('not-found', 'This key is not there any more.')
        await settings.saveApiKeys(keys.filter((key) => key.id !== id))
        await apply(false)
        onChange()
        return null
      },
    },
    async start() {
      await apply(options.mustListen)
      // Whatever changes settings is followed here, accounts too: they decide the desk's own mailbox. (`accounts` alone
      // is told with every batch of mail that a folder's ledger counts.)
      stopChanges = store.onChanges((changes) => {
        if (changes.settings) void apply(false).catch(() => undefined)
      })
      await dropOldUploads()
    },
    url: () => thread?.url ?? null,
    async close() {
      closed = true
      stopChanges?.()
      stopHourly?.()
      await last
      await stop()
      desk.close()
    },
  }
}
