import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Log } from '../connectors/connector.ts'
import { CoreError } from '../contract/errors.ts'
import type { HostedCore } from '../core/start-core.ts'
import { chunks, refusal, servePage } from './page.ts'

/** The largest message of the page: a draft at its limits (5 MB each of HTML, text and both quotes), escaped. */
const MESSAGE_LIMIT = 64 * 1_048_576
/** A page that answers no ping for this long is gone, ms. */
const PING_EVERY = 30_000

export interface UiServerOptions {
  /** 0: any free one. */
  readonly port: number
  readonly core: Pick<HostedCore, 'connectPage' | 'files'>
  readonly rendererDir: string
  readonly tmpDir: string
  readonly log: Log
}

export interface UiServer {
  readonly origin: string
  /** The page with this launch's token in the fragment, which no server, log or Referer ever sees. */
  readonly url: string
  /** The page with a token that works once: for a command line, which other users of the computer can read. */
  oneTimeUrl(): string
  close(): Promise<void>
}

/**
 * The page on 127.0.0.1. Every request must name exactly this host, every one that a page makes exactly this
 * origin. The built page is open to read; everything else needs the session: the page hands the launch token
 * over as the WebSocket's second subprotocol (a header, never in a URL), and the answer to that handshake sets
 * the HttpOnly cookie which its pictures and uploads then carry.
 */
export async function startUiServer(options: UiServerOptions): Promise<UiServer> {
  const { core, log } = options
  const token = randomBytes(32).toString('hex')
  const session = randomBytes(32).toString('hex')
  const onceTokens = new Set<string>()

  const server = createServer({ maxHeaderSize: 16_384, headersTimeout: 30_000, requestTimeout: 0 })
  // Idle ones; an upload that moves may take as long as it needs.
  server.timeout = 30_000
  server.keepAliveTimeout = 30_000
  const port = await listen(server, options.port)
  const host = `127.0.0.1:${port}`
  const origin = `http://${host}`
  const cookieName = `workbin-${port}`

  const page = servePage({
    rendererDir: options.rendererDir,
    tmpDir: options.tmpDir,
    files: core.files,
    log,
    connectTo: [`ws://${host}`],
  })
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_LIMIT,
    perMessageDeflate: false,
    handleProtocols: () => 'workbin',
  })
  sockets.on('headers', (headers) => {
    // Strict: no other site's request carries it. No expiry: it goes with the browser.
    headers.push(`Set-Cookie: ${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`)
  })

  server.on('request', (request, response) => {
    answer(request)
      .then((result) => send(result, request, response))
      .then(() => drop(request))
      .catch((error: unknown) => {
        log('error', 'A request failed', { error: String(error) })
        response.destroy()
      })
  })
  server.on('upgrade', (request, socket, head) => {
    const refused = refuseUpgrade(request)
    if (refused !== null) {
      log('warn', 'A connection to the page’s line was refused', { reason: refused })
      return reject(socket, refused)
    }
    sockets.handleUpgrade(request, socket, head, (line) => relay(line, core, log))
  })
  // A broken request is the sender's affair; Node closes its socket.
  server.on('clientError', (error, socket) => {
    const overflow = 'code' in error && error.code === 'HPE_HEADER_OVERFLOW'
    const status = overflow ? '431 Request Header Fields Too Large' : '400 Bad Request'
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
  })

  const pings = setInterval(() => {
    for (const line of sockets.clients) ping(line)
  }, PING_EVERY)
  pings.unref()

  /** Why this request is not from our own page, or null. */
  function stranger(request: IncomingMessage, needsOrigin: boolean): string | null {
    if (request.headers.host !== host) return 'host'
    const from = request.headers.origin
    if (from === undefined ? needsOrigin : from !== origin) return 'origin'
    return null
  }

  function hasSession(request: IncomingMessage): boolean {
    return (request.headers.cookie ?? '').split(';').some((cookie) => {
      const [name, value] = cookie.trim().split('=')
      return name === cookieName && same(value ?? '', session)
    })
  }

  function refuseUpgrade(request: IncomingMessage): string | null {
    const foreign = stranger(request, true)
    if (foreign !== null) return foreign
    if (request.url !== '/rpc') return 'address'
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    if (offered[0] !== 'workbin') return 'protocol'
    const given = offered[1] ?? ''
    if (same(given, token) || onceTokens.delete(given) || hasSession(request)) return null
    return 'token'
  }

  async function answer(request: IncomingMessage): Promise<Response> {
    const reading = request.method === 'GET' || request.method === 'HEAD'
    if (stranger(request, !reading) !== null)
      return refusal('refused', 'This address answers only its own page.', 403)
    if ((request.url ?? '').length > 8192 || !(request.url ?? '').startsWith('/'))
      return refusal('invalid', 'This address is too long.', 414)
    const asked = toRequest(request, origin)
    const from = request.headers['sec-fetch-site'] ?? 'none'
    const own = from === 'same-origin' || from === 'none'
    const opensPage = request.headers['sec-fetch-dest'] === 'document'
    if (!own && !opensPage) return refusal('refused', 'This address answers only its own page.', 403)
    const file = page.page(asked)
    if (file) return file
    if (!own || !hasSession(request))
      return refusal('refused', 'Open the desk by the address that Workbin printed when it started.', 401)
    return await page.bytes(asked)
  }

  return {
    origin,
    url: `${origin}/#${token}`,
    oneTimeUrl() {
      const once = randomBytes(32).toString('hex')
      onceTokens.add(once)
      return `${origin}/#${once}`
    },
    async close() {
      clearInterval(pings)
      for (const line of sockets.clients) line.close(1001, 'Workbin is closing')
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      // Uploads and pages that don't answer the goodbye must not hold up the end.
      const force = setTimeout(() => {
        for (const line of sockets.clients) line.terminate()
        server.closeAllConnections()
      }, 1_000)
      await closed
      clearTimeout(force)
    },
  }
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? error.code : ''
      if (code === 'EADDRINUSE')
        reject(
          new CoreError(
            'invalid',
            `Port ${port} is in use. Choose another one with --ui-port, or 0 for any.`,
          ),
        )
      else if (code === 'EACCES')
        reject(
          new CoreError('invalid', `Port ${port} may not be used. Choose one above 1023 with --ui-port.`),
        )
      else reject(error)
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The page’s server has no port')
  return address.port
}

