import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ApiDesk } from '../../../src-main/api/desk.ts'
import { secureMailApi } from '../../../src-main/api/secure-mail.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { type Answered, ask as askAt, curl, stored } from '../../support/ask.ts'
import { ADA, newDraft, newSend } from '../../support/drafting.ts'
import { arrival, MINUTE, person } from '../../support/open-store.ts'

const KEYS = [
  {
    key: 'k-portal',
    name: 'Portal',
    scopes: ['securemail:read' as const, 'securemail:write' as const, 'securemail:purge' as const],
  },
  { key: 'k-read', name: 'Reader', scopes: ['securemail:read' as const] },
  { key: 'k-nopurge', name: 'Writer', scopes: ['securemail:read' as const, 'securemail:write' as const] },
]
const BASE = '/nexus/v3/securemail'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const REFERENCE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NOBODY = '018f0000-0000-7000-8000-000000000000'

let apis: ServedApis
beforeAll(async () => {
  apis = await serveApis({
    apis: [secureMailApi],
    settings: { defaultMailbox: 'default@desk.test', securemail: { queue: 'Portal' }, keys: KEYS },
    file: { queues: ['Support', 'Portal'] },
  })
})
afterAll(() => apis.close())
// Each test has the 300 requests of a minute for itself.
beforeEach(() => apis.pass(2 * MINUTE))

type Body = Readonly<Record<string, unknown>>

function ask(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
  return askAt(apis, method, `${BASE}${path}`, { body, headers: { 'x-api-key': 'k-portal', ...headers } })
}
const post = (data: unknown, query = '') => ask('POST', query, { data })

