import { afterEach, describe, expect, it } from 'vitest'
import { contactsEmailApi } from '../../../src-main/api/contacts-email.ts'
import type { RemoteConnector } from '../../../src-main/connectors/connector.ts'
import {
  contactsPayload,
  createRemoteContacts,
  type Reporter,
} from '../../../src-main/connectors/remote-contacts.ts'
import { RemoteFault } from '../../../src-main/connectors/remote-fault.ts'
import type { RemoteLimits } from '../../../src-main/connectors/remote-http.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { remoteOptionsSchemas } from '../../../src-main/contract/settings.ts'
import { stableUuid } from '../../../src-main/outbox/reported-ids.ts'
import type { ApiInteraction } from '../../../src-main/store/api-store.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { person, START } from '../../support/open-store.ts'
import { type Reply, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts'

const SECRET = 't-very-secret'
const TRIPLE = { tenantName: 'Acme Corp', orgName: 'Sales', catName: 'Leads' }
const REPORTER: Reporter = { agentId: 7, addresses: ['support@desk.test', 'ada@desk.test'] }
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A mail from Ann to Support; say what is special about it. */
function message(special: Partial<ApiInteraction> = {}): ApiInteraction {
  return {
    interaction_id: '0VIdl77wQjGRb3gl',
    thread_id: '0VIdl77wQjGRb3gl',
    customer_id: '019df237-3e80-74c3-a534-cb3153d0381b',
    status: 0,
    entity_type: 0,
    type: 'Inbound',
    media_type: 'email',
    creator_app_id: 1,
    start_date: new Date(START).toISOString(),
    allow_children: true,
    subject: 'Where is my order?',
    text: 'Hi, I’m waiting.',
    from: person('ann@customer.test', 'Ann Lee'),
    to: [person('Support@desk.test', 'Support')],
    attachments: [],
    activity_id: 1001,
    message_id: 'a@mail.test',
    queue: 'Support',
    holds: { structured_text: false, binary_content: null },
    ...special,
  }
}
/** The answer of ours to it. */
const answer = (special: Partial<ApiInteraction> = {}) =>
  message({
    interaction_id: '0VIdl77wQjGRb3gm',
    entity_type: 1,
    type: 'Outbound',
    status: 3,
    owner_id: 4,
    from: person('support@desk.test'),
    to: [person('ann@customer.test')],
    ...special,
  })

const options = (special: object = {}) =>
  remoteOptionsSchemas['contacts-email'].parse({ ...TRIPLE, ...special })
const payload = (interaction: ApiInteraction, special: object = {}, reporter = REPORTER) =>
  contactsPayload(interaction, options(special), reporter)

function connector(
  url: string,
  special: Record<string, string | boolean | Record<string, string>> = {},
  limits: Partial<RemoteLimits> = {},
  key: string | null = SECRET,
): RemoteConnector {
  return createRemoteContacts({
    remote: { id: 'analytics', kind: 'contacts-email', url, options: { ...TRIPLE, ...special } },
    key,
    log: () => undefined,
    limits,
    reporter: async () => REPORTER,
  })
}
async function scripted(reply: Reply): Promise<ScriptedHttp> {
  const server = await startScriptedHttp()
  stops.push(() => server.stop())
  server.answer = () => reply
  return server
}
async function refusal(work: Promise<unknown> | undefined): Promise<CoreError> {
  const error: unknown = await Promise.resolve(work).then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof CoreError)) throw new Error('it was not refused', { cause: error })
  expect(`${error.message} ${JSON.stringify(error.detail)}`).not.toContain(SECRET)
  return error
}
const errors = (status: number, ...details: string[]) => ({
  status,
  body: {
    status,
    errors: details.map((detail) => ({
      type: '/errors/contact-payload',
      title: 'invalid-attribute',
      detail,
    })),
  },
})

