import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../connectors/connector.ts'
import type { ApiName } from '../contract/domain.ts'
import { newUuid } from '../store/ids.ts'
import { type Answer, type Api, type Refusal, Refused } from './api.ts'
import { pathOf } from './asked.ts'
import type { ApiContext } from './desk.ts'
import { answerUnread, type ListenOptions, startListener } from './listener.ts'
import { docsPage, DOCS_POLICY } from './docs-page.ts'
import { openApi } from './openapi.ts'
import { BUSY_MS } from './patience.ts'
import { createRate } from './rate.ts'
import { refusalOf, retryAfter } from './refusals.ts'
import { Gone, mayHaveBody, shareMemory } from './request-body.ts'
import { routesOf } from './routes.ts'
import { type ApiUse, countUse } from './use.ts'
import { newVisit, type Service, type Visit } from './visit.ts'

export interface ApiOptions extends ListenOptions {
  /** Made anew whenever the settings change. */
  readonly apis: readonly ((context: ApiContext) => Api)[]
  readonly context: ApiContext
  readonly log: Log
  /** Told every two seconds what was asked meanwhile, and at the end. */
  readonly record: (use: readonly ApiUse[]) => void
  /** For tests: how long a connection may idle and a write may wait, ms. */
  readonly idleMs?: number
  readonly busyMs?: number
}

export interface ApiServer {
  readonly url: string
  /** Method and path of every call, by API. */
  served(): readonly { readonly api: ApiName; readonly calls: readonly { method: string; path: string }[] }[]
  /** The settings changed: paths may have, too. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** URL and idle limits of the rules common to all APIs (contract 00, 0.1.10). */
const URL_BYTES = 8_192
const IDLE_MS = 30_000
/** Fields of all forms together, and JSON and XML together (the largest is 16 MB): what a flood may add to memory. */
const FORM_MEMORY = 12 * 1_048_576
const TEXT_MEMORY = 17 * 1_048_576
const TELL_EVERY = 2_000
const NOTHING_HERE = 'There is nothing at this address.'
/** A body of this announced length that nobody reads is read past; of a longer one the connection is closed. */
const READ_PAST = 65_536

/**
 * The listener of the public APIs: apart from the page's, and off unless configured. Each API is a plugin with its own
 * error layout; what is common to all is checked here in the order of contract 00, 0.1.2. Throws `invalid` where it
 * can't listen.
 *
 * Host and Origin decide nothing. Whatever needs a key needs it in a header, for which a browser asks first (OPTIONS),
 * and only the form's API says yes, to the origins of its settings. Without a key there is only that form: a page of
 * any site may send it, as the document's own form does from the company's site, and learns no more than an id; a name
 * that is bound anew to this address (DNS rebinding) gets a page no further. No cookie means anything here.
 */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const { context, log } = options
  const idleMs = options.idleMs ?? IDLE_MS
  const service: Service = {
    context,
    rate: createRate(context.now),
    strangers: createRate(context.now),
    memory: { forms: shareMemory(FORM_MEMORY), texts: shareMemory(TEXT_MEMORY) },
    idleMs,
    busyMs: options.busyMs ?? BUSY_MS,
  }
  const use = countUse(context.now)
  const tell = () => {
    const told = use.take()
    if (told.length > 0) options.record(told)
  }

  let apis = options.apis.map((make) => make(context))
  let app = await build(apis)
  const listener = await startListener(options, idleMs, (request, response) => app.routing(request, response))
  const telling = setInterval(tell, TELL_EVERY)

  /** Never from the Host header. */
  function baseOf(): string {
    return context.settings().settings.publicUrl?.replace(/\/+$/, '') ?? listener.url
  }

