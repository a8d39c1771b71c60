import { z } from 'zod'
import { CoreError } from '../contract/errors.ts'
import type { Received } from '../store/api-store.ts'
import { chooseType } from './accept.ts'
import { attach, type AttachmentReference, unusable } from './activity-attachments.ts'
import { readActivityBody } from './activity-body.ts'
import { type ActivitySettings, broken } from './activity-fault.ts'
import {
  type ActivityResponse,
  answeringCustomer,
  checkSizes,
  type Customer,
  customerInQuery,
  isEmail,
  oneActivityId,
  readResponse,
} from './activity-rules.ts'
import { altIdSchema, ERRORS, type errorSchema, idSchema, responseSchema } from './activity-schema.ts'
import { keepFile } from './activity-upload.ts'
import { escapeXml } from './activity-xml.ts'
import { type Answer, type Api, type ApiCall, type Asked, type Caller, type Refusal, Refused } from './api.ts'
import type { ApiContext } from './desk.ts'
import { catchAllService } from './gms-limits.ts'
import { callerOf, presentedKey } from './keys.ts'

/** Base of the calls, and where the answer to a response says that it lies (contract 05, 5.1 and 5.2). */
const BASE = '/core/casemgr/v3'
/** Where no setting says otherwise. */
const RESPONSE_PATH = `${BASE}/activity/{ids}/response`
const OLDER_PATH = '/system/ws/:version/interaction/activity/:ids/response'
const UPLOAD_PATH = `${BASE}/attachment`
const JSON_TYPE = 'application/json'
const XML_TYPE = 'application/xml'
const XML_ANSWER = 'application/xml; charset=utf-8'
const TYPES = [JSON_TYPE, XML_TYPE] as const
const SESSION = 'x-egain-session'
const KEY_IN = ['bearer', SESSION] as const
const SCOPE = 'activity:respond'
/** Text and HTML of 1 MB each, in JSON that writes every other character as an escape. */
const BODY_BYTES = 8_388_608
/** More uploads than this aren't looked for. */
const MOST_REFERENCES = 1_000

/** Activity response: a customer answers an e-mail of his thread, in JSON or XML (contract 05). */
export function activityApi(context: ApiContext): Api {
  const template = context.settings().settings.activity?.path ?? RESPONSE_PATH
  const common = {
    method: 'POST',
    // It has its own place in this API's order of checks (5.5), so the call asks for it.
    scope: null,
    keyIn: KEY_IN,
    authenticate: async (asked) => identify(context, asked),
    accept: TYPES,
    writes: true,
    once: true,
  } as const satisfies Partial<ApiCall>
  return {
    name: 'activity',
    title: 'Activity response',
    description: `A customer answers an e-mail: it lands in the thread of the answered one. The key needs the right ${SCOPE} and stands for one customer. JSON or XML, both ways.`,
    calls: [
      {
        ...common,
        // A path of the settings may hold a colon, which begins a parameter here.
        paths: [template.replaceAll(':', '::').replace('{ids}', ':ids'), OLDER_PATH],
        summary: 'Answers one activity as the customer whose key it is, or who granted it to him.',
        body: 'json-or-xml',
        bodyLimit: BODY_BYTES,
        schema: {
          params: z.object({
            ids: z.string().max(1_500).meta({ description: 'One activity id or interaction id.' }),
            version: z.string().optional().meta({ description: '“v” and a number.' }),
          }),
          query: z.object({
            customer: z
              .string()
              .optional()
              .meta({ description: 'On behalf of this customer, who granted it.' }),
          }),
          body: responseSchema,
          answers: {
            201: { description: 'Stored; Location says where it is.', body: idSchema },
            ...ERRORS,
          },
          example: {
            path: template.replace('{ids}', '1001'),
            body: {
              type: { value: 'email', subtype: { value: 'general' } },
              subject: 'Issue with mobile phone',
              payload: {
                email: {
                  content: {
                    text: 'This is the issue',
                    html: '<HTML><HEAD><TITLE></TITLE></HEAD><BODY><P>This is the issue <BR> </P></BODY></HTML>',
                  },
                },
              },
            },
          },
        },
        answer: (asked) => respond(context, asked),
      },
      {
        ...common,
        paths: [UPLOAD_PATH],
        summary: 'Uploads a file that one response may name by its altId.',
        body: 'multipart',
        bodyLimit: 0,
        schema: {
          body: z.object({ file: z.string().meta({ format: 'binary' }) }),
          answers: { 201: { description: 'Kept for 24 hours.', body: altIdSchema }, ...ERRORS },
          example: { curl: ['-F', 'file=It works.;filename=note.txt;type=text/plain'] },
        },
        answer: (asked) => upload(context, asked),
      },
    ],
    refuse,
  }
}

