import { z } from 'zod'
import type { ServedSettings } from '../api/desk.ts'
import { keyHash } from '../api/keys.ts'
import { CoreError } from '../contract/errors.ts'
import {
  type Account,
  accountSchema,
  type ApiSettings,
  apiSettingsSchema,
  emailServiceSchema,
  type AgentSettings,
  agentSchema,
  type Preferences,
  preferencesSchema,
  type Settings,
  type SettingsFile,
} from '../contract/settings.ts'
import type { Secrets } from '../secrets.ts'
import type { Store } from '../store/store.ts'
import { keyId, type StoredKey, storedKeySchema } from './stored-keys.ts'

/** Settings as they stand in the store, without secrets; one document a name, checked when read. */
export interface StoredSettings {
  agent(): Promise<AgentSettings>
  accounts(): Promise<readonly Account[]>
  saveAccounts(accounts: readonly Account[]): Promise<void>
  saveAgent(agent: AgentSettings): Promise<void>
  undoSendSeconds(): Promise<number>
  preferences(): Promise<Preferences>
  /** What Settings shows and edits: the APIs without keys and secrets; an `apikey` of null says that there is none. */
  api(): Promise<ApiSettings>
  /** The whole of it. Secrets: absent keeps the stored one, null removes it. Keys stay. */
  saveApi(api: ApiSettings): Promise<void>
  apiKeys(): Promise<readonly StoredKey[]>
  saveApiKeys(keys: readonly StoredKey[]): Promise<void>
  /** What the listener needs: PEM text or paths. */
  apiTls(): Promise<{ readonly cert: string | null; readonly key: string | null }>
  /** What the APIs' thread is told. */
  servedSettings(): Promise<ServedSettings>
  /** What the page shows. */
  forPage(): Promise<Settings>
  isSample(): Promise<boolean>
}

export const secretName = (account: string, server: 'imap' | 'smtp'): string => `account/${account}/${server}`

const NOBODY: AgentSettings = {
  id: 1,
  firstName: '',
  lastName: '',
  email: '',
  signature: { text: '', html: null },
}

export function storedSettings(store: Store, secrets: Secrets): StoredSettings {
  async function read<T>(
    name: Parameters<Store['setting']>[0],
    schema: z.ZodType<T>,
    fallback: T,
  ): Promise<T> {
    const stored = await store.setting(name)
    if (stored === null || stored === undefined) return fallback
    const parsed = schema.safeParse(stored)
    if (parsed.success) return parsed.data
    throw unreadable(name, parsed.error)
  }

  const settings: StoredSettings = {
    agent: () => read('agent', agentSchema, NOBODY),
    accounts: () => read('accounts', z.array(accountSchema), []),
    saveAccounts: (accounts) => store.saveSetting('accounts', accounts),
    async saveAgent(agent) {
      await store.saveSetting('agent', agent)
      await store.rememberAgent(agent.id, fullName(agent))
    },
    undoSendSeconds: () => read('undoSendSeconds', z.int(), 10),
    preferences: () => read('preferences', preferencesSchema, preferencesSchema.parse({})),
    async api() {
      const { settings, cert } = await readApi(store)
      const services: Record<string, unknown> = {}
      for (const name of new Set(['email', ...Object.keys(settings).filter(isEmailService)]))
        if ((await secrets.get(apikeyName(name))) === null)
          services[name] = { ...emailServiceSchema.parse(settings[name] ?? {}), apikey: null }
      const all = apiSettingsSchema.parse({ ...settings, ...services })
      return cert === null ? all : { ...all, tls: { cert, key: null } }
    },
    async saveApi(api) {
      await saveApi(store, await mergeApi(api, true, store, secrets))
    },
    apiKeys: async () => (await readApi(store)).keys,
    async saveApiKeys(keys) {
      await saveApi(store, { ...(await readApi(store)), keys })
    },
    async apiTls() {
      const { cert } = await readApi(store)
      return { cert, key: cert === null ? null : await secrets.get(TLS_KEY) }
    },
    async servedSettings() {
      const { settings: api, keys } = await readApi(store)
      const emailKeys: Record<string, string> = {}
      for (const name of Object.keys(api).filter(isEmailService)) {
        const apikey = await secrets.get(apikeyName(name))
        if (apikey !== null) emailKeys[name] = keyHash(apikey)
      }
      const [first] = await settings.accounts()
      return {
        settings: api,
        keys: keys.map(({ made: _, ...key }) => key),
        emailKeys,
        defaultMailbox: first?.address ?? null,
      }
    },
    isSample: async () => (await store.setting('sample')) === true,
    async forPage() {
      const accounts = await settings.accounts()
      return {
        agent: await settings.agent(),
        accounts: await Promise.all(
          accounts.map(async (account) => ({
            ...account,
            has_password: {
              imap: (await secrets.get(secretName(account.id, 'imap'))) !== null,
              smtp: (await secrets.get(secretName(account.id, 'smtp'))) !== null,
            },
          })),
        ),
        undoSendSeconds: await settings.undoSendSeconds(),
        preferences: await settings.preferences(),
      }
    },
  }
  return settings
}

