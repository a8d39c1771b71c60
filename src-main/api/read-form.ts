import { createHash, type Hash, randomUUID } from 'node:crypto'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { readMediaType } from './accept.ts'
import { Refused } from './api.ts'
import type { Form, FormFile, FormLimits } from './form.ts'
import { fieldText, type PartHead, partFileName, readMultipart, textReader } from './multipart.ts'
import { type MemoryShare, readChunks } from './request-body.ts'

/** Of one form: fields, and the bytes of those that the limits don't count. */
const MOST_FIELDS = 1_000
const UNCOUNTED_BYTES = 1_048_576
/** Of all fields, whatever the limits allow: they lie in memory, where files don't. */
const FIELD_BYTES = 32 * 1_048_576
/** Bytes of the form that are neither a field nor a file: delimiters, headers, what stands before and after. */
const OVERHEAD_BYTES = 4 * 1_048_576

export interface FormReading {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** DIR/tmp. */
  readonly tmp: string
  readonly idleMs: number
  readonly memory: MemoryShare
  /** Told of each file before its first byte is written, so that it can be removed. */
  readonly onFile: (file: string) => void
}

/**
 * Reads a form while it comes: files to DIR/tmp, hashed and synced. Stops at the first file or byte over a limit
 * (`faults` says which); throws `Refused` `malformed`, `content-type`, `busy`, and `Gone`.
 */
export async function readForm(reading: FormReading, limits: FormLimits): Promise<Form> {
  const type = readMediaType(reading.request.headers['content-type'] ?? '')
  if (type?.type === 'multipart/form-data') {
    const boundary = type.parameters.get('boundary')
    if (boundary === undefined) throw malformed('The form names no boundary.')
    return await readParts(reading, limits, boundary)
  }
  if (type?.type === 'application/x-www-form-urlencoded') return await readPairs(reading, limits)
  throw new Refused({ kind: 'content-type', message: 'The body is no form.' })
}

/** Thrown to stop reading: what is there already is answered with its fault. */
class Stop extends Error {}

interface Limiter {
  readonly faults: Set<Form['faults'][number]>
  /** Counts bytes of what the limits speak of. */
  count(bytes: number): void
  field(name: string, bytes: number): void
  fields(): void
}

function limiter(limits: FormLimits, memory: MemoryShare): Limiter {
  const counted = new Set(limits.countedFields)
  const faults = new Set<Form['faults'][number]>()
  let total = 0
  let others = 0
  let all = 0
  let fields = 0
  const stop = (fault: Form['faults'][number]): never => {
    faults.add(fault)
    throw new Stop(fault)
  }
  const limiter: Limiter = {
    faults,
    count(bytes) {
      total += bytes
      if (total > limits.maxBytes) stop('too-large')
    },
    field(name, bytes) {
      if (counted.has(name)) limiter.count(bytes)
      else if ((others += bytes) > UNCOUNTED_BYTES) stop('too-large')
      if ((all += bytes) > FIELD_BYTES) stop('too-large')
      memory.hold(bytes)
    },
    fields() {
      if (++fields > MOST_FIELDS) throw malformed('The form has too many fields.')
    },
  }
  return limiter
}

/** A file on its way to DIR/tmp. */
interface Writing {
  readonly head: PartHead
  readonly name: string
  readonly id: string
  readonly file: string
  readonly hash: Hash
  handle: FileHandle | null
  size: number
}

async function readParts(reading: FormReading, limits: FormLimits, boundary: string): Promise<Form> {
  const limit = limiter(limits, reading.memory)
  const fields: [string, string][] = []
  const files: FormFile[] = []
  let field: { name: string; value: ReturnType<typeof textReader> } | null = null
  const open: { file: Writing | null } = { file: null }
  // Its bytes count, since it is a file; they aren't kept.
  let skipping: 'refused' | null = null
  let begun = 0

  const reader = readMultipart(boundary, {
    begin(head) {
      limit.fields()
      if (head.filename === null) {
        if (head.name === limits.fileField) return
        checkCharset(head.contentType)
        field = { name: head.name, value: textReader() }
        return
      }
      // An empty picker is no file; a file of another name is read past.
      skipping = null
      if (head.filename === '' || head.name !== limits.fileField) return
      if (++begun > limits.maxFiles) {
        limit.faults.add('too-many-files')
        throw new Stop()
      }
      const name = partFileName(head) ?? ''
      if (limits.allowsName && !limits.allowsName(name)) {
        limit.faults.add('file-type')
        skipping = 'refused'
        return
      }
      const id = randomUUID()
      open.file = {
        head,
        name,
        id,
        file: join(reading.tmp, id),
        hash: createHash('sha256'),
        handle: null,
        size: 0,
      }
    },
    data(bytes) {
      if (field) {
        limit.field(field.name, bytes.length)
        field.value.add(bytes)
        return
      }
      if (!open.file) {
        if (skipping === 'refused') limit.count(bytes.length)
        return
      }
      limit.count(bytes.length)
      return append(open.file, bytes, reading.onFile)
    },
    end() {
      if (field) {
        fields.push([field.name, field.value.text()])
        field = null
        return
      }
      if (!open.file) return
      const finished = open.file
      open.file = null
      return finish(finished, reading.onFile).then((file) => void files.push(file))
    },
  })

  try {
    let overhead = 0
    await readChunks(reading.request, reading.response, reading.idleMs, (chunk) => {
      overhead += chunk.length
      if (overhead > limits.maxBytes + UNCOUNTED_BYTES + OVERHEAD_BYTES) {
        limit.faults.add('too-large')
        throw new Stop()
      }
      return reader.write(chunk)
    })
    reader.end()
  } catch (error) {
    if (!(error instanceof Stop)) throw error
  } finally {
    await closeQuietly(open.file)
  }
  return formOf(fields, files, limit)
}

