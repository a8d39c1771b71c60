import { z } from 'zod'
import { cleanLine, codePoints, isAddress } from './addresses.ts'
import type { Form } from './form.ts'
import type { GmsService } from './gms-limits.ts'

/** What was wrong, in the words of the answer (contract 01, 1.3). */
export interface GmsFault {
  readonly code: number
  readonly advice: string
}

/** A form that can be filed. */
export interface GmsMail {
  readonly firstName: string
  readonly lastName: string
  readonly fromAddress: string
  readonly subject: string
  readonly text: string
  /** Null where the form names none. */
  readonly mailbox: string | null
  /** In the order of the form; of a key that came twice the last value. */
  readonly userData: ReadonlyMap<string, string>
}

const NAME = 256
/** RFC 5322, 2.1.1: the longest line. */
const SUBJECT = 998
const PAIRS = 100
const KEY = 255
const VALUE = 8_192

const atMost = (max: number) =>
  [(text: string) => codePoints(text) <= max, `may have at most ${max} characters`] as const

const name = z
  .string()
  .overwrite((text) => cleanLine(text).trim())
  .refine(...atMost(NAME))
  .meta({ minLength: 1, maxLength: NAME })
const address = z
  .string()
  .refine((text) => isAddress(text), 'must be one e-mail address, such as jdoe@gmail.com')
  .meta({ format: 'email', maxLength: 254 })

/** The form of contract 01, 1.1, field by field. */
export const gmsFormSchema = z.object({
  firstName: name.meta({ description: 'First name of the customer.' }),
  lastName: name.meta({ description: 'Last name of the customer.' }),
  fromAddress: address.meta({ description: 'E-mail address of the customer.' }),
  subject: z
    .string()
    .overwrite(cleanLine)
    .refine(...atMost(SUBJECT))
    .meta({ description: 'Subject of the mail.', minLength: 1, maxLength: SUBJECT }),
  text: z.string().meta({ description: 'The mail as plain text; kept exactly.', minLength: 1 }),
  mailbox: address
    .meta({ description: 'Where the mail is addressed; goes before what is configured.' })
    .optional(),
  userData: z
    .array(z.string())
    .optional()
    .meta({
      description: `User data as \`key=value\`, once for each pair, at most ${PAIRS}; \`userData[key]\` is the same.`,
    }),
  files: z
    .array(z.string().meta({ format: 'binary' }))
    .optional()
    .meta({ description: 'Files, multipart only.' }),
})

/** Which fault each field has when it isn't there, and when it can't be used; in the document's order. */
const FIELDS = [
  { field: 'firstName', missing: 102, wrong: 109 },
  { field: 'lastName', missing: 103, wrong: 109 },
  { field: 'fromAddress', missing: 104, wrong: 364 },
  { field: 'subject', missing: 105, wrong: 105 },
  { field: 'text', missing: 106, wrong: 106 },
  { field: 'mailbox', missing: null, wrong: 107 },
] as const
const BAD_USER_DATA = 108

/**
 * What a form says (contract 01, 1.1), or everything that is wrong with it, in the order of its fields. Where reading
 * stopped at a limit, a field may still have been on its way, so it isn't called missing.
 */
export function readGmsForm(
  form: Pick<Form, 'fields' | 'faults'>,
  service: GmsService,
): { readonly mail: GmsMail } | { readonly faults: readonly GmsFault[] } {
  const faults: GmsFault[] = []
  const first = new Map<string, string>()
  for (const [field, value] of form.fields) if (!first.has(field)) first.set(field, value)
  const cutShort = form.faults.includes('too-many-files') || form.faults.includes('too-large')

  const given: Record<string, string> = {}
  for (const { field, missing, wrong } of FIELDS) {
    const value = first.get(field)
    if (value === undefined || cleanLine(value).trim() === '') {
      const mayStillCome = value === undefined && cutShort
      if (missing !== null && !mayStillCome) faults.push({ code: missing, advice: `${field} is missing.` })
      continue
    }
    const read = gmsFormSchema.shape[field].safeParse(value)
    if (read.success && read.data !== undefined) given[field] = read.data
    else faults.push({ code: wrong, advice: `${field} ${read.error?.issues[0]?.message ?? 'is wrong'}.` })
  }
  const pairs = userDataPairs(form.fields)
  faults.push(...userDataFaults(pairs), ...fileFaults(form.faults, service))
  if (faults.length > 0) return { faults }

  const { firstName = '', lastName = '', fromAddress = '', subject = '', text = '', mailbox = null } = given
  return { mail: { firstName, lastName, fromAddress, subject, text, mailbox, userData: new Map(pairs) } }
}

function userDataPairs(fields: Form['fields']): (readonly [key: string, value: string])[] {
  const pairs: (readonly [string, string])[] = []
  for (const [field, value] of fields) {
    if (field === 'userData') {
      const split = value.indexOf('=')
      pairs.push(split < 0 ? [value, ''] : [value.slice(0, split), value.slice(split + 1)])
    } else if (field.startsWith('userData[') && field.endsWith(']'))
      pairs.push([field.slice('userData['.length, -1), value])
  }
  return pairs
}

function userDataFaults(pairs: readonly (readonly [string, string])[]): GmsFault[] {
  const fault = (advice: string) => ({ code: BAD_USER_DATA, advice })
  if (pairs.length > PAIRS) return [fault(`userData may have at most ${PAIRS} pairs.`)]
  return pairs.flatMap(([key, value]) => {
    const shown = cleanLine(key).slice(0, 40).toWellFormed()
    if (key === '') return [fault('userData needs a key before the first “=”.')]
    if (codePoints(key) > KEY)
      return [fault(`userData: the key “${shown}…” may have at most ${KEY} characters.`)]
    if (codePoints(value) > VALUE)
      return [fault(`userData: the value of “${shown}” may have at most ${VALUE} characters.`)]
    return []
  })
}

function fileFaults(faults: Form['faults'], service: GmsService): GmsFault[] {
  const found: GmsFault[] = []
  if (faults.includes('too-many-files'))
    found.push({ code: 201, advice: `At most ${service.maxFiles} files can be attached.` })
  if (faults.includes('too-large'))
    found.push({ code: 202, advice: `Text and files may have at most ${service.maxSize} bytes together.` })
  if (faults.includes('file-type'))
    found.push({
      code: 203,
      advice: `Only these types of files are taken: ${[...service.fileTypes].join(', ')}.`,
    })
  return found
}
