import { randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CoreError } from './contract/errors.ts'

/**
 * Passwords and keys by name. They live in DIR/secrets.json (0600), each wrapped by what the host injects;
 * they never enter the database, the log or the page.
 */
export interface Secrets {
  /** Null where there is none, or where it was wrapped by a keychain that this host can't open. */
  get(name: string): Promise<string | null>
  /** Durable when it resolves. Throws `disk`. */
  set(name: string, value: string): Promise<void>
  delete(name: string): Promise<void>
  /** One sentence for the agent where values can only be kept in a 0600 file, or can't be read; null otherwise. */
  readonly warning: string | null
}

/** The host's way to protect a value at rest. */
export interface SecretBackend {
  /** `plain`: a 0600 file is all that protects them. */
  readonly kind: 'safe-storage' | 'keyring' | 'plain'
  wrap(plain: string): Promise<string>
  unwrap(wrapped: string): Promise<string>
}

const kinds = z.enum(['safe-storage', 'keyring', 'plain'])
const fileSchema = z.object({
  version: z.literal(1),
  // An array, so that no name can mean anything to an object.
  secrets: z.array(z.object({ name: z.string(), kind: kinds, wrapped: z.string() })),
})
interface Kept {
  readonly kind: SecretBackend['kind']
  readonly wrapped: string
}

/** Opens DIR/secrets.json, made at the first `set`. Throws `disk` where it can't be read. */
export async function openSecrets(dir: string, backend: SecretBackend): Promise<Secrets> {
  const file = join(dir, 'secrets.json')
  const kept = await readKept(file)
  let unreadable = false
  // One change after the other: each writes the whole file.
  let last: Promise<void> = Promise.resolve()

  function change(work: () => void): Promise<void> {
    const next = last.then(async () => {
      const before = new Map(kept)
      work()
      try {
        await writeKept(dir, file, kept)
      } catch (error) {
        kept.clear()
        for (const [name, value] of before) kept.set(name, value)
        throw new CoreError('disk', 'The password could not be saved: the data folder can’t be written to.', {
          cause: error,
        })
      }
    })
    last = next.catch(() => undefined)
    return next
  }

  const secrets: Secrets = {
    async get(name) {
      const entry = kept.get(name)
      if (!entry) return null
      if (entry.kind === 'plain' && backend.kind !== 'plain') {
        // Kept before there was a keychain: moved into it.
        await secrets.set(name, entry.wrapped)
        return entry.wrapped
      }
      if (entry.kind !== backend.kind) {
        unreadable = true
        return null
      }
      try {
        return await backend.unwrap(entry.wrapped)
      } catch {
        // Not the error: a keychain's message may quote what it could not open.
        unreadable = true
        return null
      }
    },
    async set(name, value) {
      const wrapped = await backend.wrap(value)
      await change(() => kept.set(name, { kind: backend.kind, wrapped }))
    },
    async delete(name) {
      if (kept.has(name)) await change(() => kept.delete(name))
    },
    get warning() {
      if (unreadable)
        return 'Some passwords were kept in a keychain that can’t be opened here. Enter them again under Settings.'
      if (backend.kind === 'plain')
        return 'Passwords are kept in a file that only your own user account can read, because Workbin can use no keychain on this computer.'
      return null
    },
  }
  return secrets
}

async function readKept(file: string): Promise<Map<string, Kept>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map()
    throw new CoreError(
      'disk',
      'Workbin can’t read secrets.json in its data folder. Check its permissions.',
      {
        cause: error,
      },
    )
  }
  // A copy or an editor may have widened it.
  await chmod(file, 0o600).catch(() => undefined)
  try {
    const { secrets } = fileSchema.parse(JSON.parse(text))
    return new Map(secrets.map(({ name, kind, wrapped }) => [name, { kind, wrapped }]))
  } catch {
    // Without the parser's error as cause: it quotes the text, which holds the secrets.
    throw new CoreError(
      'disk',
      'secrets.json in the data folder is damaged. Move it away and start again; passwords must then be entered anew.',
    )
  }
}

/** Whole or not at all: a temporary file, fsync, rename, fsync of the folder. */
async function writeKept(dir: string, file: string, kept: ReadonlyMap<string, Kept>): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const temporary = join(dir, `.secrets-${randomUUID()}`)
  const secrets = [...kept].map(([name, { kind, wrapped }]) => ({ name, kind, wrapped }))
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(`${JSON.stringify({ version: 1, secrets })}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  // Folders can't be opened on Windows.
  if (process.platform === 'win32') return
  const folder = await open(dir, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
