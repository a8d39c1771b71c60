import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { ApiName, ApiScope, Uuid } from '../contract/domain.ts'
import type { Once, WriteTerms } from '../store/api-store.ts'
import type { Form, FormLimits } from './form.ts'

/**
 * One of the APIs that Workbin serves, without anything of the HTTP server: its calls, and how it says no. The
 * server (server.ts) makes the checks that all share, in the order of the common rules (contract 00, 0.1.2): route,
 * method, authentication, permission, Accept, content type, size, parse; then `answer` validates, looks and commits.
 */
export interface Api {
  readonly name: ApiName
  /** For the page that describes it. */
  readonly title: string
  readonly description: string
  readonly calls: readonly ApiCall[]
  /** A refusal in this API's own layout. `call` is null where no call was found. */
  refuse(refusal: Refusal, asked: Asked): Answer
}

export interface ApiCall {
  /** OPTIONS is a browser's question before it asks from another site; it stands in no document. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'
  /** `/interactions/:interaction_id`; further paths that answer the same. */
  readonly paths: readonly string[]
  /** One sentence for the documents. */
  readonly summary: string
  /** Which right the key must have; null: anybody, or the call asks for itself (`authenticate`). */
  readonly scope: ApiScope | null
  /** Where a key is looked for; the first that is there counts. */
  readonly keyIn: readonly ('x-api-key' | 'bearer' | 'x-egain-session')[]
  /** In place of the above: the caller, or a refusal. GMS compares its own header. */
  readonly authenticate?: (asked: Asked) => Promise<Caller | null>
  /** Media types that can be answered; without it Accept isn't looked at. The first one is the default. */
  readonly accept?: readonly string[]
  /** What the body may be; `none`: it isn't read. A form is read by the call itself, with its own limits (`asked.form`). */
  readonly body: 'none' | 'json' | 'json-or-xml' | 'form' | 'multipart'
  /** Of the whole body, bytes; for json and xml. */
  readonly bodyLimit: number
  /** Writes are refused while the intake is paused. */
  readonly writes: boolean
  /** Whether an Idempotency-Key is honoured; not for what has an identity of its own. */
  readonly once: boolean
  /** For the OpenAPI document. */
  readonly schema: {
    readonly params?: z.ZodType
    readonly query?: z.ZodType
    readonly headers?: z.ZodType
    readonly body?: z.ZodType
    readonly answers: Readonly<Record<number, { readonly description: string; readonly body?: z.ZodType }>>
    /** A body that works when pasted into a shell, and further curl arguments. */
    readonly example?: {
      readonly path?: string
      readonly query?: string
      readonly body?: unknown
      readonly curl?: readonly string[]
    }
  }
  /** Throws `Refused` for what it refuses; CoreErrors of the store become refusals (`busy`, `conflict`, `not-found`). */
  readonly answer: (asked: Asked) => Promise<Answer>
}

/** A request as a call sees it. */
export interface Asked {
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  /** Decoded; `+` is kept as it stands, since an address may hold one. */
  readonly query: readonly (readonly [string, string])[]
  header(name: string): string | null
  readonly caller: Caller | null
  /** Media type that the answer shall have (`accept`). */
  readonly accepted: string | null
  /** Media type of the body, without parameters; null without a body. */
  readonly contentType: string | null
  /** json: the parsed value, null-prototype objects; xml: its text. Undefined where no body came. */
  readonly body: unknown
  /** Reads a form while it comes, files into DIR/tmp. Throws `Refused`. */
  form(limits: FormLimits): Promise<Form>
  /** For a write: its Idempotency-Key, and the right to begin only while the caller still waits. */
  terms(payload?: string): WriteTerms
  /** Begins every absolute URL of an answer; '' where `publicUrl` isn't set. */
  readonly base: string
  /** Of this request: in the access log and in the answers that carry one. */
  readonly reference: Uuid
  readonly once: Once | null
}

/** Whose key it is. */
export interface Caller {
  readonly id: Uuid | null
  readonly name: string
  readonly scopes: readonly ApiScope[]
  readonly tenants: readonly string[] | null
  readonly customer: string | null
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON unless `type` says otherwise; a string with a type goes out as it is. */
  readonly body?: unknown
  readonly type?: string
  /** Bytes instead of a body. */
  readonly stream?: { readonly bytes: Readable; readonly size: number }
  /** For the access log and Settings, where it is a refusal: what was wrong, in one line. */
  readonly reason?: string
}

/** Why a request isn't answered, before its own layout. */
export interface Refusal {
  readonly kind:
    | 'not-found' // no such route
    | 'method'
    | 'unauthorized'
    | 'forbidden'
    | 'not-acceptable'
    | 'content-type'
    | 'too-large'
    | 'malformed' // the body can't be parsed
    | 'invalid' // a rule of the API; `detail` is the API's own
    | 'missing' // the resource
    | 'conflict'
    | 'rate'
    | 'busy' // the store didn't come to it; nothing is stored
    | 'paused'
    | 'internal'
  readonly message: string
  /** Methods of this path, for `method`. Seconds, for `rate`. Whatever the API threw, for `invalid`. */
  readonly allow?: readonly string[]
  readonly retryAfter?: number
  readonly detail?: unknown
}

/** Thrown by a call and by what it uses; `refuse` gives it its layout. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}
