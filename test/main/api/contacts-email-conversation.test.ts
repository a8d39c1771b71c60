import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { contactsEmailApi } from '../../../src-main/api/contacts-email.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import type { SettingsFile } from '../../../src-main/contract/settings.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { incoming, message, SAMPLE } from '../../support/contacts-email.ts'
import { curl } from '../../support/curl.ts'
import { stored } from '../../support/gms.ts'

/** POST /contacts/email: what a message means and how it is refused (contract 03, 3.2, 3.3, 3.5, 3.6), over HTTP. */

const open: ServedApis[] = []
let desk: ServedApis
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function serve(
  contacts: NonNullable<SettingsFile['api']>['contacts'] = {},
  more: Partial<NonNullable<Parameters<typeof serveApis>[0]>> = {},
): Promise<void> {
  desk = await serveApis({
    apis: [contactsEmailApi],
    settings: {
      contacts: { entities: [SAMPLE.metadata], queue: 'Conversations', ...contacts },
      keys: [
        { key: 'k-all', name: 'Analytics', scopes: ['contacts:write'] },
        { key: 'k-acme', name: 'Acme', scopes: ['contacts:write'], tenants: ['Acme Corp'] },
        { key: 'k-other', name: 'Other', scopes: ['contacts:write'], tenants: ['Other Corp', 'Third'] },
        { key: 'k-none', name: 'None', scopes: ['contacts:write'], tenants: [] },
        { key: 'k-read', name: 'Reader', scopes: ['interactions:read'] },
      ],
    },
    file: { queues: ['First', 'Conversations'] },
    ...more,
  })
  open.push(desk)
}

interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

async function ask(request: RequestInit, path = '/contacts/email'): Promise<Reply> {
  desk.pass(1_000)
  const answer = await fetch(`${desk.url}${path}`, request)
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}

const post = (body: unknown, headers: Record<string, string> = {}) =>
  ask({
    method: 'POST',
    headers: { authorization: 'Bearer k-all', 'content-type': 'application/json', ...headers },
    body:
      typeof body === 'string'
        ? body
        : body instanceof Uint8Array
          ? new Uint8Array(body)
          : JSON.stringify(body),
  })

const ACCEPTED = { status: 202, message: 'accepted' }
async function accepted(body: unknown, headers: Record<string, string> = {}) {
  const reply = await post(body, headers)
  expect([reply.status, reply.body]).toEqual([202, ACCEPTED])
  const [mail] = await desk.store.apiInteractions({}, { index: 0, count: 1 })
  if (!mail) throw new Error('Nothing was stored.')
  return mail
}

async function count(): Promise<number> {
  return (await desk.store.check()).interactions
}

const refusedSchema = z.object({ errors: z.tuple([z.object({ type: z.string(), title: z.string() })]) })

/** The only entry of a refusal, which must leave nothing behind. */
async function refused(status: number, send: () => Promise<Reply>): Promise<[type: string, title: string]> {
  const before = await stored(desk)
  const reply = await send()
  expect([reply.status, reply.body]).toEqual([
    status,
    {
      status,
      errors: [{ type: expect.any(String), title: expect.any(String), detail: expect.stringMatching(/./) }],
    },
  ])
  expect(await stored(desk)).toEqual(before)
  const [entry] = refusedSchema.parse(reply.body).errors
  return [entry.type, entry.title]
}

