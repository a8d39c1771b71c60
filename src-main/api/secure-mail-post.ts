import { z } from 'zod'
import type { UserData, Uuid } from '../contract/domain.ts'
import { cleanFileName } from '../intake/file-names.ts'
import { cleanLine, codePoints, isAddress } from './addresses.ts'
import { Refused } from './api.ts'
import { isMediaType, isObject, takes } from './body-members.ts'
import { isUserData } from './interaction-object.ts'
import { allowsFile, type GmsService } from './gms-limits.ts'

/** What a POST of secure mail says (contract 04, 4.3). */
export interface PostedMail {
  readonly address: string
  readonly subject: string
  /** Exactly as posted. */
  readonly text: string
  readonly html: string | null
  readonly firstName: string
  readonly lastName: string
  /** Null: as the settings say. */
  readonly mailbox: string | null
  readonly userData: UserData
  readonly attachments: readonly PostedFile[]
  readonly parentId: Uuid | null
}

export interface PostedFile {
  /** Cleaned. */
  readonly name: string
  readonly contentType: string
  readonly size: number
  /** Checked to be base64. */
  readonly content: string
}

/** A refusal with its code and the parameter that it is about. */
export function badParameter(
  parameter: string,
  what: string,
  code: 'INVALID_PARAMETER' | 'INVALID_FILE_TYPE' = 'INVALID_PARAMETER',
): Refused {
  return new Refused({ kind: 'invalid', message: `${parameter}: ${what}`, detail: { parameter, code } })
}

const SUBJECT = 998
const NAME = 256
const PAIRS = 100
const KEY = 255
const VALUE = 8_192

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** An id as it is stored; null where it has no form of one. */
export function readUuid(text: string): Uuid | null {
  const id = text.toLowerCase()
  return UUID.test(id) ? id : null
}

function atMost(length: number) {
  return text
    .refine((value) => codePoints(value) <= length, `takes at most ${length} characters`)
    .meta({ maxLength: length })
}

const text = z.string(takes('a string'))
const address = text.refine((value) => isAddress(value), 'is not one e-mail address')
const personName = text
  .refine((value) => codePoints(value.trim()) <= NAME, `takes at most ${NAME} characters`)
  .meta({ maxLength: NAME })

// Not z.record, which forgets a key named __proto__.
const userData = z
  .unknown()
  .superRefine((value, context) => {
    const fault = userDataFault(value)
    if (fault !== null) context.addIssue({ code: 'custom', message: fault })
  })
  .meta({
    type: 'object',
    additionalProperties: { type: ['string', 'number', 'boolean'] },
    description: `At most ${PAIRS} keys. Alias userdata.`,
  })

const attachment = z.object(
  {
    name: text,
    contentType: text
      .refine((value) => value === '' || isMediaType(value), 'takes a media type such as application/pdf')
      .nullish(),
    content: text.meta({ contentEncoding: 'base64' }),
  },
  takes('an object with name, contentType and content'),
)

const dataSchema = z.object(
  {
    address: address.meta({ description: 'The consumer. Alias fromAddress.' }),
    subject: atMost(SUBJECT).nullish().meta({ description: 'Subject or text must be there.' }),
    text: text.nullish().meta({ description: 'Plain text. Alias body.' }),
    html: text.nullish(),
    firstName: personName.nullish(),
    lastName: personName.nullish(),
    mailbox: address.nullish().meta({ description: 'Where it is addressed; else as the settings say.' }),
    userData: userData.nullish(),
    attachments: z.array(attachment, takes('an array')).nullish(),
    parentId: text
      .refine((value) => readUuid(value) !== null, 'is not a secureMailId')
      .nullish()
      .meta({ description: 'A secureMailId of the same address and box, whose thread this continues.' }),
  },
  takes('an object'),
)

/** The whole body, for the documents; aliases are read, too. */
export const postSchema = z.object(
  {
    data: dataSchema,
    operationId: z
      .union([z.string().max(128), z.number()])
      .optional()
      .meta({ description: 'Echoed in the answer.' }),
  },
  takes('an object'),
)

