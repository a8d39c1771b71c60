import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import type { CoreError } from '../contract/errors.ts'
import type { RemoteSettings } from '../contract/settings.ts'
import { isLoopbackHost, judgeCertificate, NotLoopback, readPin } from './imap-tls.ts'
import {
  badCertificate,
  badHeader,
  badUrl,
  type Reached,
  redirected,
  RemoteFault,
  timedOut,
  tooLarge,
  truncated,
  unreadable,
  whatWentWrong,
} from './remote-fault.ts'

/** One request to a remote system. */
export interface RemoteCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the remote's URL; begins with `/`, its parts encoded already. */
  readonly path: string
  /** What is undefined is left out. Never a secret. */
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: { readonly type: string; readonly bytes: Uint8Array }
  /**
   * Awaited when the line stands and its certificate is accepted, before the first byte of the request leaves.
   * Where it throws, nothing leaves, and the call throws the same.
   */
  readonly beforeFirstByte?: () => Promise<void>
}

/** A whole answer, whatever its status. */
export interface RemoteAnswer {
  readonly status: number
  /** Lower-case name; the first value where it came several times. */
  header(name: string): string | null
  /** Seconds; null where the remote names none. */
  readonly retryAfter: number | null
  /** Empty where an answer that says no was cut short: its status is enough. */
  readonly bytes: Uint8Array
  /** Throws RemoteFault where it is no JSON by its content type or can't be read; uncertain after a write. */
  json(): unknown
}

export interface RemoteHttp {
  /** The host as the agent knows it, with its port where that is a special one. */
  readonly host: string
  /**
   * Asks once, over a line of its own; never retries. Throws RemoteFault (`refused`: certificate, redirect, unreadable
   * answer; `unreachable`; `invalid`: what is entered under Settings). A write is never redirected; a read is, within
   * the remote's own origin.
   */
  send(call: RemoteCall): Promise<RemoteAnswer>
}

export interface RemoteHttpOptions {
  readonly remote: Pick<RemoteSettings, 'url' | 'trustedCertificate' | 'insecure'>
  /** The header that carries the secret; null where the remote takes none. */
  readonly key: { readonly header: string; readonly value: string } | null
  /** Ends what runs: the desk is closing. */
  readonly signal?: AbortSignal
  readonly now?: () => number
  /** Set by tests only. */
  readonly limits?: Partial<RemoteLimits>
}

export interface RemoteLimits {
  /** For the whole call, name look-up and answer included; ms. */
  readonly timeout: number
  /** Of an answer's body. */
  readonly bytes: number
}

/** A call while it runs. */
interface Run {
  socket: Socket | null
  /** Why it was ended from here: the time, or the desk is closing. */
  ended: CoreError | null
  callersOwn: boolean
}

/** contracts: rules for every client connector */
const LIMITS: RemoteLimits = { timeout: 30_000, bytes: 32 * 1024 * 1024 }
const MAX_REDIRECTS = 3

