import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Content-addressed files: raw mail and attachments, `<folder>/ab/cdef…`, named by their SHA-256 in hex.
 * A blob is durable before `put` returns (temp file, fsync, rename, fsync of the folder), so a row may name it.
 * Synchronous: parse workers call it off the core's thread; the core itself only for what is small.
 */
export interface Blobs {
  readonly folder: string
  /** Stores the bytes once; the same bytes again cost one stat. */
  put(bytes: Uint8Array): { sha256: string; size: number }
  /** Stores many at once, all of them durable when it resolves: their fsyncs run side by side. */
  putAll(batch: readonly { readonly sha256: string; readonly bytes: Uint8Array }[]): Promise<void>
  /** Takes over a finished file (same disk) whose hash is known. */
  adopt(file: string, sha256: string): void
  path(sha256: string): string
  has(sha256: string): boolean
  /** Null when it isn't there. */
  read(sha256: string): Uint8Array | null
  size(sha256: string): number | null
  remove(sha256: string): void
  /** Every name stored, for `check`. */
  all(): Generator<string>
  /** Whether the bytes still have the name's hash. */
  verify(sha256: string): 'ok' | 'missing' | 'damaged'
}

const NAME = /^[0-9a-f]{64}$/

export function openBlobs(folder: string): Blobs {
  const beginnings = join(folder, '.begun')
  mkdirSync(beginnings, { recursive: true })
  clearForgotten(beginnings)
  const made = new Set<string>()

  function path(sha256: string): string {
    if (!NAME.test(sha256)) throw new Error(`“${sha256}” is no blob name`)
    return join(folder, sha256.slice(0, 2), sha256.slice(2))
  }
  function shelf(sha256: string): string {
    const shelf = join(folder, sha256.slice(0, 2))
    if (!made.has(shelf)) {
      mkdirSync(shelf, { recursive: true })
      syncFolder(folder)
      made.add(shelf)
    }
    return shelf
  }

  return {
    folder,
    path,
    put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const place = path(sha256)
      if (!existsSync(place)) {
        const home = shelf(sha256)
        const temporary = join(home, `.${randomUUID()}`)
        try {
          const file = openSync(temporary, 'wx', 0o600)
          try {
            let written = 0
            while (written < bytes.length) written += writeSync(file, bytes, written)
            fsyncSync(file)
          } finally {
            closeSync(file)
          }
          renameSync(temporary, place)
        } catch (error) {
          rmSync(temporary, { force: true })
          throw error
        }
        syncFolder(home)
      }
      return { sha256, size: bytes.length }
    },
    async putAll(batch) {
      const fresh: { file: number; temporary: string; place: string }[] = []
      const homes = new Set<string>()
      const begun = new Set<string>()
      try {
        for (const { sha256, bytes } of batch) {
          const place = path(sha256)
          if (begun.has(place)) continue
          begun.add(place)
          // Even where the file is there already: another thread may have renamed it and not synced its folder yet.
          homes.add(shelf(sha256))
          if (existsSync(place)) continue
          // Begun in one folder: a quarter less time than in 256, whose inodes lie apart on the disk.
          const temporary = join(beginnings, randomUUID())
          const file = openSync(temporary, 'wx', 0o600)
          fresh.push({ file, temporary, place })
          let written = 0
          while (written < bytes.length) written += writeSync(file, bytes, written)
        }
        // In the thread pool, so that the file system can commit them as a group: a third of the time one by one.
        await allSynced(fresh.map(({ file }) => file))
        for (const { temporary, place } of fresh) renameSync(temporary, place)
      } catch (error) {
        for (const { temporary } of fresh) rmSync(temporary, { force: true })
        throw error
      } finally {
        for (const { file } of fresh) closeSync(file)
      }
      if (process.platform === 'win32') return // folders can't be opened there
      const folders: number[] = []
      try {
        for (const home of homes) folders.push(openSync(home, 'r'))
        await allSynced(folders)
      } finally {
        for (const open of folders) closeSync(open)
      }
    },
    adopt(file, sha256) {
      const place = path(sha256)
      if (existsSync(place)) return rmSync(file, { force: true })
      const home = shelf(sha256)
      const open = openSync(file, 'r+')
      try {
        fsyncSync(open)
      } finally {
        closeSync(open)
      }
      renameSync(file, place)
      syncFolder(home)
    },
    has: (sha256) => existsSync(path(sha256)),
    read(sha256) {
      try {
        return readFileSync(path(sha256))
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    size(sha256) {
      return statSync(path(sha256), { throwIfNoEntry: false })?.size ?? null
    },
    remove(sha256) {
      rmSync(path(sha256), { force: true })
    },
    *all() {
      for (const home of readdirSync(folder)) {
        if (!/^[0-9a-f]{2}$/.test(home)) continue
        for (const rest of readdirSync(join(folder, home))) if (NAME.test(home + rest)) yield home + rest
      }
    },
    verify(sha256) {
      const bytes = this.read(sha256)
      if (!bytes) return 'missing'
      return createHash('sha256').update(bytes).digest('hex') === sha256 ? 'ok' : 'damaged'
    },
  }
}

/** A rename is durable only once its folder is (not on Windows, where folders can't be opened). */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const open = openSync(folder, 'r')
  try {
    fsyncSync(open)
  } finally {
    closeSync(open)
  }
}

/** What a crash left half-written; what is younger than a day may be another thread's work. */
function clearForgotten(beginnings: string): void {
  for (const name of readdirSync(beginnings)) {
    const file = join(beginnings, name)
    const begun = statSync(file, { throwIfNoEntry: false })
    if (begun && Date.now() - begun.mtimeMs > 86_400_000) rmSync(file, { force: true })
  }
}

/** Throws only when none is under way any more, so that all may be closed. */
async function allSynced(files: readonly number[]): Promise<void> {
  const outcomes = await Promise.allSettled(files.map((file) => synced(file)))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

const synced = promisify(fsync)

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