/** Whose key it is: it must stand for one customer. Of the older root only `v` and a number is a version. */
function identify(context: ApiContext, asked: Asked): Caller {
  const { version } = asked.params
  if (version !== undefined && !/^v\d+$/.test(version))
    throw new Refused({ kind: 'not-found', message: 'There is nothing at this address.' })
  const key = presentedKey(KEY_IN, (name) => asked.header(name))
  const caller = key === null ? null : callerOf(key, context.settings().keys)
  if (caller === null)
    throw new Refused({
      kind: 'unauthorized',
      message: key === null ? 'Authorization: Bearer or X-egain-session is needed.' : 'The key is not valid.',
    })
  if (caller.customer === null)
    throw new Refused({ kind: 'unauthorized', message: 'The key stands for no customer.' })
  return caller
}

async function respond(context: ApiContext, asked: Asked): Promise<Answer> {
  const customerId = customerInQuery(asked.query, ['customer'])
  const body = await readActivityBody(asked.contentType, asked.body)
  const answered = (await context.desk.answeredActivity(oneActivityId(asked.params.ids ?? '')))?.interaction
  if (!answered || !isEmail(answered))
    throw broken('400-113', 'There is no such activity, or it is no e-mail.')
  const caller = permitted(asked)
  const { settings, defaultMailbox } = context.settings()
  const activity: ActivitySettings = settings.activity ?? {}
  const customer = answeringCustomer({ settings: activity, caller, customer: customerId, answered })
  const response = readResponse(body, {
    settings: activity,
    customer,
    onBehalf: customerId !== null,
    answered,
    defaultMailbox: settings.defaultMailbox ?? defaultMailbox,
  })
  const limits = catchAllService(settings)
  const { references } = response
  if (references.length > MOST_REFERENCES)
    throw broken('400-115', `There are more than ${limits.maxFiles} attachments.`)
  const uploads =
    references.length === 0
      ? []
      : await context.desk.uploads(
          references.map(({ altId }) => altId),
          caller,
        )
  const submission = submissionOf(context, {
    response,
    customer,
    activity,
    answered: answered.interaction_id,
  })
  if (asked.once !== null && uploads.length < references.length)
    return created(asked, await storedBefore(context, asked, submission, missing(references, uploads)))
  const attachments = attach(references, uploads)
  checkSizes(response, attachments, limits)
  const stored = await context.desk
    .receive({ ...submission, attachments, uploads: uploads.map(({ id }) => id) }, [], asked.terms())
    .catch(asRefusal)
  return created(asked, stored)
}

type Submission = Parameters<ApiContext['desk']['receive']>[0]

/** The response as the desk files it, but for its files (contract 05, 5.2 and 5.5). */
function submissionOf(
  context: ApiContext,
  given: {
    readonly response: ActivityResponse
    readonly customer: Customer
    readonly activity: ActivitySettings
    readonly answered: string
  },
): Submission {
  const { response, customer, activity, answered } = given
  const { from, reply_to, to, subject, text, html, udata } = response
  const now = context.now()
  return {
    direction: 'in',
    sub_type: 'InboundCustomerReply',
    customer: { id: customer.id, address: from.address, first_name: '', last_name: '' },
    from,
    reply_to,
    to,
    cc: [],
    bcc: [],
    subject,
    text,
    html,
    received: now,
    sent: now,
    udata,
    attachments: [],
    queue: activity.queue ?? null,
    came_by: 'api:activity',
    external_id: null,
    thread: { kind: 'answer', parent_id: answered },
    // It is read at the desk and answered by e-mail; a secure box holds only what was posted there (04, 4.10).
    secure: null,
    fingerprint: null,
    uploads: [],
  }
}

/**
 * A repeat under its Idempotency-Key finds its uploads used, by itself. The store knows the key and answers as
 * before; for any other request the upload that isn't there lets it store nothing.
 */
async function storedBefore(
  context: ApiContext,
  asked: Asked,
  submission: Submission,
  altId: string,
): Promise<Received> {
  const noSuchUpload = ''
  try {
    return await context.desk.receive({ ...submission, uploads: [noSuchUpload] }, [], asked.terms())
  } catch (error) {
    throw error instanceof CoreError && error.code === 'invalid' ? unusable(altId) : error
  }
}

