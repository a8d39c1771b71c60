import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { interactionsApi } from '../../../src-main/api/interactions.ts'
import type { ApiDesk } from '../../../src-main/api/desk.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { type Answered, ask as askAt, curl, stored } from '../../support/ask.ts'
import { arrival, hash, MINUTE, person, START } from '../../support/open-store.ts'

const KEYS = [
  { key: 'k-crm', name: 'CRM', scopes: ['interactions:read' as const, 'interactions:write' as const] },
  { key: 'k-read', name: 'Reader', scopes: ['interactions:read' as const] },
  { key: 'k-write', name: 'Feeder', scopes: ['interactions:write' as const] },
]
const BASE = 'https://desk.example/workbin'

let apis: ServedApis
beforeAll(async () => {
  apis = await serveApis({
    apis: [interactionsApi],
    settings: { publicUrl: BASE, keys: KEYS },
    file: { queues: ['Support'] },
  })
})
afterAll(() => apis.close())
// Each test has the 300 requests of a minute for itself.
beforeEach(() => apis.pass(2 * MINUTE))

type Body = Readonly<Record<string, unknown>>

function ask(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
  return askAt(apis, method, path, { body, headers: { 'x-api-key': 'k-crm', ...headers } })
}

/** The least that a new interaction must say. */
const LEAST = {
  customer_id: 'c-1',
  status: 0,
  entity_type: 0,
  type: 'Inbound',
  media_type: 'email',
  start_date: '2026-05-04T09:00:00.000Z',
}

/** Everything that an outbound one can say. */
const WHOLE = {
  customer_id: 'c-1',
  status: 3,
  entity_type: 1,
  type: 'Outbound',
  sub_type: 'OutboundReply',
  media_type: 'email',
  external_id: 'crm-4711',
  owner_id: 12,
  creator_app_id: 42,
  start_date: '2026-05-04T09:00:00.123Z',
  end_date: '2026-05-04T09:05:00.000Z',
  timeshift: -120,
  category_id: 'orders',
  allow_children: false,
  subject: 'Re: Where is my order? 😀',
  stopped_reason: 'Sent',
  text: 'It is on its way.\r\n',
  structured_text: 'https://crm.example/4711.html?a=1&b=2',
  structured_text_mime: 'text/html; charset=utf-8',
  binary_content: 'http://crm.example/4711',
  binary_content_mime: 'message/rfc822',
  binary_content_size: 0,
  udata: { number: 1.5, text: 'é', truth: true, nothing: null, list: [1, { a: 'b' }], __proto: 1 },
  from: { address: 'support@desk.test', personal: 'Support' },
  reply_to: { address: 'answers@desk.test' },
  to: [{ address: 'ann@customer.test', personal: 'Ann Lee' }, { address: 'bob@customer.test' }],
  cc: [{ address: 'carl@customer.test' }],
  bcc: [{ address: 'dora@customer.test' }],
  sent_date: '2026-05-04T09:04:59.999Z',
  reference_id: 9007199254740991,
  reviewer_id: 13,
  standard_response_id: 'sr-1',
}

async function create(special: Body = {}): Promise<Body & { interaction_id: string; thread_id: string }> {
  const answer = await ask('POST', '/interactions', { ...LEAST, ...special })
  expect([answer.status, answer.body]).toEqual([201, expect.anything()])
  return answer.body as Body & { interaction_id: string; thread_id: string }
}

function without(body: Body, ...members: readonly string[]): Body {
  return Object.fromEntries(Object.entries(body).filter(([member]) => !members.includes(member)))
}

function refused(status: number, exception: string, message: unknown = expect.any(String)) {
  return { status, body: { message, exception } }
}
function said({ status, body }: Answered) {
  return { status, body }
}

let ids = 0
/** An id that nobody has. */
function freshId(): string {
  return `TEST${String((ids += 1)).padStart(12, '0')}`
}