function unreadable(name: string, error: z.ZodError): CoreError {
  return new CoreError('internal', `The stored settings “${name}” can't be read: ${z.prettifyError(error)}`)
}

export function fullName(agent: AgentSettings): string {
  return `${agent.firstName} ${agent.lastName}`.trim() || agent.email || `Agent ${agent.id}`
}

/**
 * Merges a settings file into the stored settings: agent and numbers replace, accounts and remotes by id, queues are
 * added, api by key. Secrets go to the secret store at once; API keys are kept only as SHA-256.
 */
export async function mergeSettingsFile(file: SettingsFile, store: Store, secrets: Secrets): Promise<void> {
  const settings = storedSettings(store, secrets)
  if (file.agent) await settings.saveAgent(file.agent)
  for (const name of file.queues ?? []) await ensureQueue(store, name)
  if (file.accounts) {
    const merged = new Map((await settings.accounts()).map((account) => [account.id, account]))
    for (const account of file.accounts) {
      if (account.queue !== null) await ensureQueue(store, account.queue)
      merged.set(account.id, await withoutSecrets(account, secrets))
    }
    await settings.saveAccounts([...merged.values()])
  }
  if (file.undoSendSeconds !== undefined) await store.saveSetting('undoSendSeconds', file.undoSendSeconds)
  if (file.api) {
    const api = await mergeApi(file.api, false, store, secrets)
    // A file that brings settings for the APIs wants them served; what was switched off under Settings stays off.
    api.settings.enabled ??= true
    await saveApi(store, file.api.keys ? { ...api, keys: mergeKeys(api.keys, file.api.keys) } : api)
  }
  if (file.remotes) {
    const stored = z.array(z.looseObject({ id: z.string() })).safeParse(await store.setting('remotes'))
    const merged = new Map((stored.data ?? []).map((remote) => [remote.id, remote]))
    for (const { key, ...remote } of file.remotes) {
      if (key !== undefined) await secrets.set(`remote/${remote.id}`, key)
      merged.set(remote.id, remote)
    }
    await store.saveSetting('remotes', [...merged.values()])
  }
}

/** Moves an account's passwords into the secret store; what comes back may be stored. */
export async function withoutSecrets(account: Account, secrets: Secrets): Promise<Account> {
  const { imap, smtp } = account
  if (imap?.password !== undefined) await secrets.set(secretName(account.id, 'imap'), imap.password)
  if (smtp?.password !== undefined) await secrets.set(secretName(account.id, 'smtp'), smtp.password)
  return {
    ...account,
    imap: imap && withoutPassword(imap),
    smtp: smtp && withoutPassword(smtp),
  }
}

function withoutPassword<T extends { password?: string | undefined }>(server: T): T {
  const { password: _, ...rest } = server
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- only the optional member is gone
  return rest as T
}

