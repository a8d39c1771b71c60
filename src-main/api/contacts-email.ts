import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { UserData } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { type Answer, type Api, type Asked, type Refusal, Refused } from './api.ts'
import { METADATA_KEYS } from './contacts-limits.ts'
import {
  type ContactsMessage,
  contactsSchema,
  type Entity,
  LANGUAGES,
  metadataOf,
  type PayloadFault,
  readMessage,
  RESTRICTED_METADATA,
} from './contacts-message.ts'
import type { ApiContext, ServedSettings } from './desk.ts'

const REQUEST_BYTES = 4 * 1_048_576

const acceptedSchema = z.object({ status: z.literal(202), message: z.literal('accepted') })
const refusedSchema = z.object({
  status: z.int(),
  errors: z.array(z.object({ type: z.string(), title: z.string(), detail: z.string() })),
})
type Entry = z.output<typeof refusedSchema>['errors'][number]

/** POST /contacts/email: another system hands in the messages of its conversations (contract 03). */
export function contactsEmailApi(context: ApiContext): Api {
  const made = new WeakMap<ServedSettings, ReturnType<typeof contactsSchema>>()
  const schemaOf = (served: ServedSettings) => {
    const schema = made.get(served) ?? schemaFor(served)
    made.set(served, schema)
    return schema
  }
  return {
    name: 'contacts',
    title: 'Email API (contacts/email)',
    description:
      'Another system hands in the messages of its conversations, in and out, with their metadata.',
    calls: [
      {
        method: 'POST',
        paths: ['/contacts/email'],
        summary:
          'Hands in one message of a conversation; the very same again is accepted and not stored twice.',
        scope: 'contacts:write',
        keyIn: ['bearer'],
        accept: ['application/json'],
        body: 'json',
        bodyLimit: REQUEST_BYTES,
        writes: true,
        once: false,
        schema: {
          body: contactsSchema(LANGUAGES, RESTRICTED_METADATA),
          answers: {
            202: { description: 'Accepted.', body: acceptedSchema },
            400: { description: 'Every fault of the message, one entry each.', body: refusedSchema },
            401: { description: 'No key, or a wrong one.', body: refusedSchema },
            403: { description: 'The key isn’t for this tenant.', body: refusedSchema },
            404: { description: 'No such path, or another method.', body: refusedSchema },
            500: { description: 'It failed inside Workbin.', body: refusedSchema },
            503: { description: 'Busy, paused, or too many requests: try again later.', body: refusedSchema },
          },
          example: { body: EXAMPLE },
        },
        answer: (asked) => take(context, asked, schemaOf(context.settings())),
      },
    ],
    refuse,
  }
}

/** The document's own sample. */
const EXAMPLE = {
  metadata: { tenantName: 'Acme Corp', orgName: 'Sales', catName: 'Leads' },
  data: {
    convId: '0238ef3c-4252-11ea-b77f-2e728ce88125',
    msgId: '0238f22a-4252-11ea-b77f-2e728ce88125',
    lang: 'us-en',
    sub: 'Goods Delivary Status',
    ts: 1577836800000,
    body: 'Hi John, I am writing this email to enquire about the my delivary status',
    agentId: 'Agent1',
    psId: 'Participant1',
    agentEmailId: 'agent1@xyz.com',
    psEmailId: 'ps1@acmecorp.com',
    from: 'agent1@xyz.com',
    to: ['ps1@acmecorp.com', 'ps2@acmecorp.com'],
    journeyId: '02d8f01e-42b0-11ea-b77f-2e728ce88125',
  },
}

function schemaFor({ settings }: ServedSettings): ReturnType<typeof contactsSchema> {
  return contactsSchema(
    settings.contacts?.languages ?? LANGUAGES,
    settings.contacts?.restrictedMetadata ?? RESTRICTED_METADATA,
  )
}

async function take(
  { desk, settings, now }: ApiContext,
  asked: Asked,
  schema: ReturnType<typeof contactsSchema>,
): Promise<Answer> {
  if (asked.body === undefined)
    throw new Refused({ kind: 'malformed', message: 'The body must be a JSON object; there is none.' })
  const { entities = [], registerUnknown = false, queue = null } = settings().settings.contacts ?? {}
  const isListed = ({ tenantName, orgName, catName }: Entity) =>
    entities.some(
      (known) => known.tenantName === tenantName && known.orgName === orgName && known.catName === catName,
    )
  const read = readMessage(asked.body, schema, (entity) => registerUnknown || isListed(entity))
  if ('faults' in read) throw refusedFor(read.faults)
  const { message } = read
  const { tenantName, orgName, catName } = message.metadata
  const tenants = asked.caller?.tenants ?? null
  if (tenants !== null && !tenants.includes(tenantName))
    throw new Refused({
      kind: 'forbidden',
      message: 'The token is not for this tenant.',
      detail: { title: 'tenant' },
    })

  try {
    await desk.receive(submissionOf(message, queue, now()), [], asked.terms())
  } catch (error) {
    if (!(error instanceof CoreError) || !tooManyKeys.safeParse(error.detail).success) throw error
    throw refusedFor([
      {
        title: 'metadata-limit',
        detail: `metadata.metadataMap: this tenant, org and cat may use at most ${METADATA_KEYS} keys in all.`,
      },
    ])
  }
  // Not before: a message that isn't stored leaves nothing behind. A known one costs no look at the settings.
  const entity = { tenantName, orgName, catName }
  if (!isListed(entity)) await desk.registerEntity(entity)
  return { status: 202, body: { status: 202, message: 'accepted' } satisfies z.output<typeof acceptedSchema> }
}