function isRecord(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

let customers = 0
/** An address that nobody has used. */
function stranger(): string {
  return `customer${(customers += 1)}@portal.test`
}

const SUCCESS = {
  referenceId: expect.stringMatching(REFERENCE),
  operationId: null,
  status: { code: 'SUCCESS', message: 'OK', detail: '' },
}

async function posted(data: Body, query = ''): Promise<string> {
  const answer = await post({ subject: 'Hello', ...data }, query)
  expect([answer.status, answer.body]).toEqual([
    200,
    expect.objectContaining({ secureMailId: expect.anything() }),
  ])
  return (answer.body as { secureMailId: string }).secureMailId
}
async function mail(id: string): Promise<Body & { interactionId: string; threadId: string }> {
  const answer = await ask('GET', `/${id}`)
  expect([answer.status, answer.body]).toEqual([200, { ...SUCCESS, secureMail: expect.anything() }])
  return (answer.body as { secureMail: Body & { interactionId: string; threadId: string } }).secureMail
}
async function list(query: string): Promise<readonly (Body & { secureMailId: string })[]> {
  const answer = await ask('GET', `?${query}`)
  expect([answer.status, answer.body]).toEqual([200, { ...SUCCESS, data: expect.any(Array) }])
  return (answer.body as { data: (Body & { secureMailId: string })[] }).data
}
async function ids(query: string): Promise<readonly string[]> {
  return (await list(query)).map(({ secureMailId }) => secureMailId)
}
async function count(query: string): Promise<unknown> {
  const answer = await ask('GET', `/count?${query}`)
  expect([answer.status, answer.body]).toEqual([200, { ...SUCCESS, data: { count: expect.any(Number) } }])
  return (answer.body as { data: { count: number } }).data.count
}
async function interaction(id: string) {
  return await apis.store.apiInteraction((await mail(id)).interactionId)
}

/** The generic envelope and nothing else. */
function refused(
  status: number,
  code: string,
  detail: unknown = expect.any(String),
  operationId: unknown = null,
) {
  return {
    status,
    body: {
      referenceId: expect.stringMatching(REFERENCE),
      operationId,
      status: { code, message: expect.stringMatching(/./), detail },
    },
  }
}
function said({ status, body }: Answered) {
  return { status, body }
}

/** An agent answers the newest message of a thread, and the outbox does what it owes. */
async function agentAnswers(id: string, text: string): Promise<void> {
  const { interactionId, threadId, address } = await mail(id)
  const draft = await apis.store.createDraft(
    newDraft({
      kind: 'reply',
      thread_id: threadId,
      parent_id: interactionId,
      content: {
        subject: 'Re: Hello',
        text,
        to: [person(String(address))],
        bcc: [person('boss@desk.test')],
      },
    }),
  )
  const { outbox_id } = await apis.store.enqueue(newSend(draft, { due_at: 0, sent_copy: 'none' }))
  const claimed = await apis.store.claimDue(apis.now(), 10)
  expect(claimed.map((owed) => owed.outbox_id)).toEqual([outbox_id])
  await apis.store.deliverSecurely(outbox_id)
}

describe('POST /securemail', () => {
  it('answers 200 with the id, where it is, and the operation’s own id', async () => {
    const address = stranger()
    const answer = await ask('POST', '?securebox=claims', {
      data: { address, subject: 'My contract', text: 'Please.' },
      operationId: 'op-1',
    })
    const { secureMailId } = answer.body as { secureMailId: string }
    expect(said(answer)).toEqual({
      status: 200,
      body: {
        ...SUCCESS,
        operationId: 'op-1',
        secureMailId: expect.stringMatching(UUID),
        selfUri: `${BASE}/${secureMailId}`,
      },
    })
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await mail(secureMailId)).toMatchObject({ address, securebox: 'claims' })
  })

  it('becomes an inbound mail, new and queued like any, with its files and user data', async () => {
    const address = stranger()
    const file = Buffer.from([0, 1, 2, 255])
    const id = await posted({
      address,
      subject: 'My claim 😀',
      text: 'Line 1\r\n<b>Line 2</b>\n',
      html: '<p>Line 1</p><script>alert(1)</script>',
      firstName: ' Zoë ',
      lastName: 'Šimůnek',
      mailbox: 'claims@desk.test',
      userData: { contract: 4711, vip: true, note: 'a=b', _hidden: 'x' },
      attachments: [
        { name: '../../etc/claim.PDF', contentType: 'application/pdf', content: file.toString('base64') },
        { name: 'empty.txt', contentType: '', content: '' },
      ],
    })
    const whole = await mail(id)
    expect(whole).toEqual({
      secureMailId: id,
      address,
      securebox: '',
      direction: 'inbound',
      status: 'unread',
      subject: 'My claim 😀',
      from: { address, personal: 'Zoë Šimůnek' },
      to: [{ address: 'claims@desk.test' }],
      date: new Date(apis.now()).toISOString(),
      parentId: null,
      threadId: whole.interactionId,
      hasAttachments: true,
      selfUri: `${BASE}/${id}`,
      text: 'Line 1\r\n<b>Line 2</b>\n',
      html: '<p>Line 1</p><script>alert(1)</script>',
      attachments: [
        { id: expect.any(String), name: 'claim.PDF', contentType: 'application/pdf', size: 4 },
        { id: expect.any(String), name: 'empty.txt', contentType: 'application/octet-stream', size: 0 },
      ],
      interactionId: expect.stringMatching(/^[0-9A-Za-z]{16}$/),
    })
    const filed = await apis.store.apiInteraction(whole.interactionId)
    expect(filed).toMatchObject({
      entity_type: 0,
      status: 0,
      type: 'Inbound',
      sub_type: 'InboundNew',
      media_type: 'email',
      queue: 'Portal',
      start_date: new Date(apis.now()).toISOString(),
      sent_date: new Date(apis.now()).toISOString(),
      udata: { contract: 4711, vip: true, note: 'a=b', _hidden: 'x' },
      holds: { structured_text: true, binary_content: null },
    })
    expect(filed.attachments.map(({ sha256 }) => Buffer.from(apis.blobs.read(sha256)!))).toEqual([
      file,
      Buffer.alloc(0),
    ])
    expect(await apis.store.contact(filed.customer_id)).toMatchObject({
      first_name: 'Zoë',
      last_name: 'Šimůnek',
      addresses: [address],
    })
    expect(apis.uploadsLeft()).toEqual([])
  })

  it('reads the other names of address, text and userData, the plain ones first', async () => {
    const fromAddress = stranger()
    const id = await posted({ fromAddress, body: 'The text', userdata: { a: 1 } })
    expect(await mail(id)).toMatchObject({ address: fromAddress, text: 'The text' })
    expect((await ask('GET', `/${id}/userdata`)).body).toMatchObject({ data: { a: 1 } })
    const address = stranger()
    const both = await posted({
      address,
      fromAddress,
      text: 'a',
      body: 'b',
      userData: { b: 1 },
      userdata: { a: 1 },
    })
    expect(await mail(both)).toMatchObject({ address, text: 'a' })
    expect((await ask('GET', `/${both}/userdata`)).body).toMatchObject({ data: { b: 1 } })
  })

  it('is addressed to what it says, else to the settings’ mailbox, else to the default', async () => {
    const to = async (data: Body) => (await mail(await posted({ address: stranger(), ...data }))).to
    expect(await to({})).toEqual([{ address: 'default@desk.test' }])
    await apis.set({ api: { email: { mailbox: 'forms@desk.test' } } })
    try {
      expect(await to({})).toEqual([{ address: 'forms@desk.test' }])
      expect(await to({ mailbox: 'own@desk.test' })).toEqual([{ address: 'own@desk.test' }])
    } finally {
      await apis.set({ api: { email: {} } })
    }
  })

  it('needs a subject or a text', async () => {
    const address = stranger()
    expect(await mail(await posted({ address, subject: 'Only' }))).toMatchObject({
      subject: 'Only',
      text: '',
    })
    expect(await mail(await posted({ address, subject: null, text: ' Only\n' }))).toMatchObject({
      subject: '',
      text: ' Only\n',
    })
    for (const data of [{}, { subject: ' \t' }, { text: '\n' }, { subject: '', text: '', html: '<p>x</p>' }])
      expect(said(await post({ address, ...data }))).toEqual(
        refused(400, 'INVALID_PARAMETER', expect.stringMatching(/^data\.(subject|text)$/)),
      )
  })

  it('takes values up to their limits', async () => {
    const address = `${'a'.repeat(254 - '@portal.test'.length)}@portal.test`
    const userData = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}`, i]))
    const id = await posted({
      address,
      subject: '😀'.repeat(998),
      firstName: 'é'.repeat(256),
      lastName: 'é'.repeat(256),
      userData: { ...userData, 99: '😀'.repeat(8_192) },
    })
    expect(await mail(id)).toMatchObject({ address, subject: '😀'.repeat(998) })
    const key = '😀'.repeat(255)
    const other = await posted({ address: stranger(), userData: { [key]: '' } })
    expect((await ask('GET', `/${other}/userdata`)).body).toMatchObject({ data: { [key]: '' } })
  })

  it.each([
    ['data', undefined],
    ['data', null],
    ['data', []],
    ['data', 'a=b'],
    ['data.address', { address: undefined }],
    ['data.address', { address: null }],
    ['data.address', { address: '' }],
    ['data.address', { address: 7 }],
    ['data.address', { address: 'Ann <ann@portal.test>' }],
    ['data.address', { address: 'ann@portal.test, bob@portal.test' }],
    ['data.address', { address: 'ann@portal.test\r\nBcc: x@y.z' }],
    ['data.address', { address: `${'a'.repeat(255 - '@portal.test'.length)}@portal.test` }],
    ['data.subject', { subject: 'x'.repeat(999) }],
    ['data.subject', { subject: 7 }],
    ['data.text', { text: 7 }],
    ['data.html', { html: {} }],
    ['data.firstName', { firstName: 'x'.repeat(257) }],
    ['data.lastName', { lastName: 'x'.repeat(257) }],
    ['data.lastName', { lastName: ['a'] }],
    ['data.mailbox', { mailbox: 'nowhere' }],
    ['data.mailbox', { mailbox: 'a@b.test\nx' }],
    ['data.userData', { userData: 'a=b' }],
    ['data.userData', { userData: [] }],
    ['data.userData', { userData: { a: null } }],
    ['data.userData', { userData: { a: {} } }],
    ['data.userData', { userData: { a: [1] } }],
    ['data.userData', { userData: { '': 1 } }],
    ['data.userData', { userData: { ['k'.repeat(256)]: 1 } }],
    ['data.userData', { userData: { a: 'x'.repeat(8_193) } }],
    ['data.userData', { userData: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`${i}`, i])) }],
    ['data.attachments', { attachments: {} }],
    ['data.attachments.0', { attachments: ['x'] }],
    ['data.attachments.0.name', { attachments: [{ content: '' }] }],
    ['data.attachments.0.content', { attachments: [{ name: 'a.txt' }] }],
    ['data.attachments.0.contentType', { attachments: [{ name: 'a.txt', content: '', contentType: 'x' }] }],
    [
      'data.attachments.0.contentType',
      { attachments: [{ name: 'a.txt', content: '', contentType: 'text/plain\r\nX: y' }] },
    ],
    ['data.parentId', { parentId: 7 }],
    ['data.parentId', { parentId: 'x' }],
    ['data.parentId', { parentId: NOBODY }],
  ])('names %s where it is wrong, and stores nothing', async (detail, data) => {
    const special = isRecord(data) ? { address: 'ann@portal.test', subject: 'x', ...data } : data
    const before = stored(apis)
    expect(said(await ask('POST', '', { data: special, operationId: 5 }))).toEqual(
      refused(400, 'INVALID_PARAMETER', detail, 5),
    )
    expect(stored(apis)).toEqual(before)
  })

  it.each([
    'A',
    'AA=',
    'A===',
    'QQ',
    'QR==',
    'QQ==QQ==',
    'Q Q=',
    'QQ==\n',
    'QQ-_',
    'data:;base64,QQ==',
    '====',
    'é===',
  ])('refuses %j: that is no base64', async (content) => {
    const before = stored(apis)
    const good = { name: 'a.txt', contentType: 'text/plain', content: 'QQ==' }
    const attachments = [good, { ...good, content }]
    expect(said(await post({ address: 'ann@portal.test', subject: 'x', attachments }))).toEqual(
      refused(400, 'INVALID_PARAMETER', 'data.attachments.1.content'),
    )
    expect(stored(apis)).toEqual(before)
  })

  it.each([
    'a.exe',
    'a.pdf.exe',
    'a',
    '.pdf',
    'photo.jpeg',
    'a.docx',
    '',
    '..',
    'a.pdf/',
    'a.html',
    'a.pdf\u0000.exe',
  ])('refuses a file named %j: INVALID_FILE_TYPE', async (name) => {
    const before = stored(apis)
    const attachments = [{ name, contentType: 'application/pdf', content: 'QQ==' }]
    expect(said(await post({ address: 'ann@portal.test', subject: 'x', attachments }))).toEqual(
      refused(400, 'INVALID_FILE_TYPE', 'data.attachments.0.name'),
    )
    expect(stored(apis)).toEqual(before)
  })

  it('takes ten files and 10 MB of files and text together, and not one more', async () => {
    const file = (bytes: number) => ({ name: 'a.txt', content: Buffer.alloc(bytes, 7).toString('base64') })
    const half = 5 * 1_048_576
    const address = stranger()
    const largest = { address, text: 'é', attachments: [file(half), file(half - 2)] }
    expect((await mail(await posted(largest))).attachments).toHaveLength(2)
    expect(
      (await mail(await posted({ address, attachments: Array.from({ length: 10 }, () => file(1)) })))
        .attachments,
    ).toHaveLength(10)
    const before = stored(apis)
    for (const data of [
      { ...largest, attachments: [file(half), file(half - 1)] },
      { address, subject: 'x', attachments: Array.from({ length: 11 }, () => file(1)) },
      { address, subject: 'x', attachments: Array.from({ length: 50_000 }, () => 1) },
    ])
      expect(said(await post(data))).toEqual(refused(400, 'INVALID_PARAMETER', 'data.attachments'))
    expect(said(await post({ address, text: 'x'.repeat(2 * half + 1) }))).toEqual(
      refused(400, 'INVALID_PARAMETER', 'data.text'),
    )
    expect(stored(apis)).toEqual(before)
  })

  it('keeps to the limits of the settings', async () => {
    await apis.set({ api: { email: { max_files: 1, max_size: 4, file_types: '.LOG, csv' } } })
    try {
      const address = stranger()
      const file = (name: string, bytes = 1) => ({ name, content: Buffer.alloc(bytes).toString('base64') })
      const answers = [
        [{ name: 'x', attachments: [file('a.csv', 3)], text: 'x' }, null],
        [{ attachments: [file('a.csv', 4)], text: 'x' }, 'INVALID_PARAMETER'],
        [{ attachments: [file('a.csv'), file('b.csv')] }, 'INVALID_PARAMETER'],
        [{ attachments: [file('a.pdf')] }, 'INVALID_FILE_TYPE'],
        [{ attachments: [file('a.log')] }, null],
      ] as const
      for (const [data, code] of answers) {
        const answer = await post({ address, subject: 'x', ...data })
        expect(answer.body).toMatchObject({ status: { code: code ?? 'SUCCESS' } })
      }
    } finally {
      await apis.set({ api: { email: {} } })
    }
  })

  it('puts no line break of a name or a subject into a header', async () => {
    const id = await posted({
      address: stranger(),
      subject: 'Hello\r\nBcc: eve@evil.test',
      firstName: 'Ann\u0000\r\n',
      lastName: 'Lee\tJr',
    })
    expect(await mail(id)).toMatchObject({
      subject: 'Hello Bcc: eve@evil.test',
      from: { personal: 'Ann Lee Jr' },
    })
  })

  it('keeps __proto__ as a key of user data, the desk’s own as all that begin with _, and touches no prototype', async () => {
    const address = stranger()
    const userData = '{"__proto__":"a","constructor":"b","prototype":"c","_own":"d"}'
    const answer = await ask(
      'POST',
      '',
      `{"data":{"__proto__":{"address":"x"},"address":"${address}","subject":"x","userData":${userData}}}`,
    )
    const { secureMailId } = answer.body as { secureMailId: string }
    const raw = await fetch(`${apis.url}${BASE}/${secureMailId}/userdata`, {
      headers: { 'x-api-key': 'k-portal' },
    })
    expect(await raw.text()).toContain('"data":{"constructor":"b","prototype":"c"}')
    expect((await interaction(secureMailId)).udata).toEqual(JSON.parse(userData))
    expect(({} as Body).a).toBeUndefined()
  })

  it.each([
    ['op-1', 'op-1'],
    ['x'.repeat(128), 'x'.repeat(128)],
    [0, 0],
    [-1.5, -1.5],
    ['', ''],
    ['x'.repeat(129), null],
    [true, null],
    [{}, null],
    [null, null],
    [undefined, null],
  ])('echoes operationId %j as %j, also where it refuses', async (operationId, echoed) => {
    const good = { data: { address: 'echo@portal.test', subject: 'x' }, operationId }
    expect((await ask('POST', '', good)).body).toMatchObject({
      operationId: echoed,
      status: { code: 'SUCCESS' },
    })
    expect(said(await ask('POST', '', { operationId }))).toEqual(
      refused(400, 'INVALID_PARAMETER', 'data', echoed),
    )
  })

  it('gives each request a reference of its own', async () => {
    const references = await Promise.all(
      Array.from(
        { length: 5 },
        async () => ((await ask('GET', '/count?address=x')).body as Body).referenceId,
      ),
    )
    expect(new Set(references).size).toBe(5)
  })

  it('continues the thread of a mail in the same box', async () => {
    const address = stranger()
    const first = await posted({ address }, '?securebox=claims')
    await agentAnswers(first, 'An answer')
    const [answer] = await ids(`address=${address}&securebox=claims`)
    const second = await posted(
      { address: address.toUpperCase(), parentId: answer!.toUpperCase() },
      '?securebox=claims',
    )
    const { threadId } = await mail(first)
    expect(await mail(second)).toMatchObject({ parentId: answer, threadId })
    expect(await interaction(second)).toMatchObject({ sub_type: 'InboundCustomerReply', thread_id: threadId })
    const before = stored(apis)
    for (const [data, query] of [
      [{ address }, ''],
      [{ address }, '?securebox=CLAIMS'],
      [{ address: stranger() }, '?securebox=claims'],
    ] as const)
      expect(said(await post({ subject: 'x', parentId: first, ...data }, query))).toEqual(
        refused(400, 'INVALID_PARAMETER', 'data.parentId'),
      )
    expect(stored(apis)).toEqual(before)
  })

  it('answers the same to the same Idempotency-Key, and 409 to another mail', async () => {
    const key = { 'idempotency-key': 'mail-1' }
    const attachments = [{ name: 'a.txt', content: 'QQ==' }]
    const body = { data: { address: stranger(), subject: 'x', attachments }, operationId: 'a' }
    const first = await ask('POST', '', body, key)
    const before = stored(apis)
    const second = await ask('POST', '', body, key)
    expect((second.body as Body).secureMailId).toBe((first.body as Body).secureMailId)
    expect(said(await ask('POST', '', { ...body, operationId: 'b' }, key))).toEqual(
      refused(409, 'FAILURE', '', 'b'),
    )
    expect(said(await ask('POST', '?securebox=other', body, key))).toEqual(refused(409, 'FAILURE', '', 'a'))
    expect(stored(apis)).toEqual(before)
  })

  it.each([
    ['nothing', undefined, {}, 400],
    ['half a JSON', '{"data":', {}, 400],
    ['an array', '[]', {}, 400],
    ['a form', 'data=x', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['more than 16 MB', JSON.stringify({ data: { text: 'x'.repeat(16 * 1_048_576) } }), {}, 413],
  ])('refuses %s as a body', async (_, body, headers, status) => {
    const before = stored(apis)
    expect(said(await ask('POST', '', body, { 'content-type': 'application/json', ...headers }))).toEqual(
      refused(status, status === 400 ? 'INVALID_PARAMETER' : 'FAILURE'),
    )
    expect(stored(apis)).toEqual(before)
  })
})

describe('GET /securemail and /securemail/count', () => {
  it('answer what was posted for that address, newest first, then by id', async () => {
    const address = stranger()
    const first = await posted({ address, subject: 'First', attachments: [{ name: 'a.txt', content: '' }] })
    apis.pass(1)
    const twins = [await posted({ address }), await posted({ address })].toSorted()
    expect(await ids(`address=${address}`)).toEqual([...twins, first])
    expect((await list(`address=${address}`))[2]).toEqual({
      secureMailId: first,
      address,
      securebox: '',
      direction: 'inbound',
      status: 'unread',
      subject: 'First',
      from: { address },
      to: [{ address: 'default@desk.test' }],
      date: new Date(apis.now() - 1).toISOString(),
      parentId: null,
      threadId: expect.any(String),
      hasAttachments: true,
      selfUri: `${BASE}/${first}`,
    })
    expect(await count(`address=${address}`)).toBe(3)
    expect(await count(`address=${address.toUpperCase()}`)).toBe(3)
  })

  it('filter by status, in any case; empty is all', async () => {
    const address = stranger()
    const [read, unread] = [await posted({ address }), await posted({ address })]
    await ask('GET', `/${read}?read=true`)
    for (const [status, found] of [
      ['unread', [unread]],
      ['READ', [read]],
      ['Unread', [unread]],
    ] as const) {
      expect(await ids(`address=${address}&status=${status}`)).toEqual(found)
      expect(await count(`address=${address}&status=${status}`)).toBe(1)
    }
    for (const query of ['', '&status=', '&status=all', '&status=ALL']) {
      expect(await ids(`address=${address}${query}`)).toHaveLength(2)
      expect(await count(`address=${address}${query}`)).toBe(2)
    }
  })

  it('keep each box by itself, its name in its own case', async () => {
    const address = stranger()
    const none = await posted({ address })
    const sales = await posted({ address }, '?securebox=Sales1')
    const lower = await posted({ address }, '?securebox=sales1')
    const empty = await posted({ address }, '?securebox=')
    expect([...(await ids(`address=${address}`))].toSorted()).toEqual([none, empty].toSorted())
    expect(await ids(`address=${address}&securebox=`)).toHaveLength(2)
    expect(await ids(`address=${address}&securebox=Sales1`)).toEqual([sales])
    expect(await ids(`address=${address}&securebox=sales1`)).toEqual([lower])
    expect(await ids(`address=${address}&securebox=another`)).toEqual([])
    expect(await count(`address=${address}&securebox=Sales1`)).toBe(1)
    expect(await count(`address=${address}`)).toBe(2)
    expect(await mail(sales)).toMatchObject({ securebox: 'Sales1' })
  })

  it('page by index and count: ten by default, a hundred at most', async () => {
    const address = stranger()
    for (let i = 0; i < 102; i++) {
      await apis.store.receive(
        {
          ...{
            direction: 'in',
            sub_type: null,
            reply_to: null,
            to: [],
            cc: [],
            bcc: [],
            html: null,
            sent: null,
          },
          ...{
            udata: {},
            attachments: [],
            queue_id: null,
            external_id: null,
            fingerprint: null,
            uploads: [],
          },
          customer: { id: null, address, first_name: '', last_name: '' },
          from: { address },
          subject: `${i}`,
          text: '',
          received: apis.now() + i,
          came_by: 'api:securemail',
          thread: { kind: 'new' },
          secure: { address, box: '' },
        },
        { once: null },
      )
    }
    const subjects = async (query: string) =>
      (await list(`address=${address}${query}`)).map(({ subject }) => Number(subject))
    expect(await subjects('')).toEqual([101, 100, 99, 98, 97, 96, 95, 94, 93, 92])
    expect(await subjects('&index=2&count=3')).toEqual([99, 98, 97])
    expect(await subjects('&count=0')).toEqual([])
    expect(await subjects('&count=100')).toHaveLength(100)
    expect(await subjects('&count=101')).toHaveLength(100)
    expect(await subjects('&count=99999999999999999999')).toHaveLength(100)
    expect(await subjects('&index=100&count=100')).toEqual([1, 0])
    expect(await subjects('&index=102')).toEqual([])
    expect(await subjects('&index=99999999999999999999')).toEqual([])
    expect(await count(`address=${address}`)).toBe(102)
  })

  it('take a plus in an address raw or as %2B', async () => {
    const address = `ann+orders${(customers += 1)}@portal.test`
    await posted({ address })
    expect(await count(`address=${address}`)).toBe(1)
    expect(await count(`address=${encodeURIComponent(address)}`)).toBe(1)
  })

  it.each([
    ['address', ''],
    ['address', 'address='],
    ['address', 'address=nobody'],
    ['address', 'address=a%20b@portal.test'],
    ['address', 'address=a@portal.test,b@portal.test'],
    ['address', `address=${'a'.repeat(250)}@b.test`],
    ['status', 'address=a@b.test&status=new'],
    ['status', 'address=a@b.test&status=read,unread'],
    ['securebox', 'address=a@b.test&securebox=ab'],
    ['securebox', `address=a@b.test&securebox=${'a'.repeat(17)}`],
    ['securebox', 'address=a@b.test&securebox=a-b'],
    ['securebox', 'address=a@b.test&securebox=caf%C3%A9'],
  ])('refuse a wrong %s: ?%s', async (detail, query) => {
    for (const path of ['', '/count'])
      expect(said(await ask('GET', `${path}?${query}`))).toEqual(refused(400, 'INVALID_PARAMETER', detail))
  })

  it('take a box of 3 and of 16 letters and digits', async () => {
    const address = stranger()
    for (const box of ['abc', 'A1b2C3d4E5f6G7h8']) {
      await posted({ address }, `?securebox=${box}`)
      expect(await count(`address=${address}&securebox=${box}`)).toBe(1)
    }
    for (const box of ['ab', 'a'.repeat(17), 'a b', '../x'])
      expect(said(await post({ address, subject: 'x' }, `?securebox=${encodeURIComponent(box)}`))).toEqual(
        refused(400, 'INVALID_PARAMETER', 'securebox'),
      )
  })

  it.each(['index=-1', 'index=x', 'index=1.5', 'index=', 'count=-1', 'count=x', 'count=1e1', 'count='])(
    'refuse ?%s in a list',
    async (query) => {
      const [name] = query.split('=')
      expect(said(await ask('GET', `?address=a@b.test&${query}`))).toEqual(
        refused(400, 'INVALID_PARAMETER', name),
      )
    },
  )

  it('answer 404 for an address of no contact, and nothing for a known one without mail', async () => {
    const address = stranger()
    for (const path of ['', '/count'])
      expect(said(await ask('GET', `${path}?address=${address}`))).toEqual(refused(404, 'FAILURE', 'address'))
    await apis.store.ingest([arrival({ from: person(address) })], null)
    expect(await list(`address=${address}`)).toEqual([])
    expect(await count(`address=${address}`)).toBe(0)
  })

  it('hold nothing that came as e-mail', async () => {
    const address = stranger()
    await posted({ address })
    await apis.store.ingest([arrival({ from: person(address) })], null)
    expect(await count(`address=${address}`)).toBe(1)
  })

  it('ignore parameters that nobody knows', async () => {
    const address = stranger()
    const id = await posted({ address }, '?mailbox=x&foo')
    expect(await ids(`address=${address}&foo=bar&__proto__=x&read=maybe&=`)).toEqual([id])
    expect((await ask('GET', `/${id}?remove=nonsense`)).status).toBe(200)
  })
})

describe('an agent’s answer', () => {
  it('lies in the same box, outbound and unread, without what is the desk’s own', async () => {
    const address = stranger()
    const id = await posted({ address, userData: { contract: 1 } }, '?securebox=claims')
    const { threadId } = await mail(id)
    await apis.store.accept([threadId], ADA)
    apis.pass(1000)
    await agentAnswers(id, 'It is settled.')
    const [answer, question] = await list(`address=${address}&securebox=claims`)
    expect(question).toMatchObject({ secureMailId: id, direction: 'inbound', status: 'unread' })
    expect(answer).toEqual({
      secureMailId: expect.stringMatching(UUID),
      address,
      securebox: 'claims',
      direction: 'outbound',
      status: 'unread',
      subject: 'Re: Hello',
      from: { address: 'support@desk.test', personal: 'Support' },
      to: [{ address }],
      date: new Date(apis.now()).toISOString(),
      parentId: id,
      threadId,
      hasAttachments: false,
      selfUri: `${BASE}/${answer!.secureMailId}`,
    })
    const whole = await mail(answer!.secureMailId)
    expect(whole).toEqual({
      ...answer,
      text: 'It is settled.',
      html: null,
      attachments: [],
      interactionId: expect.any(String),
    })
    expect(JSON.stringify(whole)).not.toMatch(/boss@desk|owner|bcc/i)
    expect(await interaction(answer!.secureMailId)).toMatchObject({ entity_type: 1, owner_id: ADA })
    expect((await ask('GET', `/${answer!.secureMailId}/userdata`)).body).toEqual({ ...SUCCESS, data: {} })
    expect(await count(`address=${address}&securebox=claims&status=unread`)).toBe(2)
    // The other box of the same customer knows nothing of it.
    expect(await count(`address=${address}`)).toBe(0)
  })

  it('is marked read by read=true as an inbound one is', async () => {
    const address = stranger()
    const id = await posted({ address })
    await agentAnswers(id, 'Yes.')
    const answer = (await ids(`address=${address}`)).find((one) => one !== id)!
    const before = await interaction(answer)
    expect((await ask('GET', `/${answer}?read=true`)).body).toMatchObject({ secureMail: { status: 'read' } })
    expect(await interaction(answer)).toEqual(before)
  })
})

describe('GET /securemail/{secureMailId}', () => {
  it('changes nothing without read=true', async () => {
    const id = await posted({ address: stranger() })
    const before = await interaction(id)
    for (const query of ['', '?read=', '?read=false', '?read=FALSE'])
      expect((await ask('GET', `/${id}${query}`)).body).toMatchObject({ secureMail: { status: 'unread' } })
    expect(await interaction(id)).toEqual(before)
  })

  it.each(['true', 'TRUE', 'True'])(
    'marks it read with read=%s, stops its routing, and shows so',
    async (value) => {
      const id = await posted({ address: stranger() })
      for (let i = 0; i < 2; i++)
        expect((await ask('GET', `/${id}?read=${value}`)).body).toMatchObject({
          secureMail: { secureMailId: id, status: 'read' },
        })
      expect(await interaction(id)).toMatchObject({
        status: 3,
        stopped_reason: 'read by consumer',
        end_date: new Date(apis.now()).toISOString(),
      })
      const { queues } = await apis.store.counts(ADA)
      const queue = queues.find(({ name }) => name === 'Portal')!
      const page = await apis.store.listPage({
        view: { kind: 'queue', queue_id: queue.id },
        order: 'newest',
        after: null,
        limit: 100,
        agent: ADA,
      })
      expect(page.rows.map(({ thread_id }) => thread_id)).not.toContain((await mail(id)).threadId)
    },
  )

  it('stops a pending one, too', async () => {
    const id = await posted({ address: stranger() })
    const { interactionId } = await mail(id)
    await apis.store.updateInteraction(interactionId, { status: 1 }, { once: null })
    await ask('GET', `/${id}?read=true`)
    expect(await interaction(id)).toMatchObject({ status: 3, stopped_reason: 'read by consumer' })
  })

  it('takes it from no agent’s hands: only the mark changes', async () => {
    const id = await posted({ address: stranger() })
    await apis.store.accept([(await mail(id)).threadId], ADA)
    const before = await interaction(id)
    expect(before).toMatchObject({ status: 2, owner_id: ADA })
    expect((await ask('GET', `/${id}?read=true`)).body).toMatchObject({ secureMail: { status: 'read' } })
    expect(await interaction(id)).toEqual(before)
  })

  it('is not marked read by the agent’s own opening', async () => {
    const id = await posted({ address: stranger() })
    await apis.store.setRead([(await mail(id)).threadId], true, ADA)
    expect(await mail(id)).toMatchObject({ status: 'unread' })
  })

  it.each(['1', 'yes', 'truee', 'null', '%20'])('refuses read=%s', async (value) => {
    const id = await posted({ address: stranger() })
    expect(said(await ask('GET', `/${id}?read=${value}`))).toEqual(refused(400, 'INVALID_PARAMETER', 'read'))
    expect(await mail(id)).toMatchObject({ status: 'unread' })
  })

  it('answers 404 to an unknown id and 400 to none, user data alike', async () => {
    for (const path of ['', '/userdata']) {
      expect(said(await ask('GET', `/${NOBODY}${path}`))).toEqual(refused(404, 'FAILURE', 'secureMailId'))
      for (const id of ['1', 'x'.repeat(36), `${NOBODY}0`, '%00', `{${NOBODY}}`])
        expect(said(await ask('GET', `/${id}${path}`))).toEqual(
          refused(400, 'INVALID_PARAMETER', 'secureMailId'),
        )
    }
    expect(said(await ask('GET', `/${NOBODY}?read=true`))).toEqual(refused(404, 'FAILURE', 'secureMailId'))
  })

  it('takes an id in capitals', async () => {
    const id = await posted({ address: stranger() })
    expect((await ask('GET', `/${id.toUpperCase()}`)).body).toMatchObject({
      secureMail: { secureMailId: id },
    })
  })

  it('shows no interaction that isn’t secure mail', async () => {
    const [filed] = await apis.store.ingest([arrival()], null)
    expect((await ask('GET', `/${filed!.interaction_id}`)).status).toBe(400)
  })
})

describe('GET /securemail/{secureMailId}/userdata', () => {
  it('is exactly what was attached, but for keys that begin with _', async () => {
    const userData = {
      FirstName: 'x',
      number: 1.5,
      truth: false,
      text: '',
      _queue: 'secret',
      __x: 1,
      a_b: 'é',
    }
    const id = await posted({ address: stranger(), firstName: 'Ann', userData })
    expect(said(await ask('GET', `/${id}/userdata`))).toEqual({
      status: 200,
      body: { ...SUCCESS, data: { FirstName: 'x', number: 1.5, truth: false, text: '', a_b: 'é' } },
    })
  })

  it('is empty where nothing was attached', async () => {
    const address = stranger()
    const id = await posted({ address })
    expect((await ask('GET', `/${id}/userdata`)).body).toEqual({ ...SUCCESS, data: {} })
    // What its thread carries on is the desk's.
    const parent = await posted({ address, userData: { contract: 1 } })
    const child = await posted({ address, parentId: parent })
    expect((await ask('GET', `/${child}/userdata`)).body).toEqual({ ...SUCCESS, data: {} })
  })
})

describe('DELETE /securemail/{secureMailId}', () => {
  const remove = (id: string, query = '', headers = {}) => ask('DELETE', `/${id}${query}`, undefined, headers)

  it.each([
    ['', null],
    ['?remove=read', null],
    ['?remove=READ', null],
    ['?remove=true', 'true'],
    ['?remove=True', 'true'],
    ['?remove=', 'true'],
    ['?remove', 'true'],
  ])('%j marks it read and leaves its routing alone (Deprecation: %s)', async (query, deprecation) => {
    const address = stranger()
    const id = await posted({ address })
    const before = await interaction(id)
    for (let i = 0; i < 2; i++) {
      const answer = await remove(id, query)
      expect(said(answer)).toEqual({
        status: 200,
        body: { ...SUCCESS, secureMail: { ...(await mail(id)), status: 'read' } },
      })
      expect(answer.headers.get('deprecation')).toBe(deprecation)
    }
    expect(await interaction(id)).toEqual(before)
    expect(await count(`address=${address}&status=read`)).toBe(1)
  })

  it.each(['delete', 'DELETE'])(
    '%s takes it out of list and count, keeps it, and stops its routing',
    async (value) => {
      const address = stranger()
      const id = await posted({ address })
      for (let i = 0; i < 2; i++)
        expect(said(await remove(id, `?remove=${value}`))).toEqual({
          status: 200,
          body: { ...SUCCESS, secureMail: expect.objectContaining({ secureMailId: id, status: 'unread' }) },
        })
      expect(await list(`address=${address}`)).toEqual([])
      expect(await count(`address=${address}`)).toBe(0)
      expect(await mail(id)).toMatchObject({ secureMailId: id })
      expect(await interaction(id)).toMatchObject({ status: 3 })
      expect((await ask('GET', `/${id}/userdata`)).status).toBe(200)
    },
  )

  it('delete leaves what an agent holds in the agent’s hands', async () => {
    const id = await posted({ address: stranger() })
    await apis.store.accept([(await mail(id)).threadId], ADA)
    await remove(id, '?remove=delete')
    expect(await interaction(id)).toMatchObject({ status: 2, owner_id: ADA })
  })

  it.each(['purge', 'Purge'])(
    '%s removes it with all that belongs to it, and answers it as it last was',
    async (value) => {
      const address = stranger()
      const before = stored(apis) as { blobs: unknown }
      const content = Buffer.from(`only in this mail ${value}`).toString('base64')
      const id = await posted({ address, userData: { a: 1 }, attachments: [{ name: 'a.txt', content }] })
      const last = await mail(id)
      expect(said(await remove(id, `?remove=${value}`))).toEqual({
        status: 200,
        body: { ...SUCCESS, secureMail: last },
      })
      for (const path of ['', '?read=true', '/userdata'])
        expect(said(await ask('GET', `/${id}${path}`))).toEqual(refused(404, 'FAILURE', 'secureMailId'))
      for (const query of ['', '?remove=delete', '?remove=purge'])
        expect(said(await remove(id, query))).toEqual(refused(404, 'FAILURE', 'secureMailId'))
      // The contact stays known.
      expect(await list(`address=${address}`)).toEqual([])
      expect(await count(`address=${address}`)).toBe(0)
      await expect(apis.store.apiInteraction(last.interactionId)).rejects.toMatchObject({ code: 'not-found' })
      expect((stored(apis) as { blobs: unknown }).blobs).toEqual(before.blobs)
    },
  )

  it('purge leaves the rest of its thread, and files that another mail has', async () => {
    const address = stranger()
    const attachments = [{ name: 'a.txt', content: Buffer.from('shared').toString('base64') }]
    const first = await posted({ address, attachments })
    const second = await posted({ address, attachments, parentId: first })
    await remove(first, '?remove=purge')
    expect(await mail(second)).toMatchObject({ parentId: null })
    const { attachments: kept } = await interaction(second)
    expect(String(apis.blobs.read(kept[0]!.sha256))).toBe('shared')
  })

  it('purge needs the right to it', async () => {
    const id = await posted({ address: stranger() })
    const before = stored(apis)
    for (const one of [id, NOBODY, 'x'])
      expect(said(await remove(one, '?remove=purge', { 'x-api-key': 'k-nopurge' }))).toEqual(
        refused(403, 'FAILURE'),
      )
    expect(stored(apis)).toEqual(before)
    expect((await remove(id, '?remove=delete', { 'x-api-key': 'k-nopurge' })).status).toBe(200)
  })

  it.each(['purged', 'yes', 'false', 'read,delete', '%20'])('refuses remove=%s', async (value) => {
    const id = await posted({ address: stranger() })
    for (const one of [id, NOBODY])
      expect(said(await remove(one, `?remove=${value}`))).toEqual(refused(400, 'INVALID_PARAMETER', 'remove'))
    expect(await mail(id)).toMatchObject({ status: 'unread' })
  })

  it('answers 404 to an unknown id, and to what is none', async () => {
    for (const id of [NOBODY, 'x', '1', 'count', '%00'])
      for (const query of ['', '?remove=delete', '?remove=purge'])
        expect(said(await remove(id, query))).toEqual(refused(404, 'FAILURE', 'secureMailId'))
  })
})

describe('who may ask', () => {
  const paths = [`?address=a@b.test`, `/count?address=a@b.test`, `/${NOBODY}`, `/${NOBODY}/userdata`]

  it('is told 401 INVALID_CONTACT_CENTER without x-api-key or with a wrong one, before anything else', async () => {
    for (const headers of [
      {},
      { 'x-api-key': 'nope' },
      { 'x-api-key': '' },
      { authorization: 'Bearer k-portal' },
    ] as const) {
      for (const path of [...paths, '?address=bad', '/x'])
        expect(said(await askAt(apis, 'GET', `${BASE}${path}`, { headers }))).toEqual(
          refused(401, 'INVALID_CONTACT_CENTER'),
        )
      expect(said(await askAt(apis, 'DELETE', `${BASE}/x?remove=no`, { headers }))).toEqual(
        refused(401, 'INVALID_CONTACT_CENTER'),
      )
      expect(said(await askAt(apis, 'POST', BASE, { headers, body: '{' }))).toEqual(
        refused(401, 'INVALID_CONTACT_CENTER'),
      )
    }
  })

  it('needs the right to read or to write', async () => {
    const headers = { 'x-api-key': 'k-read' }
    const id = await posted({ address: stranger() })
    expect((await askAt(apis, 'GET', `${BASE}/${id}`, { headers })).status).toBe(200)
    const before = stored(apis)
    for (const [method, path] of [
      ['POST', ''],
      ['DELETE', `/${id}`],
      ['DELETE', `/${id}?remove=purge`],
    ] as const)
      expect(said(await ask(method, path, method === 'POST' ? { data: {} } : undefined, headers))).toEqual(
        refused(403, 'FAILURE'),
      )
    expect(stored(apis)).toEqual(before)
  })
})

describe('what the API says no to', () => {
  it('another method: 405 FAILURE with Allow', async () => {
    for (const [method, path, allow] of [
      ['PUT', '', 'GET, POST'],
      ['POST', '/count', 'GET'],
      ['POST', `/${NOBODY}`, 'GET, DELETE'],
      ['DELETE', `/${NOBODY}/userdata`, 'GET'],
    ] as const) {
      const answer = await ask(method, path)
      expect(said(answer)).toEqual(refused(405, 'FAILURE'))
      expect(answer.headers.get('allow')).toBe(allow)
    }
  })

  it('an answer that isn’t JSON: 406', async () => {
    expect(said(await ask('GET', '/count?address=a@b.test', undefined, { accept: 'text/html' }))).toEqual(
      refused(406, 'FAILURE'),
    )
  })

  it('nothing, where a GET brings a Content-Type', async () => {
    const address = stranger()
    await posted({ address })
    const headers = { 'content-type': 'text/nonsense' }
    expect((await ask('GET', `?address=${address}`, undefined, headers)).status).toBe(200)
  })

  it('more than 300 requests a minute: 429 FAILURE with Retry-After', async () => {
    const headers = { 'x-api-key': 'k-read' }
    let last: Answered | null = null
    for (let i = 0; i < 301; i++) last = await ask('GET', '/count?address=a@b.test', undefined, headers)
    expect(said(last!)).toEqual(refused(429, 'FAILURE'))
    expect(Number(last!.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('a mail while the intake is paused: 500 FAILURE, nothing stored; reading, marking and deleting go on', async () => {
    const address = stranger()
    const id = await posted({ address })
    await apis.set({ api: { paused: true } })
    try {
      const before = stored(apis)
      const attachments = [{ name: 'a.txt', content: 'QQ==' }]
      const answer = await ask('POST', '', { data: { address, subject: 'x', attachments }, operationId: 1 })
      expect(said(answer)).toEqual(refused(500, 'FAILURE', '', 1))
      // The document knows no 503: this tells it from a 500 after which something may be stored.
      expect(answer.headers.get('retry-after')).toBe('60')
      expect(stored(apis)).toEqual(before)
      expect(await count(`address=${address}`)).toBe(1)
      expect((await ask('GET', `/${id}?read=true`)).status).toBe(200)
      expect((await ask('DELETE', `/${id}?remove=delete`)).status).toBe(200)
    } finally {
      await apis.set({ api: { paused: false } })
    }
  })

  it.each([
    ['a busy store', new CoreError('busy', 'secret')],
    ['a full disk', new CoreError('disk', 'no space on /secret/path')],
    ['a fault of ours', new Error('select * from secret')],
  ])('%s: 500 FAILURE without its words, and no file left', async (_, error) => {
    const failing = async () => {
      throw error
    }
    const broken = await serveApis({
      apis: [secureMailApi],
      settings: { keys: KEYS },
      desk: () =>
        ({
          receive: failing,
          secureMails: failing,
          secureMail: failing,
          deleteSecureMail: failing,
        }) satisfies Partial<ApiDesk>,
    })
    try {
      const headers = { 'x-api-key': 'k-portal' }
      const data = { address: 'a@b.test', subject: 'x', attachments: [{ name: 'a.txt', content: 'QQ==' }] }
      for (const answer of [
        await askAt(broken, 'POST', BASE, { headers, body: { data } }),
        await askAt(broken, 'GET', `${BASE}?address=a@b.test`, { headers }),
        await askAt(broken, 'GET', `${BASE}/${NOBODY}`, { headers }),
        await askAt(broken, 'DELETE', `${BASE}/${NOBODY}?remove=delete`, { headers }),
      ]) {
        expect(said(answer)).toEqual(refused(500, 'FAILURE'))
        expect(JSON.stringify(answer.body)).not.toContain('secret')
      }
      expect(broken.uploadsLeft()).toEqual([])
    } finally {
      await broken.close()
    }
  })
})

describe('the document’s own samples, pasted into a shell', () => {
  it('work with a key and an address filled in', async () => {
    const address = stranger()
    const sample = (...rest: readonly string[]) =>
      curl('-H', 'x-api-key: k-portal', '-H', 'Content-Type: application/json', ...rest)
    const made = await sample(
      ...['-X', 'POST', '-d', JSON.stringify({ data: { address, text: 'Hello' } })],
      `${apis.url}/nexus/v3/securemail?securebox=string`,
    )
    expect(made).toEqual({
      status: 200,
      body: { ...SUCCESS, secureMailId: expect.stringMatching(UUID), selfUri: expect.any(String) },
    })
    const { secureMailId, selfUri } = made.body as { secureMailId: string; selfUri: string }
    const query = `address=${address}&status=all`
    expect(
      await sample('-X', 'GET', `${apis.url}/nexus/v3/securemail?${query}&index=0&count=0&securebox=string`),
    ).toEqual({
      status: 200,
      body: { ...SUCCESS, data: [] },
    })
    expect(
      await sample('-X', 'GET', `${apis.url}/nexus/v3/securemail/count?${query}&securebox=string`),
    ).toEqual({
      status: 200,
      body: { ...SUCCESS, data: { count: 1 } },
    })
    expect(await sample('-X', 'GET', `${apis.url}${selfUri}?read=true`)).toMatchObject({
      status: 200,
      body: { secureMail: { secureMailId, status: 'read', text: 'Hello' } },
    })
    expect(await sample('-X', 'GET', `${apis.url}/nexus/v3/securemail/${secureMailId}/userdata?`)).toEqual({
      status: 200,
      body: { ...SUCCESS, data: {} },
    })
    expect(
      await sample('-X', 'DELETE', `${apis.url}/nexus/v3/securemail/${secureMailId}?remove=delete`),
    ).toMatchObject({
      status: 200,
      body: { status: { code: 'SUCCESS' } },
    })
    expect(
      await sample('-X', 'DELETE', `${apis.url}/nexus/v3/securemail/${secureMailId}?remove=string`),
    ).toMatchObject({
      status: 400,
      body: { status: { code: 'INVALID_PARAMETER', detail: 'remove' } },
    })
    // As it stands in the document: nothing is filled in.
    expect(
      await sample(
        '-X',
        'GET',
        `${apis.url}/nexus/v3/securemail?address=string&status=string&index=0&count=0&securebox=string`,
      ),
    ).toMatchObject({ status: 400, body: { status: { code: 'INVALID_PARAMETER', detail: 'address' } } })
    expect(
      await sample('-X', 'POST', '-d', '{object}', `${apis.url}/nexus/v3/securemail?securebox=string`),
    ).toMatchObject({
      status: 400,
      body: { status: { code: 'INVALID_PARAMETER' } },
    })
  })
})