describe('a report of a message', () => {
  it('says whose it is, and that the customer wrote it', () => {
    expect(payload(message({ sent_date: '2026-05-01T10:00:00.000Z' }))).toEqual({
      metadata: TRIPLE,
      data: {
        convId: expect.stringMatching(UUID),
        msgId: expect.stringMatching(UUID),
        lang: 'us-en',
        sub: 'Where is my order?',
        ts: Date.UTC(2026, 4, 1, 10),
        body: 'Hi, I’m waiting.',
        agentId: '7',
        psId: '019df237-3e80-74c3-a534-cb3153d0381b',
        agentEmailId: 'Support@desk.test',
        psEmailId: 'ann@customer.test',
        from: 'ann@customer.test',
        to: ['Support@desk.test'],
      },
    })
  })

  it('says of an answer that an agent wrote it, in the same conversation', () => {
    const asked = payload(message()).data
    const told = payload(answer({ cc: [person('bob@x.test')], bcc: [person('eve@x.test')] })).data
    expect(told).toMatchObject({
      convId: asked.convId,
      agentId: '4',
      agentEmailId: 'support@desk.test',
      from: 'support@desk.test',
      psEmailId: 'ann@customer.test',
      to: ['ann@customer.test'],
      cc: ['bob@x.test'],
      bcc: ['eve@x.test'],
    })
    expect(told.msgId).not.toBe(asked.msgId)
  })

  it('is the same content each time', () => {
    const { agentId: _worked, ...worked } = payload(message({ status: 3, owner_id: 9, queue: null })).data
    const { agentId: _asked, ...asked } = payload(message()).data
    expect(worked).toEqual(asked)
    expect(stableUuid('thread:0VIdl77wQjGRb3gl')).toBe('7ae56ac7-085e-8958-9465-3c392ef50524')
  })

  it('keeps the conversation and the message that it came with', () => {
    const ids = {
      convId: '0238ef3c-4252-11ea-b77f-2e728ce88125',
      journeyId: '02d8f01e-42b0-11ea-b77f-2e728ce88125',
    }
    const { data } = payload(message({ udata: ids, external_id: '0238f22a-4252-11ea-b77f-2e728ce88125' }))
    expect(data).toMatchObject({ ...ids, msgId: '0238f22a-4252-11ea-b77f-2e728ce88125' })
    expect(payload(message({ udata: { convId: 'mine' }, external_id: 'x' })).data.convId).toMatch(UUID)
  })

  it('never makes an inbound message look like an outgoing one', () => {
    const { data } = payload(message({ from: person('ada@desk.test'), to: [person('ada@desk.test')] }))
    expect(data).toMatchObject({ from: 'ada@desk.test', agentEmailId: 'support@desk.test' })
  })

  it('of a blind copy names whom we are', () => {
    const { to: _to, ...blind } = message()
    expect(payload(blind).data).toMatchObject({
      agentEmailId: 'support@desk.test',
      to: ['support@desk.test'],
    })
  })

  it('of a mail without subject or text says so, as neither may be empty', () => {
    const { subject: _subject, ...bare } = message({ text: '' })
    expect(payload(bare).data).toMatchObject({ sub: '(no subject)', body: '(no text)' })
    expect(payload(message({ subject: 'Two\r\nlines' })).data.sub).toBe('Two lines')
  })

  it('takes no time that can’t be, and leaves out addresses that are none', () => {
    const { data } = payload(
      message({
        sent_date: '1970-01-01T00:00:00.000Z',
        to: [person('support@desk.test'), person('undisclosed recipients')],
        cc: [person('a b@x.test')],
      }),
    )
    expect([data.ts, data.to, 'cc' in data]).toEqual([START, ['support@desk.test'], false])
  })

  it('carries the user data that is mapped, as text', () => {
    const udata = { order: 77, vip: true, name: 'Ann', nothing: null, nested: { a: 1 }, other: 'kept here' }
    const metadata = {
      o: 'order',
      v: 'vip',
      n: 'name',
      x: 'nothing',
      y: 'nested',
      z: 'missing',
      p: 'toString',
    }
    expect(payload(message({ udata }), { metadata }).metadata).toEqual({
      ...TRIPLE,
      metadataMap: { o: '77', v: 'true', n: 'Ann' },
    })
    expect(payload(message({ udata })).metadata).toEqual(TRIPLE)
  })

  it('has an agent and a language of the settings', () => {
    expect(payload(answer(), { agentId: 'Agent1', language: 'gb-en' }).data).toMatchObject({
      agentId: 'Agent1',
      lang: 'gb-en',
    })
  })

  it.each<[string, ApiInteraction, object, RegExp]>([
    [
      'a subject over 78 characters',
      message({ subject: 'ä'.repeat(79) }),
      {},
      /79 characters, and 78 can be reported/,
    ],
    ['more than 1 MB of text', message({ text: 'ä'.repeat(524_289) }), {}, /1 MB can be reported/],
    ['nobody who sent it', message({ from: person('nobody') }), {}, /no sender/],
    ['nobody it went to', answer({ to: [] }), {}, /nobody on the other side/],
    [
      'more than 500 recipients',
      message({ to: Array.from({ length: 501 }, (_, i) => person(`a${i}@x.test`)) }),
      {},
      /more than 500 recipients/,
    ],
    [
      'mapped user data over 2,048 characters',
      message({ udata: { note: 'x'.repeat(2049) } }),
      { metadata: { n: 'note' } },
      /“note” in the user data has more than 2048/,
    ],
    [
      'more than 50 mapped keys',
      message({ udata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, i])) }),
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, `k${i}`])) },
      /51 keys/,
    ],
    ['no tenant', message(), { tenantName: ' ' }, /Enter tenant/],
  ])('with %s is refused here, before anything leaves', async (_, interaction, special, told) => {
    const server = await scripted({ status: 202 })
    const error = await refusal(connector(server.url, { ...special }).report?.(interaction))
    expect([error.code, error.message]).toEqual(['invalid', expect.stringMatching(told)])
    expect(server.requests).toEqual([])
  })

  it('at the limits is taken, and a long subject is shortened where the agent said so', () => {
    expect(payload(message({ subject: '😀'.repeat(78), text: 'a'.repeat(1_048_576) })).data.sub).toBe(
      '😀'.repeat(78),
    )
    const { sub } = payload(message({ subject: '😀'.repeat(79) }), { shortenSubjects: true }).data
    expect([Array.from(sub).length, sub.endsWith('😀…')]).toEqual([78, true])
  })
})