describe('POST /interactions', () => {
  it('answers 201 with Location and the object, every member as it was given', async () => {
    const answer = await ask('POST', '/interactions', WHOLE)
    const id = (answer.body as { interaction_id: string }).interaction_id
    expect(id).toMatch(/^[0-9A-Za-z]{16}$/)
    expect([answer.status, answer.headers.get('location'), answer.headers.get('content-type')]).toEqual([
      201,
      `${BASE}/interactions/${id}`,
      'application/json; charset=utf-8',
    ])
    expect(answer.body).toEqual({
      ...WHOLE,
      interaction_id: id,
      thread_id: id,
      activity_id: expect.any(Number),
    })
    const { interaction_id, structured_text, binary_content, udata, bcc, text } =
      await apis.store.apiInteraction(id)
    expect({ interaction_id, structured_text, binary_content, udata, bcc, text }).toEqual({
      interaction_id: id,
      structured_text: WHOLE.structured_text,
      binary_content: WHOLE.binary_content,
      udata: WHOLE.udata,
      bcc: WHOLE.bcc,
      text: WHOLE.text,
    })
  })

  it('needs only what the model requires: id, thread, application and allow_children are made', async () => {
    const object = await create()
    expect(object).toEqual({
      ...LEAST,
      interaction_id: expect.stringMatching(/^[0-9A-Za-z]{16}$/),
      thread_id: object.interaction_id,
      creator_app_id: 1,
      allow_children: true,
      activity_id: expect.any(Number),
      queue: 'Support',
    })
  })

  it.each(Object.keys(LEAST))('without %s is refused', async (member) => {
    const before = stored(apis)
    for (const body of [without(LEAST, member), { ...LEAST, [member]: null }])
      expect(said(await ask('POST', '/interactions', body))).toEqual(
        refused(400, 'InvalidRequest', expect.stringContaining(member)),
      )
    expect(stored(apis)).toEqual(before)
  })

  it.each([
    ['customer_id', ''],
    ['customer_id', 7],
    ['customer_id', 'x'.repeat(256)],
    ['status', '0'],
    ['status', 4],
    ['status', -1],
    ['status', 0.5],
    ['status', true],
    ['entity_type', 4],
    ['entity_type', 8],
    ['entity_type', '0'],
    ['type', ''],
    ['type', 'x'.repeat(65)],
    ['media_type', ''],
    ['media_type', 3],
    ['interaction_id', 'short'],
    ['interaction_id', 'ABCDEFGHIJKLMNOPQ'],
    ['interaction_id', 'ABCDEFGHIJKLMNO/'],
    ['interaction_id', 1234567890123456],
    ['parent_id', 'nobodyHasThisId0'],
    ['parent_id', 5],
    ['thread_id', 'nobodyHasThisId0'],
    ['owner_id', '7'],
    ['owner_id', 7.5],
    ['owner_id', 1e300],
    ['creator_app_id', '1'],
    ['reviewer_id', '1'],
    ['timeshift', -1441],
    ['timeshift', 1441],
    ['timeshift', '60'],
    ['allow_children', 'true'],
    ['allow_children', 1],
    ['subject', 7],
    ['text', ['a']],
    ['external_id', 7],
    ['category_id', {}],
    ['sub_type', false],
    ['standard_response_id', 1],
    ['reference_id', 1.5],
    ['reference_id', true],
    ['udata', []],
    ['udata', 'a=b'],
    ['udata', 7],
    ['from', 'ann@customer.test'],
    ['from', { personal: 'Ann' }],
    ['from', { address: 'Ann <ann@customer.test>' }],
    ['from', { address: 'ann@customer.test\r\nBcc: eve@evil.test' }],
    ['from', { address: 'ann@customer.test', personal: 7 }],
    ['from', []],
    ['reply_to', { address: 'a@b@c' }],
    ['to', { address: 'ann@customer.test' }],
    ['to', [{ address: 'ann@customer.test,eve@evil.test' }]],
    ['to', [{ address: 'ann @customer.test' }]],
    ['to', [{ address: `${'a'.repeat(251)}@b.c` }]],
    ['cc', [null]],
    ['cc', 'carl@customer.test'],
    ['structured_text', 'https://crm.example/1'],
    ['structured_text_mime', 'text/html'],
    ['binary_content', 'https://crm.example/1'],
    ['binary_content_mime', 'text/html'],
    ['binary_content_size', 5],
    ['stopped_reason', 'because'],
    ['end_date', '2026-05-04T08:59:59.999Z'],
    ['start_date', 1777885200000],
    ['start_date', ''],
    ['start_date', '2026-05-04'],
    ['start_date', '2026-05-04T09:00:00'],
    ['start_date', '2026-02-29T09:00:00Z'],
    ['start_date', '2026-05-04T24:00:00Z'],
    ['start_date', '2026-05-04 09:00:00Z'],
    ['start_date', '2026-05-04T09:00Z'],
    ['start_date', '0000-01-01T00:00:00+00:01'],
    ['start_date', '2026-05-04T09:00:60Z'],
    ['start_date', 'Mon, 4 May 2026 09:00:00 GMT'],
    ['sent_date', 'yesterday'],
    ['end_date', '2026-05-04T09:00:00+25:00'],
  ])('refuses %s %j and stores nothing', async (member, value) => {
    const before = stored(apis)
    expect(said(await ask('POST', '/interactions', { ...LEAST, [member]: value }))).toEqual(
      refused(400, 'InvalidRequest', expect.stringContaining(member.replace(/_(mime|size)$/, ''))),
    )
    expect(stored(apis)).toEqual(before)
  })

  it.each([
    [{ type: '😀'.repeat(64) }, {}],
    [{ customer_id: '😀'.repeat(255) }, {}],
    [{ timeshift: -1440 }, {}],
    [{ timeshift: 1440 }, {}],
    [{ timeshift: 0 }, {}],
    [{ entity_type: 2, media_type: 'chat', type: 'Inbound' }, {}],
    [{ entity_type: 3, media_type: 'voice' }, {}],
    [{ entity_type: 5, media_type: 'callback' }, {}],
    [{ entity_type: 6, media_type: 'cobrowse' }, {}],
    [{ entity_type: 7, media_type: 'anything else' }, {}],
    [{ status: 1 }, {}],
    [{ to: [{ address: `${'a'.repeat(250)}@b.c` }] }, {}],
    [{ status: 2, owner_id: 7 }, {}],
    [{ end_date: LEAST.start_date }, {}],
    [{ start_date: '2026-05-04T11:00:00.9999+02:00' }, { start_date: '2026-05-04T09:00:00.999Z' }],
    [{ start_date: '2026-05-03t23:00:00-10:00' }, { start_date: '2026-05-04T09:00:00.000Z' }],
    [{ start_date: '1969-07-20T20:17:40.001Z' }, {}],
    [{ start_date: '0000-01-01T00:00:00.000Z' }, {}],
    [{ start_date: '9999-12-31T23:59:59.999Z' }, {}],
    [{ start_date: '2024-02-29T00:00:00z' }, { start_date: '2024-02-29T00:00:00.000Z' }],
    [{ start_date: '1990-12-31T23:59:60Z' }, { start_date: '1991-01-01T00:00:00.000Z' }],
    [{ start_date: '2026-05-04T09:00:00.1Z' }, { start_date: '2026-05-04T09:00:00.100Z' }],
    [{ sub_type: '', subject: '', text: '', external_id: '', udata: {}, to: [], cc: [] }, 'left out'],
    [
      {
        sub_type: null,
        from: null,
        to: null,
        udata: null,
        owner_id: null,
        interaction_id: null,
        thread_id: null,
        end_date: null,
      },
      'left out',
    ],
    [{ udata: { a: { b: { c: [] } } } }, {}],
    [{ from: { address: 'ann@customer.test', personal: null } }, { from: { address: 'ann@customer.test' } }],
    [
      { from: { address: 'ann@customer.test', personal: 'Ann\r\n\tLee' } },
      { from: { address: 'ann@customer.test', personal: 'Ann Lee' } },
    ],
    [{ subject: 'Order\r\nBcc: eve@evil.test\u0000!' }, { subject: 'Order Bcc: eve@evil.test !' }],
    [{ unknown: 1, attachments: [{}], activity_id: 9, message_id: 'm', queue: 'Q' }, 'left out'],
  ] as readonly (readonly [Body, Body | 'left out'])[])('takes %j', async (given, answered) => {
    const object = await create(given)
    const expected = answered === 'left out' ? {} : { ...given, ...answered }
    expect(without(object, 'activity_id', 'queue', 'workbin')).toEqual({
      ...LEAST,
      creator_app_id: 1,
      allow_children: true,
      interaction_id: object.interaction_id,
      thread_id: object.interaction_id,
      ...expected,
    })
  })

  it('keeps bcc and the other outbound members of outbound mail only', async () => {
    const outbound = { bcc: WHOLE.bcc, reference_id: 'a@b', reviewer_id: 1, standard_response_id: 's' }
    expect(await create({ ...outbound, entity_type: 1, type: 'Outbound' })).toMatchObject(outbound)
    for (const entity_type of [0, 2, 3, 5, 6, 7]) {
      const object = await create({ ...outbound, entity_type })
      expect(Object.keys(object).filter((member) => member in outbound)).toEqual([])
      expect(JSON.stringify(await apis.store.apiInteraction(object.interaction_id))).not.toContain('dora')
    }
  })

  it('keeps reference_id as it was given: an integer or a message id', async () => {
    for (const reference_id of [0, 4711, 'abc@customer.test', '4711'])
      expect(await create({ entity_type: 1, reference_id })).toMatchObject({ reference_id })
  })

  it('takes an id of the caller’s, and no id twice', async () => {
    const interaction_id = freshId()
    expect((await create({ interaction_id })).interaction_id).toBe(interaction_id)
    const before = stored(apis)
    expect(said(await ask('POST', '/interactions', { ...LEAST, interaction_id }))).toEqual(
      refused(409, 'Conflict', expect.stringContaining(interaction_id)),
    )
    expect(stored(apis)).toEqual(before)
  })

  it('puts a child into its parent’s thread, or into the thread that is named', async () => {
    const parent = await create()
    const child = await create({ parent_id: parent.interaction_id })
    expect(child).toMatchObject({ parent_id: parent.interaction_id, thread_id: parent.thread_id })
    const other = await create()
    expect(await create({ thread_id: other.interaction_id })).toMatchObject({ thread_id: other.thread_id })
    expect(await create({ parent_id: parent.interaction_id, thread_id: other.interaction_id })).toMatchObject(
      { parent_id: parent.interaction_id, thread_id: other.thread_id },
    )
    const interaction_id = freshId()
    expect(await create({ interaction_id, thread_id: interaction_id })).toMatchObject({
      thread_id: interaction_id,
    })
  })

  it('adds no child where the parent allows none', async () => {
    const parent = await create({ allow_children: false })
    const before = stored(apis)
    expect(said(await ask('POST', '/interactions', { ...LEAST, parent_id: parent.interaction_id }))).toEqual(
      refused(409, 'Conflict', expect.stringContaining('parent_id')),
    )
    expect(stored(apis)).toEqual(before)
  })

  it('sets end_date to now where it comes stopped without one', async () => {
    expect(await create({ status: 3 })).toMatchObject({ end_date: new Date(apis.now()).toISOString() })
    const future = '2030-01-01T00:00:00.000Z'
    expect(await create({ status: 3, start_date: future })).toMatchObject({ end_date: future })
    expect(await create({ status: 3, end_date: future })).toMatchObject({ end_date: future })
    expect(Object.keys(await create())).not.toContain('end_date')
  })

  it.each([
    'ftp://crm.example/1',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/html,x',
    '//crm.example/1',
    '/interactions/1/structured_text',
    'crm.example/1',
    'https://',
    'https://crm example/',
    'https://crm.example/a\nb',
    `https://crm.example/${'a'.repeat(8_192)}`,
    7,
  ])('takes no link like %j', async (url) => {
    for (const links of [
      { structured_text: url, structured_text_mime: 'text/html' },
      { binary_content: url, binary_content_mime: 'text/html', binary_content_size: 1 },
    ])
      expect(said(await ask('POST', '/interactions', { ...LEAST, ...links }))).toEqual(
        refused(400, 'InvalidRequest', expect.stringMatching(/structured_text|binary_content/)),
      )
  })

  it('wants a link with its type and size, all or none, and a size that is one', async () => {
    const link = { binary_content: 'https://a.example/', binary_content_mime: 'a/b', binary_content_size: 0 }
    expect(await create(link)).toMatchObject(link)
    for (const part of Object.keys(link))
      expect((await ask('POST', '/interactions', { ...LEAST, ...without(link, part) })).status).toBe(400)
    for (const bad of [
      { binary_content_size: -1 },
      { binary_content_size: '1' },
      { binary_content_size: 0.5 },
      { binary_content_mime: 'html' },
      { binary_content_mime: 'text/html\r\nX: y' },
    ])
      expect((await ask('POST', '/interactions', { ...LEAST, ...link, ...bad })).status).toBe(400)
  })

  it('never fetches a link', async () => {
    let fetched = 0
    const site = createServer((_request, response) => {
      fetched += 1
      response.end()
    })
    site.on('connection', () => (fetched += 1))
    site.listen(0, '127.0.0.1')
    await once(site, 'listening')
    const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`
    const links = { structured_text: url, structured_text_mime: 'text/html' }
    const { interaction_id } = await create(links)
    await ask('GET', `/interactions/${interaction_id}`)
    await ask('GET', `/interactions/${interaction_id}/structured_text`)
    await ask('PUT', `/interactions/${interaction_id}`, { ...links, structured_text: `${url}2` })
    await new Promise((resolve) => site.close(resolve))
    expect(fetched).toBe(0)
  })

  it('takes user data of 64 KB and four levels, and nothing more', async () => {
    const largest = { k: 'x'.repeat(65_536 - '{"k":""}'.length) }
    const object = await create({ udata: largest })
    expect(object.udata).toEqual(largest)
    const before = stored(apis)
    for (const udata of [
      { k: `${largest.k}x` },
      { k: `${largest.k.slice(2)}é€` },
      { a: { b: { c: { d: {} } } } },
      { a: [[[[]]]] },
    ])
      expect(said(await ask('POST', '/interactions', { ...LEAST, udata }))).toEqual(
        refused(400, 'InvalidRequest', expect.stringContaining('udata')),
      )
    expect(stored(apis)).toEqual(before)
    expect(await create({ udata: { a: { b: { c: { d: 1 } } } } })).toMatchObject({
      udata: { a: { b: { c: { d: 1 } } } },
    })
  })

  it('keeps __proto__, constructor and prototype as keys, and touches no prototype', async () => {
    const udata =
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"prototype":1}'
    const body = `{"__proto__":{"customer_id":"evil"},${JSON.stringify(LEAST).slice(1, -1)},"udata":${udata}}`
    const answer = await ask('POST', '/interactions', body)
    expect(answer.status).toBe(201)
    const raw = await fetch(
      `${apis.url}/interactions/${(answer.body as { interaction_id: string }).interaction_id}`,
      {
        headers: { 'x-api-key': 'k-crm' },
      },
    )
    expect(await raw.text()).toContain(`"udata":${udata}`)
    expect('polluted' in {}).toBe(false)
    expect((answer.body as Body).customer_id).toBe('c-1')
  })

  it('answers the same to the same Idempotency-Key, and 409 to another body', async () => {
    const key = { 'idempotency-key': 'order-1' }
    const first = await ask('POST', '/interactions', LEAST, key)
    const before = stored(apis)
    const second = await ask('POST', '/interactions', LEAST, key)
    expect([second.status, second.headers.get('location'), second.body]).toEqual([
      201,
      first.headers.get('location'),
      first.body,
    ])
    expect(said(await ask('POST', '/interactions', { ...LEAST, subject: 'x' }, key))).toEqual(
      refused(409, 'Conflict', expect.stringContaining('Idempotency-Key')),
    )
    expect(stored(apis)).toEqual(before)
    // Somebody else's key of the same name is another key.
    const other = await ask('POST', '/interactions', LEAST, { ...key, 'x-api-key': 'k-write' })
    expect(other.status).toBe(201)
    expect((other.body as Body).interaction_id).not.toBe((first.body as Body).interaction_id)
  })

  it('goes by the interaction_id where there is one, whatever Idempotency-Key comes with it', async () => {
    const key = { 'idempotency-key': 'order-2' }
    const body = { ...LEAST, interaction_id: freshId() }
    expect((await ask('POST', '/interactions', body, key)).status).toBe(201)
    expect((await ask('POST', '/interactions', body, key)).status).toBe(409)
    expect((await ask('POST', '/interactions', { ...body, interaction_id: freshId() }, key)).status).toBe(201)
  })

  it('takes a thousand recipients and refuses a million, in few words', async () => {
    const to = Array.from({ length: 1_000 }, (_, i) => ({ address: `a${i}@b.test` }))
    expect((await create({ to })).to).toEqual(to)
    const before = stored(apis)
    for (const body of [
      { ...LEAST, to: [...to, ...to] },
      { ...LEAST, cc: Array.from({ length: 1_000_000 }, () => 1) },
      { ...LEAST, to: Array.from({ length: 1_000 }, () => 1) },
    ]) {
      const answer = await ask('POST', '/interactions', body)
      expect(said(answer)).toEqual(refused(400, 'InvalidRequest'))
      expect(JSON.stringify(answer.body).length).toBeLessThan(2_000)
    }
    expect(stored(apis)).toEqual(before)
  })

  it('tells all faults of a body at once', async () => {
    expect(
      said(await ask('POST', '/interactions', { ...LEAST, status: '0', type: '', owner_id: 'x' })),
    ).toEqual(refused(400, 'InvalidRequest', expect.stringMatching(/status: .*; .*type: .*; .*owner_id: /)))
  })

  it.each([
    ['nothing', undefined],
    ['an array', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['half a JSON', '{"a":'],
    ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`],
  ])('refuses %s as a body', async (_, body) => {
    const before = stored(apis)
    const headers = { 'content-type': 'application/json' }
    expect(said(await ask('POST', '/interactions', body, headers))).toEqual(refused(400, 'InvalidRequest'))
    expect(stored(apis)).toEqual(before)
  })

  it('ignores a byte order mark and refuses invalid UTF-8', async () => {
    const send = (bytes: Uint8Array<ArrayBuffer>) =>
      fetch(`${apis.url}/interactions`, {
        method: 'POST',
        headers: { 'x-api-key': 'k-crm', 'content-type': 'application/json; charset=utf-8' },
        body: bytes,
      })
    const body = Buffer.from(JSON.stringify({ ...LEAST, subject: 'X' }))
    expect((await send(new Uint8Array(Buffer.concat([Buffer.from('\ufeff'), body])))).status).toBe(201)
    body[body.indexOf('X"')] = 0xff
    expect((await send(new Uint8Array(body))).status).toBe(400)
  })

  it('refuses what isn’t JSON and what is longer than 16 MB', async () => {
    expect(
      said(
        await ask('POST', '/interactions', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
      ),
    ).toEqual(refused(415, 'InvalidRequest'))
    const long = JSON.stringify({ ...LEAST, text: 'x'.repeat(16 * 1_048_576) })
    expect(said(await ask('POST', '/interactions', long))).toEqual(refused(413, 'InvalidRequest'))
  })
})

