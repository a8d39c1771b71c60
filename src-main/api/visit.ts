import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { newUuid } from '../store/ids.ts'
import { chooseType, readMediaType } from './accept.ts'
import { type Answer, type Api, type ApiCall, type Asked, type Caller, Refused } from './api.ts'
import { pathOf, readQuery } from './asked.ts'
import type { ApiContext } from './desk.ts'
import { parseJson } from './json-body.ts'
import { callerOf, presentedKey } from './keys.ts'
import { newPermit, type Permit } from './patience.ts'
import type { Rate } from './rate.ts'
import { readForm } from './read-form.ts'
import { type BodyMemory, mayHaveBody, memoryShare, readText, tooLarge } from './request-body.ts'

/** What every request is served with. */
export interface Service {
  readonly context: ApiContext
  readonly rate: Rate
  /** Of remote addresses that come with no key or a wrong one. */
  readonly strangers: Rate
  /** Of fields of forms, which anybody may send, and of JSON and XML. */
  readonly memory: { readonly forms: BodyMemory; readonly texts: BodyMemory }
  readonly idleMs: number
  readonly busyMs: number
}

/** One request on its way through the checks of all APIs (contract 00, 0.1.2). */
export interface Visit {
  readonly asked: Asked
  /** Key, permission, Accept, content type and announced size. Throws `Refused`. */
  check(): Promise<void>
  /** Parses and answers. Throws `Refused`, CoreError, `Gone`. */
  answer(): Promise<Answer>
  /** Removes what the request left in DIR/tmp and gives its memory back. */
  end(): Promise<void>
}