describe('a message', () => {
  it('from the participant is incoming and waits for an agent in its queue', async () => {
    await serve()
    const mail = await accepted(
      incoming({ cc: ['Boss@acmecorp.com'], bcc: ['hidden@acmecorp.com'], body: ' Where\r\nis it? 😀 ' }),
    )
    expect(mail).toEqual({
      interaction_id: mail.interaction_id,
      customer_id: (await desk.store.contactByAddress('ps1@acmecorp.com'))?.id,
      status: 0,
      entity_type: 0,
      type: 'Inbound',
      sub_type: 'InboundNew',
      media_type: 'email',
      thread_id: mail.interaction_id,
      external_id: SAMPLE.data.msgId,
      creator_app_id: mail.creator_app_id,
      start_date: new Date(desk.now()).toISOString(),
      sent_date: '2020-01-01T00:00:00.000Z',
      allow_children: true,
      subject: 'Goods Delivary Status',
      text: ' Where\r\nis it? 😀 ',
      from: { address: 'ps1@acmecorp.com' },
      to: [{ address: 'agent1@xyz.com' }],
      cc: [{ address: 'Boss@acmecorp.com' }],
      udata: UDATA,
      attachments: [],
      activity_id: 1001,
      message_id: null,
      queue: 'Conversations',
      holds: { structured_text: false, binary_content: null },
    })
  })

  const UDATA = {
    tenantName: 'Acme Corp',
    orgName: 'Sales',
    catName: 'Leads',
    convId: SAMPLE.data.convId,
    lang: 'us-en',
    agentId: 'Agent1',
    psId: 'Participant1',
    agentEmailId: 'agent1@xyz.com',
    psEmailId: 'ps1@acmecorp.com',
    journeyId: SAMPLE.data.journeyId,
  }

  it('from the agent’s address, in any case, is outgoing and done', async () => {
    await serve()
    const mail = await accepted(message({ from: 'AGENT1@xyz.com', cc: ['c@x.test'], bcc: ['b@x.test'] }))
    expect(mail).toMatchObject({
      status: 3,
      entity_type: 1,
      type: 'Outbound',
      sub_type: 'OutboundNew',
      // The first recipient's.
      customer_id: (await desk.store.contactByAddress('ps1@acmecorp.com'))?.id,
      external_id: SAMPLE.data.msgId,
      sent_date: '2020-01-01T00:00:00.000Z',
      from: { address: 'AGENT1@xyz.com' },
      to: [{ address: 'ps1@acmecorp.com' }, { address: 'ps2@acmecorp.com' }],
      cc: [{ address: 'c@x.test' }],
      bcc: [{ address: 'b@x.test' }],
      udata: UDATA,
      queue: null,
    })
  })

  it('keeps its metadata as user data', async () => {
    await serve()
    const metadataMap = { 'custom-test-key-3': 'custom-test-value-3', n: 4, yes: true }
    const { udata } = await accepted(message({}, { metadataMap }))
    expect(udata).toEqual({ 'custom-test-key-3': 'custom-test-value-3', n: '4', yes: 'true', ...UDATA })
  })

  it('has a subject on one line', async () => {
    await serve()
    expect(await accepted(message({ sub: 'Hi\r\nBcc: all@x.test\u0000\u0007' }))).toMatchObject({
      subject: 'Hi Bcc: all@x.test ',
    })
  })
})

describe('a conversation', () => {
  it('is one thread for each tenant, org, cat and convId', async () => {
    const orgs = [SAMPLE.metadata, { ...SAMPLE.metadata, orgName: 'Service' }]
    await serve({ entities: [...orgs, { ...SAMPLE.metadata, catName: 'Old' }] })
    const asked = await accepted(incoming())
    const answered = await accepted(message({ msgId: ANOTHER, ts: 1577836900000 }))
    expect(answered).toMatchObject({ thread_id: asked.thread_id, sub_type: 'OutboundReply' })
    // A UUID is the same in capitals; the value is kept as it came.
    const again = await accepted(incoming({ convId: SAMPLE.data.convId.toUpperCase(), body: 'More.' }))
    expect(again).toMatchObject({
      thread_id: asked.thread_id,
      sub_type: 'InboundCustomerReply',
      udata: { convId: SAMPLE.data.convId.toUpperCase() },
    })
    const others = [
      incoming({ convId: ANOTHER }),
      { ...incoming(), metadata: { ...SAMPLE.metadata, orgName: 'Service' } },
      { ...incoming(), metadata: { ...SAMPLE.metadata, catName: 'Old' } },
    ]
    const threads = new Set([asked.thread_id])
    for (const other of others) threads.add((await accepted(other)).thread_id)
    expect(threads.size).toBe(4)
  })
  const ANOTHER = 'aaaaaaaa-4252-11ea-b77f-2e728ce88125'

  it('takes an exact repeat without storing it twice', async () => {
    await serve()
    const body = incoming({ cc: ['c@x.test'] })
    const first = await accepted(body)
    expect(await accepted(body)).toEqual(first)
    // What isn't part of its identity makes no other message of it.
    expect(await accepted({ ...incoming({ agentId: 'Agent2', psId: 'P2', lang: 'gb-en' }) })).toEqual(first)
    expect(await count()).toBe(1)
  })

  it('takes the same message again at once without storing it twice', async () => {
    await serve()
    const replies = await Promise.all(Array.from({ length: 10 }, () => post(incoming())))
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 202))
    expect(await count()).toBe(1)
  })

  it.each([
    { convId: ANOTHER },
    { msgId: ANOTHER },
    { ts: 1577836800001 },
    { from: 'ps2@acmecorp.com' },
    { sub: 'Goods Delivary Status?' },
    { body: 'Other words' },
    // The same words, divided otherwise.
    { sub: 'Goods', body: ' Delivary Status' },
  ])('takes anything else as a new message: %j', async (special) => {
    await serve()
    await accepted(incoming({ sub: 'Goods Delivary', body: ' Status' }))
    await accepted(incoming({ sub: 'Goods Delivary', body: ' Status', ...special }))
    expect(await count()).toBe(2)
  })

  it('of another tenant, org or cat has messages of its own', async () => {
    const other = { tenantName: 'Other Corp', orgName: 'Sales', catName: 'Leads' }
    await serve({ entities: [SAMPLE.metadata, other] })
    const first = await accepted(incoming())
    const second = await accepted({ ...incoming(), metadata: other })
    expect(second.interaction_id).not.toBe(first.interaction_id)
    expect(second.thread_id).not.toBe(first.thread_id)
  })
})

