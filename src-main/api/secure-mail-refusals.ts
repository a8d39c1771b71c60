import { z } from 'zod'
import type { Answer, ApiCall, Asked, Refusal } from './api.ts'
import { CODES, genericResponse } from './secure-mail-object.ts'
import { operationIdOf } from './secure-mail-post.ts'

type Code = (typeof CODES)[number]

/** What begins every answer (contract 04, 4.1). */
export function envelope(asked: Asked, code: Code, message: string, detail: string) {
  return {
    referenceId: asked.reference,
    operationId: operationIdOf(asked.body),
    status: { code, message, detail },
  }
}

const STATUS_OF = {
  invalid: [400, 'INVALID_PARAMETER'],
  malformed: [400, 'INVALID_PARAMETER'],
  unauthorized: [401, 'INVALID_CONTACT_CENTER'],
  forbidden: [403, 'FAILURE'],
  'not-found': [404, 'FAILURE'],
  missing: [404, 'FAILURE'],
  method: [405, 'FAILURE'],
  'not-acceptable': [406, 'FAILURE'],
  conflict: [409, 'FAILURE'],
  'too-large': [413, 'FAILURE'],
  'content-type': [415, 'FAILURE'],
  rate: [429, 'FAILURE'],
  internal: [500, 'FAILURE'],
  // The document lists no code that says "later".
  busy: [500, 'FAILURE'],
  paused: [500, 'FAILURE'],
} as const satisfies Record<Refusal['kind'], readonly [number, Code]>

const detailSchema = z.object({ parameter: z.string(), code: z.enum(CODES).optional() })

/** The generic envelope without other members (contract 04, 4.1). */
export function refuseSecureMail({ kind, message, detail }: Refusal, asked: Asked): Answer {
  const [status, code] = STATUS_OF[kind]
  const about = detailSchema.safeParse(detail)
  return {
    status,
    body: envelope(
      asked,
      (about.success ? about.data.code : undefined) ?? code,
      message,
      about.success ? about.data.parameter : '',
    ),
    reason: message,
  }
}

const WORDS: Readonly<Record<number, string>> = {
  400: 'INVALID_PARAMETER or INVALID_FILE_TYPE: detail names the parameter.',
  401: 'INVALID_CONTACT_CENTER: no key, or an unknown one.',
  403: 'FAILURE: the key hasn’t this right.',
  404: 'FAILURE: no such mail, or no contact has this address.',
  409: 'FAILURE: the Idempotency-Key was used for another mail.',
  413: 'FAILURE: longer than 16 MB.',
  415: 'FAILURE: not JSON.',
  500: 'FAILURE: also where the intake is paused or the store is busy; nothing was stored.',
}

/** Refusals of a call, for the documents. */
export function refusals(...statuses: readonly number[]): ApiCall['schema']['answers'] {
  return Object.fromEntries(
    statuses.map((status) => [status, { description: WORDS[status] ?? '', body: genericResponse }]),
  )
}
