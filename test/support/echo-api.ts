import type { Api, ApiCall, Asked } from '../../src-main/api/api.ts'
import type { ApiContext, ApiDesk } from '../../src-main/api/desk.ts'
import { START } from './open-store.ts'

const STATUS: Readonly<Record<string, number>> = {
  'not-found': 404,
  method: 405,
  unauthorized: 401,
  forbidden: 403,
  'not-acceptable': 406,
  'content-type': 415,
  'too-large': 413,
  malformed: 400,
  invalid: 422,
  missing: 410,
  conflict: 409,
  rate: 429,
  busy: 503,
  paused: 503,
  internal: 500,
}

export const LIMITS = {
  maxFiles: 10,
  maxBytes: 100_000,
  countedFields: ['text'],
  allowsName: (name: string) => name.endsWith('.txt'),
  fileField: 'files',
} as const

const plain = {
  summary: '',
  scope: null,
  keyIn: [],
  body: 'none',
  bodyLimit: 0,
  writes: false,
  once: false,
  schema: { answers: {} },
} as const
const keyed = { keyIn: ['x-api-key', 'bearer'] } as const

/**
 * An API whose refusals name their kind and whose calls tell what they were asked: for what is common to all APIs.
 * `submit` files a mail with the form's files, as the real ones do.
 */
export function echoApi({ desk }: ApiContext): Api {
  const calls: ApiCall[] = [
    {
      ...plain,
      ...keyed,
      method: 'GET',
      paths: ['/echo/things/:id', '/also/echo/:id'],
      scope: 'interactions:read',
      accept: ['application/json', 'application/xml'],
      answer: async (asked) => ({ status: 200, body: told(asked) }),
    },
    {
      ...plain,
      ...keyed,
      method: 'POST',
      paths: ['/echo/things'],
      scope: 'interactions:write',
      accept: ['application/json'],
      body: 'json',
      bodyLimit: 1_000,
      writes: true,
      once: true,
      async answer(asked) {
        const { once } = asked.terms()
        return { status: 201, body: { ...told(asked), once } }
      },
    },
    {
      ...plain,
      ...keyed,
      method: 'POST',
      paths: ['/echo/large'],
      scope: 'interactions:write',
      body: 'json',
      bodyLimit: 16 * 1_048_576,
      answer: async (asked) => ({ status: 200, body: typeof asked.body }),
    },
    {
      ...plain,
      method: 'POST',
      paths: ['/echo/either'],
      body: 'json-or-xml',
      bodyLimit: 1_000,
      answer: async (asked) => ({ status: 200, body: told(asked) }),
    },
    {
      ...plain,
      method: 'POST',
      paths: ['/echo/form'],
      body: 'form',
      async answer(asked) {
        const { fields, files, payload, faults } = await asked.form(LIMITS)
        return {
          status: faults.length > 0 ? 400 : 200,
          body: { fields, files: files.map(({ id: _, file: __, ...file }) => file), payload, faults },
        }
      },
    },
    {
      ...plain,
      method: 'POST',
      paths: ['/echo/mails'],
      body: 'form',
      writes: true,
      once: true,
      async answer(asked) {
        const form = await asked.form(LIMITS)
        const { interaction_id, repeated } = await desk.receive(
          submission(form),
          form.files.map(({ file, sha256 }) => ({ file, sha256 })),
          asked.terms(),
        )
        return { status: 200, body: { interaction_id, repeated } }
      },
    },
    {
      ...plain,
      method: 'GET',
      paths: ['/echo/known/:id'],
      answer: async (asked) => ({ status: 200, body: await desk.hasContact(asked.params.id ?? '') }),
    },
  ]
  return {
    name: 'interactions',
    title: 'Echo',
    description: 'Tells what it was asked.',
    calls,
    refuse: ({ kind, message, detail }, { reference }) => ({
      status: STATUS[kind] ?? 500,
      body: { refused: kind, message, reference, ...(detail === undefined ? {} : { detail }) },
    }),
  }
}

function told(asked: Asked) {
  const { method, path, params, query, caller, accepted, contentType, body, base } = asked
  return { method, path, params, query, caller: caller?.name ?? null, accepted, contentType, body, base }
}

function submission(form: Awaited<ReturnType<Asked['form']>>): Parameters<ApiDesk['receive']>[0] {
  const field = (name: string) => form.fields.find(([key]) => key === name)?.[1] ?? ''
  return {
    direction: 'in',
    sub_type: null,
    customer: { id: null, address: 'ann@customer.test', first_name: 'Ann', last_name: 'Lee' },
    from: { address: 'ann@customer.test' },
    reply_to: null,
    to: [{ address: field('mailbox') || 'support@desk.test' }],
    cc: [],
    bcc: [],
    subject: 'Echo',
    text: field('text'),
    html: null,
    received: START,
    sent: START,
    udata: {},
    attachments: form.files.map(({ name, contentType, size, sha256 }) => ({
      name,
      content_type: contentType,
      size,
      sha256,
      content_id: null,
      inline: false,
    })),
    queue: field('queue') || null,
    came_by: 'api:email/echo',
    external_id: null,
    thread: { kind: 'new' },
    secure: null,
    fingerprint: field('fingerprint') || null,
    uploads: [],
  }
}
