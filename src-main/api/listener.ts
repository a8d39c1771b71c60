import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import { CoreError } from '../contract/errors.ts'

/** Header block of a request (contract 00, 0.1.10). */
const HEADER_BYTES = 16_384
/** A whole request with its body; 10 MB over a slow line take three minutes. */
const REQUEST_MS = 300_000
/** How often Node looks for requests that take too long. */
const LOOK_EVERY = 5_000
/** With 64 KB each that isn't read yet they stay within 32 MB. */
const CONNECTIONS = 512
/** How long a client that still sends may read the answer that refused it. */
const LINGER_MS = 2_000

export interface ListenOptions {
  /** Loopback unless the settings say otherwise. */
  readonly listen: string
  /** 0: any free one. */
  readonly port: number
  /** PEM text or paths of PEM files; both or neither. */
  readonly tls: { readonly cert: string | null; readonly key: string | null }
}

export interface Listener {
  readonly url: string
  close(): Promise<void>
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void

/** Listens. Throws `invalid`, with what to change, where it can't. */
export async function startListener(options: ListenOptions, idleMs: number, serve: Serve): Promise<Listener> {
  const tls = readTls(options.tls)
  const limits = {
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: idleMs,
    requestTimeout: Math.max(REQUEST_MS, idleMs),
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(LOOK_EVERY, idleMs),
    // Both lengths at once, or an odd one, is how requests are smuggled past a proxy.
    insecureHTTPParser: false,
    requireHostHeader: true,
  }
  const server: Server = tls ? createSecureServer({ ...tls, ...limits }) : createServer(limits)
  server.maxConnections = CONNECTIONS
  // A little longer than a body may pause, so that who sends too slowly is told.
  server.timeout = idleMs + Math.min(1_000, idleMs / 2)
  const answer: Serve = (request, response) => {
    // What a proxy sends: the address with whom it asks, which means as little here as the Host header does.
    if (request.url) request.url = request.url.replace(/^https?:\/\/[^/?#]*/i, '') || '/'
    serve(request, response)
  }
  server.on('request', answer)
  // `100 Continue` is sent when the body is wanted, after all checks.
  server.on('checkContinue', answer)
  server.on('clientError', answerNonsense)
  await opened(server, options)

  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new CoreError('internal', 'The API’s server has no address.')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `${tls ? 'https' : 'http'}://${host}:${address.port}`,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        // What is being answered may finish; what only sends or waits must not hold up the end.
        setTimeout(() => server.closeAllConnections(), CLOSE_MS).unref()
      })
    },
  }
}

/** How long requests under way may take when the listener closes, ms. */
const CLOSE_MS = 1_000

async function opened(server: Server, { listen, port }: ListenOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: listen, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    const why =
      code === 'EADDRINUSE'
        ? 'it is in use'
        : code === 'EACCES'
          ? 'it may not be used'
          : 'there is no such address'
    throw new CoreError(
      'invalid',
      `The API can’t listen on ${listen} port ${port}: ${why}. Choose another with --api-port or api.listen.`,
      { cause: error },
    )
  }
}

/**
 * For an answer that goes out before the body came in: nothing more is read, and the line stays open just long enough
 * for the answer to be read. (Closed at once, unread bytes would reset the line and take the answer with them.)
 */
export function answerUnread(request: IncomingMessage): void {
  const { socket } = request
  // Taken into use, so that Node doesn't read the rest to throw it away.
  request.on('error', () => undefined)
  request.pause()
  request.read(0)
  socket.destroySoon = () => {
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** What isn't HTTP, or beyond the limits of its head: no API was found yet, so the layout is the listener's own. */
function answerNonsense(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The header is larger than 16 KB.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request didn’t come in time.']
        : ['400 Bad Request', 'The request can’t be read.']
  const body = JSON.stringify({ code: 'invalid', message })
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function readTls(tls: ListenOptions['tls']): { cert: string | Buffer; key: string | Buffer } | null {
  if (tls.cert === null && tls.key === null) return null
  if (tls.cert === null || tls.key === null)
    throw new CoreError('invalid', 'api.tls needs both cert and key, or neither.')
  return { cert: readPem('cert', tls.cert), key: readPem('key', tls.key) }
}

function readPem(name: 'cert' | 'key', given: string): string | Buffer {
  if (given.trimStart().startsWith('-----BEGIN')) return given
  try {
    return readFileSync(given)
  } catch (error) {
    throw new CoreError('invalid', `api.tls.${name}: the file ${given} can’t be read.`, { cause: error })
  }
}