describe('reporting to a remote endpoint', () => {
  it('posts it once as JSON, with the token as Bearer', async () => {
    const server = await scripted({ status: 202, body: { status: 202, message: 'accepted' } })
    await connector(server.url).report?.(message())
    expect(server.requests).toMatchObject([
      {
        method: 'POST',
        url: '/contacts/email',
        headers: {
          authorization: `Bearer ${SECRET}`,
          'content-type': 'application/json',
          accept: 'application/json',
        },
      },
    ])
    expect(JSON.parse(server.requests[0]?.body.toString() ?? '')).toEqual(payload(message()))
  })

  it.each<[string, Reply]>([
    [
      'the document’s own sample, which is no JSON',
      { status: 202, body: '{ "status": 202 "message": "accepted" }' },
    ],
    ['nothing at all', { status: 202 }],
    ['HTML', { status: 202, headers: { 'content-type': 'text/html' }, body: '<p>ok' }],
  ])('takes 202 for enough with %s', async (_, reply) => {
    const server = await scripted(reply)
    await expect(connector(server.url).report?.(message())).resolves.toBeUndefined()
  })

  it('takes 202 for enough though its body never ends or is cut', async () => {
    const server = await scripted({ status: 202, body: 'x'.repeat(5000) })
    await expect(connector(server.url, {}, { bytes: 1000 }).report?.(message())).resolves.toBeUndefined()
    const proxy = await startFaultProxy(server.port)
    stops.push(() => proxy.stop())
    proxy.faults.truncateAfter = 1000
    await expect(connector(`http://127.0.0.1:${proxy.port}`).report?.(message())).resolves.toBeUndefined()
  })

  it.each<[string, Reply, string, RegExp]>([
    ['200', { status: 200, body: { status: 202 } }, 'refused', /has the status 200 and not 202/],
    ['401', errors(401, 'Token expired.'), 'refused', /doesn’t accept the key.*Token expired\./],
    ['403', errors(403, 'not your tenant'), 'refused', /not your tenant/],
    ['404', errors(404, 'no such resource'), 'refused', /no such resource/],
    [
      '400, with each detail',
      errors(400, 'data.sub: must not be empty.', 'data.to: is missing.'),
      'refused',
      /data\.sub: must not be empty\. data\.to: is missing\./,
    ],
    ['400 without a word', { status: 400 }, 'refused', /refused it \(400\)/],
    ['500', errors(500, 'oops'), 'unreachable', /has a fault \(500\).*oops/],
    ['503', errors(503, 'paused'), 'unreachable', /\(503\)/],
    ['429', { status: 429 }, 'unreachable', /too many requests/],
    [
      'a redirect',
      { status: 307, headers: { location: 'http://evil.test/' } },
      'refused',
      /Workbin doesn’t follow/,
    ],
  ])('takes %s for what it is', async (_, reply, code, told) => {
    const server = await scripted(reply)
    const error = await refusal(connector(server.url).report?.(message()))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(told)])
    expect(server.requests).toHaveLength(1)
  })

  it('hands on how long the remote wants to be left alone', async () => {
    const server = await scripted({ status: 503, headers: { 'retry-after': '17' } })
    const error = await refusal(connector(server.url).report?.(message()))
    expect(error instanceof RemoteFault && error.retryAfter).toBe(17)
  })

  it.each<[string, Reply]>([
    ['is silent', 'silence'],
    ['cuts the line', 'reset'],
  ])('says that it may be tried again where the remote %s', async (_, reply) => {
    const server = await scripted(reply)
    const error = await refusal(connector(server.url, {}, { timeout: 100 }).report?.(message()))
    expect(error.code).toBe('unreachable')
  })
})