const tooManyKeys = z.object({ metadataKeys: z.literal(true) })

function refusedFor(faults: readonly PayloadFault[]): Refused {
  return new Refused({
    kind: 'invalid',
    message: faults.map(({ detail }) => detail).join(' '),
    detail: faults.map((fault) => ({ type: '/errors/contact-payload', ...fault })),
  })
}

/** The message as the desk files it (contract 03, 3.2). */
function submissionOf(
  message: ContactsMessage,
  queue: string | null,
  now: number,
): Parameters<ApiContext['desk']['receive']>[0] {
  const { data } = message
  const { tenantName, orgName, catName } = message.metadata
  const metadata = metadataOf(message)
  const outgoing = data.from.toLowerCase() === data.agentEmailId.toLowerCase()
  const [firstRecipient = data.from] = data.to
  const addresses = (list: readonly string[] = []) => list.map((address) => ({ address }))
  return {
    direction: outgoing ? 'out' : 'in',
    sub_type: null,
    customer: { id: null, address: outgoing ? firstRecipient : data.from, first_name: '', last_name: '' },
    from: { address: data.from },
    reply_to: null,
    to: addresses(data.to),
    cc: addresses(data.cc),
    bcc: addresses(data.bcc),
    subject: data.sub,
    text: data.body,
    html: null,
    received: now,
    sent: data.ts,
    udata: userDataOf(message, metadata),
    attachments: [],
    queue,
    came_by: 'api:contacts',
    external_id: data.msgId,
    thread: {
      kind: 'conversation',
      tenant: tenantName,
      org: orgName,
      cat: catName,
      conv_id: data.convId,
      metadata: [...metadata.keys()],
    },
    secure: null,
    fingerprint: fingerprintOf(message),
    uploads: [],
  }
}

/** Metadata in its order, then the members that have no column; these win where a setting allows both. */
function userDataOf({ metadata, data }: ContactsMessage, map: ReadonlyMap<string, string>): UserData {
  return Object.fromEntries<string>([
    ...map,
    ['tenantName', metadata.tenantName],
    ['orgName', metadata.orgName],
    ['catName', metadata.catName],
    ['convId', data.convId],
    ['lang', data.lang],
    ['agentId', data.agentId],
    ['psId', data.psId],
    ['agentEmailId', data.agentEmailId],
    ['psEmailId', data.psEmailId],
    ...(data.journeyId === undefined ? [] : [['journeyId', data.journeyId] as const]),
  ])
}

/** What an exact repeat shares: the document calls msgId a thread's id, so alone it names no message. */
function fingerprintOf({ metadata, data }: ContactsMessage): string {
  const identity = [
    ...['contacts', metadata.tenantName, metadata.orgName, metadata.catName],
    ...[data.convId, data.msgId, data.ts, data.from, data.sub, data.body],
  ]
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex')
}

/** Contract 03, 3.3: the list of codes is closed, so what it doesn't name becomes what it does. */
function refuse(refusal: Refusal): Answer {
  const { status, type, title } = ANSWERS[refusal.kind]
  const entries = z.array(refusedSchema.shape.errors.element).min(1).safeParse(refusal.detail)
  const named = z.object({ title: z.string() }).safeParse(refusal.detail)
  const one: Entry = { type, title: named.data?.title ?? title, detail: refusal.message }
  return {
    status,
    headers: headersOf(refusal),
    body: {
      status,
      errors: refusal.kind === 'invalid' && entries.success ? entries.data : [one],
    } satisfies z.output<typeof refusedSchema>,
    reason: refusal.message,
  }
}

function headersOf({ kind }: Refusal): Record<string, string> {
  return kind === 'unauthorized' ? { 'www-authenticate': 'Bearer' } : {}
}

const payload = (title: string) => ({ status: 400, type: '/errors/contact-payload', title })
const notFound = { status: 404, type: '/errors/not-found', title: 'resource' }
const unavailable = { status: 503, type: '/errors/unavailable', title: 'unavailable' }
const ANSWERS: Readonly<Record<Refusal['kind'], Omit<Entry, 'detail'> & { readonly status: number }>> = {
  'not-found': notFound,
  missing: notFound,
  method: notFound,
  unauthorized: { status: 401, type: '/errors/authentication', title: 'token' },
  forbidden: { status: 403, type: '/errors/authorization', title: 'scope' },
  'not-acceptable': payload('media-type'),
  'content-type': payload('media-type'),
  'too-large': payload('attribute-length'),
  malformed: payload('malformed-json'),
  invalid: payload('invalid-attribute'),
  conflict: payload('invalid-attribute'),
  rate: unavailable,
  busy: unavailable,
  paused: unavailable,
  internal: { status: 500, type: '/errors/internal', title: 'internal' },
}