export function newVisit(
  service: Service,
  api: Api,
  call: ApiCall | null,
  request: IncomingMessage,
  response: ServerResponse,
  params: Readonly<Record<string, string>>,
): Visit {
  const { context } = service
  const url = request.url ?? '/'
  const path = pathOf(url)
  const form = call?.body === 'form' || call?.body === 'multipart'
  const memory = memoryShare(form ? service.memory.forms : service.memory.texts)
  const uploads: string[] = []
  let caller: Caller | null = null
  let accepted: string | null = null
  let body: unknown
  let payload = hashOf('')
  let query: Asked['query'] | null = null
  let permit: Permit | null = null
  let givenUp = false
  let bodyRead = !form
  let whenRead: (() => void) | null = null
  const mediaType = readMediaType(request.headers['content-type'] ?? '')
  const remote = request.socket.remoteAddress ?? ''

  function header(name: string): string | null {
    const value = request.headers[name.toLowerCase()]
    return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value
  }

  function onceOf(of: string): Asked['once'] {
    const key = header('idempotency-key')
    if (key === null || call?.once !== true) return null
    return {
      scope: `${api.name}/${caller === null ? 'anonymous' : (caller.id ?? caller.name)}`,
      key,
      payload: hashOf(`${request.method ?? ''} ${url} ${of}`),
    }
  }

  const asked: Asked = {
    method: request.method ?? '',
    path,
    params,
    get query() {
      return (query ??= readQuery(url))
    },
    header,
    get caller() {
      return caller
    },
    get accepted() {
      return accepted
    },
    contentType: mediaType?.type ?? null,
    get body() {
      return body
    },
    async form(limits) {
      const form = await readForm(
        {
          request,
          response,
          tmp: context.tmp,
          idleMs: service.idleMs,
          memory,
          onFile: (file) => void uploads.push(file),
        },
        limits,
      )
      payload = form.payload
      bodyRead = true
      whenRead?.()
      return form
    },
    terms(of) {
      if (call?.writes === true && context.settings().settings.paused === true)
        throw new Refused({ kind: 'paused', message: 'The intake is paused. Try again later.' })
      if (givenUp) throw busy()
      permit = newPermit()
      return { once: onceOf(of ?? payload), mayBegin: permit.mayBegin }
    },
    get base() {
      return (context.settings().settings.publicUrl ?? '').replace(/\/+$/, '')
    },
    reference: newUuid(context.now()),
    get once() {
      return onceOf(payload)
    },
  }

  async function identify(call: ApiCall): Promise<void> {
    if (call.authenticate) {
      try {
        caller = await call.authenticate(asked)
      } catch (error) {
        if (error instanceof Refused && error.refusal.kind === 'unauthorized')
          limit(service.strangers, remote)
        throw error
      }
    } else {
      const key = presentedKey(call.keyIn, header)
      caller = key === null ? null : callerOf(key, context.settings().keys)
      if (caller === null && (call.scope !== null || key !== null)) {
        limit(service.strangers, remote)
        throw new Refused({
          kind: 'unauthorized',
          message: key === null ? 'A key is missing.' : 'The key is not valid.',
        })
      }
    }
    // Who needs no key isn't counted: behind a proxy all visitors of a form have one address.
    if (caller !== null) limit(service.rate, caller.id ?? `${api.name}/${caller.name}`)
    if (call.scope !== null && caller !== null && !caller.scopes.includes(call.scope))
      throw new Refused({ kind: 'forbidden', message: `The key lacks the right ${call.scope}.` })
  }

  function checkBody(call: ApiCall): void {
    if (call.body === 'none') return
    const withBody = mayHaveBody(request)
    if (!fitsContentType(call.body, header('content-type'), withBody))
      throw new Refused({ kind: 'content-type', message: `This content type is not taken.` })
    if (call.body !== 'json' && call.body !== 'json-or-xml') return
    if (Number(header('content-length') ?? 0) > call.bodyLimit) throw tooLarge(call.bodyLimit)
  }

  async function readBody(call: ApiCall): Promise<void> {
    if (call.body !== 'json' && call.body !== 'json-or-xml') return
    const read = await readText(request, response, {
      limit: call.bodyLimit,
      idleMs: service.idleMs,
      busyMs: service.busyMs,
      memory,
    })
    if (read === null) return
    payload = read.sha256
    body = mediaType !== null && isXml(mediaType.type) ? read.text : parseJson(read.text)
  }

  return {
    asked,
    async check() {
      if (!call) return
      await identify(call)
      if (call.accept) {
        accepted = chooseType(header('accept'), call.accept)
        if (accepted === null)
          throw new Refused({
            kind: 'not-acceptable',
            message: `Only ${call.accept.join(' and ')} can be answered.`,
          })
      }
      checkBody(call)
      const key = header('idempotency-key')
      if (call.once && key !== null && !/^[\x20-\x7e]{1,255}$/.test(key))
        throw new Refused({
          kind: 'invalid',
          message: 'Idempotency-Key takes 1 to 255 printable ASCII characters.',
        })
    },
    async answer() {
      if (!call) throw new Refused({ kind: 'not-found', message: 'There is nothing at this address.' })
      await readBody(call)
      const answer = call.answer(asked)
      return await new Promise<Answer>((resolve, reject) => {
        let timer: NodeJS.Timeout | null = null
        const wait = () => {
          timer = setTimeout(() => {
            // What has begun is waited for: nobody may be told that nothing was stored.
            if (permit !== null && !permit.giveUp()) return
            givenUp = true
            reject(busy())
          }, service.busyMs)
        }
        if (bodyRead) wait()
        else whenRead = wait
        answer.then(resolve, reject).finally(() => {
          if (timer !== null) clearTimeout(timer)
        })
      })
    },
    async end() {
      memory.free()
      body = undefined
      for (const file of uploads.splice(0)) await rm(file, { force: true })
    },
  }
}

function busy(): Refused {
  return new Refused({ kind: 'busy', message: 'The desk is busy. Try again.' })
}

function limit(rate: Rate, who: string): void {
  const seconds = rate.take(who)
  if (seconds !== null)
    throw new Refused({
      kind: 'rate',
      message: `More than 300 requests in a minute. Try again in ${seconds} s.`,
      retryAfter: seconds,
    })
}

const JSON_TYPE = 'application/json'

function isXml(type: string): boolean {
  return type === 'application/xml' || type === 'text/xml'
}

/** A body without a type is JSON only where the API says that this is its default (`json-or-xml`). */
function fitsContentType(kind: ApiCall['body'], given: string | null, withBody: boolean): boolean {
  if (given === null) return !withBody || kind === 'json-or-xml'
  const media = readMediaType(given)
  if (!media) return false
  const charset = media.parameters.get('charset')?.toLowerCase()
  const unicode = charset === undefined || charset === 'utf-8' || charset === 'utf8'
  switch (kind) {
    case 'none':
      return true
    case 'json':
      return media.type === JSON_TYPE && unicode
    case 'json-or-xml':
      return (media.type === JSON_TYPE || isXml(media.type)) && unicode
    case 'form':
      return media.type === 'multipart/form-data' || media.type === 'application/x-www-form-urlencoded'
    case 'multipart':
      return media.type === 'multipart/form-data'
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
