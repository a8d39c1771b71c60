import { z } from 'zod'
import { cleanLine, codePoints, isAddress } from './addresses.ts'
import {
  ADDRESS,
  BODY,
  EARLIEST,
  IDENTIFIER,
  METADATA_KEYS,
  METADATA_VALUE,
  RECIPIENTS,
  SUBJECT,
} from './contacts-limits.ts'

/** One entry of an error answer, of type `/errors/contact-payload` (contract 03, 3.3). */
export interface PayloadFault {
  readonly title:
    | 'missing-attribute'
    | 'invalid-attribute'
    | 'attribute-length'
    | 'metadata-limit'
    | 'metadata-restricted'
    | 'entity-identifier'
  /** Begins with the path of the member, `data.sub:`; but for an entity, where the document has its own words. */
  readonly detail: string
}

const METADATA_KEY = 128
/** Faults told of one map that is too large anyway, so that the answer stays smaller than the request. */
const METADATA_FAULTS = 100
/** Larger has no four-digit year. */
const LATEST = 253_402_300_799_999
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The document's members (contract 03, 3.2): as metadata they would shadow what we keep under these names. */
export const RESTRICTED_METADATA = [
  ...['tenantName', 'orgName', 'catName', 'metadataMap', 'convId', 'msgId', 'lang', 'sub', 'ts', 'body'],
  ...['agentId', 'psId', 'agentEmailId', 'psEmailId', 'from', 'to', 'cc', 'bcc', 'journeyId'],
  ...['contactId', 'callId'],
] as const
export const LANGUAGES = ['us-en', 'au-en', 'gb-en'] as const

type Check = z.core.CheckFn<string>

/** Not empty, at most `max` code points, and then what `isRight` asks; one fault at most. */
function limited(max: number, isRight: (text: string) => boolean = () => true, what = ''): Check {
  return ({ value, issues }) => {
    if (value === '') issues.push({ code: 'custom', input: value, message: 'must not be empty' })
    else if (codePoints(value) > max)
      issues.push({
        code: 'too_big',
        origin: 'string',
        maximum: max,
        inclusive: true,
        input: value,
        message: `may have at most ${max} characters`,
      })
    else if (!isRight(value)) issues.push({ code: 'custom', input: value, message: what })
  }
}

const text = (max: number) => z.string().check(limited(max)).meta({ minLength: 1, maxLength: max })
const uuid = (max: number) =>
  z
    .string()
    .check(limited(max, (value) => UUID.test(value), 'must be a UUID'))
    .meta({ format: 'uuid' })
const address = z
  .string()
  .check(limited(ADDRESS, (value) => isAddress(value, ADDRESS), 'must be one e-mail address'))
  .meta({ format: 'email', maxLength: ADDRESS })
const addresses = z
  .array(address)
  .min(1, 'must not be empty')
  .max(RECIPIENTS, `may have at most ${RECIPIENTS} addresses`)

const body: Check = ({ value, issues }) => {
  if (value === '') issues.push({ code: 'custom', input: value, message: 'must not be empty' })
  else if (Buffer.byteLength(value) > BODY)
    issues.push({
      code: 'too_big',
      origin: 'string',
      maximum: BODY,
      inclusive: true,
      input: value,
      message: `may have at most ${BODY} bytes of UTF-8`,
    })
}

/** Which tenant, organisation and category it belongs to. */
const names = { tenantName: text(128), orgName: text(128), catName: text(128) }

/** A message as contract 03, 3.1 writes it; `languages` and `restricted` are settings, both compared without case. */
export function contactsSchema(languages: readonly string[], restricted: readonly string[]) {
  const spoken = new Set(languages.map((language) => language.toLowerCase()))
  const barred = new Set(restricted.map((key) => key.toLowerCase()))
  return z.object({
    metadata: z.object({
      ...names,
      metadataMap: z
        .unknown()
        .check(({ value, issues }) => {
          for (const { key, title, message } of metadataFaults(value, barred))
            issues.push({
              code: 'custom',
              input: value,
              message,
              params: { title },
              path: key === null ? [] : [key],
            })
        })
        .meta({
          type: 'object',
          maxProperties: METADATA_KEYS,
          additionalProperties: { type: ['string', 'number', 'boolean'] },
          description: `At most ${METADATA_KEYS} keys for each category; never one of ${restricted.join(', ')}.`,
        })
        .optional(),
    }),
    data: z.object({
      convId: uuid(256).meta({ description: 'Conversation.' }),
      msgId: uuid(36).meta({ description: 'Message.' }),
      lang: z
        .string()
        .check(
          limited(5, (value) => spoken.has(value.toLowerCase()), `must be one of ${languages.join(', ')}`),
        )
        .meta({ enum: languages }),
      sub: z.string().overwrite(cleanLine).check(limited(SUBJECT)).meta({
        minLength: 1,
        maxLength: SUBJECT,
        description: 'Subject.',
      }),
      ts: z
        .number()
        .refine(
          (ts) => Number.isInteger(ts) && ts >= EARLIEST && ts <= LATEST,
          'must be an integer, milliseconds since 1970',
        )
        .meta({
          type: 'integer',
          minimum: EARLIEST,
          maximum: LATEST,
          description: 'When it was sent or received, milliseconds since 1970.',
        }),
      body: z.string().check(body).meta({ minLength: 1, description: 'At most 1,048,576 bytes of UTF-8.' }),
      agentId: text(IDENTIFIER),
      psId: text(IDENTIFIER).meta({ description: 'Participant.' }),
      agentEmailId: address.meta({ description: 'From this address it is outgoing, else incoming.' }),
      psEmailId: address.meta({ description: 'The addressed participant.' }),
      from: address,
      to: addresses,
      cc: addresses.optional(),
      bcc: addresses.optional(),
      journeyId: uuid(256).optional(),
    }),
  })
}
export type ContactsMessage = z.output<ReturnType<typeof contactsSchema>>