/** The one way out to remote systems. Settings that can't be used are found by `send`. */
export function createRemoteHttp(options: RemoteHttpOptions): RemoteHttp {
  const host = URL.parse(options.remote.url)?.host ?? options.remote.url
  const limits = { ...LIMITS, ...options.limits }
  const now = options.now ?? Date.now
  const secret = secretOf(options.key)

  async function once(url: URL, call: RemoteCall, pin: string | null): Promise<RemoteAnswer> {
    const reached: Reached = { stage: 'address', begun: false, host, write: call.method !== 'GET' }
    const run: Run = { socket: null, ended: null, callersOwn: false }
    function end(fault: CoreError): void {
      run.ended ??= fault
      run.socket?.destroy(run.ended)
    }
    const closing = () => end(whatWentWrong(new Error('Workbin is closing.'), reached))
    const timer = setTimeout(() => end(timedOut(reached, limits.timeout)), limits.timeout)
    options.signal?.addEventListener('abort', closing)
    try {
      if (options.signal?.aborted) throw new Error('Workbin is closing.')
      const socket = openSocket(url)
      run.socket = socket
      await connected(socket, reached, pin)
      const request = prepare(socket, url, call)
      try {
        await call.beforeFirstByte?.().catch((error: unknown) => {
          run.callersOwn = true
          throw error
        })
        // Closed by the other side, or the time ran out, meanwhile: nothing has left.
        if (socket.destroyed || !socket.writable) throw new Error('the line went')
        reached.begun = true
        return await readAnswer(await request.go(), reached)
      } finally {
        request.stop()
      }
    } catch (error) {
      if (run.callersOwn) throw error
      throw run.ended ?? whatWentWrong(error, reached)
    } finally {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', closing)
      run.socket?.destroy()
    }
  }

  function openSocket(url: URL): Socket | TLSSocket {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (url.protocol === 'http:') return connectTcp({ host, port: Number(url.port || 80) })
    return connectTls({
      host,
      port: Number(url.port || 443),
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // Not lax: `judgeCertificate` refuses what Node would, but only after the certificate could be read.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    })
  }

  async function connected(socket: Socket | TLSSocket, reached: Reached, pin: string | null): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the line was closed')))
      socket.once('lookup', (error: Error | null) => {
        if (!error) reached.stage = 'connect'
      })
      if (socket instanceof TLSSocket) {
        socket.once('connect', () => (reached.stage = 'certificate'))
        socket.once('secureConnect', () => {
          const refused = judgeCertificate(socket, pin)
          if (refused) reject(refused)
          else resolve()
        })
        return
      }
      socket.once('connect', () => {
        const inClear = options.key !== null && options.remote.insecure !== true
        if (inClear && !isLoopbackHost(socket.remoteAddress ?? ''))
          return reject(new NotLoopback('the name leads to another computer'))
        resolve()
      })
    })
    reached.stage = 'answer'
  }

  /** A request that is written by `go` and not before. */
  function prepare(socket: Socket, url: URL, call: RemoteCall) {
    const request = (() => {
      try {
        return httpRequest({
          createConnection: () => socket,
          method: call.method,
          path: `${url.pathname}${url.search}`,
          setHost: false,
          headers: {
            host: url.host,
            'user-agent': 'Workbin',
            accept: 'application/json',
            // The cap counts what arrives, so nothing may be packed.
            'accept-encoding': 'identity',
            ...(call.body
              ? { 'content-type': call.body.type, 'content-length': String(call.body.bytes.length) }
              : {}),
            ...(!call.body && call.method !== 'GET' ? { 'content-length': '0' } : {}),
            ...call.headers,
            ...(options.key ? { [options.key.header]: options.key.value } : {}),
          },
        })
      } catch (cause) {
        throw badHeader(host, cause)
      }
    })()
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', reject)
      request.once('close', () => reject(new Error('the line was closed before an answer')))
    })
    // It may fail while `beforeFirstByte` runs; then `go` tells.
    answered.catch(() => {})
    return {
      async go(): Promise<IncomingMessage> {
        request.end(call.body?.bytes)
        return await answered
      },
      stop: () => request.destroy(),
    }
  }

  async function readAnswer(answer: IncomingMessage, reached: Reached): Promise<RemoteAnswer> {
    const status = answer.statusCode ?? 0
    reached.status = status
    const header = (name: string): string | null => {
      const value = answer.headers[name]
      const first = (Array.isArray(value) ? value[0] : value) ?? null
      return first === null ? null : first.replaceAll(secret, HIDDEN)
    }
    const retryAfter = readRetryAfter(header('retry-after'), now())
    const body = await readBody(answer, reached).catch((error: unknown) => {
      if (status >= 400) return Buffer.alloc(0)
      throw error
    })
    const bytes = hide(body, secret)
    return { status, header, retryAfter, bytes, json: () => readJson(bytes, header, reached) }
  }

  async function readBody(answer: IncomingMessage, reached: Reached): Promise<Buffer> {
    const told = Number(answer.headers['content-length'] ?? 0)
    if (told > limits.bytes) throw tooLarge(reached, limits.bytes)
    const pieces: Buffer[] = []
    let length = 0
    try {
      for await (const piece of answer) {
        if (!Buffer.isBuffer(piece)) continue
        length += piece.length
        if (length > limits.bytes) throw tooLarge(reached, limits.bytes)
        pieces.push(piece)
      }
    } catch (cause) {
      throw cause instanceof RemoteFault ? cause : truncated(reached, cause)
    }
    if (!answer.complete) throw truncated(reached, null)
    return Buffer.concat(pieces)
  }

  return {
    host,
    async send(call) {
      const pin = trustedPin(options.remote)
      let url = withPath(baseUrl(options.remote.url), call)
      for (let redirects = 0; ; redirects++) {
        const answer = await once(url, call, pin)
        if (answer.status < 300 || answer.status > 399 || answer.status === 304) return answer
        const location = answer.header('location')
        const target = location === null ? null : URL.parse(location, url.href)
        const followed = call.method === 'GET' && redirects < MAX_REDIRECTS && target?.origin === url.origin
        if (!followed) throw redirected(host, call, answer, target)
        url = target
      }
    },
  }
}

function baseUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) throw badUrl('Enter its whole address, as https://host.')
  if (url.username || url.password)
    throw badUrl('Take user and password out of it: a secret belongs into the key.')
  if (url.search || url.hash) throw badUrl('Take “?” or “#” and what follows out of it.')
  return url
}

function trustedPin({ trustedCertificate }: RemoteHttpOptions['remote']): string | null {
  try {
    return readPin(trustedCertificate ?? null)
  } catch (cause) {
    throw badCertificate(cause)
  }
}

function withPath(base: URL, { path, query }: RemoteCall): URL {
  const url = new URL(base.href)
  url.pathname = `${base.pathname.replace(/\/+$/, '')}${path}`
  const parts = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`],
  )
  url.search = parts.join('&')
  return url
}

function readJson(bytes: Uint8Array, header: (name: string) => string | null, reached: Reached): unknown {
  const type = (header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!/^(?:application|text)\/(?:[^/]+\+)?json$/.test(type))
    throw unreadable(reached, type === '' ? 'names no content type' : `is “${type.slice(0, 80)}”, not JSON`)
  const packed = header('content-encoding')
  if (packed !== null && packed.toLowerCase() !== 'identity')
    throw unreadable(reached, `is packed as “${packed.slice(0, 40)}”, which was not asked for`)
  try {
    // A byte order mark is ignored; bytes that are no UTF-8 are a fault.
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return parsed
  } catch (cause) {
    throw unreadable(reached, 'can’t be read as JSON', cause)
  }
}

const HIDDEN = '[key]'
/** Shorter ones stand in ordinary words by chance, and protect nothing. */
const SHORTEST_SECRET = 8

/** What of the key must not come back; matches nothing where there is none. */
function secretOf(key: RemoteHttpOptions['key']): RegExp {
  const value = key?.value.replace(/^Bearer /, '') ?? ''
  if (value.length < SHORTEST_SECRET) return /(?!)/g
  return new RegExp(value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'g')
}

/** A remote that quotes the key in its error would put it before the agent, into the database and the log. */
function hide(body: Buffer, secret: RegExp): Buffer {
  const text = body.toString('latin1')
  return text.search(secret) < 0 ? body : Buffer.from(text.replaceAll(secret, HIDDEN), 'latin1')
}

/** Seconds of a `Retry-After` field, which holds seconds or a date (RFC 9110, 10.2.3); at most a day. */
export function readRetryAfter(field: string | null, now: number): number | null {
  if (field === null) return null
  const text = field.trim()
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), 86_400)
  // A date begins with its day's name; V8 would read a year out of nearly anything.
  const seconds = /^[a-z]{3}/i.test(text) ? Math.ceil((Date.parse(text) - now) / 1000) : Number.NaN
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 86_400) : null
}

const WAITS: readonly number[] = [1, 2, 4, 8]

/**
 * Milliseconds to wait after so many tries: 1, 2, 4, 8 s ± 20 %, longer where the remote says so by `Retry-After`
 * (seconds). Null from the fifth try on, which is the last (contracts: rules for every client connector).
 */
export function retryWait(
  tries: number,
  retryAfter: number | null,
  random: () => number = Math.random,
): number | null {
  const wait = WAITS[Math.max(tries, 1) - 1]
  if (wait === undefined) return null
  return Math.max(Math.round(wait * 1000 * (0.8 + 0.4 * random())), (retryAfter ?? 0) * 1000)
}
