import { rm } from 'node:fs/promises'
import { z } from 'zod'
import type { ApiScope, SecureMailbox, Uuid } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { SecureMail } from '../store/api-store.ts'
import { isAddress } from './addresses.ts'
import { type Answer, type Api, type ApiCall, type Asked, Refused } from './api.ts'
import type { ApiContext, ReceivedFile } from './desk.ts'
import { takes } from './body-members.ts'
import { catchAllService } from './gms-limits.ts'
import { keepFile } from './kept-files.ts'
import { queryOf, wholeNumber } from './query.ts'
import {
  countResponse,
  createResponse,
  listItem,
  listResponse,
  retrieveResponse,
  selfUri,
  shownUserData,
  userdataResponse,
  wholeMail,
} from './secure-mail-object.ts'
import { envelope, refusals, refuseSecureMail } from './secure-mail-refusals.ts'
import { badParameter, postSchema, readPostedMail, readUuid } from './secure-mail-post.ts'

const BASE = '/nexus/v3'
const BODY_LIMIT = 16 * 1_048_576
const MOST = 100
const USUAL = 10

const boxSchema = z
  .string()
  .regex(/^(?:[A-Za-z0-9]{3,16})?$/, 'takes 3 to 16 letters and digits')
  .default('')
  .meta({ description: 'A box of its own for each department; absent or empty: the unnamed one.' })
const mailboxSchema = z.object({
  address: z
    .string(takes('a string'))
    .refine((address) => isAddress(address), 'is not one e-mail address')
    .meta({ description: 'The consumer’s address.' }),
  securebox: boxSchema,
  status: word(['all', 'unread', 'read'], 'all'),
})
const listSchema = mailboxSchema.extend({
  index: wholeNumber(0),
  count: wholeNumber(USUAL).meta({
    description: `${USUAL} where none is given; more than ${MOST} is ${MOST}.`,
  }),
})
const readSchema = z.object({ read: word(['false', 'true'], 'false') })
const removeSchema = z.object({
  remove: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['read', 'true', '', 'delete', 'purge'], 'takes read, delete or purge'))
    .default('read')
    .meta({
      enum: ['read', 'delete', 'purge'],
      description: 'read where none is given; true and empty are deprecated names of it.',
    }),
})
const idSchema = z.object({ secureMailId: z.string() })