describe('tenant, org and cat', () => {
  const UNKNOWN = {
    status: 400,
    errors: [
      { type: '/errors/contact-payload', title: 'entity-identifier', detail: 'tenant/org/cat not found!' },
    ],
  }

  it.each([
    { tenantName: 'Acme' },
    { tenantName: 'acme corp' },
    { orgName: 'Sales ' },
    { catName: 'LEADS' },
    { tenantName: 'Sales', orgName: 'Acme Corp' },
  ])('are compared exactly: %j is the document’s own error', async (metadata) => {
    await serve()
    const before = await stored(desk)
    const reply = await post(message({}, metadata))
    expect([reply.status, reply.body]).toEqual([400, UNKNOWN])
    expect(await stored(desk)).toEqual(before)
  })

  it('that are unknown are told beside every other fault', async () => {
    await serve()
    const { body } = await post(message({ sub: '' }, { orgName: 'None' }))
    expect(body).toMatchObject({
      errors: [{ title: 'invalid-attribute' }, { title: 'entity-identifier' }],
    })
  })

  it('are all unknown where none is set up', async () => {
    await serve({ entities: [] })
    expect((await post(message())).body).toEqual(UNKNOWN)
  })

  it('of another tenant than the key’s are forbidden, and unknown ones are unknown before that', async () => {
    await serve({ entities: [SAMPLE.metadata, { tenantName: 'Third', orgName: 'a', catName: 'b' }] })
    await accepted(message(), { authorization: 'Bearer k-acme' })
    for (const key of ['k-other', 'k-none'])
      expect(await refused(403, () => post(incoming(), { authorization: `Bearer ${key}` }))).toEqual([
        '/errors/authorization',
        'tenant',
      ])
    const unknown = message({}, { tenantName: 'Nobody' })
    expect((await post(unknown, { authorization: 'Bearer k-other' })).body).toEqual(UNKNOWN)
    const third = message({}, { tenantName: 'Third', orgName: 'a', catName: 'b' })
    await accepted(third, { authorization: 'Bearer k-other' })
    expect(await refused(403, () => post(third, { authorization: 'Bearer k-acme' }))).toEqual([
      '/errors/authorization',
      'tenant',
    ])
  })

  it('that are unknown are registered with their first message where the settings say so', async () => {
    await serve({ registerUnknown: true })
    const metadata = { tenantName: 'New Corp', orgName: 'Org', catName: 'Cat' }
    expect(await entities()).toEqual([SAMPLE.metadata])
    // Neither a foreign tenant's nor a wrong message registers anything.
    await post(message({}, metadata), { authorization: 'Bearer k-acme' })
    await post(message({ sub: '' }, metadata))
    expect(await entities()).toEqual([SAMPLE.metadata])
    await accepted(message({}, metadata))
    await accepted(message({ body: 'Second' }, metadata))
    expect(await entities()).toEqual([SAMPLE.metadata, metadata])
  })

  async function entities(): Promise<unknown> {
    const stored = z.object({ contacts: z.object({ entities: z.unknown() }) })
    return stored.parse(await desk.store.setting('api')).contacts.entities
  }
})

describe('a setting', () => {
  it('of languages replaces the document’s list', async () => {
    await serve({ languages: ['de-de'] })
    await accepted(message({ lang: 'DE-de' }))
    expect(await refused(400, () => post(message({ lang: 'us-en' })))).toEqual([
      '/errors/contact-payload',
      'invalid-attribute',
    ])
  })

  it('of restricted metadata replaces ours, and our own values still win', async () => {
    await serve({ restrictedMetadata: ['Secret'] })
    expect(await refused(400, () => post(message({}, { metadataMap: { sEcReT: 'x' } })))).toEqual([
      '/errors/contact-payload',
      'metadata-restricted',
    ])
    const { udata } = await accepted(message({}, { metadataMap: { callId: '7', agentId: 'Evil' } }))
    expect(udata).toMatchObject({ callId: '7', agentId: 'Agent1' })
  })

  it('holds from the moment that it changes', async () => {
    await serve({ languages: ['de-de'] })
    await desk.set({ api: { contacts: { entities: [SAMPLE.metadata] } } })
    await accepted(message({ lang: 'us-en' }))
  })
})

