import { createHash } from 'node:crypto'
import { z } from 'zod'
import { CoreError } from '../contract/errors.ts'
import {
  type Account,
  accountSchema,
  type ApiSettings,
  type AgentSettings,
  agentSchema,
  type Preferences,
  preferencesSchema,
  type Settings,
  type SettingsFile,
} from '../contract/settings.ts'
import type { Secrets } from '../secrets.ts'
import type { Store } from '../store/store.ts'

/** Settings as they stand in the store, without secrets; one document a name, checked when read. */
export interface StoredSettings {
  agent(): Promise<AgentSettings>
  accounts(): Promise<readonly Account[]>
  saveAccounts(accounts: readonly Account[]): Promise<void>
  saveAgent(agent: AgentSettings): Promise<void>
  undoSendSeconds(): Promise<number>
  preferences(): Promise<Preferences>
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
    throw new CoreError(
      'internal',
      `The stored settings “${name}” can't be read: ${z.prettifyError(parsed.error)}`,
    )
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
  if (file.api) await store.saveSetting('api', await apiWithoutSecrets(file.api, store, secrets))
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

async function apiWithoutSecrets(
  api: ApiSettings,
  store: Store,
  secrets: Secrets,
): Promise<Record<string, unknown>> {
  const stored = z.record(z.string(), z.unknown()).safeParse(await store.setting('api'))
  const merged: Record<string, unknown> = { ...(stored.data ?? {}) }
  for (const [name, value] of Object.entries(api)) {
    if (name === 'keys' || name === 'tls') continue
    const service = z.looseObject({ apikey: z.string().nullish() }).safeParse(value)
    if (name.startsWith('email') && service.success && service.data.apikey) {
      await secrets.set(`api/${name}/apikey`, service.data.apikey)
      const { apikey: _, ...rest } = service.data
      merged[name] = rest
    } else merged[name] = value
  }
  if (api.keys)
    merged.keys = api.keys.map(({ key, ...rest }) => ({
      ...rest,
      sha256: createHash('sha256').update(key).digest('hex'),
    }))
  if (api.tls) {
    merged.tls = { cert: api.tls.cert }
    if (api.tls.key !== null) await secrets.set('api/tls/key', api.tls.key)
  }
  return merged
}