describe('a test of a remote endpoint', () => {
  const steps = async (url: string, special = {}, key: string | null = SECRET) => {
    const { ok, steps } = await connector(url, special, {}, key).test()
    return [ok, steps.at(-1)?.step, steps.at(-1)?.message]
  }

  it.each<[string, Reply, string, RegExp]>([
    ['a wrong token', errors(401, 'no'), 'key', /doesn’t accept the key/],
    ['another system', { status: 404, body: 'nothing here' }, 'answer', /takes no messages/],
    ['a system that takes anything', { status: 202 }, 'answer', /answered with 202/],
    ['a system with a fault', { status: 500 }, 'ready', /has a fault/],
  ])('finds %s', async (_, reply, step, told) => {
    const server = await scripted(reply)
    expect(await steps(server.url)).toEqual([false, step, expect.stringMatching(told)])
  })

  it('says that nobody listens', async () => {
    const server = await scripted({})
    await server.stop()
    expect(await steps(server.url)).toEqual([false, 'connect', expect.stringMatching(/Nothing listens/)])
    stops.pop()
  })
})

describe('a second Workbin that reports to the first', () => {
  let first: ServedApis
  const start = async () => {
    first = await serveApis({
      apis: [contactsEmailApi],
      settings: {
        contacts: { entities: [TRIPLE] },
        keys: [{ key: SECRET, name: 'Second desk', scopes: ['contacts:write'] }],
      },
    })
    stops.push(() => first.close())
  }
  const stored = () => first.store.apiInteractions({}, { index: 0, count: 10 })

  it('has each message there once, in one conversation, in its direction', async () => {
    await start()
    const remote = connector(first.url, { metadata: { order: 'OrderNumber' } })
    expect(await remote.test()).toMatchObject({ ok: true })
    expect(await stored()).toEqual([])
    for (let i = 0; i < 2; i++) {
      await remote.report?.(message({ udata: { OrderNumber: 'HP-7' } }))
      await remote.report?.(answer())
    }
    const there = await stored()
    expect(
      there
        .map(({ entity_type, status, subject, external_id }) => [entity_type, status, subject, external_id])
        .sort(),
    ).toEqual([
      [0, 0, 'Where is my order?', payload(message()).data.msgId],
      [1, 3, 'Where is my order?', payload(answer()).data.msgId],
    ])
    expect(new Set(there.map(({ thread_id }) => thread_id)).size).toBe(1)
    expect(there.find(({ entity_type }) => entity_type === 0)?.udata).toMatchObject({ order: 'HP-7' })
  })

  it('says what is wrong in the first one’s words', async () => {
    await start()
    expect((await connector(first.url, { catName: 'Nobody' }).test()).steps.at(-1)).toMatchObject({
      step: 'ready',
      ok: false,
      message: expect.stringMatching(
        /doesn’t know Acme Corp \/ Sales \/ Nobody.*tenant\/org\/cat not found!/,
      ),
    })
    expect((await connector(first.url, { catName: '' }).test()).steps.at(-1)).toMatchObject({
      step: 'ready',
      message: expect.stringMatching(/Enter tenant/),
    })
    expect((await connector(first.url, {}, {}, 'wrong').test()).steps.at(-1)?.step).toBe('key')
    const error = await refusal(connector(first.url, { language: 'de-de' }).report?.(message()))
    expect(error.message).toMatch(/data\.lang/)
    expect(await stored()).toEqual([])
  })

  it('loses and doubles nothing over a line that breaks', async () => {
    await start()
    const proxy = await startFaultProxy(Number(new URL(first.url).port))
    stops.push(() => proxy.stop())
    const remote = connector(`http://127.0.0.1:${proxy.port}`, {}, { timeout: 2_000 })
    const faults: (() => void)[] = [
      () => (proxy.faults.cutAfter = 1),
      () => (proxy.faults.truncateAfter = 10),
      () => (proxy.faults.fromServer = () => Buffer.from('nonsense\r\n\r\n')),
      () => (proxy.faults.split = true),
    ]
    for (const set of faults) {
      Object.assign(proxy.faults, { cutAfter: null, truncateAfter: null, fromServer: null, split: false })
      set()
      await remote.report?.(message()).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'unreachable' })
      })
    }
    expect(await stored()).toHaveLength(1)
  })
})
