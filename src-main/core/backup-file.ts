import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { z } from 'zod'
import { CoreError } from '../contract/errors.ts'
import type { Blobs } from '../store/blobs.ts'

/**
 * A desk in one file: a gzipped tar (POSIX ustar) that any tool can look into, with `backup.json` first, then
 * `workbin.db` and `blobs/ab/cdef…`. Every member is proved by its SHA-256. Secrets are never in it.
 */

const manifestSchema = z.object({
  format: z.literal('workbin-backup'),
  version: z.literal(1),
  created: z.string(),
  interactions: z.int().min(0),
  database: z.object({ size: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  blobs: z.int().min(0),
})
type Manifest = z.output<typeof manifestSchema>

export interface BackupReport {
  readonly interactions: number
  readonly blobs: number
  /** Bytes of what is in it, unpacked. */
  readonly bytes: number
}

const BLOCK = 512
const MANIFEST = 'backup.json'
const DATABASE = 'workbin.db'
/** A manifest is a few hundred bytes; more is no manifest. */
const MANIFEST_LIMIT = 65_536

/**
 * Writes `file` from a finished copy of the database and the blobs that it names, and reads it back before it
 * gets its name. Blobs that are missing or damaged are left out and counted: a backup of what there is beats none.
 * Throws `invalid` where `file` can't be made, `disk`.
 */
export async function writeBackup(
  file: string,
  parts: { database: string; interactions: number; blobs: Blobs; inUse: ReadonlySet<string> },
): Promise<BackupReport & { readonly missing: number }> {
  if (existsSync(file))
    throw new CoreError('invalid', `${file} is there already. Choose another name for the backup.`)
  if (!existsSync(dirname(file)))
    throw new CoreError('invalid', `There is no folder ${dirname(file)}. Make it, or choose another place.`)
  const whole = [...parts.inUse].filter((sha256) => parts.blobs.verify(sha256) === 'ok').sort()
  const manifest: Manifest = {
    format: 'workbin-backup',
    version: 1,
    created: new Date().toISOString(),
    interactions: parts.interactions,
    database: { size: (await stat(parts.database)).size, sha256: await hashFile(parts.database) },
    blobs: whole.length,
  }
  const part = `${file}.part`
  try {
    await rm(part, { force: true })
    // Level 1: mail shrinks almost as far as at 9, at several times the speed.
    await pipeline(
      Readable.from(archive(manifest, parts.database, parts.blobs, whole)),
      createGzip({ level: 1 }),
      createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true }),
    )
    const report = await readBackup(part, (_path, bytes) => pipeline(bytes, new Writable({ write: drop })))
    await rename(part, file)
    await syncFolder(dirname(file))
    return { ...report, missing: parts.inUse.size - whole.length }
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined)
    throw translated(
      error,
      `The backup could not be written to ${file}. Choose another place; nothing was changed here.`,
    )
  }
}

/**
 * Unpacks a backup into an empty folder (or one that isn't there yet), every member proved by its hash before
 * any of it counts. Throws `invalid` where the file is no whole backup, `conflict` where the folder isn't empty.
 */
export async function restoreBackup(file: string, dataDir: string): Promise<BackupReport> {
  const found = await stat(file).catch(() => null)
  if (!found?.isFile()) throw new CoreError('invalid', `There is no backup file ${file}.`)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  // The lock and the log of the command that is restoring are no desk.
  const there = (await readdir(dataDir)).filter((name) => !['desk.lock', 'logs'].includes(name))
  if (there.length > 0)
    throw new CoreError(
      'conflict',
      `${dataDir} is not empty. Restore into an empty folder; nothing was changed.`,
    )
  const unpacked = join(dataDir, `.restoring-${randomUUID()}`)
  try {
    await mkdir(unpacked, { mode: 0o700 })
    const report = await readBackup(file, async (path, bytes) => {
      const place = join(unpacked, path)
      await mkdir(dirname(place), { recursive: true, mode: 0o700 })
      await pipeline(bytes, createWriteStream(place, { flags: 'wx', mode: 0o600, flush: true }))
    })
    await mkdir(join(unpacked, 'blobs'), { recursive: true })
    // The database last: without it the folder holds no desk, with it a whole one.
    await rename(join(unpacked, 'blobs'), join(dataDir, 'blobs'))
    await rename(join(unpacked, DATABASE), join(dataDir, DATABASE))
    await syncFolder(dataDir)
    return report
  } catch (error) {
    await rm(join(dataDir, 'blobs'), { recursive: true, force: true })
    throw translated(error, `The backup could not be restored to ${dataDir}. Check the disk, then try again.`)
  } finally {
    await rm(unpacked, { recursive: true, force: true })
  }
}

/** Takes a piece and forgets it: reading a backup back proves it by the way. */
function drop(_piece: unknown, _encoding: string, done: () => void): void {
  done()
}

// --- writing

async function* archive(
  manifest: Manifest,
  database: string,
  blobs: Blobs,
  names: readonly string[],
): AsyncGenerator<Uint8Array> {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  yield header(MANIFEST, text.length)
  yield text
  yield padding(text.length)
  yield* member(DATABASE, database, manifest.database.size)
  for (const name of names) {
    const path = blobs.path(name)
    yield* member(`blobs/${name.slice(0, 2)}/${name.slice(2)}`, path, (await stat(path)).size)
  }
  // The end of a tar: two blocks of zeros.
  yield Buffer.alloc(2 * BLOCK)
}

async function* member(name: string, path: string, size: number): AsyncGenerator<Uint8Array> {
  yield header(name, size)
  const bytes: AsyncIterable<Buffer> = createReadStream(path)
  for await (const piece of bytes) yield piece
  yield padding(size)
}