describe('GET /interactions/{interaction_id}', () => {
  it('answers one object, not an array', async () => {
    const object = await create({ subject: 'One' })
    const answer = await ask('GET', `/interactions/${object.interaction_id}`)
    expect([answer.status, answer.body]).toEqual([200, object])
  })

  it('answers 404 to an unknown id', async () => {
    for (const id of ['nobodyHasThisId0', '0', '..%2f..', '%00'])
      expect(said(await ask('GET', `/interactions/${id}`))).toEqual(refused(404, 'NotFound'))
  })

  it('answers below /genesys/1/cs too, with URLs of the root that was asked', async () => {
    const [mail] = await ingest({
      html: '<p>Hi</p>',
      raw: apis.blobs.put(Buffer.from('Subject: a\r\n\r\nHi')),
    })
    const { body } = await ask('GET', `/genesys/1/cs/interactions/${mail}`)
    expect(body).toMatchObject({
      interaction_id: mail,
      structured_text: `${BASE}/genesys/1/cs/interactions/${mail}/structured_text`,
      binary_content: `${BASE}/genesys/1/cs/interactions/${mail}/binary_content`,
    })
    for (const path of ['plain_text', 'structured_text', 'binary_content'])
      expect((await ask('GET', `/genesys/1/cs/interactions/${mail}/${path}`)).status).toBe(200)
    const made = await ask('POST', '/genesys/1/cs/interactions', LEAST)
    const { interaction_id } = made.body as { interaction_id: string }
    expect([made.status, made.headers.get('location')]).toEqual([
      201,
      `${BASE}/genesys/1/cs/interactions/${interaction_id}`,
    ])
    expect((await ask('PUT', `/genesys/1/cs/interactions/${interaction_id}`, { status: 1 })).status).toBe(200)
    expect((await ask('GET', '/genesys/1/cs/interactions?count=1')).status).toBe(200)
    expect((await ask('GET', '/genesys/1/cs/customers/c-1/interactions')).status).toBe(200)
    expect((await ask('GET', '/genesys/1/cs/services/s/interactions')).status).toBe(404)
  })

  it('answers paths where no public URL is set, and never what Host says', async () => {
    const plain = await serveApis({ apis: [interactionsApi], settings: { keys: KEYS } })
    try {
      const headers = { 'x-api-key': 'k-crm', 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https' }
      const made = await askAt(plain, 'POST', '/interactions', { headers, body: LEAST })
      const { interaction_id } = made.body as { interaction_id: string }
      expect(made.headers.get('location')).toBe(`/interactions/${interaction_id}`)
      const raw = await curl('-H', 'Host: evil.test', '-H', 'x-api-key: k-crm', `${plain.url}/interactions`)
      expect(raw.status).toBe(200)
      expect(JSON.stringify(raw.body)).not.toContain('evil.test')
    } finally {
      await plain.close()
    }
  })

  it('shows a mail with its message id, queue, files and activity, its bytes as URLs', async () => {
    const raw = apis.blobs.put(Buffer.from('Subject: Files\r\n\r\nSee here.'))
    const file = apis.blobs.put(Buffer.from('%PDF-1.4'))
    const [id] = await ingest({
      raw,
      html: '<p>See <b>here</b>.</p>',
      text: 'See here.',
      message_id: 'files@customer.test',
      subject: 'Files',
      sent_date: '2026-05-04T08:59:00.000Z',
      attachments: [
        { name: 'Größe.pdf', content_type: 'application/pdf', ...file, content_id: null, inline: false },
        { name: null, content_type: 'image/png', ...file, content_id: 'logo', inline: true },
      ],
    })
    const { body } = await ask('GET', `/interactions/${id}`)
    expect(body).toEqual({
      interaction_id: id,
      customer_id: expect.any(String),
      status: 0,
      entity_type: 0,
      type: 'Inbound',
      sub_type: 'InboundNew',
      media_type: 'email',
      thread_id: id,
      creator_app_id: 1,
      start_date: new Date(START).toISOString(),
      allow_children: true,
      subject: 'Files',
      text: 'See here.',
      structured_text: `${BASE}/interactions/${id}/structured_text`,
      structured_text_mime: 'text/html',
      binary_content: `${BASE}/interactions/${id}/binary_content`,
      binary_content_mime: 'message/rfc822',
      binary_content_size: raw.size,
      from: { address: 'ann@customer.test', personal: 'Ann Lee' },
      to: [{ address: 'support@desk.test', personal: 'Support' }],
      sent_date: '2026-05-04T08:59:00.000Z',
      attachments: [
        {
          id: expect.any(String),
          name: 'Größe.pdf',
          contentType: 'application/pdf',
          size: file.size,
          sha256: file.sha256,
          contentId: null,
          inline: false,
        },
        {
          id: expect.any(String),
          name: null,
          contentType: 'image/png',
          size: file.size,
          sha256: file.sha256,
          contentId: 'logo',
          inline: true,
        },
      ],
      activity_id: expect.any(Number),
      message_id: 'files@customer.test',
      queue: 'Support',
    })
  })
})

/** Files mails as the intake does; answers their ids. */
async function ingest(...mails: readonly Parameters<typeof arrival>[0][]): Promise<readonly string[]> {
  const filed = await apis.store.ingest(
    mails.map((mail) => arrival(mail)),
    null,
  )
  return filed.map(({ interaction_id }) => interaction_id)
}

describe('the bytes of an interaction', () => {
  const bytes = (path: string) => fetch(`${apis.url}${path}`, { headers: { 'x-api-key': 'k-crm' } })
  const shown = ({ status, headers }: Response, ...names: readonly string[]) => [
    status,
    ...['content-type', 'content-security-policy', 'x-content-type-options', ...names].map((n) =>
      headers.get(n),
    ),
  ]

  it('are its text', async () => {
    const { interaction_id } = await create({ text: 'Größe <b>😀</b>\r\n' })
    const answer = await bytes(`/interactions/${interaction_id}/plain_text`)
    expect(shown(answer)).toEqual([200, 'text/plain; charset=utf-8', 'sandbox', 'nosniff'])
    expect(await answer.text()).toBe('Größe <b>😀</b>\r\n')
  })

  it('are its HTML, as received and never to be run', async () => {
    const html = '<script>alert(1)</script><p>Größe</p>'
    const [id] = await ingest({ html })
    const answer = await bytes(`/interactions/${id}/structured_text`)
    expect(shown(answer)).toEqual([200, 'text/html; charset=utf-8', 'sandbox', 'nosniff'])
    expect(await answer.text()).toBe(html)
  })

  it('are its mail, byte by byte, to be saved', async () => {
    const raw = Buffer.from([...Buffer.from('Subject: \xff\r\n\r\n'), 0, 255, 13, 10])
    const [id] = await ingest({ raw: apis.blobs.put(raw) })
    const answer = await bytes(`/interactions/${id}/binary_content`)
    expect(shown(answer, 'content-disposition', 'content-length')).toEqual([
      200,
      'message/rfc822',
      'sandbox',
      'nosniff',
      `attachment; filename="${id}.eml"; filename*=UTF-8''${id}.eml`,
      String(raw.length),
    ])
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(raw)
  })

  it('are its files, to be saved under a clean name and never run', async () => {
    const file = { ...apis.blobs.put(Buffer.from('<script>1</script>')), content_id: null, inline: false }
    const [id] = await ingest({
      attachments: [
        { ...file, name: 'a"b\u202egnp.exe', content_type: 'text/html' },
        { ...file, name: null, content_type: 'nonsense\r\nX: y' },
      ],
    })
    const { attachments } = (await ask('GET', `/interactions/${id}`)).body as {
      attachments: { id: string }[]
    }
    const [first, second] = await Promise.all(
      attachments.map((attachment) => bytes(`/interactions/${id}/attachments/${attachment.id}`)),
    )
    expect(shown(first!, 'content-disposition')).toEqual([
      200,
      'text/html',
      'sandbox',
      'nosniff',
      `attachment; filename="a_bgnp.exe"; filename*=UTF-8''a%22bgnp.exe`,
    ])
    expect(await first!.text()).toBe('<script>1</script>')
    expect(shown(second!, 'content-disposition', 'x')).toEqual([
      200,
      'application/octet-stream',
      'sandbox',
      'nosniff',
      `attachment; filename="attachment"; filename*=UTF-8''attachment`,
      null,
    ])
  })

  it('are 404 where there are none, also where only a link is known', async () => {
    const { interaction_id } = await create(without(WHOLE, 'text', 'status', 'stopped_reason', 'end_date'))
    const [id] = await ingest({ raw: { sha256: hash('gone'), size: 4 } })
    for (const path of [
      `/interactions/${interaction_id}/plain_text`,
      `/interactions/${interaction_id}/structured_text`,
      `/interactions/${interaction_id}/binary_content`,
      `/interactions/${interaction_id}/attachments/018f0000-0000-7000-8000-000000000000`,
      `/interactions/${id}/structured_text`,
      '/interactions/nobodyHasThisId0/plain_text',
      '/interactions/nobodyHasThisId0/binary_content',
    ])
      expect(said(await ask('GET', path))).toEqual(refused(404, 'NotFound'))
    expect((await ask('GET', `/interactions/${interaction_id}`)).body).toMatchObject({
      structured_text: WHOLE.structured_text,
      binary_content: WHOLE.binary_content,
    })
  })

  it('that should be there and aren’t are our fault, told without a path', async () => {
    const [id] = await ingest({ raw: { sha256: hash('lost'), size: 4 } })
    const answer = await ask('GET', `/interactions/${id}/binary_content`)
    expect(said(answer)).toEqual(refused(500, 'Internal'))
    expect(JSON.stringify(answer.body)).not.toMatch(/blob|[0-9a-f]{64}|\//)
    expect(apis.lines.filter(({ level }) => level === 'error').at(-1)).toMatchObject({
      detail: { error: expect.stringContaining(hash('lost')) },
    })
  })

  it('of one interaction are no other’s', async () => {
    const file = { ...apis.blobs.put(Buffer.from('x')), name: 'a.txt', content_type: 'text/plain' }
    const [mine] = await ingest({ attachments: [{ ...file, content_id: null, inline: false }] })
    const { interaction_id } = await create()
    const { attachments } = (await ask('GET', `/interactions/${mine}`)).body as {
      attachments: { id: string }[]
    }
    expect(
      (await ask('GET', `/interactions/${interaction_id}/attachments/${attachments[0]!.id}`)).status,
    ).toBe(404)
  })
})

describe('GET /interactions', () => {
  let own: ServedApis
  const list = async (query: string) => {
    const answer = await askAt(own, 'GET', `/interactions${query}`, { headers: { 'x-api-key': 'k-crm' } })
    expect([answer.status, answer.body]).toEqual([200, expect.any(Array)])
    return (answer.body as readonly { interaction_id: string }[]).map(({ interaction_id }) => interaction_id)
  }
  const id = (n: number) => `LIST${String(n).padStart(12, '0')}`
  beforeAll(async () => {
    own = await serveApis({ apis: [interactionsApi], settings: { keys: KEYS } })
    for (let n = 0; n < 210; n++)
      await own.store.createInteraction(
        {
          ...LEAST,
          interaction_id: id(n),
          start_date: START + Math.floor(n / 2) * 1000,
          entity_type: n % 3 === 0 ? 0 : n % 3 === 1 ? 1 : 2,
          status: n % 2 === 0 ? 3 : 1,
          customer_id: n < 60 ? 'many' : 'c-1',
          creator_app_id: 1,
          allow_children: true,
          came_by: 'test',
          ...(n === 200 || n === 201 ? { thread_id: id(7) } : {}),
        },
        { once: null },
      )
  })
  afterAll(() => own.close())

  it('answers the newest 50 first, equal times by id', async () => {
    const found = await list('')
    expect(found.slice(0, 4)).toEqual([id(208), id(209), id(206), id(207)])
    expect(found).toHaveLength(50)
  })

  it('pages without losing or repeating any', async () => {
    const pages = [
      ...(await list('?count=200')),
      ...(await list('?index=200&count=200')),
      ...(await list('?index=210')),
      ...(await list('?index=99999999999999999999')),
      ...(await list('?count=0')),
    ]
    expect(pages).toHaveLength(210)
    expect(new Set(pages).size).toBe(210)
  })

  it('filters by status, entity_type and thread, all together', async () => {
    expect(await list('?count=200&status=1')).toHaveLength(105)
    expect(await list('?count=200&entity_type=2')).toHaveLength(70)
    expect(await list('?count=200&entity_type=2&status=3')).toHaveLength(35)
    expect(await list(`?thread_id=${id(7)}`)).toEqual([id(200), id(201), id(7)])
    expect(await list(`?thread_id=${id(7)}&status=3`)).toEqual([id(200)])
    expect(await list(`?thread_id=${id(7)}&status=3&entity_type=0`)).toEqual([])
    expect(await list('?entity_type=7')).toEqual([])
  })

  it('answers an empty array to an unknown thread', async () => {
    expect(await list('?thread_id=nobodyHasThisId0')).toEqual([])
  })

  it('takes empty parameters for absent, the first of a repeated one, and ignores unknown ones', async () => {
    const usual = await list('')
    expect(await list('?status=&entity_type=&thread_id=&index=&count=')).toEqual(usual)
    expect(await list('?count=2&count=5&x=y&__proto__=1&&=')).toEqual(usual.slice(0, 2))
  })

  it.each([
    'status=4',
    'status=-1',
    'status=new',
    'status=1.0',
    'status=%31%20',
    'entity_type=4',
    'entity_type=8',
    'index=-1',
    'index=1.5',
    'index=a',
    'count=-1',
    'count=201',
    'count=1e2',
    'count=0x10',
  ])('refuses ?%s', async (query) => {
    const [name = ''] = query.split('=')
    for (const path of [
      '/interactions',
      ...(/index|count/.test(name) ? ['/customers/many/interactions'] : []),
    ])
      expect(
        said(await askAt(own, 'GET', `${path}?${query}`, { headers: { 'x-api-key': 'k-crm' } })),
      ).toEqual(refused(400, 'InvalidRequest', expect.stringContaining(name)))
  })

  it('answers a customer’s interactions, newest first, in pages', async () => {
    const of = async (customer: string, query = '') =>
      await askAt(own, 'GET', `/customers/${customer}/interactions${query}`, {
        headers: { 'x-api-key': 'k-crm' },
      })
    const found = ({ body }: Answered) =>
      (body as { interaction_id: string }[]).map(({ interaction_id }) => interaction_id)
    const first = found(await of('many'))
    expect(first).toHaveLength(50)
    expect(first.slice(0, 2)).toEqual([id(58), id(59)])
    const rest = found(await of('many', '?index=50&count=50'))
    expect(new Set([...first, ...rest]).size).toBe(60)
    expect((await of('many', '?index=60')).body).toEqual([])
    expect(said(await of('nobody'))).toEqual(refused(404, 'NotFound', expect.stringContaining('nobody')))
    expect(said(await of('nobody', '?count=0'))).toEqual(refused(404, 'NotFound'))
  })

  it('knows no services', async () => {
    expect(
      said(await askAt(own, 'GET', '/services/voice/interactions', { headers: { 'x-api-key': 'k-crm' } })),
    ).toEqual(refused(404, 'NotFound', expect.stringContaining('voice')))
  })
})

describe('PUT /interactions/{interaction_id}', () => {
  const put = (id: string, body: unknown) => ask('PUT', `/interactions/${id}`, body)

  it('changes the given members and no other, and answers the object', async () => {
    const object = await create({ subject: 'Before', owner_id: 3, udata: { a: 1, b: 2 } })
    const change = { subject: 'After', category_id: 'orders', udata: { a: 2 }, customer_id: 'c-2', type: 'x' }
    const answer = await put(object.interaction_id, change)
    expect([answer.status, answer.body]).toEqual([200, { ...object, ...change }])
    expect((await ask('GET', `/interactions/${object.interaction_id}`)).body).toEqual(answer.body)
  })

  it('takes every member that may change', async () => {
    const object = await create({ entity_type: 1, type: 'Outbound', status: 1 })
    const change = without(WHOLE, 'entity_type', 'start_date')
    expect((await put(object.interaction_id, change)).body).toEqual({ ...object, ...change })
  })

  it('takes an optional member away with null or nothing in it', async () => {
    const { interaction_id } = await create({ ...WHOLE, status: 1, stopped_reason: null, end_date: null })
    const gone = Object.fromEntries(
      [
        'sub_type external_id owner_id timeshift category_id subject text structured_text structured_text_mime',
        'binary_content binary_content_mime binary_content_size udata from reply_to to cc bcc sent_date',
        'reference_id reviewer_id standard_response_id allow_children',
      ]
        .join(' ')
        .split(' ')
        .map((member) => [member, null]),
    )
    expect((await put(interaction_id, gone)).body).toEqual({
      interaction_id,
      customer_id: 'c-1',
      status: 1,
      entity_type: 1,
      type: 'Outbound',
      media_type: 'email',
      thread_id: interaction_id,
      creator_app_id: 42,
      start_date: WHOLE.start_date,
      allow_children: true,
      activity_id: expect.any(Number),
    })
    await put(interaction_id, { subject: 'x', udata: { a: 1 }, to: WHOLE.to })
    expect(
      Object.keys((await put(interaction_id, { subject: '', udata: {}, to: [] })).body as Body),
    ).not.toEqual(expect.arrayContaining(['subject']))
  })

  it('changes nothing where the object comes back as it was answered', async () => {
    const [mail] = await ingest({
      html: '<p>Hi</p>',
      raw: apis.blobs.put(Buffer.from('Subject: b\r\n\r\nHi')),
      from: person('ann@customer.test.', 'Ann'),
      attachments: [
        { name: 'a', content_type: 'a/b', size: 1, sha256: hash('a'), content_id: null, inline: false },
      ],
    })
    for (const id of [mail!, (await create(WHOLE)).interaction_id]) {
      for (const root of ['', '/genesys/1/cs']) {
        const { body } = await ask('GET', `${root}/interactions/${id}`)
        const answer = await put(id, body)
        expect(answer.status).toBe(200)
        expect(await put(id, answer.body)).toMatchObject({ status: 200, body: answer.body })
        expect((await ask('GET', `${root}/interactions/${id}`)).body).toEqual(body)
      }
      expect(await apis.store.history(id)).toEqual([])
    }
  })

  it.each([
    ['interaction_id', 'ABCDEFGHIJKLMNOP'],
    ['entity_type', 1],
    ['start_date', '2026-05-04T09:00:00.001Z'],
  ])('refuses another %s', async (member, value) => {
    const object = await create()
    expect(said(await put(object.interaction_id, { [member]: value, subject: 'x' }))).toEqual(
      refused(400, 'InvalidRequest', expect.stringContaining(member)),
    )
    expect(said(await put(object.interaction_id, { [member]: null }))).toEqual(
      refused(400, 'InvalidRequest', expect.stringContaining(member)),
    )
    expect((await ask('GET', `/interactions/${object.interaction_id}`)).body).toEqual(object)
  })

  it('takes the fixed members as they are, the date in any zone', async () => {
    const object = await create()
    const { interaction_id, entity_type } = object
    const fixed = { interaction_id, entity_type, start_date: '2026-05-04T11:00:00+02:00' }
    expect((await put(interaction_id, fixed)).body).toEqual(object)
  })

  it.each(['customer_id', 'status', 'type', 'media_type', 'creator_app_id', 'thread_id'])(
    'takes %s away with nothing',
    async (member) => {
      const object = await create()
      expect(said(await put(object.interaction_id, { [member]: null }))).toEqual(
        refused(400, 'InvalidRequest', expect.stringContaining(member)),
      )
    },
  )

  const moves: readonly (readonly [number, number, boolean])[] = [0, 1, 2, 3].flatMap((from) =>
    [0, 1, 2, 3].map((to) => {
      const allowed = [[0, 1, 2, 3], [0, 1, 2, 3], [1, 2, 3], [3]][from]!
      return [from, to, allowed.includes(to)] as const
    }),
  )
  it.each(moves)('status %i to %i: %s', async (from, to, allowed) => {
    const object = await create({ status: from, ...(from === 2 ? { owner_id: 7 } : {}) })
    const answer = await put(object.interaction_id, { status: to })
    if (allowed) expect([answer.status, (answer.body as Body).status]).toEqual([200, to])
    else {
      expect(said(answer)).toEqual(refused(409, 'Conflict'))
      expect((await ask('GET', `/interactions/${object.interaction_id}`)).body).toEqual(object)
    }
  })

  it('refuses the move as such where the whole object comes back with it', async () => {
    const object = await create({ status: 3, stopped_reason: 'Sent' })
    expect(said(await put(object.interaction_id, { ...object, status: 0 }))).toEqual(refused(409, 'Conflict'))
  })

  it('sets end_date to now on entering status 3, and leaves a given one', async () => {
    const first = await create()
    expect((await put(first.interaction_id, { status: 3, stopped_reason: 'Solved' })).body).toMatchObject({
      end_date: new Date(apis.now()).toISOString(),
      stopped_reason: 'Solved',
    })
    const second = await create()
    const end_date = '2026-05-05T00:00:00.000Z'
    expect((await put(second.interaction_id, { status: 3, end_date })).body).toMatchObject({ end_date })
    const third = await create()
    expect((await put(third.interaction_id, { status: 3, end_date: null })).body).toMatchObject({
      end_date: new Date(apis.now()).toISOString(),
    })
  })

  it('changes other members of what is stopped', async () => {
    const { interaction_id } = await create({ status: 3 })
    const change = { category_id: 'done', stopped_reason: 'Spam', udata: { a: 1 }, status: 3 }
    expect((await put(interaction_id, change)).body).toMatchObject(change)
  })

  it.each([
    { stopped_reason: 'x' },
    { end_date: '2026-05-04T08:00:00Z' },
    { structured_text: 'https://a.example/' },
    { structured_text_mime: 'text/html' },
    { structured_text: '/a', structured_text_mime: 'text/html' },
    { binary_content_size: 5 },
    { status: '1' },
    { owner_id: '7' },
    { parent_id: 'nobodyHasThisId0' },
    { thread_id: 'nobodyHasThisId0' },
    { udata: { a: { b: { c: { d: {} } } } } },
    { to: [{ address: 'x' }] },
    { timeshift: 1441 },
    [],
    null,
  ])('refuses %j and changes nothing', async (change) => {
    const object = await create()
    const body = Array.isArray(change) || change === null ? change : { subject: 'changed', ...change }
    expect(said(await put(object.interaction_id, JSON.stringify(body)))).toEqual(
      refused(400, 'InvalidRequest'),
    )
    expect((await ask('GET', `/interactions/${object.interaction_id}`)).body).toEqual(object)
  })

  it('takes one half of a pair away only with the other', async () => {
    const { interaction_id } = await create({
      structured_text: 'https://a.example/',
      structured_text_mime: 'a/b',
    })
    expect((await put(interaction_id, { structured_text: null })).status).toBe(400)
    expect((await put(interaction_id, { structured_text_mime: null })).status).toBe(400)
    expect((await put(interaction_id, { structured_text: 'https://b.example/' })).body).toMatchObject({
      structured_text: 'https://b.example/',
      structured_text_mime: 'a/b',
    })
    expect((await put(interaction_id, { structured_text: null, structured_text_mime: null })).status).toBe(
      200,
    )
  })

  it('puts no link in the place of bytes that are held', async () => {
    const [id] = await ingest({ html: '<p>a</p>', raw: apis.blobs.put(Buffer.from('Subject: c\r\n\r\na')) })
    for (const change of [
      { structured_text: 'https://a.example/' },
      { structured_text: null, structured_text_mime: null },
      { structured_text_mime: 'text/plain' },
      { binary_content: 'https://a.example/' },
      { binary_content_size: 1 },
      { binary_content: null },
    ])
      expect(said(await put(id!, change))).toEqual(
        refused(400, 'InvalidRequest', expect.stringContaining(Object.keys(change)[0]!)),
      )
  })

  it('ignores bcc and the other outbound members of what isn’t outbound', async () => {
    const object = await create()
    const change = { bcc: WHOLE.bcc, reference_id: 1, reviewer_id: 1, standard_response_id: 's' }
    expect((await put(object.interaction_id, change)).body).toEqual(object)
  })

  it('moves it to another thread, and under a parent that allows children', async () => {
    const object = await create()
    const other = await create()
    expect((await put(object.interaction_id, { thread_id: other.thread_id })).body).toMatchObject({
      thread_id: other.thread_id,
    })
    const closed = await create({ allow_children: false })
    expect((await put(object.interaction_id, { parent_id: closed.interaction_id })).status).toBe(409)
    expect((await put(object.interaction_id, { parent_id: other.interaction_id })).body).toMatchObject({
      parent_id: other.interaction_id,
    })
  })

  it('answers 404 to an unknown id, and 400 before it to what can’t be read', async () => {
    expect(said(await put('nobodyHasThisId0', { status: 1 }))).toEqual(refused(404, 'NotFound'))
    expect(said(await put('nobodyHasThisId0', { status: 'x' }))).toEqual(refused(400, 'InvalidRequest'))
  })

  it('stands in the history as a change by another system', async () => {
    const { interaction_id } = await create({ category_id: 'a' })
    await put(interaction_id, { category_id: 'b' })
    expect(await apis.store.history(interaction_id)).toMatchObject([
      { what: 'api', agent_id: null, key: 'category_id', before: 'a', after: 'b' },
    ])
  })
})

describe('who may ask', () => {
  const read = ['/interactions', '/interactions/x', '/customers/x/interactions', '/services/x/interactions']
  const bytes = ['plain_text', 'structured_text', 'binary_content', 'attachments/1'].map(
    (p) => `/interactions/x/${p}`,
  )

  it('is told 401 without a key or with a wrong one, before anything else', async () => {
    for (const path of [...read, ...bytes])
      for (const headers of [{}, { 'x-api-key': 'nope' }, { authorization: 'Bearer nope' }] as const)
        expect(said(await askAt(apis, 'GET', `${path}?count=-1`, { headers }))).toEqual(
          refused(401, 'Unauthorized'),
        )
    expect(said(await askAt(apis, 'POST', '/interactions', { body: 'x' }))).toEqual(
      refused(401, 'Unauthorized'),
    )
    const answer = await askAt(apis, 'GET', '/interactions')
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  it('comes with x-api-key or as bearer', async () => {
    for (const headers of [
      { 'x-api-key': 'k-read' },
      { authorization: 'Bearer k-read' },
      { authorization: 'bearer k-read' },
    ] as const)
      expect((await askAt(apis, 'GET', '/interactions', { headers })).status).toBe(200)
  })

  it('needs interactions:read to read and interactions:write to write', async () => {
    const reader = { headers: { 'x-api-key': 'k-read' } }
    const writer = { headers: { 'x-api-key': 'k-write' } }
    const { interaction_id } = await create()
    for (const path of [...read, ...bytes])
      expect(said(await askAt(apis, 'GET', path, writer))).toEqual(refused(403, 'Forbidden'))
    expect(said(await askAt(apis, 'POST', '/interactions', { ...reader, body: LEAST }))).toEqual(
      refused(403, 'Forbidden'),
    )
    expect(
      said(await askAt(apis, 'PUT', `/interactions/${interaction_id}`, { ...reader, body: { status: 1 } })),
    ).toEqual(refused(403, 'Forbidden'))
    expect((await askAt(apis, 'POST', '/interactions', { ...writer, body: LEAST })).status).toBe(201)
  })

  it('may say a ContactCenterId, which is ignored', async () => {
    expect((await ask('GET', '/interactions', undefined, { ContactCenterId: 'any' })).status).toBe(200)
  })
})

describe('what the API says no to', () => {
  it('another method: 405 with Allow', async () => {
    for (const [method, path, allow] of [
      ['DELETE', '/interactions', 'GET, POST'],
      ['PATCH', '/interactions/x', 'GET, PUT'],
      ['POST', '/interactions/x/plain_text', 'GET'],
      ['PUT', '/customers/x/interactions', 'GET'],
    ] as const) {
      const answer = await ask(method, path)
      expect(said(answer)).toEqual(refused(405, 'MethodNotAllowed'))
      expect(answer.headers.get('allow')).toBe(allow)
    }
  })

  it('an answer that isn’t JSON: 406, but bytes come as they are', async () => {
    const { interaction_id } = await create({ text: 'a' })
    const html = { accept: 'text/html' }
    for (const path of ['/interactions', `/interactions/${interaction_id}`, '/customers/c-1/interactions'])
      expect(said(await ask('GET', path, undefined, html))).toEqual(refused(406, 'InvalidRequest'))
    expect((await ask('GET', `/interactions/${interaction_id}/plain_text`, undefined, html)).status).toBe(200)
  })

  it('more than 300 requests a minute: 429 with Retry-After', async () => {
    const statuses = new Map<number, number>()
    let last: Answered | null = null
    for (let i = 0; i < 302; i++) {
      last = await ask('GET', '/interactions?count=0', undefined, { 'x-api-key': 'k-read' })
      statuses.set(last.status, (statuses.get(last.status) ?? 0) + 1)
    }
    expect(Object.fromEntries(statuses)).toEqual({ 200: 300, 429: 2 })
    expect(said(last!)).toEqual(refused(429, 'InvalidRequest'))
    expect(Number(last!.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('writes while the intake is paused: 503; reading goes on', async () => {
    const { interaction_id } = await create()
    await apis.set({ api: { paused: true } })
    try {
      const before = stored(apis)
      expect(said(await ask('POST', '/interactions', LEAST))).toEqual(refused(503, 'Internal'))
      expect(said(await ask('PUT', `/interactions/${interaction_id}`, { status: 1 }))).toEqual(
        refused(503, 'Internal'),
      )
      expect((await ask('GET', `/interactions/${interaction_id}`)).body).toMatchObject({ status: 0 })
      expect(stored(apis)).toEqual(before)
    } finally {
      await apis.set({ api: { paused: false } })
    }
  })

  it.each([
    ['a busy store', new CoreError('busy', 'secret'), 503],
    ['a full disk', new CoreError('disk', 'no space on /secret/path'), 503],
    ['a fault of ours', new Error('select * from secret'), 500],
  ])('%s: told without its words', async (_, error, status) => {
    const failing = async () => {
      throw error
    }
    const broken = await serveApis({
      apis: [interactionsApi],
      settings: { keys: KEYS },
      desk: () => ({ createInteraction: failing, apiInteractions: failing }) satisfies Partial<ApiDesk>,
    })
    try {
      const headers = { 'x-api-key': 'k-crm' }
      for (const answer of [
        await askAt(broken, 'POST', '/interactions', { headers, body: LEAST }),
        await askAt(broken, 'GET', '/interactions', { headers }),
      ]) {
        expect(said(answer)).toEqual(refused(status, 'Internal'))
        expect(JSON.stringify(answer.body)).not.toContain('secret')
      }
    } finally {
      await broken.close()
    }
  })
})

describe('a line pasted into a shell', () => {
  it('reads and writes', async () => {
    const made = await curl(
      ...[
        '-X',
        'POST',
        '-H',
        'x-api-key: k-crm',
        '-H',
        'ContactCenterId: 1',
        '-H',
        'Content-Type: application/json',
      ],
      ...['-d', JSON.stringify(LEAST), `${apis.url}/interactions`],
    )
    expect(made).toEqual({ status: 201, body: expect.objectContaining(LEAST) })
    const { interaction_id } = made.body as { interaction_id: string }
    expect(
      await curl(
        '-H',
        'Authorization: Bearer k-crm',
        `${apis.url}/genesys/1/cs/interactions/${interaction_id}`,
      ),
    ).toEqual({ status: 200, body: made.body })
  })
})
