import { z } from 'zod'
import type { UserData } from '../contract/domain.ts'
import { type Answer, type Api, type ApiCall, type Asked, type Caller, type Refusal, Refused } from './api.ts'
import type { ApiContext, ServedSettings } from './desk.ts'
import type { Form } from './form.ts'
import { type GmsFault, gmsFormSchema, type GmsMail, readGmsForm } from './gms-form.ts'
import { allowsFile, type GmsService, gmsService } from './gms-limits.ts'
import { keyHash, sameHash } from './keys.ts'

const PATH = '/genesys/2/email/:serviceName'
const ALLOW = ['POST']
const NO_SERVICE = 'There is no such e-mail service.'
/** What a script of another site may send along, and for how long a browser may remember that, s. */
const CORS_HEADERS = 'Content-Type, apikey, Idempotency-Key'
const CORS_AGE = '600'

const accepted = z.object({
  statusCode: z.literal(0),
  interactionId: z.string().regex(/^[0-9A-Za-z]{16}$/),
})
const tryAgain = z.object({ statusCode: z.literal(1) })
const faultSchema = z.object({ code: z.int(), advice: z.string() })
const refused = z.object({
  statusCode: z.literal(2),
  errors: z.array(faultSchema),
  referenceId: z.string(),
})

/** GMS Email API v2: a web form sends a mail in (contract 01). */
export function gmsEmailApi(context: ApiContext): Api {
  const common = {
    paths: [PATH],
    scope: null,
    keyIn: [],
    once: false,
  } as const
  const submit: ApiCall = {
    ...common,
    method: 'POST',
    summary: 'Sends a mail with its files and user data to the desk, as a web form does.',
    authenticate: (asked) => Promise.resolve().then(() => callerOf(context, asked)),
    body: 'form',
    bodyLimit: 0,
    writes: true,
    once: true,
    schema: {
      params: z.object({ serviceName: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/) }),
      headers: z.object({
        apikey: z.string().optional().meta({ description: 'Where the settings ask for one.' }),
      }),
      body: gmsFormSchema,
      answers: {
        200: {
          description:
            'Accepted (statusCode 0), or nothing was stored and it should be sent again (statusCode 1).',
          body: z.union([accepted, tryAgain]),
        },
        400: { description: 'A field can’t be used; every fault is listed.', body: refused },
        401: { description: 'The apikey is missing or wrong.', body: refused },
        404: { description: 'No such service.', body: refused },
        409: { description: 'The Idempotency-Key was used for another mail.', body: refused },
        413: { description: 'Text and files are too large together.', body: refused },
        415: {
          description: 'Neither multipart/form-data nor application/x-www-form-urlencoded.',
          body: refused,
        },
      },
      example: {
        path: '/genesys/2/email/support',
        curl: [
          ...['-F', 'firstName=John', '-F', 'lastName=Doe', '-F', 'fromAddress=jdoe@gmail.com'],
          ...['-F', 'subject=Help with account', '-F', 'text=I need help with my account'],
          ...['-F', 'userData=key1=value1', '-F', 'userData=key2=value2'],
        ],
      },
    },
    answer: (asked) => take(context, asked),
  }
  const preflight: ApiCall = {
    ...common,
    method: 'OPTIONS',
    summary: 'Tells a browser whether a script of another site may ask.',
    body: 'none',
    bodyLimit: 0,
    writes: false,
    schema: { answers: { 204: { description: 'It may.' } } },
    answer: (asked) => Promise.resolve().then(() => answerPreflight(context, asked)),
  }
  return {
    name: 'email',
    title: 'GMS Email API v2',
    description: 'A web form or an app sends a mail with files and user data to the desk.',
    calls: [submit, preflight],
    refuse: (refusal, asked) => refuse(context, refusal, asked),
  }
}

async function take(context: ApiContext, asked: Asked): Promise<Answer> {
  const service = serviceOf(context, asked)
  const form = await asked.form({
    maxFiles: service.maxFiles,
    maxBytes: service.maxSize,
    countedFields: ['text'],
    allowsName: (name) => allowsFile(service.fileTypes, name),
    fileField: 'files',
  })
  const read = readGmsForm(form, service)
  if ('faults' in read)
    throw new Refused({
      kind: 'invalid',
      message: read.faults.map(({ advice }) => advice).join(' '),
      detail: read.faults,
    })
  const { interaction_id } = await context.desk.receive(
    submissionOf(read.mail, form, service, context),
    form.files.map(({ file, sha256 }) => ({ file, sha256 })),
    asked.terms(form.payload),
  )
  return {
    status: 200,
    headers: crossOrigin(service, asked),
    body: { statusCode: 0, interactionId: interaction_id } satisfies z.output<typeof accepted>,
  }
}

/** The mail as the desk files it (contract 01, 1.2 and 1.3). */
function submissionOf(
  mail: GmsMail,
  form: Form,
  service: GmsService,
  context: ApiContext,
): Parameters<ApiContext['desk']['receive']>[0] {
  const now = context.now()
  const mailbox = mail.mailbox ?? service.mailbox ?? defaultMailbox(context.settings())
  return {
    direction: 'in',
    sub_type: null,
    customer: {
      id: null,
      address: mail.fromAddress,
      first_name: mail.firstName,
      last_name: mail.lastName,
    },
    from: { address: mail.fromAddress, personal: `${mail.firstName} ${mail.lastName}` },
    reply_to: null,
    to: mailbox === null ? [] : [{ address: mailbox }],
    cc: [],
    bcc: [],
    subject: mail.subject,
    text: mail.text,
    html: null,
    received: now,
    sent: now,
    udata: userDataOf(mail, service),
    attachments: form.files.map(({ name, contentType, size, sha256 }) => ({
      name,
      content_type: contentType,
      size,
      sha256,
      content_id: null,
      inline: false,
    })),
    queue: service.queue,
    came_by: `api:email/${service.name}`,
    external_id: null,
    thread: { kind: 'new' },
    secure: null,
    fingerprint: null,
    uploads: [],
  }
}