/** Customers' secure mailboxes (contract 04). */
export function secureMailApi({ desk, settings, now, tmp }: ApiContext): Api {
  const get = reading('securemail:read')

  /** Marks, deletes and purges know no other refusal of an id than 404. */
  function idFor(asked: Asked, malformed: 'invalid' | 'missing'): Uuid {
    const given = asked.params.secureMailId ?? ''
    const id = readUuid(given)
    if (id !== null) return id
    throw malformed === 'invalid' ? badParameter('secureMailId', 'is not an id') : unknownMail()
  }

  const calls: readonly ApiCall[] = [
    {
      ...get,
      method: 'GET',
      paths: [`${BASE}/securemail`],
      summary: 'The secure mails of an address, newest first.',
      schema: {
        query: listSchema,
        answers: { 200: { description: 'The mails.', body: listResponse }, ...refusals(400, 401, 404, 500) },
        example: { query: 'address=ann@customer.test&status=unread&index=0&count=10' },
      },
      async answer(asked) {
        const { address, securebox, status, index, count } = parameters(listSchema, asked)
        const page = { index, count: Math.min(count, MOST) }
        const mails = await desk.secureMails({ address, box: securebox }, status, page)
        if (mails === null) throw unknownAddress()
        return success(asked, { data: mails.map(listItem) })
      },
    },
    {
      ...get,
      method: 'GET',
      paths: [`${BASE}/securemail/count`],
      summary: 'How many secure mails an address has.',
      schema: {
        query: mailboxSchema,
        answers: { 200: { description: 'The count.', body: countResponse }, ...refusals(400, 401, 404, 500) },
        example: { query: 'address=ann@customer.test&status=unread' },
      },
      async answer(asked) {
        const { address, securebox, status } = parameters(mailboxSchema, asked)
        const count = await desk.countSecureMails({ address, box: securebox }, status)
        if (count === null) throw unknownAddress()
        return success(asked, { data: { count } })
      },
    },
    {
      ...get,
      method: 'GET',
      paths: [`${BASE}/securemail/:secureMailId`],
      summary:
        'A secure mail. With read=true it is marked read, and an inbound one that no agent holds is stopped.',
      schema: {
        params: idSchema,
        query: readSchema,
        answers: {
          200: { description: 'The mail.', body: retrieveResponse },
          ...refusals(400, 401, 404, 500),
        },
      },
      async answer(asked) {
        const id = idFor(asked, 'invalid')
        const { read } = parameters(readSchema, asked)
        const mail = await found(
          read === 'true' ? desk.markSecureMailRead(id, true, asked.terms()) : desk.secureMail(id),
        )
        return success(asked, { secureMail: wholeMail(mail) })
      },
    },
    {
      ...get,
      method: 'GET',
      paths: [`${BASE}/securemail/:secureMailId/userdata`],
      summary: 'What was attached to a secure mail; keys that begin with _ are the desk’s own.',
      schema: {
        params: idSchema,
        answers: {
          200: { description: 'The user data.', body: userdataResponse },
          ...refusals(400, 401, 404, 500),
        },
      },
      async answer(asked) {
        const { interaction } = await found(desk.secureMail(idFor(asked, 'invalid')))
        return success(asked, { data: shownUserData(interaction.udata ?? {}) })
      },
    },
    {
      ...get,
      method: 'POST',
      paths: [`${BASE}/securemail`],
      summary:
        'Sends a secure mail to the desk. It is queued like any mail; the answer will lie in the same box.',
      scope: 'securemail:write',
      body: 'json',
      bodyLimit: BODY_LIMIT,
      writes: true,
      once: true,
      schema: {
        query: z.object({ securebox: boxSchema }),
        body: postSchema,
        answers: {
          200: { description: 'It is stored.', body: createResponse },
          ...refusals(400, 401, 409, 413, 415, 500),
        },
        example: { body: EXAMPLE },
      },
      answer: post,
    },
    {
      ...get,
      method: 'DELETE',
      paths: [`${BASE}/securemail/:secureMailId`],
      summary:
        'Marks a secure mail read, takes it out of the lists, or purges it with all that belongs to it.',
      scope: 'securemail:write',
      schema: {
        params: idSchema,
        query: removeSchema,
        answers: {
          200: { description: 'The mail as it is now; purged: as it last was.', body: retrieveResponse },
          ...refusals(400, 401, 403, 404, 500),
        },
      },
      answer: remove,
    },
  ]

  async function post(asked: Asked): Promise<Answer> {
    const { securebox: box } = parameters(z.object({ securebox: boxSchema }), asked)
    const { settings: served, defaultMailbox } = settings()
    const limits = catchAllService(served)
    const mail = readPostedMail(asked.body, limits)
    const secure: SecureMailbox = { address: mail.address, box }
    const parent = mail.parentId === null ? null : await parentIn(secure, mail.parentId)
    const mailbox = mail.mailbox ?? limits.mailbox ?? served.defaultMailbox ?? defaultMailbox
    const personal = [mail.firstName, mail.lastName].filter((name) => name !== '').join(' ')
    const at = now()
    const terms = asked.terms()
    const kept: ReceivedFile[] = []
    try {
      for (const { content } of mail.attachments)
        kept.push(await keepFile(tmp, Buffer.from(content, 'base64')))
      const { secure_mail_id } = await desk.receive(
        {
          direction: 'in',
          sub_type: null,
          customer: {
            id: null,
            address: mail.address,
            first_name: mail.firstName,
            last_name: mail.lastName,
          },
          from: { address: mail.address, ...(personal === '' ? {} : { personal }) },
          reply_to: null,
          to: mailbox === null ? [] : [{ address: mailbox }],
          cc: [],
          bcc: [],
          subject: mail.subject,
          text: mail.text,
          html: mail.html,
          received: at,
          sent: at,
          udata: mail.userData,
          attachments: mail.attachments.map(({ name, contentType, size }, i) => ({
            name,
            content_type: contentType,
            size,
            sha256: kept[i]?.sha256 ?? '',
            content_id: null,
            inline: false,
          })),
          queue: served.securemail?.queue ?? null,
          came_by: 'api:securemail',
          external_id: null,
          thread:
            parent === null
              ? { kind: 'new' }
              : { kind: 'answer', parent_id: parent.interaction.interaction_id },
          secure,
          fingerprint: null,
          uploads: [],
        },
        kept,
        terms,
      )
      if (secure_mail_id === null)
        throw new CoreError('internal', 'A secure mail was stored without its mailbox.')
      return success(asked, { secureMailId: secure_mail_id, selfUri: selfUri(secure_mail_id) })
    } finally {
      for (const { file } of kept) await rm(file, { force: true })
    }
  }

  /** The mail that is answered: of the same address, in the same box. */
  async function parentIn({ address, box }: SecureMailbox, id: Uuid): Promise<SecureMail> {
    const parent = await desk.secureMail(id).catch((error: unknown) => {
      if (error instanceof CoreError && error.code === 'not-found') return null
      throw error
    })
    // Somebody else's mail is as unknown as one that doesn't exist.
    if (parent?.box !== box || parent.address.toLowerCase() !== address.toLowerCase())
      throw badParameter('data.parentId', 'there is no such mail in this box')
    return parent
  }

  async function remove(asked: Asked): Promise<Answer> {
    const { remove: how } = parameters(removeSchema, asked)
    if (how === 'purge' && asked.caller?.scopes.includes('securemail:purge') !== true)
      throw new Refused({ kind: 'forbidden', message: 'The key lacks the right securemail:purge.' })
    const id = idFor(asked, 'missing')
    const terms = asked.terms()
    const mail = await found(
      how === 'purge'
        ? desk.purgeSecureMail(id, terms)
        : how === 'delete'
          ? desk.deleteSecureMail(id, terms)
          : desk.markSecureMailRead(id, false, terms),
    )
    return {
      ...success(asked, { secureMail: wholeMail(mail) }),
      ...(how === 'true' || how === '' ? { headers: { deprecation: 'true' } } : {}),
    }
  }

  return {
    name: 'securemail',
    title: 'Secure mail',
    description:
      'A customer’s own mailbox on this desk: what was posted here and the agents’ answers, never sent by e-mail.',
    calls,
    refuse: refuseSecureMail,
  }
}

