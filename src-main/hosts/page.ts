import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, type Dirent, readdirSync } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Log } from '../connectors/connector.ts'
import { CoreError, type CoreErrorCode } from '../contract/errors.ts'
import type { CoreFiles, ServedFile } from '../core/host-services.ts'
import { contentDisposition } from '../intake/file-names.ts'
import { savedName, shownType } from './served-names.ts'

/** Largest attachment of a draft, in bytes: what mail servers take at most. */
export const DRAFT_UPLOAD_LIMIT = 50 * 1_048_576
/** Largest file to import, in bytes. */
export const IMPORT_UPLOAD_LIMIT = 20 * 1_073_741_824

export interface PageOptions {
  /** The built page. */
  readonly rendererDir: string
  /** Uploads are written here first; on the data folder's own disk, so that the core can take them over. */
  readonly tmpDir: string
  readonly files: CoreFiles
  readonly log: Log
  /** Where the page may connect to beside its own origin. */
  readonly connectTo?: readonly string[]
}

/** Both hosts' answer to the page: its files, and the bytes that contract/core.ts lists. */
export interface PageServer {
  /** A file of the built page, or null where the path is none of its. */
  page(request: Request): Response | null
  /** Attachments, raw mail, remote pictures and uploads; the host has checked who asks. Errors are JSON. */
  bytes(request: Request): Promise<Response>
}

/** What every answer carries, so that nothing guesses a type, frames, embeds or learns where it came from. */
const guards = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const

/** The page's own rules: its scripts and nothing else. */
export function pagePolicy(connectTo: readonly string[] = []): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    ["connect-src 'self'", ...connectTo].join(' '),
    "frame-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Whatever a mail carried runs nothing, even when it is opened by its own address. */
const bytesPolicy = "default-src 'none'; sandbox"

const pageTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
}

export function servePage(options: PageOptions): PageServer {
  const { files, log, rendererDir, tmpDir } = options
  const built = listBuilt(rendererDir)
  const policy = pagePolicy(options.connectTo)

  return {
    page(request) {
      const { pathname } = new URL(request.url)
      const path = pathname === '/' ? '/index.html' : pathname
      const file = built.get(path)
      if (file === undefined) return null
      if (request.method !== 'GET' && request.method !== 'HEAD') return wrongMethod('GET, HEAD')
      return new Response(request.method === 'HEAD' ? null : streamed(file), {
        headers: {
          ...guards,
          'content-type': pageTypes[extname(file)] ?? 'application/octet-stream',
          'content-security-policy': policy,
          'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=()',
          // Built files other than the entry carry a hash of their content in their names.
          'cache-control': path.startsWith('/assets/') ? 'private, max-age=31536000, immutable' : 'no-cache',
        },
      })
    },

    async bytes(request) {
      try {
        return await answer(request)
      } catch (error) {
        if (error instanceof CoreError) return refusal(error.code, error.message)
        log('error', 'A page request failed', { path: new URL(request.url).pathname, error: String(error) })
        return refusal('internal', 'Workbin could not hand over this file; the log says more.')
      }
    },
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const attachment = /^\/attachments\/([0-9a-f-]{36})$/.exec(pathname)?.[1]
    if (attachment !== undefined) {
      if (request.method !== 'GET') return wrongMethod('GET')
      return await sendFile(await files.attachment(attachment), searchParams.get('save') === '1')
    }
    const message = /^\/messages\/([0-9A-Za-z]{16})\.eml$/.exec(pathname)?.[1]
    if (message !== undefined) {
      if (request.method !== 'GET') return wrongMethod('GET')
      return await sendFile(await files.rawMail(message), true)
    }
    const pictured = /^\/remote-images\/([0-9A-Za-z]{16})$/.exec(pathname)?.[1]
    if (pictured !== undefined) {
      if (request.method !== 'GET') return wrongMethod('GET')
      return await sendRemoteImage(pictured, searchParams.get('url') ?? '')
    }
    const draft = /^\/drafts\/([0-9a-f-]{36})\/attachments$/.exec(pathname)?.[1]
    if (draft !== undefined) {
      if (request.method !== 'POST') return wrongMethod('POST')
      const name = uploadName(searchParams)
      const type = searchParams.get('type') ?? ''
      const inline = searchParams.get('inline') === '1'
      return await takeUpload(request, DRAFT_UPLOAD_LIMIT, (file) =>
        files.attach(draft, file, name, type || 'application/octet-stream', inline),
      )
    }
    if (pathname === '/uploads') {
      if (request.method !== 'POST') return wrongMethod('POST')
      const name = uploadName(searchParams)
      // What a file says it is decides how it is read: a damaged .eml is held back, not passed over.
      const ending = /\.(?:eml|mbox)$/i.exec(name)?.[0] ?? ''
      return await takeUpload(request, IMPORT_UPLOAD_LIMIT, (file) => files.upload(file, name), ending)
    }
    throw new CoreError('not-found', 'There is nothing at this address.')
  }

  async function sendFile(file: ServedFile, save: boolean): Promise<Response> {
    const found = await stat(file.path).catch(() => null)
    if (!found)
      throw new CoreError(
        'attachment-missing',
        'The bytes of this file are gone from the data folder. Restore a backup to have them again.',
      )
    const shown = save ? null : shownType(file.contentType)
    return new Response(streamed(file.path), {
      headers: {
        ...guards,
        'content-type': shown ?? 'application/octet-stream',
        'content-length': String(found.size),
        'content-disposition': contentDisposition(shown ? 'inline' : 'attachment', savedName(file.name)),
        'content-security-policy': bytesPolicy,
        'cache-control': 'no-store',
      },
    })
  }

  async function sendRemoteImage(id: string, url: string): Promise<Response> {
    const { bytes, contentType } = await files.remoteImage(id, url)
    const shown = shownType(contentType)
    if (!shown)
      throw new CoreError('invalid', 'What this address holds is no picture that can be shown safely.')
    return new Response(Buffer.from(bytes), {
      headers: {
        ...guards,
        'content-type': shown,
        'content-disposition': 'inline',
        'content-security-policy': bytesPolicy,
        'cache-control': 'no-store',
      },
    })
  }

  /** Writes the body to DIR/tmp as it comes, never more than `limit` bytes, and hands the finished file on. */
  async function takeUpload<T>(
    request: Request,
    limit: number,
    take: (file: string) => Promise<T>,
    ending = '',
  ): Promise<Response> {
    const announced = Number(request.headers.get('content-length') ?? 0)
    if (announced > limit) throw tooLarge(limit)
    await mkdir(tmpDir, { recursive: true, mode: 0o700 })
    const file = join(tmpDir, `upload-${randomUUID()}${ending}`)
    try {
      await written(request, file, limit)
      const answer = await take(file)
      return Response.json(answer, { headers: { ...guards, 'cache-control': 'no-store' } })
    } catch (error) {
      await rm(file, { force: true })
      throw error
    }
  }
}