describe('a refusal', () => {
  it.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer nobody' }],
    ['a key in another case', { authorization: 'Bearer K-ALL' }],
    ['a key of another kind', { authorization: 'Basic k-all' }],
    ['a key elsewhere', { 'x-api-key': 'k-all' }],
    ['an empty key', { authorization: 'Bearer ' }],
  ])('of %s is 401 and names Bearer', async (_, headers) => {
    await serve()
    let challenge: string | null = null
    const entry = await refused(401, async () => {
      const reply = await ask({
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(message()),
      })
      challenge = reply.headers.get('www-authenticate')
      return reply
    })
    expect([entry, challenge]).toEqual([['/errors/authentication', 'token'], 'Bearer'])
  })

  it('takes the scheme in any case', async () => {
    await serve()
    await accepted(message(), { authorization: 'bearer k-all' })
  })

  it('of a key without the right is 403', async () => {
    await serve()
    expect(await refused(403, () => post(message(), { authorization: 'Bearer k-read' }))).toEqual([
      '/errors/authorization',
      'scope',
    ])
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('of %s is 404', async (method) => {
    await serve()
    const headers = { authorization: 'Bearer k-all' }
    expect(await refused(404, () => ask({ method, headers }))).toEqual(['/errors/not-found', 'resource'])
  })

  it.each(['/contacts', '/contacts/email/', '/contacts/email/x', '/contacts/Email', '/contacts/other'])(
    'of the path %s is 404',
    async (path) => {
      await serve()
      const headers = { authorization: 'Bearer k-all' }
      expect(await refused(404, () => ask({ method: 'POST', headers }, path))).toEqual([
        '/errors/not-found',
        'resource',
      ])
    },
  )

  it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/jsonx'])(
    'of the content type %s is 400',
    async (type) => {
      await serve()
      expect(await refused(400, () => post(message(), { 'content-type': type }))).toEqual([
        '/errors/contact-payload',
        'media-type',
      ])
    },
  )

  it('of an answer that can’t be JSON is 400', async () => {
    await serve()
    await accepted(message(), { accept: 'text/html, application/json;q=0.5' })
    expect(await refused(400, () => post(incoming(), { accept: 'text/html' }))).toEqual([
      '/errors/contact-payload',
      'media-type',
    ])
  })

  it('takes JSON with its character set named, and ignores a byte order mark', async () => {
    await serve()
    await accepted(`\ufeff${JSON.stringify(message())}`, {
      'content-type': 'Application/JSON; charset="UTF-8"',
    })
  })

  it.each([
    '',
    '{',
    'nonsense',
    "{'metadata':{}}",
    '{"metadata":{},}',
    '[1,]',
    `${'['.repeat(33)}${']'.repeat(33)}`,
    new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  ])('of bad JSON is 400: %j', async (body) => {
    await serve()
    expect(await refused(400, () => post(body))).toEqual(['/errors/contact-payload', 'malformed-json'])
  })

  it('of more than 4 MB is 400, and up to there it is read', async () => {
    await serve()
    const padded = (size: number) => {
      const text = JSON.stringify({ ...message(), pad: '' })
      return text.replace('"pad":""', `"pad":"${'x'.repeat(size - text.length)}"`)
    }
    expect(Buffer.byteLength(padded(4 * 1_048_576))).toBe(4 * 1_048_576)
    await accepted(padded(4 * 1_048_576))
    expect(await refused(400, () => post(padded(4 * 1_048_576 + 1)))).toEqual([
      '/errors/contact-payload',
      'attribute-length',
    ])
  })

  it('of more than 300 requests a minute is 503 and says when to come again', async () => {
    await serve()
    const raw = () =>
      fetch(`${desk.url}/contacts/email`, {
        method: 'POST',
        headers: { authorization: 'Bearer k-all', 'content-type': 'text/plain' },
        body: 'x',
      })
    for (let i = 0; i < 300; i++) expect((await raw()).status).toBe(400)
    const answer = await raw()
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { status: 503, errors: [{ type: '/errors/unavailable' }] },
    ])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    // Another key has its own.
    await accepted(message(), { authorization: 'Bearer k-acme' })
  })

  it('of a paused intake is 503 and says when to come again', async () => {
    await serve()
    await desk.set({ api: { paused: true } })
    let retry: string | null = null
    const entry = await refused(503, async () => {
      const reply = await post(message())
      retry = reply.headers.get('retry-after')
      return reply
    })
    expect([entry[0], Number(retry) > 0]).toEqual(['/errors/unavailable', true])
    await desk.set({ api: { paused: false } })
    await accepted(message())
  })

  it('of a store that is busy is 503, and what it was too late for never happens', async () => {
    let begun: (() => boolean) | undefined
    await serve(
      {},
      {
        busyMs: 50,
        desk: () => ({
          receive: (_mail, _files, terms) => {
            begun = terms.mayBegin
            return new Promise(() => undefined)
          },
        }),
      },
    )
    const reply = await post(message())
    expect(reply).toMatchObject({ status: 503, body: { errors: [{ type: '/errors/unavailable' }] } })
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(begun?.()).toBe(false)
  })

  it.each(['disk', 'locked', 'busy', 'closed'] as const)('of a store that says “%s” is 503', async (code) => {
    await serve({}, { desk: () => ({ receive: () => Promise.reject(new CoreError(code, '/secret/path')) }) })
    expect(await refused(503, () => post(message()))).toEqual(['/errors/unavailable', 'unavailable'])
  })

  it('of a crash is 500, without a word of what broke', async () => {
    const broken = new Error('select * from secrets at /home/desk')
    await serve({}, { desk: () => ({ receive: () => Promise.reject(broken) }) })
    expect(await refused(500, () => post(message()))).toEqual(['/errors/internal', 'internal'])
    expect(JSON.stringify((await post(message())).body)).not.toMatch(/secret|select|home/)
  })

  it('is the same with an Idempotency-Key, which such a message doesn’t need', async () => {
    await serve()
    await accepted(message(), { 'idempotency-key': 'one' })
    await accepted(incoming(), { 'idempotency-key': 'one' })
    expect(await count()).toBe(2)
  })
})

