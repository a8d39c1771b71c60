import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestCertificate } from './certificate.ts'

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** An answer, or how there is none: the line is reset, or it stays open without a word. */
export type Reply =
  | 'reset'
  | 'silence'
  | {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      /** An object goes as JSON. */
      readonly body?: string | Buffer | object
    }

/** A real HTTP server on loopback that answers as the test says, and keeps what it was asked. */
export interface ScriptedHttp {
  readonly port: number
  /** `http://127.0.0.1:<port>`, or https. */
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** Answers before the body was read, and closes; null: waits for it. */
  atOnce: Exclude<Reply, string> | null
  /** Answers every request from now on. */
  answer: (request: SeenRequest, response: ServerResponse) => Reply | null
  stop(): Promise<void>
}

export async function startScriptedHttp(
  options: { readonly certificate?: TestCertificate; readonly address?: string } = {},
): Promise<ScriptedHttp> {
  const { certificate, address = '127.0.0.1' } = options
  const requests: SeenRequest[] = []
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    if (scripted.atOnce) {
      const { status = 200, body = {} } = scripted.atOnce
      request.pause()
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify(body), () => request.socket.destroy())
      return
    }
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('error', () => {})
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const seen: SeenRequest = { method, url, headers, body: Buffer.concat(pieces) }
      requests.push(seen)
      const reply = scripted.answer(seen, response)
      if (reply === 'reset') request.socket.resetAndDestroy()
      if (reply === 'reset' || reply === 'silence' || reply === null) return
      const { status = 200, body = '' } = reply
      const json = typeof body === 'object' && !Buffer.isBuffer(body)
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(json ? JSON.stringify(body) : body)
      response.writeHead(status, {
        ...(json ? { 'content-type': 'application/json' } : {}),
        'content-length': String(bytes.length),
        ...reply.headers,
      })
      response.end(bytes)
    })
  }
  const server: Server = certificate
    ? createTlsServer({ key: certificate.key, cert: certificate.cert }, listener)
    : createServer(listener)
  // Clients that break off are what many tests are about.
  server.on('clientError', (_error, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  server.listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const scripted: ScriptedHttp = {
    port,
    url: `${certificate ? 'https' : 'http'}://${address}:${String(port)}`,
    requests,
    atOnce: null,
    answer: () => ({ status: 404 }),
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return scripted
}