async function append(writing: Writing, bytes: Buffer, onFile: (file: string) => void): Promise<void> {
  writing.hash.update(bytes)
  writing.size += bytes.length
  const handle = await opened(writing, onFile)
  await handle.writeFile(bytes)
}

async function opened(writing: Writing, onFile: (file: string) => void): Promise<FileHandle> {
  if (writing.handle === null) {
    onFile(writing.file)
    writing.handle = await openFile(writing.file, 'wx', 0o600)
  }
  return writing.handle
}

async function finish(writing: Writing, onFile: (file: string) => void): Promise<FormFile> {
  const handle = await opened(writing, onFile)
  await handle.sync()
  await handle.close()
  writing.handle = null
  return {
    id: writing.id,
    name: writing.name,
    contentType: writing.head.contentType,
    size: writing.size,
    sha256: writing.hash.digest('hex'),
    file: writing.file,
  }
}

async function closeQuietly(writing: Writing | null): Promise<void> {
  await writing?.handle?.close().catch(() => undefined)
}

/** Field text is UTF-8, whatever a part says of itself (contract 00, 0.1.4). */
function checkCharset(contentType: string): void {
  const charset = readMediaType(contentType)?.parameters.get('charset')?.toLowerCase()
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii')
    throw malformed('The form is not in UTF-8.')
}

async function readPairs(reading: FormReading, limits: FormLimits): Promise<Form> {
  const type = readMediaType(reading.request.headers['content-type'] ?? '')
  const charset = type?.parameters.get('charset')?.toLowerCase()
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')
    throw malformed('The form is not in UTF-8.')
  const limit = limiter(limits, reading.memory)
  const fields: [string, string][] = []
  const chunks: Buffer[] = []
  let size = 0
  try {
    await readChunks(reading.request, reading.response, reading.idleMs, (chunk) => {
      size += chunk.length
      // Percent-encoded a byte is three.
      if (size > 3 * (limits.maxBytes + UNCOUNTED_BYTES)) {
        limit.faults.add('too-large')
        throw new Stop()
      }
      reading.memory.hold(chunk.length)
      chunks.push(chunk)
    })
    for (const pair of Buffer.concat(chunks).toString('latin1').split('&')) {
      if (pair === '') continue
      limit.fields()
      const equals = pair.indexOf('=')
      const name = decodePart(equals === -1 ? pair : pair.slice(0, equals))
      // "Ignored, value and all" under this type (contract 01, 1.1).
      if (name === limits.fileField) continue
      const value = equals === -1 ? '' : decodePart(pair.slice(equals + 1))
      limit.field(name, Buffer.byteLength(value))
      fields.push([name, value])
    }
  } catch (error) {
    if (!(error instanceof Stop)) throw error
  }
  return formOf(fields, [], limit)
}

/** One side of a pair: `+` is a blank, bytes are UTF-8. */
function decodePart(text: string): string {
  if (!/[%+\x80-\xff]/.test(text)) return text
  const spaced = text.replaceAll('+', ' ')
  if (!/[\x80-\xff]/.test(text)) {
    try {
      return decodeURIComponent(spaced)
    } catch {
      // A percent sign that stands for itself, or bytes that are no UTF-8: read one by one.
    }
  }
  const bytes = Buffer.from(
    spaced.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return fieldText(bytes)
}

function formOf(fields: readonly [string, string][], files: readonly FormFile[], limit: Limiter): Form {
  const hash = createHash('sha256')
  const add = (text: string) => hash.update(`${Buffer.byteLength(text)}:`).update(text)
  for (const [name, value] of fields) {
    add('field')
    add(name)
    add(value)
  }
  for (const { name, contentType, sha256 } of files) {
    add('file')
    add(name)
    add(contentType)
    add(sha256)
  }
  return { fields, files, payload: hash.digest('hex'), faults: [...limit.faults] }
}

function malformed(message: string): Refused {
  return new Refused({ kind: 'malformed', message })
}