const entitySchema = z.object({ metadata: z.object(names) })
export type Entity = z.output<typeof entitySchema>['metadata']

/**
 * A message, or everything that is wrong with it. A missing part counts as one in which everything is missing.
 * `isKnown` says whether its tenant, organisation and category may be used.
 */
export function readMessage(
  input: unknown,
  schema: ReturnType<typeof contactsSchema>,
  isKnown: (entity: Entity) => boolean,
): { readonly message: ContactsMessage } | { readonly faults: readonly PayloadFault[] } {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return { faults: [{ title: 'invalid-attribute', detail: 'The body must be a JSON object.' }] }
  const whole = { metadata: {}, data: {}, ...input }
  const read = schema.safeParse(whole, { reportInput: true })
  const named = entitySchema.safeParse(whole)
  const faults = (read.error?.issues ?? []).map(faultOf)
  if (named.success && !isKnown(named.data.metadata))
    faults.push({ title: 'entity-identifier', detail: 'tenant/org/cat not found!' })
  return read.success && faults.length === 0 ? { message: read.data } : { faults }
}

/** The metadata of a checked message: values as text, in the order of their keys. */
export function metadataOf(message: ContactsMessage): ReadonlyMap<string, string> {
  return new Map(membersOf(message.metadata.metadataMap).map(([key, value]) => [key, String(value)]))
}

function faultOf(issue: z.core.$ZodIssue): PayloadFault {
  const path = pathText(issue.path)
  if (issue.code === 'invalid_type')
    return issue.input === undefined
      ? { title: 'missing-attribute', detail: `${path}: is missing.` }
      : { title: 'invalid-attribute', detail: `${path}: must be ${TYPES[issue.expected] ?? issue.expected}.` }
  const detail = `${path}: ${issue.message}.`
  if (issue.code === 'too_big') return { title: 'attribute-length', detail }
  const title = metadataTitle.safeParse(issue.code === 'custom' ? issue.params?.title : undefined)
  return { title: title.data ?? 'invalid-attribute', detail }
}

const metadataTitle = z.enum([
  'invalid-attribute',
  'attribute-length',
  'metadata-limit',
  'metadata-restricted',
])

const TYPES: Readonly<Partial<Record<string, string>>> = {
  string: 'a string',
  array: 'an array of strings',
  object: 'an object',
  number: 'an integer',
}

/** `data.to[3]`, `metadata.metadataMap.key`. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${shown(String(part))}`))
    .join('')
    .slice(1)
}

/** A key as a caller wrote it, on one line and not at full length. */
function shown(key: string): string {
  const line = cleanLine(key)
  return line.length <= METADATA_KEY ? line : `${line.slice(0, 40).toWellFormed()}…`
}

function metadataFaults(
  value: unknown,
  restricted: ReadonlySet<string>,
): readonly {
  readonly key: string | null
  readonly title: z.output<typeof metadataTitle>
  readonly message: string
}[] {
  if (value === undefined) return []
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ key: null, title: 'invalid-attribute', message: 'must be an object' }]
  const members = membersOf(value)
  const faults: { key: string | null; title: z.output<typeof metadataTitle>; message: string }[] = []
  const fault = (key: string | null, title: z.output<typeof metadataTitle>, message: string) =>
    faults.push({ key, title, message })
  if (members.length > METADATA_KEYS)
    fault(null, 'metadata-limit', `may have at most ${METADATA_KEYS} keys, has ${members.length}`)
  for (const [key, member] of members) {
    if (faults.length > METADATA_FAULTS) break
    if (key === '') fault(key, 'invalid-attribute', 'a key must not be empty')
    else if (codePoints(key) > METADATA_KEY)
      fault(key, 'attribute-length', `a key may have at most ${METADATA_KEY} characters`)
    else if (restricted.has(key.toLowerCase()))
      fault(key, 'metadata-restricted', `${key} is a restricted key`)
    if (typeof member !== 'string' && typeof member !== 'number' && typeof member !== 'boolean')
      fault(key, 'invalid-attribute', 'must be a string, a number or a boolean')
    else if (codePoints(String(member)) > METADATA_VALUE)
      fault(key, 'attribute-length', `may have at most ${METADATA_VALUE} characters`)
  }
  return faults
}

/** Own members, `__proto__` and `constructor` as any other. */
function membersOf(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}