/** Joins one page to the core until either side goes. */
function relay(line: WebSocket, core: UiServerOptions['core'], log: Log): void {
  let port: ReturnType<HostedCore['connectPage']>
  try {
    port = core.connectPage()
  } catch {
    return line.close(1001, 'Workbin is closing')
  }
  answered.add(line)
  port.onMessage((message) => {
    if (line.readyState === line.OPEN) line.send(JSON.stringify(message))
  })
  line.on('message', (data, binary) => {
    const message = binary ? undefined : parse(data)
    if (message === undefined) return line.close(1003, 'Messages are JSON')
    port.post(message)
  })
  line.on('pong', () => answered.add(line))
  line.on('error', (error) => log('warn', 'The page’s line broke', { error: error.message }))
  line.on('close', () => port.close())
}

/** Lines that answered since the last ping. */
const answered = new WeakSet<WebSocket>()

function ping(line: WebSocket): void {
  if (!answered.delete(line)) return line.terminate()
  line.ping()
}

/** Undefined where it is no JSON. */
function parse(data: RawData): unknown {
  const bytes = Array.isArray(data)
    ? Buffer.concat(data)
    : data instanceof ArrayBuffer
      ? Buffer.from(data)
      : data
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function reject(socket: Duplex, reason: string): void {
  const status =
    reason === 'token' ? '401 Unauthorized' : reason === 'address' ? '404 Not Found' : '403 Forbidden'
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** Compares in a time that tells nothing about where they differ. */
function same(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

/** Node's request as the page handler reads it; the body comes as it is asked for. */
function toRequest(message: IncomingMessage, origin: string): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headers))
    if (typeof value === 'string' && name !== 'cookie') headers.set(name, value)
  const method = message.method ?? 'GET'
  const url = new URL(message.url ?? '/', origin)
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers })
  // `duplex` is required for a streamed body and missing in the types that Node and the DOM share.
  return new Request(
    url,
    Object.assign({ method, headers, body: bodyOf(message) }, { duplex: 'half' } as const),
  )
}

function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        message.on('data', (chunk: Buffer<ArrayBuffer>) => {
          controller.enqueue(chunk)
          if ((controller.desiredSize ?? 0) <= 0) message.pause()
        })
        message.once('end', () => controller.close())
        message.once('close', () => {
          if (!message.complete) controller.error(new Error('The upload broke off'))
        })
        message.pause()
      },
      pull() {
        message.resume()
      },
      cancel() {
        drop(message)
      },
    },
    { highWaterMark: 1_048_576, size: (chunk) => chunk.byteLength },
  )
}

/** Reads and forgets what is still coming: a browser takes no answer before it has sent everything. */
function drop(message: IncomingMessage): void {
  if (message.complete) return
  for (const event of ['data', 'end', 'close']) message.removeAllListeners(event)
  message.resume()
}

async function send(result: Response, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.statusCode = result.status
  for (const [name, value] of result.headers) response.setHeader(name, value)
  if (request.method === 'HEAD' || !result.body) {
    response.end()
    return
  }
  // A page that leaves half way is its affair. Whatever breaks off, the pipeline destroys the answer: half a file
  // must not look like a whole one.
  await pipeline(chunks(result.body), response).catch(() => undefined)
}