async function written(request: Request, file: string, limit: number): Promise<void> {
  let size = 0
  try {
    await pipeline(
      chunks(request.body),
      async function* (source: AsyncIterable<Uint8Array>) {
        for await (const chunk of source) {
          size += chunk.byteLength
          if (size > limit) throw tooLarge(limit)
          yield chunk
        }
      },
      createWriteStream(file, { flags: 'wx', mode: 0o600 }),
    )
  } catch (error) {
    if (error instanceof CoreError) throw error
    const code = error instanceof Error && 'code' in error ? error.code : ''
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new CoreError(
        'disk',
        'The disk is full, so the file was not taken. Free some space, then try again.',
        {
          cause: error,
        },
      )
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
      throw new CoreError('disk', 'Workbin may not write to its data folder. Check its permissions.', {
        cause: error,
      })
    throw new CoreError('closed', 'The upload broke off, so the file was not taken. Try again.', {
      cause: error,
    })
  }
}

function tooLarge(limit: number): CoreError {
  return new CoreError(
    'invalid',
    `The file is too large; at most ${Math.floor(limit / 1_048_576)} MB are taken.`,
    {
      detail: { limit },
    },
  )
}

function uploadName(parameters: URLSearchParams): string {
  const name = parameters.get('name') ?? ''
  if (name === '' || name.length > 1000) throw new CoreError('invalid', 'An upload needs a name.')
  return name
}

/** A body piece by piece; read by hand, since Node's and the browser's types of the same stream differ. */
export async function* chunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (!body) return
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    // Tells the sender to stop where the reader did.
    await reader.cancel().catch(() => undefined)
  }
}

function streamed(file: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  const stream = createReadStream(file)
  const pieces: AsyncIterator<Buffer<ArrayBuffer>, undefined> = stream[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(controller) {
      const piece = await pieces.next()
      if (piece.done) controller.close()
      else controller.enqueue(piece.value)
    },
    cancel() {
      stream.destroy()
    },
  })
}

/** Every file of the built page by its URL path, so that no request can name anything else on the disk. */
function listBuilt(folder: string): ReadonlyMap<string, string> {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    throw new CoreError(
      'internal',
      'The page of this build is missing. Run npm run build, then start again.',
      {
        cause: error,
      },
    )
  }
  const files = entries.filter((entry) => entry.isFile() && extname(entry.name) !== '.map')
  return new Map(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name)
      return [`/${relative(folder, file).split(sep).map(encodeURIComponent).join('/')}`, file]
    }),
  )
}

const statusByCode: Readonly<Partial<Record<CoreErrorCode, number>>> = {
  'not-found': 404,
  invalid: 400,
  refused: 403,
  'attachment-missing': 410,
  unreachable: 502,
  disk: 507,
  locked: 423,
  closed: 503,
  internal: 500,
}

/** An error as the page reads it: `{ code, message }`. Statuses are for tools; the page goes by the code. */
export function refusal(code: CoreErrorCode, message: string, status?: number): Response {
  return Response.json(
    { code, message },
    {
      status: status ?? statusByCode[code] ?? 409,
      headers: { ...guards, 'content-security-policy': bytesPolicy, 'cache-control': 'no-store' },
    },
  )
}

function wrongMethod(allow: string): Response {
  const response = refusal('invalid', `This address answers only ${allow}.`, 405)
  response.headers.set('allow', allow)
  return response
}