export async function ensureQueue(store: Store, name: string): Promise<string> {
  const wanted = name.trim().toLowerCase()
  const found = (await store.queues()).find((queue) => queue.name.toLowerCase() === wanted)
  return (found ?? (await store.saveQueue(null, name.trim()))).id
}

/** Members of the stored API settings that `ApiSettings` doesn't have in that shape. */
const storedApiSchema = z.looseObject({
  keys: z.array(storedKeySchema).default([]),
  tls: z.looseObject({ cert: z.string().nullable() }).optional(),
})

interface StoredApi {
  /** Without keys, TLS and secrets. */
  readonly settings: ServedSettings['settings']
  readonly keys: readonly StoredKey[]
  readonly cert: string | null
}

async function readApi(store: Store): Promise<StoredApi> {
  const stored = (await store.setting('api')) ?? {}
  const kept = storedApiSchema.safeParse(stored)
  if (!kept.success) throw unreadable('api', kept.error)
  const { keys, tls, ...rest } = kept.data
  const settings = apiSettingsSchema.safeParse(rest)
  if (!settings.success) throw unreadable('api', settings.error)
  const { keys: _, tls: __, ...plain } = settings.data
  return { settings: plain, keys, cert: tls?.cert ?? null }
}

async function saveApi(store: Store, { settings, keys, cert }: StoredApi): Promise<void> {
  await store.saveSetting('api', { ...settings, keys, ...(cert === null ? {} : { tls: { cert } }) })
}

/** Services of the GMS API among the members: `email` and `email.<serviceName>`. */
function isEmailService(name: string): boolean {
  return name === 'email' || name.startsWith('email.')
}

const apikeyName = (service: string): string => `api/${service}/apikey`
const TLS_KEY = 'api/tls/key'

/**
 * Members of `given` replace the stored ones; with `whole` those that it doesn't name are gone. Secrets go to the
 * secret store: absent keeps the stored one, null removes it. Keys aren't touched.
 */
async function mergeApi(
  given: ApiSettings,
  whole: boolean,
  store: Store,
  secrets: Secrets,
): Promise<StoredApi> {
  const stored = await readApi(store)
  const merged: Record<string, unknown> = whole ? {} : { ...stored.settings }
  for (const [name, value] of Object.entries(given)) {
    if (name === 'keys' || name === 'tls') continue
    if (!isEmailService(name)) {
      merged[name] = value
      continue
    }
    const { apikey, ...service } = emailServiceSchema.parse(value)
    merged[name] = service
    if (apikey === null || apikey === '') await secrets.delete(apikeyName(name))
    else if (apikey !== undefined) await secrets.set(apikeyName(name), apikey)
  }
  for (const name of Object.keys(stored.settings))
    if (isEmailService(name) && !(name in merged)) await secrets.delete(apikeyName(name))
  if (given.tls) {
    if (given.tls.key !== null) await secrets.set(TLS_KEY, given.tls.key)
    // Settings shows no key, so what comes back without one keeps it as long as there is a certificate.
    else if (given.tls.cert === null || !whole) await secrets.delete(TLS_KEY)
  }
  const settings = apiSettingsSchema.parse(merged)
  const { keys: _, tls: __, ...plain } = settings
  const cert = given.tls ? given.tls.cert : whole ? null : stored.cert
  if (whole && !given.tls) await secrets.delete(TLS_KEY)
  return { settings: plain, keys: stored.keys, cert }
}

/** Keys of a file replace those of an earlier file; what was made under Settings stays. */
function mergeKeys(stored: readonly StoredKey[], given: NonNullable<ApiSettings['keys']>): StoredKey[] {
  const fromFile = given.map(({ key, name, scopes, tenants, customer }): StoredKey => {
    const sha256 = keyHash(key)
    return {
      id: keyId(name, sha256),
      name,
      scopes,
      tenants: tenants ?? null,
      customer: customer ?? null,
      sha256,
      made: null,
    }
  })
  const ids = new Set(fromFile.map(({ id }) => id))
  return [...stored.filter(({ id, made }) => made !== null && !ids.has(id)), ...fromFile]
}
