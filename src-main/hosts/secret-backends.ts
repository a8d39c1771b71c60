import { spawn } from 'node:child_process'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { SecretBackend } from '../secrets.ts'

/** How long a keychain may take to answer: it may be waiting for somebody to unlock it who isn't there. */
const ANSWER_MS = 5_000

/** Values as they are; a 0600 file is all that protects them. */
export const plainSecrets: SecretBackend = {
  kind: 'plain',
  wrap: async (plain) => plain,
  unwrap: async (wrapped) => wrapped,
}

/** The system's keychain where it works, else plain. */
export async function systemSecrets(platform: NodeJS.Platform = process.platform): Promise<SecretBackend> {
  const keychain = platform === 'linux' ? secretTool : platform === 'darwin' ? macKeychain : null
  const key = keychain && (await keychainKey(keychain))
  return key ? keyringSecrets(key) : plainSecrets
}

/** What a keychain holds for Workbin: one key, by which the values in secrets.json are sealed. */
export interface Keychain {
  read(): Promise<string | null>
  write(value: string): Promise<boolean>
}

/** The key from the keychain, made at the first use; null where the keychain doesn't work. */
export async function keychainKey(keychain: Keychain): Promise<Buffer | null> {
  const there = await keychain.read()
  if (there !== null && /^[0-9a-f]{64}$/.test(there)) return Buffer.from(there, 'hex')
  const made = randomBytes(32).toString('hex')
  if (!(await keychain.write(made))) return null
  // Some keychains accept and forget: what can't be read back would lock the values away for good.
  return (await keychain.read()) === made ? Buffer.from(made, 'hex') : null
}

/** Seals values with AES-256-GCM under a key that the system's keychain keeps. */
export function keyringSecrets(key: Buffer): SecretBackend {
  return {
    kind: 'keyring',
    async wrap(plain) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
    },
    async unwrap(wrapped) {
      const bytes = Buffer.from(wrapped, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
      decipher.setAuthTag(bytes.subarray(12, 28))
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    },
  }
}

const attributes = ['application', 'workbin', 'purpose', 'secrets']

/** The Secret Service of GNOME, KDE and others, by libsecret's own tool. */
const secretTool: Keychain = {
  async read() {
    const { code, output } = await run('secret-tool', ['lookup', ...attributes])
    return code === 0 ? output.trim() : null
  },
  async write(value) {
    return (await run('secret-tool', ['store', '--label=Workbin', ...attributes], value)).code === 0
  },
}

const macKeychain: Keychain = {
  async read() {
    const { code, output } = await run('security', [
      ...['find-generic-password', '-s', 'Workbin', '-a', 'secrets', '-w'],
    ])
    return code === 0 ? output.trim() : null
  },
  async write(value) {
    // Commands come by standard input, so that no process list shows the key.
    const command = `add-generic-password -U -s Workbin -a secrets -w ${value}\n`
    return (await run('security', ['-i'], command)).code === 0
  },
}

/** Runs a program that must not hang; what it writes to standard error is dropped. */
function run(
  command: string,
  args: readonly string[],
  input = '',
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: ANSWER_MS,
      killSignal: 'SIGKILL',
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
    child.once('error', () => resolve({ code: -1, output: '' }))
    child.once('close', (code) => resolve({ code: code ?? -1, output }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/** The same backend, whose values the log hides from the moment that they pass. */
export function hidingFrom(hide: (secret: string) => void, backend: SecretBackend): SecretBackend {
  return {
    kind: backend.kind,
    wrap(plain) {
      hide(plain)
      return backend.wrap(plain)
    },
    async unwrap(wrapped) {
      const plain = await backend.unwrap(wrapped)
      hide(plain)
      return plain
    },
  }
}
