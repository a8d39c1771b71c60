import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { settingsFileSchema } from '../../../src-main/contract/settings.ts'
import { mergeSettingsFile, storedSettings } from '../../../src-main/core/stored-settings.ts'
import { openSecrets, type Secrets } from '../../../src-main/secrets.ts'
import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import type { Store } from '../../../src-main/store/store.ts'

let dir: string
let store: Store
let secrets: Secrets
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'workbin-settings-'))
  store = openSqliteStore({ file: join(dir, 'workbin.db'), now: () => 1_767_600_000_000 })
  secrets = await openSecrets(dir, {
    kind: 'plain',
    wrap: async (plain) => plain,
    unwrap: async (wrapped) => wrapped,
  })
})
afterEach(async () => {
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

const CANARY = 'canary-5f2c81'
const FILE = {
  agent: { id: 7, firstName: 'Ada', lastName: 'Moss', email: 'ada@desk.test' },
  accounts: [
    {
      id: 'support',
      address: 'support@desk.test',
      personal: 'Support',
      imap: { host: '127.0.0.1', port: 10143, tls: 'none', user: 'support', password: `${CANARY}-imap` },
      smtp: { host: '127.0.0.1', port: 10587, tls: 'none', user: 'support', password: `${CANARY}-smtp` },
      queue: 'Support',
    },
  ],
  queues: ['Billing'],
  undoSendSeconds: 5,
  api: {
    email: { apikey: `${CANARY}-form` },
    'email.sales': { mailbox: 'sales@desk.test' },
    keys: [{ key: `${CANARY}-key`, name: 'CRM', scopes: ['interactions:read'] }],
  },
  remotes: [{ id: 'portal', kind: 'gms-email', url: 'https://portal.test', key: `${CANARY}-remote` }],
}

test('a settings file sets up agent, accounts, queues and numbers', async () => {
  await mergeSettingsFile(settingsFileSchema.parse(FILE), store, secrets)
  const settings = storedSettings(store, secrets)
  expect(await settings.forPage()).toMatchObject({
    agent: { id: 7, firstName: 'Ada' },
    undoSendSeconds: 5,
    accounts: [{ id: 'support', queue: 'Support', has_password: { imap: true, smtp: true } }],
  })
  expect((await store.queues()).map(({ name }) => name).sort()).toEqual(['Billing', 'Support'])
})

test('its secrets go to the secret store and nowhere else; API keys are kept as SHA-256', async () => {
  await mergeSettingsFile(settingsFileSchema.parse(FILE), store, secrets)
  expect(await secrets.get('account/support/imap')).toBe(`${CANARY}-imap`)
  expect(await secrets.get('api/email/apikey')).toBe(`${CANARY}-form`)
  expect(await secrets.get('remote/portal')).toBe(`${CANARY}-remote`)
  await store.close()
  for (const file of readdirSync(dir).filter((name) => name !== 'secrets.json'))
    expect(readFileSync(join(dir, file)).includes(CANARY), file).toBe(false)
  store = openSqliteStore({ file: join(dir, 'workbin.db'), now: () => 1_767_600_000_000 })
})

test('merging the same file again changes nothing and doubles nothing', async () => {
  await mergeSettingsFile(settingsFileSchema.parse(FILE), store, secrets)
  const before = await storedSettings(store, secrets).forPage()
  await mergeSettingsFile(settingsFileSchema.parse(FILE), store, secrets)
  expect(await storedSettings(store, secrets).forPage()).toEqual(before)
  expect(await store.queues()).toHaveLength(2)
})

const merge = (file: object) => mergeSettingsFile(settingsFileSchema.parse(file), store, secrets)

test('a key of a file has the same id at every start; one that was made under Settings stays beside it', async () => {
  const settings = storedSettings(store, secrets)
  await merge(FILE)
  const [fromFile] = await settings.apiKeys()
  expect(fromFile).toMatchObject({
    name: 'CRM',
    scopes: ['interactions:read'],
    tenants: null,
    customer: null,
    made: null,
  })
  const own = {
    id: '01900000-0000-7000-8000-000000000001',
    name: 'Portal',
    scopes: ['securemail:read' as const],
    tenants: null,
    customer: null,
    sha256: 'ab'.repeat(32),
    made: 1,
  }
  await settings.saveApiKeys([...(await settings.apiKeys()), own])
  await merge(FILE)
  expect(await settings.apiKeys()).toEqual([own, fromFile])
  // Another file brings its own keys in place of the first one's.
  await merge({ api: { keys: [{ key: 'other', name: 'CRM', scopes: [] }] } })
  const names = (await settings.apiKeys()).map(({ id, name }) => [name, id === fromFile?.id])
  expect(names).toEqual([
    ['Portal', false],
    ['CRM', false],
  ])
  await merge({ api: {} })
  expect(await settings.apiKeys()).toHaveLength(2)
})

test('keys that an earlier Workbin stored without an id get theirs as they are read', async () => {
  await store.saveSetting('api', {
    keys: [{ name: 'Old', scopes: ['interactions:read'], sha256: 'cd'.repeat(32) }],
  })
  const settings = storedSettings(store, secrets)
  const [old] = await settings.apiKeys()
  expect(old).toMatchObject({ name: 'Old', id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string })
  expect(await settings.apiKeys()).toEqual([old])
})

test('what the APIs’ thread is told holds every secret only as SHA-256', async () => {
  await merge(FILE)
  const served = await storedSettings(store, secrets).servedSettings()
  expect(served).toMatchObject({
    settings: { enabled: true, email: {}, 'email.sales': { mailbox: 'sales@desk.test' } },
    keys: [{ name: 'CRM', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }],
    emailKeys: { email: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    defaultMailbox: 'support@desk.test',
  })
  expect(JSON.stringify(served)).not.toContain(CANARY)
})

test('saved under Settings, a secret that is absent stays and null removes it', async () => {
  await merge(FILE)
  const settings = storedSettings(store, secrets)
  const shown = await settings.api()
  expect(JSON.stringify(shown)).not.toMatch(new RegExp(`${CANARY}|keys|sha256`))
  // Whether there is one, and no more.
  expect([shown.email, shown['email.sales']]).toEqual([{}, { mailbox: 'sales@desk.test', apikey: null }])
  await settings.saveApi({ ...shown, paused: true })
  expect(await secrets.get('api/email/apikey')).toBe(`${CANARY}-form`)
  expect([(await settings.api()).paused, (await settings.apiKeys()).length]).toEqual([true, 1])
  await settings.saveApi({ ...shown, email: { apikey: null } })
  expect(await secrets.get('api/email/apikey')).toBeNull()
  // A service that is gone takes its secret with it.
  await settings.saveApi({ ...shown, 'email.sales': { apikey: `${CANARY}-sales` } })
  expect(await secrets.get('api/email.sales/apikey')).toBe(`${CANARY}-sales`)
  const { 'email.sales': _, ...rest } = shown
  await settings.saveApi(rest)
  expect(await secrets.get('api/email.sales/apikey')).toBeNull()
})

test('a remote of a file keeps its certificate, and its key goes to the secrets', async () => {
  const remote = { id: 'portal', kind: 'gms-email', url: 'https://portal.test', trustedCertificate: 'AB:CD' }
  await merge({ remotes: [{ ...remote, key: 'secret' }] })
  await merge({ remotes: [remote] })
  expect([await store.setting('remotes'), await secrets.get('remote/portal')]).toEqual([
    [{ ...remote, options: {} }],
    'secret',
  ])
})