describe('the document’s sample', () => {
  const send = (body: string) =>
    curl(
      ...['--location', '--request', 'POST', `${desk.url}/contacts/email`],
      ...['--header', 'Content-Type: application/json', '--header', 'Accept: application/json'],
      ...['--header', 'Authorization: Bearer k-all', '--data-raw', body],
    )

  it('sent by curl is accepted', async () => {
    await serve()
    const body =
      '{ "metadata": { "tenantName": "Acme Corp", "orgName": "Sales", "catName": "Leads" }, "data": { "convId": "0238ef3c-4252-11ea-b77f-2e728ce88125", "msgId": "0238f22a-4252-11ea-b77f-2e728ce88125", "lang": "us-en", "sub": "Goods Delivary Status", "ts": 1577836800000, "body": "Hi John, I\'m writing this email to enquire about the my delivary status", "agentId": "Agent1", "psId": "Participant1", "agentEmailId": "agent1@xyz.com", "psEmailId": "ps1@acmecorp.com", "from": "agent1@xyz.com", "to": [ "ps1@acmecorp.com", "ps2@acmecorp.com" ], "journeyId": "02d8f01e-42b0-11ea-b77f-2e728ce88125" } }'
    const answer = await send(body)
    expect([answer.status, answer.body]).toEqual([202, ACCEPTED])
    expect(answer.headers).toMatch(/^content-type: application\/json/im)
    const [mail] = await desk.store.apiInteractions({}, { index: 0, count: 1 })
    expect(mail).toMatchObject({ entity_type: 1, status: 3, text: SAMPLE.data.body })
  })

  it('with additional metadata, sent by curl, is accepted', async () => {
    await serve()
    const metadataMap = {
      'custom-test-key-3': 'custom-test-value-3',
      'custom-test-key-4': 'custom-test-value-4',
    }
    const answer = await send(JSON.stringify(message({}, { metadataMap })))
    expect([answer.status, answer.body]).toEqual([202, ACCEPTED])
    const [mail] = await desk.store.apiInteractions({}, { index: 0, count: 1 })
    expect(mail?.udata).toMatchObject(metadataMap)
  })

  it('of an error is word for word the answer to an unknown tenant', async () => {
    await serve({ entities: [] })
    const answer = await send(JSON.stringify(message()))
    expect([answer.status, answer.body]).toEqual([
      400,
      {
        status: 400,
        errors: [
          {
            type: '/errors/contact-payload',
            title: 'entity-identifier',
            detail: 'tenant/org/cat not found!',
          },
        ],
      },
    ])
  })
})
