import { expect } from 'vitest'
import { z } from 'zod'
import type { ApiInteraction } from '../../src-main/store/api-store.ts'
import type { ServedApis } from './api.ts'

/** The document's own customer and mail. */
export const JOHN = {
  firstName: 'John',
  lastName: 'Doe',
  fromAddress: 'jdoe@gmail.com',
  subject: 'Help with account',
  text: 'I need help with my account',
} as const

/** Fields over John's; null leaves one out, a list sends it so often. */
export type Fields = Readonly<Record<string, string | readonly string[] | null>>

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export function multipart(fields: Fields = {}, files: readonly File[] = []): FormData {
  const form = new FormData()
  for (const [name, value] of pairs(fields)) form.append(name, value)
  for (const file of files) form.append('files', file)
  return form
}

export function urlencoded(fields: Fields = {}): URLSearchParams {
  return new URLSearchParams(pairs(fields))
}

export function upload(
  name: string,
  content: string | Uint8Array<ArrayBuffer> = 'content',
  type = 'text/plain',
): File {
  return new File([content], name, { type })
}

function pairs(fields: Fields): [string, string][] {
  return Object.entries<Fields[string]>({ ...JOHN, ...fields }).flatMap(([name, value]) => {
    if (value === null) return []
    return (typeof value === 'string' ? [value] : value).map((one): [string, string] => [name, one])
  })
}

const ID = /^[0-9A-Za-z]{16}$/
const REFERENCE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
const acceptedSchema = z.strictObject({ statusCode: z.literal(0), interactionId: z.string() })
const refusedSchema = z.strictObject({
  statusCode: z.literal(2),
  errors: z.array(z.strictObject({ code: z.int(), advice: z.string().min(3) })),
  referenceId: z.string().regex(REFERENCE),
})

/** Sends a form to a service, whatever becomes of it. */
export async function post(
  { url }: Pick<ServedApis, 'url'>,
  service: string,
  body: RequestInit['body'],
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return await ask(`${url}/genesys/2/email/${service}`, { method: 'POST', body: body ?? null, headers })
}

export async function ask(url: string, request: RequestInit): Promise<Reply> {
  const answer = await fetch(url, request)
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: text === '' ? null : JSON.parse(text) }
}

/** The mail that this answer says was stored. */
export async function accepted({ store }: Pick<ServedApis, 'store'>, reply: Reply): Promise<ApiInteraction> {
  expect([reply.status, reply.body]).toEqual([
    200,
    { statusCode: 0, interactionId: expect.stringMatching(ID) },
  ])
  const { interactionId } = acceptedSchema.parse(reply.body)
  return await store.apiInteraction(interactionId)
}

/** Codes of what is refused, in its layout; it must leave nothing in the store, among the blobs and in DIR/tmp. */
export async function refused(
  desk: ServedApis,
  status: number,
  send: () => Promise<Reply>,
): Promise<number[]> {
  const before = await stored(desk)
  const reply = await send()
  expect([reply.status, reply.body]).toMatchObject([status, { statusCode: 2 }])
  const { errors } = refusedSchema.parse(reply.body)
  expect(await stored(desk)).toEqual(before)
  expect(desk.uploadsLeft()).toEqual([])
  return errors.map(({ code }) => code)
}

/** Everything that a request could leave behind. */
export async function stored({ store, blobs }: Pick<ServedApis, 'store' | 'blobs'>) {
  return {
    ...(await store.counts(1)),
    contacts: await store.exportContacts(),
    blobs: [...blobs.all()].sort(),
  }
}