/** The mail of a body, within the form API's limits. Throws `Refused` with the first fault. */
export function readPostedMail(body: unknown, limits: GmsService): PostedMail {
  const given = withoutAliases(body)
  refuseCrowd(given, limits)
  const result = postSchema.pick({ data: true }).safeParse(given)
  if (!result.success) {
    const [issue] = result.error.issues
    throw badParameter((issue?.path ?? []).map(String).join('.') || 'body', issue?.message ?? 'is wrong')
  }
  const { data } = result.data
  const subject = cleanLine(data.subject ?? '').trim()
  const words = data.text ?? ''
  if (subject === '' && words.trim() === '') throw badParameter('data.subject', 'or data.text is required')
  return {
    address: data.address,
    subject,
    text: words,
    html: data.html || null,
    firstName: cleanLine(data.firstName ?? '').trim(),
    lastName: cleanLine(data.lastName ?? '').trim(),
    mailbox: data.mailbox ?? null,
    userData: isUserData(data.userData) ? data.userData : {},
    attachments: readFiles(data.attachments ?? [], Buffer.byteLength(words), limits),
    parentId: typeof data.parentId === 'string' ? readUuid(data.parentId) : null,
  }
}

/** The value to echo: a string of at most 128 characters or a number; null for anything else, and where none came. */
export function operationIdOf(body: unknown): string | number | null {
  const id = isObject(body) ? body.operationId : null
  if (typeof id === 'string') return codePoints(id) <= 128 ? id : null
  return typeof id === 'number' && Number.isFinite(id) ? id : null
}

/** Written as the form API or the web pages of the vendor write them; the plain name goes before its alias. */
function withoutAliases(body: unknown): unknown {
  if (!isObject(body) || !isObject(body.data)) return body
  const { data } = body
  return {
    data: {
      ...data,
      address: data.address ?? data.fromAddress,
      text: data.text ?? data.body,
      userData: data.userData ?? data.userdata,
    },
  }
}

/** Before the schema sees them: a fault for each of a million files would cost more memory than the body. */
function refuseCrowd(body: unknown, { maxFiles }: GmsService): void {
  const data = isObject(body) ? body.data : null
  const files = isObject(data) ? data.attachments : null
  if (Array.isArray(files) && files.length > maxFiles)
    throw badParameter('data.attachments', `takes at most ${maxFiles} files`)
}

function readFiles(
  given: readonly z.output<typeof attachment>[],
  textBytes: number,
  { maxSize, fileTypes }: GmsService,
): readonly PostedFile[] {
  const files = given.map(({ name, contentType, content }, i): PostedFile => {
    const place = `data.attachments.${i}`
    const cleaned = cleanFileName(name)
    if (cleaned === null || !allowsFile(fileTypes, cleaned))
      throw badParameter(
        `${place}.name`,
        `takes only files of these types: ${[...fileTypes].join(', ')}`,
        'INVALID_FILE_TYPE',
      )
    const size = base64Size(content)
    if (size === null) throw badParameter(`${place}.content`, 'is not base64')
    return { name: cleaned, contentType: contentType || 'application/octet-stream', size, content }
  })
  if (files.reduce((sum, { size }) => sum + size, textBytes) > maxSize)
    throw badParameter(
      files.length > 0 ? 'data.attachments' : 'data.text',
      `text and files take at most ${maxSize} bytes together`,
    )
  // Last, since it costs what the files cost: every bit must be one of the file (RFC 4648, 3.5).
  for (const [i, { content }] of files.entries())
    if (Buffer.from(content, 'base64').toString('base64') !== content)
      throw badParameter(`data.attachments.${i}.content`, 'is not base64')
  return files
}

/** Bytes that base64 of this length stands for (RFC 4648, 4); null where its padding is wrong. */
function base64Size(content: string): number | null {
  if (content.length % 4 !== 0) return null
  const padding = content.endsWith('==') ? 2 : content.endsWith('=') ? 1 : 0
  return (content.length / 4) * 3 - padding
}

function userDataFault(value: unknown): string | null {
  if (!isObject(value)) return 'takes an object'
  const pairs = Object.entries(value)
  if (pairs.length > PAIRS) return `takes at most ${PAIRS} keys`
  for (const [key, one] of pairs) {
    if (key === '' || codePoints(key) > KEY) return `takes keys of 1 to ${KEY} characters`
    if (typeof one !== 'string' && typeof one !== 'number' && typeof one !== 'boolean')
      return 'takes only strings, numbers, true and false as values'
    if (typeof one === 'string' && codePoints(one) > VALUE)
      return `takes values of at most ${VALUE} characters`
  }
  return null
}