/** What the form says goes before what we add; the tenant is the administrator's and goes before both. */
function userDataOf(mail: GmsMail, service: GmsService): UserData {
  const udata = new Map(mail.userData)
  const added = { FirstName: mail.firstName, LastName: mail.lastName, EmailAddress: mail.fromAddress }
  for (const [key, value] of Object.entries(added)) if (!udata.has(key)) udata.set(key, value)
  if (service.tenant !== null) udata.set('Tenant', service.tenant)
  // As own members, `__proto__` too.
  return Object.fromEntries(udata)
}

function defaultMailbox({ settings, defaultMailbox }: ServedSettings): string | null {
  return settings.defaultMailbox ?? defaultMailbox
}

/** The service of the path; null where it isn't served. Where no call took the request its name stands in the path only. */
function findService(context: ApiContext, { params, path }: Asked): GmsService | null {
  const name = params.serviceName ?? /\/([^/]*)$/.exec(path)?.[1] ?? ''
  return gmsService(context.settings().settings, name)
}

function serviceOf(context: ApiContext, asked: Asked): GmsService {
  const service = findService(context, asked)
  if (service) return service
  throw new Refused({ kind: 'not-found', message: NO_SERVICE })
}

/** Null is anybody: a browser's form has nowhere to keep a secret. Else the key of the service's own section, or of the catch-all. */
function callerOf(context: ApiContext, asked: Asked): Caller | null {
  const { name } = serviceOf(context, asked)
  const { emailKeys } = context.settings()
  const section = [`email.${name}`, 'email'].find((key) => emailKeys[key] !== undefined)
  const sha256 = section === undefined ? undefined : emailKeys[section]
  if (section === undefined || sha256 === undefined) return null
  const key = asked.header('apikey')
  if (key !== null && sameHash(keyHash(key), sha256))
    return { id: null, name: section, scopes: [], tenants: null, customer: null }
  throw new Refused({
    kind: 'unauthorized',
    message: key === null ? 'The apikey is missing.' : 'The apikey is not valid.',
  })
}

function answerPreflight(context: ApiContext, asked: Asked): Answer {
  const headers = crossOrigin(serviceOf(context, asked), asked)
  if (!headers['access-control-allow-origin'])
    throw new Refused({ kind: 'method', message: 'OPTIONS is not answered here.', allow: ALLOW })
  return {
    status: 204,
    headers: {
      ...headers,
      'access-control-allow-methods': ALLOW.join(', '),
      'access-control-allow-headers': CORS_HEADERS,
      'access-control-max-age': CORS_AGE,
    },
  }
}

/** Lets a browser show the answer to a script of an allowed origin, and to no other. */
function crossOrigin(service: GmsService | null, asked: Asked): Record<string, string> {
  if (!service || service.origins.size === 0) return {}
  const origin = asked.header('origin')
  return {
    vary: 'Origin',
    ...(origin !== null && service.origins.has(origin) && { 'access-control-allow-origin': origin }),
  }
}

/** Contract 01, 1.3 and 1.6: a temporary failure says nothing but that, everything else lists its faults. */
function refuse(context: ApiContext, refusal: Refusal, asked: Asked): Answer {
  const service = findService(context, asked)
  // The address is checked before the method (contract 00, 0.1.2), and a name that isn't served is no address.
  if (refusal.kind === 'method' && !service)
    return refuse(context, { kind: 'not-found', message: NO_SERVICE }, asked)
  const headers = crossOrigin(service, asked)
  const reason = refusal.message
  if (refusal.kind === 'busy' || refusal.kind === 'paused')
    return { status: 200, headers, body: { statusCode: 1 } satisfies z.output<typeof tryAgain>, reason }
  const errors = faultsOf(refusal)
  return {
    status: statusOf(refusal, errors),
    headers: {
      ...headers,
      ...(refusal.kind === 'method' && { allow: ALLOW.join(', ') }),
    },
    body: { statusCode: 2, errors: [...errors], referenceId: asked.reference } satisfies z.output<
      typeof refused
    >,
    reason,
  }
}

/** Code of a fault that isn't the form's own; for most it is the HTTP status. */
const CODES = {
  'not-found': 404,
  missing: 404,
  method: 405,
  unauthorized: 401,
  forbidden: 403,
  'not-acceptable': 406,
  'content-type': 110,
  'too-large': 202,
  malformed: 111,
  invalid: 400,
  conflict: 409,
  rate: 429,
  busy: 503,
  paused: 503,
  internal: 500,
} as const satisfies Record<Refusal['kind'], number>

function faultsOf(refusal: Refusal): readonly GmsFault[] {
  const faults = z.array(faultSchema).min(1).safeParse(refusal.detail)
  if (refusal.kind === 'invalid' && faults.success) return faults.data
  return [{ code: CODES[refusal.kind], advice: refusal.message }]
}

function statusOf(refusal: Refusal, errors: readonly GmsFault[]): number {
  if (errors.some(({ code }) => code === 202)) return 413
  switch (refusal.kind) {
    case 'content-type':
      return 415
    case 'malformed':
    case 'invalid':
      return 400
    default:
      return CODES[refusal.kind]
  }
}
