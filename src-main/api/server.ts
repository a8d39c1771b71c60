import fastify from 'fastify'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { CoreError } from '../contract/errors.ts'
import type { Log } from '../connectors/connector.ts'

export interface ApiOptions {
  /** Loopback unless the settings say otherwise. */
  readonly listen: string
  /** 0: any free one. */
  readonly port: number
  /** Paths of PEM files; both or neither. */
  readonly tls: { readonly cert: string | null; readonly key: string | null }
  readonly log: Log
}

export interface ApiServer {
  readonly url: string
  close(): Promise<void>
}

/** Header block, URL and idle limits of the rules common to all APIs (contract 00, 0.1.10). */
const HEADER_BYTES = 16_384
const URL_BYTES = 8_192
const IDLE_MS = 30_000

/**
 * The listener of the public APIs: apart from the page's, and off unless configured. What no API serves is
 * answered 404 as JSON. Throws `invalid` where it can't listen.
 */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const tls = readTls(options.tls)
  const app = fastify({
    logger: false,
    connectionTimeout: IDLE_MS,
    keepAliveTimeout: IDLE_MS,
    requestTimeout: IDLE_MS,
    // Absolute URLs never come from what the caller says its host is.
    trustProxy: false,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    serverFactory: (handler) =>
      tls
        ? createSecureServer({ ...tls, maxHeaderSize: HEADER_BYTES }, handler)
        : createServer({ maxHeaderSize: HEADER_BYTES }, handler),
  })

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    reply.header('cache-control', 'no-store')
    if (request.url.length > URL_BYTES)
      return reply.code(414).send({ code: 'invalid', message: 'The address is too long.' })
  })
  app.setNotFoundHandler(async (_request, reply) =>
    reply.code(404).send({ code: 'not-found', message: 'There is nothing at this address.' }),
  )
  app.setErrorHandler(async (error, _request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
    if (status >= 500) options.log('error', 'An API request failed', { error: String(error) })
    // Never the error's own words where it is ours: they may name paths or SQL.
    const message = status >= 500 ? 'The request failed inside Workbin.' : 'The request can’t be read.'
    return reply.code(status).send({ code: status >= 500 ? 'internal' : 'invalid', message })
  })

  try {
    await app.listen({ host: options.listen, port: options.port })
  } catch (error) {
    await app.close()
    const code = error instanceof Error && 'code' in error ? error.code : ''
    const why =
      code === 'EADDRINUSE'
        ? 'it is in use'
        : code === 'EACCES'
          ? 'it may not be used'
          : 'there is no such address'
    throw new CoreError(
      'invalid',
      `The API can’t listen on ${options.listen} port ${options.port}: ${why}. Choose another with --api-port or api.listen.`,
      { cause: error },
    )
  }
  const address = app.server.address()
  if (address === null || typeof address === 'string')
    throw new CoreError('internal', 'The API’s server has no address.')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `${tls ? 'https' : 'http'}://${host}:${address.port}`,
    close: () => app.close(),
  }
}

function readTls(tls: ApiOptions['tls']): { cert: Buffer; key: Buffer } | null {
  if (tls.cert === null && tls.key === null) return null
  if (tls.cert === null || tls.key === null)
    throw new CoreError('invalid', 'api.tls needs both cert and key, or neither.')
  return { cert: readPem('cert', tls.cert), key: readPem('key', tls.key) }
}

function readPem(name: 'cert' | 'key', file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new CoreError('invalid', `api.tls.${name}: the file ${file} can’t be read.`, { cause: error })
  }
}
