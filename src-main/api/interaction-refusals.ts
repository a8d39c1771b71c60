import { z } from 'zod'
import type { Answer, ApiCall, Refusal } from './api.ts'

const errorSchema = z.object({ message: z.string(), exception: z.string() })

const STATUS_OF = {
  invalid: [400, 'InvalidRequest'],
  malformed: [400, 'InvalidRequest'],
  unauthorized: [401, 'Unauthorized'],
  forbidden: [403, 'Forbidden'],
  'not-found': [404, 'NotFound'],
  missing: [404, 'NotFound'],
  method: [405, 'MethodNotAllowed'],
  // The document names no exception for these; they are the caller's request that can't be taken as it is.
  'not-acceptable': [406, 'InvalidRequest'],
  'too-large': [413, 'InvalidRequest'],
  'content-type': [415, 'InvalidRequest'],
  rate: [429, 'InvalidRequest'],
  conflict: [409, 'Conflict'],
  internal: [500, 'Internal'],
  // Nothing is wrong with the request; it will be taken later.
  busy: [503, 'Internal'],
  paused: [503, 'Internal'],
} as const satisfies Record<Refusal['kind'], readonly [number, string]>

const memberSchema = z.object({ member: z.string() })

/** `{message, exception}` (contract 02, 2.3); what the store finds wrong with a member is told as ours is. */
export function refuseInteraction({ kind, message: words, detail }: Refusal): Answer {
  const [status, exception] = STATUS_OF[kind]
  const about = memberSchema.safeParse(detail)
  const message = about.success ? `${about.data.member}: ${words}` : words
  return {
    status,
    ...(kind === 'unauthorized' ? { headers: { 'www-authenticate': 'Bearer' } } : {}),
    body: { message, exception },
    reason: message,
  }
}

const WORDS: Readonly<Record<number, string>> = {
  400: 'InvalidRequest: the message says which member.',
  401: 'Unauthorized: no key, or an unknown one.',
  403: 'Forbidden: the key hasn’t this right.',
  404: 'NotFound.',
  409: 'Conflict: the id is taken, the move of the status isn’t allowed, or the Idempotency-Key was used for another request.',
  413: 'InvalidRequest: longer than 16 MB.',
  415: 'InvalidRequest: not JSON.',
  503: 'Internal: the intake is paused or the store is busy; nothing was stored, try again later.',
}

/** Refusals of a call, for the documents. */
export function refusals(...statuses: readonly number[]): ApiCall['schema']['answers'] {
  return Object.fromEntries(
    statuses.map((status) => [status, { description: WORDS[status] ?? '', body: errorSchema }]),
  )
}
