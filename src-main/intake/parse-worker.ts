import { createHash, randomUUID } from 'node:crypto'
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { type Blobs, openBlobs } from '../store/blobs.ts'
import type { ParsedMail } from '../store/store.ts'
import { mailKeys, type MailKeys } from './content-key.ts'
import { readHeader } from './header-fields.ts'
import { unquoteFrom } from './mbox.ts'
import type { FileSlice, ParseAnswer, ParseFault, ParseItem, ParseWorkerData } from './parse-protocol.ts'
import { HELD_BACK_TEXT, heldBack, parseMail } from './parse-mail.ts'

/** Bytes of one mail that are taken apart in memory; what is bigger is stored and shown raw. */
const LARGEST = 128 * 1_048_576
const COPY = 1_048_576

interface Read {
  readonly number: number
  /** The whole mail; of one that is too big only its begin. */
  readonly bytes: Uint8Array
  readonly size: number
  readonly keys: MailKeys
}

/**
 * Entry of a parse worker: stores the raw bytes, says so, then takes the mails apart and stores their attachments.
 * While one is being taken apart the shared clock is odd, so that the pool can tell which mail a worker died of.
 */
function work(port: NonNullable<typeof parentPort>, data: ParseWorkerData): void {
  const clock = new Int32Array(data.clock)
  const post = (answer: ParseAnswer) => port.postMessage(answer)
  let blobs: Blobs | null = null

  port.on('message', (items: readonly ParseItem[]) => {
    try {
      blobs ??= openBlobs(data.blobsDir)
      void takeApart(items, blobs, clock, post)
    } catch (error) {
      const fault = faultOf('write', error)
      post({ kind: 'parsed', mails: [], failed: items.map(({ number }) => ({ number, fault })) })
    }
  })
}

async function takeApart(
  items: readonly ParseItem[],
  blobs: Blobs,
  clock: Int32Array,
  post: (answer: ParseAnswer) => void,
): Promise<void> {
  const read: Read[] = []
  const failed: { number: number; fault: ParseFault }[] = []
  for (const { number, raw } of items) {
    try {
      read.push({ number, ...(raw instanceof Uint8Array ? whole(raw) : fromFile(raw, blobs)) })
    } catch (error) {
      failed.push({ number, fault: faultOf('read', error) })
    }
  }
  try {
    const small = read.filter(({ bytes, size }) => bytes.length === size)
    await blobs.putAll(small.map(({ keys, bytes }) => ({ sha256: keys.sha256, bytes })))
    post({ kind: 'stored', items: read.map(({ number, keys, size }) => ({ number, size, ...keys })) })

    const mails: { number: number; mail: ParsedMail }[] = []
    const attachments: { sha256: string; bytes: Uint8Array }[] = []
    for (const { number, bytes, size, keys } of read) {
      clock[1] = number
      Atomics.add(clock, 0, 1)
      const apart =
        bytes.length === size ? parseMail(bytes, keys) : { mail: tooBig(bytes, size, keys), attachments: [] }
      Atomics.add(clock, 0, 1)
      mails.push({ number, mail: apart.mail })
      for (const [i, content] of apart.attachments.entries()) {
        const sha256 = apart.mail.attachments[i]?.sha256
        if (sha256 !== undefined) attachments.push({ sha256, bytes: content })
      }
    }
    await blobs.putAll(attachments)
    post({ kind: 'parsed', mails, failed })
  } catch (error) {
    const fault = faultOf('write', error)
    post({ kind: 'parsed', mails: [], failed: [...failed, ...read.map(({ number }) => ({ number, fault }))] })
  }
}

function whole(bytes: Uint8Array): Omit<Read, 'number'> {
  return { bytes, size: bytes.length, keys: mailKeys(bytes) }
}

function fromFile(slice: FileSlice, blobs: Blobs): Omit<Read, 'number'> {
  const file = openSync(slice.file, 'r')
  try {
    if (slice.length > LARGEST) return copied(file, slice, blobs)
    const bytes = Buffer.allocUnsafeSlow(slice.length)
    const size = fill(file, bytes, slice.offset)
    const raw = bytes.subarray(0, size)
    return whole(slice.unquote ? unquoteFrom(raw) : raw)
  } finally {
    closeSync(file)
  }
}

/** Stores a mail too big for memory piece by piece. Its bytes stay as they are in the file. */
function copied(file: number, { offset, length }: FileSlice, blobs: Blobs): Omit<Read, 'number'> {
  const temporary = join(blobs.folder, `.${randomUUID()}`)
  const hash = createHash('sha256')
  const begin = Buffer.alloc(Math.min(length, COPY))
  const piece = Buffer.allocUnsafeSlow(COPY)
  let size = 0
  try {
    const copy = openSync(temporary, 'wx', 0o600)
    try {
      while (size < length) {
        const got = fill(file, piece.subarray(0, Math.min(COPY, length - size)), offset + size)
        if (got === 0) break
        if (size === 0) piece.copy(begin, 0, 0, got)
        hash.update(piece.subarray(0, got))
        for (let written = 0; written < got;) written += writeSync(copy, piece, written, got - written)
        size += got
      }
    } finally {
      closeSync(copy)
    }
    const sha256 = hash.digest('hex')
    blobs.adopt(temporary, sha256)
    return { bytes: begin, size, keys: { sha256, content_key: sha256 } }
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

function tooBig(begin: Uint8Array, size: number, keys: MailKeys): ParsedMail {
  const why = `It has ${Math.round(size / 1_048_576)} MB; more than 128 MB is kept as it is and not taken apart.`
  let header = null
  try {
    header = readHeader(Buffer.from(begin), 0, begin.length)
  } catch {
    // the header alone passes its limit: shown without fields
  }
  return heldBack(begin.subarray(0, HELD_BACK_TEXT), size, keys, header, why)
}

/** Reads until the buffer is full or the file ends; answers how much was read. */
function fill(file: number, buffer: Uint8Array, offset: number): number {
  let size = 0
  while (size < buffer.length) {
    const got = readSync(file, buffer, size, buffer.length - size, offset + size)
    if (got === 0) break
    size += got
  }
  return size
}

function faultOf(on: ParseFault['on'], error: unknown): ParseFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return { on, code, message: error instanceof Error ? error.message : String(error) }
}

function isWorkerData(data: unknown): data is ParseWorkerData {
  return typeof data === 'object' && data !== null && 'blobsDir' in data && 'clock' in data
}

const data: unknown = workerData
if (parentPort && isWorkerData(data)) work(parentPort, data)