  async function build(apis: readonly Api[]): Promise<FastifyInstance> {
    const app = fastify({
      logger: false,
      exposeHeadRoutes: false,
      trustProxy: false,
      // Calls check what comes with their own schemas; fastify's compilers would only take half a second to load.
      schemaController: {
        compilersFactory: { buildValidator: () => noCompiler, buildSerializer: () => noCompiler },
      },
      routerOptions: {
        // What is too long is told by the length of the whole address.
        maxParamLength: Number.MAX_SAFE_INTEGER,
        // Pairs are read by `asked.query`.
        querystringParser: () => ({}),
      },
      frameworkErrors: (_error, request, reply) => {
        void respond(null, request, reply, refuse('not-found'))
      },
    })
    // Bodies are read after all checks, by the call itself.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    const routes = routesOf(apis)

    app.addHook('onRequest', async (request, reply) => {
      if (request.raw.url !== undefined && request.raw.url.length > URL_BYTES)
        return await respond(null, request, reply, {
          status: 414,
          body: { code: 'invalid', message: 'The address is too long.' },
        })
      if (!request.is404) return undefined
      const path = pathOf(request.raw.url ?? '/')
      const found = routes.find(path)
      const visit = found ? newVisit(service, found.api, null, request.raw, reply.raw, {}) : null
      const allow = found?.methods ?? []
      const refusal: Refusal =
        allow.length > 0
          ? { kind: 'method', message: `This address takes ${allow.join(', ')}.`, allow }
          : { kind: 'not-found', message: NOTHING_HERE }
      const answer = found && visit ? refuseBy(found.api, refusal, visit) : refuse(refusal.kind)
      return await respond(found && visit ? { api: found.api, visit } : null, request, reply, answer)
    })
    app.setNotFoundHandler(async (request, reply) => respond(null, request, reply, refuse('not-found')))

    // Of the listener itself; they say nothing that isn't in its manual.
    app.get('/openapi.json', { exposeHeadRoute: true }, async (request, reply) =>
      respond(null, request, reply, { status: 200, body: openApi(apis, baseOf()) }),
    )
    app.get('/docs', { exposeHeadRoute: true }, async (request, reply) =>
      respond(null, request, reply, {
        status: 200,
        type: 'text/html; charset=utf-8',
        headers: { 'content-security-policy': DOCS_POLICY, 'referrer-policy': 'no-referrer' },
        body: docsPage(apis, baseOf()),
      }),
    )
    for (const api of apis) void app.register(async (scope) => plugin(scope, api))
    await app.ready()
    return app
  }

  function plugin(scope: FastifyInstance, api: Api): void {
    const visits = new WeakMap<FastifyRequest, Visit>()
    for (const call of api.calls)
      for (const url of new Set(call.paths))
        scope.route({
          method: call.method,
          url,
          async onRequest(request, reply) {
            const visit = newVisit(service, api, call, request.raw, reply.raw, paramsOf(request.params))
            visits.set(request, visit)
            try {
              // `/things/` is no thing.
              if (Object.values(visit.asked.params).includes(''))
                throw new Refused({ kind: 'not-found', message: NOTHING_HERE })
              await visit.check()
            } catch (error) {
              await respond({ api, visit }, request, reply, answerTo(error, api, visit))
            }
          },
          async handler(request, reply) {
            const visit = visits.get(request)
            if (!visit) return
            let answer: Answer
            try {
              answer = await visit.answer()
            } catch (error) {
              if (error instanceof Gone) {
                await visit.end()
                reply.hijack()
                request.raw.destroy()
                return
              }
              answer = answerTo(error, api, visit)
            }
            await respond({ api, visit }, request, reply, answer)
          },
        })
    // What fastify itself refuses on the way to the handler, in this API's layout.
    scope.setErrorHandler(async (error, request, reply) => {
      const visit = visits.get(request) ?? newVisit(service, api, null, request.raw, reply.raw, {})
      const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
      const refusal: Error =
        status === 415
          ? new Refused({ kind: 'content-type', message: 'This content type is not taken.' })
          : status < 500
            ? new Refused({ kind: 'malformed', message: 'The request can’t be read.' })
            : error instanceof Error
              ? error
              : new Error(String(error))
      await respond({ api, visit }, request, reply, answerTo(refusal, api, visit))
    })
  }

  function answerTo(error: unknown, api: Api, visit: Visit): Answer {
    const { refusal, ours } = refusalOf(error)
    if (ours)
      log('error', 'An API request failed', {
        api: api.name,
        path: visit.asked.path,
        reference: visit.asked.reference,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      })
    return refuseBy(api, refusal, visit)
  }