/** A ustar header (POSIX.1-1988); sizes from 8 GiB on in the base-256 form that GNU and BSD tar read. */
function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, width: number) =>
    block.write(value.toString(8).padStart(width - 1, '0'), at, 'ascii')
  block.write(name, 0, 100, 'utf8')
  octal(0o600, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  if (size < 0o77777777777) octal(size, 124, 12)
  else {
    block[124] = 0x80
    block.writeBigUInt64BE(BigInt(size), 128)
  }
  octal(Math.floor(Date.now() / 1000), 136, 12)
  block.write('0', 156, 'ascii')
  block.write('ustar\0' + '00', 257, 'ascii')
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'ascii')
  return block
}

/** The sum of the header's bytes, its own field taken as blanks. */
function checksum(block: Buffer): number {
  let sum = 0
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte
  return sum
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}

// --- reading

const damaged = (what: string) =>
  new CoreError(
    'invalid',
    `This is no whole backup of a desk: ${what}. Use another backup; nothing was changed.`,
  )

/** Reads a backup from front to end, hands over each member but the manifest, and proves every byte. */
async function readBackup(
  file: string,
  take: (path: string, bytes: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<BackupReport> {
  const packed = createReadStream(file)
  const unpacked = createGunzip()
  // A broken file shows where it is read.
  packed.on('error', (error) => unpacked.destroy(error))
  const bytes = byteReader(packed.pipe(unpacked))
  try {
    const first = parseHeader(await bytes.exactly(BLOCK))
    if (first?.name !== MANIFEST || first.size > MANIFEST_LIMIT) throw damaged('it does not begin like one')
    const manifest = manifestSchema.parse(JSON.parse((await bytes.exactly(first.size)).toString('utf8')))
    await bytes.exactly(padding(first.size).length)

    let blobs = 0
    let total = 0
    let database = false
    for (;;) {
      const next = parseHeader(await bytes.exactly(BLOCK))
      if (!next) break
      const { name, size } = next
      const blob = /^blobs\/([0-9a-f]{2})\/([0-9a-f]{62})$/.exec(name)
      const wanted =
        name === DATABASE && !database ? manifest.database.sha256 : blob && `${blob[1]}${blob[2]}`
      if (!wanted) throw damaged(`it holds “${name}”, which belongs to none`)
      const hash = createHash('sha256')
      await take(name, hashing(bytes.stream(size), hash))
      if (hash.digest('hex') !== wanted) throw damaged(`${name} is not what was backed up`)
      await bytes.exactly(padding(size).length)
      if (name === DATABASE) database = true
      else blobs++
      total += size
    }
    // To the very end, where gzip proves the whole.
    await bytes.end()
    if (!database || blobs !== manifest.blobs) throw damaged('parts of it are missing')
    return { interactions: manifest.interactions, blobs, bytes: total }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code.startsWith('Z_')) throw damaged('it is damaged or was cut short')
    if (error instanceof z.ZodError || error instanceof SyntaxError)
      throw damaged('its first part can’t be read')
    throw error
  } finally {
    packed.destroy()
    unpacked.destroy()
  }
}

/** Null at the end of the archive. */
function parseHeader(block: Buffer): { name: string; size: number } | null {
  if (block.every((byte) => byte === 0)) return null
  const text = (from: number, to: number) => block.subarray(from, to).toString('utf8').replace(/\0.*$/s, '')
  if (Number.parseInt(text(148, 156), 8) !== checksum(block)) throw damaged('it is damaged')
  const size = block[124] === 0x80 ? Number(block.readBigUInt64BE(128)) : Number.parseInt(text(124, 136), 8)
  if (!Number.isSafeInteger(size) || size < 0 || text(156, 157) !== '0') throw damaged('it is damaged')
  return { name: text(0, 100), size }
}

interface ByteReader {
  exactly(size: number): Promise<Buffer>
  stream(size: number): AsyncGenerator<Uint8Array>
  /** Reads what is left, which is zeros. */
  end(): Promise<void>
}

function byteReader(source: AsyncIterable<Buffer>): ByteReader {
  const pieces = source[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)

  async function* stream(size: number): AsyncGenerator<Uint8Array> {
    let missing = size
    while (missing > 0) {
      if (rest.length === 0) {
        const piece = await pieces.next()
        if (piece.done) throw damaged('it was cut short')
        rest = piece.value
      }
      const part = rest.subarray(0, missing)
      rest = rest.subarray(part.length)
      missing -= part.length
      yield part
    }
  }
  return {
    stream,
    async exactly(size) {
      const parts: Uint8Array[] = []
      for await (const part of stream(size)) parts.push(part)
      return Buffer.concat(parts)
    },
    async end() {
      for (;;) {
        if (rest.some((byte) => byte !== 0)) throw damaged('something follows its end')
        const piece = await pieces.next()
        if (piece.done) return
        rest = piece.value
      }
    },
  }
}

async function* hashing(
  bytes: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    hash.update(piece)
    yield piece
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const stream = createReadStream(path)
  stream.on('data', (piece) => hash.update(piece))
  await once(stream, 'end')
  return hash.digest('hex')
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function translated(error: unknown, otherwise: string): CoreError {
  if (error instanceof CoreError) return error
  const code = error instanceof Error && 'code' in error ? error.code : ''
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new CoreError('disk', 'The disk is full. Free some space, then try again; nothing was lost.', {
      cause: error,
    })
  return new CoreError('disk', otherwise, { cause: error })
}