const EXAMPLE = {
  data: {
    address: 'ann@customer.test',
    firstName: 'Ann',
    lastName: 'Lee',
    subject: 'My contract',
    text: 'Please send me a copy.',
    userData: { contract: 4711 },
  },
  operationId: 'op-1',
}

function reading(scope: ApiScope) {
  return {
    scope,
    keyIn: ['x-api-key'],
    accept: ['application/json'],
    body: 'none',
    bodyLimit: 0,
    writes: false,
    once: false,
  } as const
}

/** A word in any case; empty is the default. */
function word<const T extends readonly [string, ...string[]]>(words: T, otherwise: T[number]) {
  return z
    .string()
    .toLowerCase()
    .transform((value) => value || otherwise)
    .pipe(z.enum(words, `takes ${words.join(', ')}`))
    .default(otherwise)
    .meta({ enum: [...words], description: `${otherwise} where none is given.` })
}

/** Parameters of the query. Throws `Refused` with the first fault. */
function parameters<T extends z.ZodType>(schema: T, asked: Asked): z.output<T> {
  const result = schema.safeParse(queryOf(asked))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw badParameter((issue?.path ?? []).map(String).join('.'), issue?.message ?? 'is wrong')
}

function unknownAddress(): Refused {
  return new Refused({
    kind: 'missing',
    message: 'No contact has this address.',
    detail: { parameter: 'address' },
  })
}

function unknownMail(): Refused {
  return new Refused({
    kind: 'missing',
    message: 'There is no such secure mail.',
    detail: { parameter: 'secureMailId' },
  })
}

async function found<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof CoreError && error.code === 'not-found') throw unknownMail()
    throw error
  }
}

function success(asked: Asked, members: Readonly<Record<string, unknown>>): Answer {
  return { status: 200, body: { ...envelope(asked, 'SUCCESS', 'OK', ''), ...members } }
}
