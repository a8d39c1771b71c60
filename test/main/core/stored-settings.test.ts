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
