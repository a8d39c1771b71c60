import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keychainKey, keyringSecrets, plainSecrets } from '../../src-main/hosts/secret-backends.ts'
import { openSecrets, type SecretBackend } from '../../src-main/secrets.ts'

const CANARY = 'canary-4f1c-änd-"quotes"'
let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'secrets-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const text = () => readFileSync(join(dir, 'secrets.json'), 'utf8')
const keyring = keyringSecrets(Buffer.alloc(32, 7))

describe('secrets', () => {
  it.each([
    ['plain', plainSecrets],
    ['keyring', keyring],
  ])('kept with %s come back after a restart, and are gone when deleted', async (_kind, backend) => {
    const first = await openSecrets(dir, backend)
    await Promise.all([first.set('account/a/imap', CANARY), first.set('__proto__', 'x'), first.set('c', '')])
    const second = await openSecrets(dir, backend)
    expect([
      await second.get('account/a/imap'),
      await second.get('__proto__'),
      await second.get('c'),
      await second.get('constructor'),
    ]).toEqual([CANARY, 'x', '', null])
    await second.delete('account/a/imap')
    expect(await (await openSecrets(dir, backend)).get('account/a/imap')).toBeNull()
    expect(readdirSync(dir)).toEqual(['secrets.json'])
  })

  it.skipIf(process.platform === 'win32')(
    'are for their owner alone, even where the file was widened',
    async () => {
      const secrets = await openSecrets(dir, plainSecrets)
      await secrets.set('a', 'b')
      expect(statSync(join(dir, 'secrets.json')).mode & 0o777).toBe(0o600)
      chmodSync(join(dir, 'secrets.json'), 0o644)
      await openSecrets(dir, plainSecrets)
      expect(statSync(join(dir, 'secrets.json')).mode & 0o777).toBe(0o600)
    },
  )

  it('a keychain’s values can’t be read in the file', async () => {
    const secrets = await openSecrets(dir, keyring)
    await secrets.set('a', CANARY)
    expect(text()).not.toContain('canary')
    expect(secrets.warning).toBeNull()
  })

  it('without a keychain the agent is told', async () => {
    expect((await openSecrets(dir, plainSecrets)).warning).toMatch(/only your own user account can read/)
  })

  it('another host’s keychain gives none, and says so instead of failing', async () => {
    await (await openSecrets(dir, keyring)).set('a', CANARY)
    const secrets = await openSecrets(dir, plainSecrets)
    expect(await secrets.get('a')).toBeNull()
    expect(secrets.warning).toMatch(/can’t be opened here/)
  })

  it('a key that doesn’t fit gives none', async () => {
    await (await openSecrets(dir, keyring)).set('a', CANARY)
    const secrets = await openSecrets(dir, keyringSecrets(Buffer.alloc(32, 8)))
    expect(await secrets.get('a')).toBeNull()
    expect(secrets.warning).toMatch(/Enter them again/)
  })

  it('plain ones move into a keychain when there is one', async () => {
    await (await openSecrets(dir, plainSecrets)).set('a', CANARY)
    expect(text()).toContain('canary')
    expect(await (await openSecrets(dir, keyring)).get('a')).toBe(CANARY)
    expect(text()).not.toContain('canary')
  })

  it('a damaged file is refused without quoting it', async () => {
    writeFileSync(join(dir, 'secrets.json'), '{"version":1,"secrets":[{"name":"a","wrapped":"canary"')
    const error: unknown = await openSecrets(dir, plainSecrets).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'disk' })
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('canary')
  })

  it('what can’t be saved is not half there', async () => {
    const secrets = await openSecrets(dir, plainSecrets)
    await secrets.set('a', 'old')
    rmSync(dir, { recursive: true })
    writeFileSync(dir, 'a file where the folder was')
    await expect(secrets.set('a', 'new')).rejects.toMatchObject({ code: 'disk' })
    expect(await secrets.get('a')).toBe('old')
    expect(existsSync(dir)).toBe(true)
  })
})

describe('the key in the keychain', () => {
  const keychain = (behaviour: { forgets?: boolean; refuses?: boolean } = {}) => {
    let kept: string | null = null
    return {
      read: async () => kept,
      write: async (value: string) => {
        if (behaviour.refuses) return false
        if (!behaviour.forgets) kept = value
        return true
      },
    }
  }

  it('is made once and read ever after', async () => {
    const chain = keychain()
    const first = await keychainKey(chain)
    expect(first).toHaveLength(32)
    expect(await keychainKey(chain)).toEqual(first)
  })

  it.each([{ forgets: true }, { refuses: true }])(
    'is not relied on where the keychain %j',
    async (behaviour) => {
      expect(await keychainKey(keychain(behaviour))).toBeNull()
    },
  )
})

it('a backend that fails to wrap saves nothing', async () => {
  const failing: SecretBackend = {
    kind: 'safe-storage',
    wrap: async () => Promise.reject(new Error('no')),
    unwrap: async () => '',
  }
  const secrets = await openSecrets(dir, failing)
  await expect(secrets.set('a', CANARY)).rejects.toThrow('no')
  expect(readdirSync(dir)).toEqual([])
})