  function refuseBy(api: Api, refusal: Refusal, visit: Visit): Answer {
    try {
      const answer = api.refuse(refusal, visit.asked)
      const again = retryAfter(refusal)
      return {
        ...answer,
        reason: answer.reason ?? refusal.message,
        headers: {
          ...(refusal.kind === 'method' && refusal.allow ? { allow: refusal.allow.join(', ') } : {}),
          ...(again === null ? {} : { 'retry-after': String(again) }),
          ...answer.headers,
        },
      }
    } catch (error) {
      log('error', 'An API could not refuse a request', { api: api.name, error: String(error) })
      return refuse('internal')
    }
  }

  /** Sends an answer, whole or not at all, and counts it. */
  async function respond(
    of: { readonly api: Api; readonly visit: Visit } | null,
    request: FastifyRequest,
    reply: FastifyReply,
    answer: Answer,
  ): Promise<FastifyReply> {
    await of?.visit.end()
    const reference = of?.visit.asked.reference ?? newUuid(context.now())
    closeUnread(request.raw, reply)
    reply.code(answer.status)
    reply.headers({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'x-request-id': reference,
      ...answer.headers,
    })
    const began = performance.now() - reply.elapsedTime
    const bytes = put(reply, answer)
    reply.raw.once('close', () => {
      const caller = of?.visit.asked.caller ?? null
      const path = pathOf(request.raw.url ?? '')
      log('info', 'API', {
        method: request.method,
        path,
        status: answer.status,
        ms: Math.round(performance.now() - began),
        bytes,
        by: caller?.name ?? null,
        reference,
        ...(answer.reason === undefined ? {} : { reason: answer.reason }),
      })
    })
    if (of) {
      const caller = of.visit.asked.caller
      use.count({
        api: of.api.name,
        keyId: caller?.id ?? null,
        refusal:
          answer.reason === undefined && answer.status < 400
            ? null
            : {
                method: request.method,
                path: of.visit.asked.path,
                status: answer.status,
                key: caller?.name ?? null,
                reason: answer.reason ?? '',
              },
      })
    }
    return reply
  }

  return {
    url: listener.url,
    served: () =>
      apis.map((api) => ({
        api: api.name,
        calls: api.calls
          .filter(({ method }) => method !== 'OPTIONS')
          .flatMap(({ method, paths }) => paths.slice(0, 1).map((path) => ({ method, path }))),
      })),
    async refresh() {
      const next = options.apis.map((make) => make(context))
      const built = await build(next)
      const before = app
      apis = next
      app = built
      await before.close()
    },
    async close() {
      await listener.close()
      clearInterval(telling)
      tell()
      await app.close()
    },
  }
}

/** No route has a schema of fastify's, so it has nothing to compile. */
function noCompiler(): never {
  throw new Error('Routes have no schema of fastify’s.')
}

/** What no API answers: the listener's own layout. */
function refuse(kind: Refusal['kind']): Answer {
  return kind === 'internal'
    ? { status: 500, body: { code: 'internal', message: 'The request failed inside Workbin.' } }
    : { status: 404, body: { code: 'not-found', message: NOTHING_HERE } }
}

/** Bytes of the body. */
function put(reply: FastifyReply, answer: Answer): number {
  if (answer.stream) {
    reply.header('content-type', answer.type ?? 'application/octet-stream')
    reply.header('content-length', answer.stream.size)
    void reply.send(answer.stream.bytes)
    return answer.stream.size
  }
  if (answer.body === undefined && answer.type === undefined) {
    void reply.send()
    return 0
  }
  const text = answer.type === undefined ? JSON.stringify(answer.body) : String(answer.body)
  reply.header('content-type', answer.type ?? 'application/json; charset=utf-8')
  void reply.send(text)
  return Buffer.byteLength(text)
}

/** An answer before the end of the body ends the connection, unless what is left is small enough to be read past. */
function closeUnread(
  request: IncomingMessage,
  reply: { header(name: string, value: string): unknown; raw: ServerResponse },
): void {
  if (request.complete || !mayHaveBody(request)) return
  const length = request.headers['content-length']
  if (length !== undefined && Number(length) <= READ_PAST && !request.readableDidRead) return
  reply.header('connection', 'close')
  answerUnread(request)
}

function paramsOf(params: unknown): Readonly<Record<string, string>> {
  const copy: Record<string, string> = {}
  if (typeof params === 'object' && params !== null)
    for (const [name, value] of Object.entries(params)) copy[name] = String(value)
  return copy
}