function missing(
  references: readonly AttachmentReference[],
  uploads: readonly { readonly id: string }[],
): string {
  const found = new Set(uploads.map(({ id }) => id))
  return references.find(({ altId }) => !found.has(altId))?.altId ?? ''
}

const uploadDetail = z.object({ upload: z.string() })

/** What changed between looking and storing: an upload was used by another response, or the answered mail is gone. */
function asRefusal(error: unknown): never {
  if (error instanceof CoreError && error.code === 'invalid') {
    const used = uploadDetail.safeParse(error.detail)
    throw used.success ? unusable(used.data.upload) : broken('400-113', 'There is no such activity.')
  }
  throw error
}

async function upload(context: ApiContext, asked: Asked): Promise<Answer> {
  const altId = await keepFile(context, asked, permitted(asked))
  return {
    status: 201,
    headers: headersOf(asked),
    ...(asked.accepted === XML_TYPE
      ? { type: XML_ANSWER, body: `<attachment><altId>${altId}</altId></attachment>` }
      : { body: { altId } satisfies z.output<typeof altIdSchema> }),
  }
}

/** The customer that the key stands for. Throws 403-101 where the key lacks the right. */
function permitted({ caller }: Asked): string {
  if (!caller?.scopes.includes(SCOPE)) throw broken('403-101', `The key lacks the right ${SCOPE}.`)
  // `identify` let no other in.
  if (caller.customer === null) throw new CoreError('internal', 'A key without a customer was let in.')
  return caller.customer
}

function created(asked: Asked, { activity_id }: Received): Answer {
  const id = String(activity_id)
  return {
    status: 201,
    headers: { ...headersOf(asked), location: `${asked.base}${BASE}/activity/${id}` },
    ...(asked.accepted === XML_TYPE
      ? { type: XML_ANSWER, body: `<activity id="${id}"/>` }
      : { body: { id } satisfies z.output<typeof idSchema> }),
  }
}

/** Contract 05, 5.1: the session is echoed. */
function headersOf(asked: Asked): Record<string, string> {
  const session = asked.header(SESSION)
  return session === null ? {} : { [SESSION]: session }
}

/** Contract 05, 5.2: a code and a message for the caller's developer; 5xx say nothing of ours. */
function refuse(refusal: Refusal, asked: Asked): Answer {
  const { status, code, message } = faultOf(refusal, asked)
  const xml = (asked.accepted ?? chooseType(asked.header('accept'), TYPES)) === XML_TYPE
  return {
    status,
    headers: {
      ...headersOf(asked),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(refusal.kind === 'method' && { allow: (refusal.allow ?? []).join(', ') }),
    },
    ...(xml
      ? {
          type: XML_ANSWER,
          body: `<error><code>${code}</code><developerMessage>${escapeXml(message)}</developerMessage></error>`,
        }
      : {
          body: { code, developerMessage: message } satisfies z.output<typeof errorSchema>,
        }),
    reason: `${code} ${message}`,
  }
}

/** Codes of what isn't a rule of the body; 404, 405, 409 and 429 never reach the operation. */
const CODES = {
  'not-found': '404-101',
  method: '405-101',
  unauthorized: '401-101',
  forbidden: '403-101',
  'not-acceptable': '406-101',
  'content-type': '400-102',
  'too-large': '400-115',
  malformed: '400-102',
  invalid: '400-102',
  missing: '400-113',
  conflict: '409-101',
  rate: '429-101',
  busy: '500-101',
  paused: '500-101',
  internal: '500-101',
} as const satisfies Record<Refusal['kind'], string>

const codeDetail = z.object({ code: z.string().regex(/^\d{3}-\d{3}$/) })

function faultOf(
  refusal: Refusal,
  asked: Asked,
): { readonly status: number; readonly code: string; readonly message: string } {
  const own = codeDetail.safeParse(refusal.detail)
  const code = own.success ? own.data.code : CODES[refusal.kind]
  // The server looks at the body before the query; here an unsupported parameter goes first (5.5).
  const earlier = code === '400-102' || code === '400-115' ? unsupportedIn(asked) : null
  return { status: Number(code.slice(0, 3)), code, message: refusal.message, ...earlier }
}

function unsupportedIn(asked: Asked): { readonly code: string; readonly message: string } | null {
  try {
    customerInQuery(asked.query, 'ids' in asked.params ? ['customer'] : [])
    return null
  } catch (error) {
    if (error instanceof Refused) return { code: '400-101', message: error.message }
    throw error
  }
}
