import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WrittenMail } from '../../../src-main/connectors/connector.ts'
import { RemoteFault } from '../../../src-main/connectors/remote-fault.ts'
import { createRemoteSecureMail } from '../../../src-main/connectors/remote-secure-mail.ts'
import type { RemoteSetup } from '../../../src-main/connectors/remote-sink.ts'
import type { RemoteSettings } from '../../../src-main/contract/settings.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { type Reply, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts'
import { handOver, writtenFile, writtenMail } from '../../support/written-mail.ts'

const ID = 'bff348eb-dd5f-47d6-bf96-0e75b8ecf7ca'
const SUCCESS = { referenceId: {}, operationId: {}, status: { code: 'SUCCESS' } }
const failure = (message: string, code = 'FAILURE') => ({
  ...SUCCESS,
  status: { code, message, detail: 'x' },
})
const TAKEN: Reply = { body: { ...SUCCESS, secureMailId: ID, selfUri: `/nexus/v3/securemail/${ID}` } }
const TARGET = { kind: 'secure-mail', address: 'ann@x.test', box: '', parent_id: null } as const
let server: ScriptedHttp
const stops: (() => Promise<void>)[] = []
beforeEach(async () => {
  server = await startScriptedHttp()
  stops.push(() => server.stop())
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

function connector(remote: Partial<RemoteSettings> = {}, setup: Partial<RemoteSetup> = {}) {
  return createRemoteSecureMail({
    remote: { id: 'portal', kind: 'secure-mail', url: server.url, options: {}, ...remote },
    key: 'k-portal',
    log: () => {},
    ...setup,
  })
}
function mailbox(options: RemoteSettings['options'] = {}) {
  const { mailbox } = connector({ options })
  if (!mailbox) throw new Error('there is no mailbox')
  return mailbox
}
const ANN = { address: 'ann+1@x.test', box: '' }
const asked = () => server.requests.map(({ method, url }) => `${method} ${url}`)
async function fault(work: Promise<unknown>): Promise<RemoteFault> {
  const error: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof RemoteFault)) throw new Error('it was no fault of the remote', { cause: error })
  return error
}

describe('looking into a mailbox', () => {
  it('lists a page as the server has it', async () => {
    server.answer = () => ({
      body: {
        ...SUCCESS,
        data: [
          {
            secureMailId: ID,
            address: 'ann+1@x.test',
            securebox: '',
            direction: 'inbound',
            status: 'unread',
            subject: 'My contract',
            from: 'ann+1@x.test',
            to: ['support@acme.test'],
            date: '2026-05-04T09:00:00.000Z',
            hasAttachments: true,
          },
        ],
      },
    })
    expect(await mailbox().list(ANN, 'unread', { index: 20, count: 10 })).toEqual([
      {
        id: ID,
        direction: 'inbound',
        read: false,
        subject: 'My contract',
        from: 'ann+1@x.test',
        to: ['support@acme.test'],
        date: '2026-05-04T09:00:00.000Z',
        has_attachments: true,
      },
    ])
    expect(asked()).toEqual([
      'GET /nexus/v3/securemail?address=ann%2B1%40x.test&status=unread&index=20&count=10',
    ])
    expect(server.requests[0]?.headers['x-api-key']).toBe('k-portal')
  })

  it('names the box that is asked for, else the one that is set', async () => {
    server.answer = () => ({ body: { ...SUCCESS, data: [] } })
    const page = { index: 0, count: 1 }
    await mailbox({ securebox: 'billing', basePath: '' }).list(ANN, 'all', page)
    await mailbox({ securebox: 'billing' }).list({ ...ANN, box: 'sales' }, 'all', page)
    expect(asked().map((line) => line.replace(/\?.*(?=&securebox=)/, ''))).toEqual([
      'GET /securemail&securebox=billing',
      'GET /nexus/v3/securemail&securebox=sales',
    ])
  })

  it('goes on where members are missing or have other names', async () => {
    server.answer = () => ({
      body: {
        data: {
          items: [
            { id: 'a', Subject: 'One', sender: { emailAddress: 'x@y.test' }, type: 'Outbound', read: true },
            { selfUri: '/nexus/v3/securemail/b?x=1', created: 1_777_885_200_000, to: 'z@y.test' },
            { subject: 'nobody can ask for this one' },
            'nonsense',
            null,
          ],
        },
      },
    })
    const bare = {
      direction: null,
      read: null,
      subject: '',
      from: '',
      to: [],
      date: null,
      has_attachments: false,
    }
    expect(await mailbox().list(ANN, 'all', { index: 0, count: 10 })).toEqual([
      { ...bare, id: 'a', subject: 'One', from: 'x@y.test', direction: 'outbound', read: true },
      { ...bare, id: 'b', date: '2026-05-04T09:00:00.000Z', to: ['z@y.test'] },
    ])
  })

  it('has nothing where nobody has that address', async () => {
    server.answer = () => ({ status: 404, body: failure('no such contact') })
    expect(await mailbox().list(ANN, 'all', { index: 0, count: 10 })).toEqual([])
    expect(await mailbox().count(ANN, 'all')).toBe(0)
  })

  it.each([
    [{ data: { count: 20 } }, 20],
    [{ data: { count: '20' } }, 20],
    [{ data: 3 }, 3],
    [{ count: 4 }, 4],
  ])('counts %j', async (body, count) => {
    server.answer = () => ({ body })
    expect(await mailbox().count(ANN, 'read')).toBe(count)
    expect(asked()).toEqual(['GET /nexus/v3/securemail/count?address=ann%2B1%40x.test&status=read'])
  })

  it('takes no answer for a count that holds none', async () => {
    server.answer = () => ({ body: { ...SUCCESS, data: {} } })
    expect((await fault(mailbox().count(ANN, 'all'))).message).toContain('no number of mails')
  })

  it('tells a refusal in the remote’s words, also where it came as 200', async () => {
    server.answer = () => ({ status: 401, body: failure('bad key', 'INVALID_CONTACT_CENTER') })
    const refused = await fault(mailbox().list(ANN, 'all', { index: 0, count: 1 }))
    expect(refused).toMatchObject({ code: 'refused', status: 401, uncertain: false })
    expect(refused.message).toContain('INVALID_CONTACT_CENTER: bad key: x')
    server.answer = () => ({ body: failure('box', 'INVALID_PARAMETER') })
    expect((await fault(mailbox().count(ANN, 'all'))).message).toContain('INVALID_PARAMETER: box')
  })
})

describe('a mail in a mailbox', () => {
  const MAIL = {
    ...SUCCESS,
    secureMail: {
      secureMailId: ID,
      subject: 'My contract',
      text: 'A copy, please.',
      html: '<p>A copy</p>',
      status: 'read',
      direction: 'inbound',
      from: 'ann@x.test',
      to: ['support@acme.test'],
      attachments: [{ id: '1', name: 'a.pdf', contentType: 'application/pdf', size: 7 }, {}],
    },
  }
  it('is shown with its text and files', async () => {
    server.answer = () => ({ body: MAIL })
    expect(await mailbox().mail(ID, false)).toMatchObject({
      id: ID,
      text: 'A copy, please.',
      html: '<p>A copy</p>',
      has_attachments: true,
      attachments: [
        { name: 'a.pdf', content_type: 'application/pdf', size: 7 },
        { name: null, content_type: 'application/octet-stream', size: 0 },
      ],
    })
  })
  it('is marked read only when it is opened and that is set', async () => {
    server.answer = () => ({ body: MAIL })
    await mailbox().mail('a/../b', false)
    await mailbox().mail(ID, true)
    await mailbox({ markRead: true }).mail(ID, false)
    await mailbox({ markRead: true }).mail(ID, true)
    await mailbox({ markRead: true }).userData(ID)
    expect(asked()).toEqual([
      'GET /nexus/v3/securemail/a%2F..%2Fb',
      `GET /nexus/v3/securemail/${ID}`,
      `GET /nexus/v3/securemail/${ID}`,
      `GET /nexus/v3/securemail/${ID}?read=true`,
      `GET /nexus/v3/securemail/${ID}/userdata`,
    ])
  })
  it('may stand in the answer itself, and lack nearly everything', async () => {
    server.answer = () => ({ body: { subject: 'S', body: 'T', from: null } })
    expect(await mailbox().mail('x', false)).toEqual({
      id: 'x',
      direction: null,
      read: null,
      subject: 'S',
      from: '',
      to: [],
      date: null,
      has_attachments: false,
      text: 'T',
      html: null,
      attachments: [],
    })
    server.answer = () => ({ body: {} })
    expect((await fault(mailbox().mail('x', false))).message).toContain('no secure mail')
  })
  it('has the user data that was attached, however odd', async () => {
    const deep = { a: { b: { c: { d: { e: 1 } } } } }
    server.answer = () => ({
      headers: { 'content-type': 'application/json' },
      body: `{"data":{"Order":"7","n":1,"__proto__":"own","deep":${JSON.stringify(deep)}}}`,
    })
    const udata = await mailbox().userData(ID)
    expect(Object.entries(udata)).toEqual([
      ['Order', '7'],
      ['n', 1],
      ['__proto__', 'own'],
      ['deep', { a: { b: { c: { d: '{…}' } } } }],
    ])
    server.answer = () => ({ body: SUCCESS })
    expect(await mailbox().userData(ID)).toEqual({})
  })
  it.each(['read', 'delete', 'purge'] as const)('is removed as asked: %s', async (how) => {
    server.answer = () => ({ body: MAIL })
    await mailbox().remove(ID, how)
    expect(asked()).toEqual([`DELETE /nexus/v3/securemail/${ID}?remove=${how}`])
  })
  it('that isn’t there is said to be refused', async () => {
    server.answer = () => ({ status: 404, body: failure('gone') })
    expect(await fault(mailbox().remove(ID, 'purge'))).toMatchObject({ code: 'refused', status: 404 })
    expect(await fault(mailbox().mail(ID, false))).toMatchObject({ code: 'refused', status: 404 })
  })
})

describe('an answer into a mailbox', () => {
  async function send(mail: Partial<WrittenMail> = {}, remote: Partial<RemoteSettings> = {}, setup = {}) {
    const written = writtenMail({ target: TARGET, ...mail })
    const { outcome, started } = await handOver(connector(remote, setup).sink, written)
    return { outcome, started, asked: server.requests.length }
  }

  it('carries text, files and user data, and the mail that it answers', async () => {
    server.answer = () => TAKEN
    const sent = await send({
      target: { ...TARGET, box: 'billing', parent_id: ID },
      html: '<p>It</p>',
      udata: { Order: '7', n: 1, yes: true, none: null, list: [1], _own: 'x' },
      attachments: [writtenFile('a.pdf', 'abc', { content_type: 'application/pdf' })],
    })
    expect(sent).toMatchObject({ outcome: { kind: 'accepted' }, started: 1, asked: 1 })
    const [request] = server.requests
    expect(request).toMatchObject({
      method: 'POST',
      url: '/nexus/v3/securemail?securebox=billing',
      headers: { 'x-api-key': 'k-portal', 'idempotency-key': '0000KaA0C8XH003X' },
    })
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
      data: {
        address: 'ann@x.test',
        subject: 'Your order',
        text: 'It is on its way.',
        html: '<p>It</p>',
        userData: { Order: '7', n: 1, yes: true, list: '[1]' },
        attachments: [{ name: 'a.pdf', contentType: 'application/pdf', content: 'YWJj' }],
        parentId: ID,
      },
      operationId: '0000KaA0C8XH003X',
    })
  })

  const again = (retryAfter: number | null) => ({ kind: 'not-sent', lasting: false, remote: { retryAfter } })
  it.each<[string, Reply, object, string]>([
    ['200 without an id', { body: SUCCESS }, { kind: 'unknown' }, 'which secure mail'],
    ['an empty 200', { body: {} }, { kind: 'unknown' }, 'which secure mail'],
    ['only a selfUri', { body: { selfUri: '/nexus/v3/securemail/7' } }, { kind: 'accepted' }, ''],
    ['FAILURE as 200', { body: failure('no') }, { kind: 'rejected' }, 'FAILURE: no'],
    ['201', { ...TAKEN, status: 201 }, { kind: 'unknown' }, '201'],
    [
      '400',
      { status: 400, body: failure('t', 'INVALID_FILE_TYPE') },
      { kind: 'rejected' },
      'INVALID_FILE_TYPE',
    ],
    ['401', { status: 401, body: {} }, { kind: 'rejected' }, 'key'],
    ['a redirect', { status: 302, headers: { location: '/login' } }, { kind: 'rejected' }, '/login'],
    ['429', { status: 429, headers: { 'retry-after': '3' }, body: {} }, again(3), 'too many'],
    ['503', { status: 503, body: '' }, again(null), '503'],
    ['its own 500', { status: 500, body: failure('full') }, { kind: 'rejected' }, 'FAILURE: full'],
    [
      'a 500 with Retry-After',
      { status: 500, headers: { 'retry-after': '5' }, body: failure('p') },
      again(5),
      'p',
    ],
    ['a gateway’s 502', { status: 502, body: '<p>' }, { kind: 'unknown' }, '502'],
    ['no JSON', { headers: { 'content-type': 'application/json' }, body: '{' }, { kind: 'unknown' }, 'JSON'],
    ['a web page', { headers: { 'content-type': 'text/html' }, body: 'x' }, { kind: 'unknown' }, 'html'],
    ['a reset', 'reset', { kind: 'unknown' }, 'broke'],
  ])('is judged by its answer, once: %s', async (_what, reply, expected, words) => {
    server.answer = () => reply
    const { outcome, started, asked } = await send()
    expect(outcome).toMatchObject(expected)
    expect('problem' in outcome ? outcome.problem : '').toContain(words)
    expect([started, asked]).toEqual([1, 1])
  })

  it('is unknown where it takes too long or the answer is cut, and not sent where the line never stood', async () => {
    server.answer = () => 'silence'
    expect((await send({}, {}, { limits: { timeout: 60 } })).outcome.kind).toBe('unknown')
    server.answer = () => TAKEN
    const proxy = await startFaultProxy(server.port)
    stops.push(() => proxy.stop())
    const url = `http://127.0.0.1:${proxy.port}`
    proxy.faults.truncateAfter = 120
    expect((await send({}, { url })).outcome.kind).toBe('unknown')
    await proxy.away()
    expect(await send({}, { url })).toMatchObject({ outcome: { kind: 'not-sent' }, started: 0, asked: 2 })
  })

  it.each<[string, Partial<WrittenMail>, string]>([
    ['without a mailbox', { target: null }, 'names no secure mailbox'],
    ['empty', { subject: ' ', text: '' }, 'without subject and text'],
    ['with a subject too long', { subject: 'x'.repeat(999) }, '998'],
    ['too large', { attachments: [writtenFile('a.zip', Buffer.alloc(13 * 1_048_576))] }, 'at most 16 MB'],
    [
      'with too much user data',
      { udata: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, n])) },
      '100 pairs',
    ],
  ])('never leaves %s', async (_what, mail, words) => {
    const { outcome, started, asked } = await send(mail)
    expect(outcome).toMatchObject({ kind: 'rejected' })
    expect('problem' in outcome ? outcome.problem : '').toContain(words)
    expect([started, asked]).toEqual([0, 0])
  })
})

describe('testing a secure mail system', () => {
  it.each<[string, Reply]>([
    ['nobody has the address', { status: 404, body: failure('none') }],
    ['it counts', { body: { ...SUCCESS, data: { count: 0 } } }],
  ])('asks for the count of an address that nobody has: %s', async (_what, reply) => {
    server.answer = () => reply
    expect((await connector().test()).ok).toBe(true)
    expect(asked()).toEqual(['GET /nexus/v3/securemail/count?address=nobody%40workbin.invalid&status=all'])
  })
  it.each<[string, Reply, string]>([
    ['a wrong key', { status: 401, body: failure('k', 'INVALID_CONTACT_CENTER') }, 'key'],
    ['a wrong path', { status: 404, body: { error: 'Not Found' } }, 'answer'],
    ['another system', { body: { hello: 1 } }, 'answer'],
    ['a web page', { headers: { 'content-type': 'text/html' }, body: '<p>' }, 'answer'],
    ['a fault', { status: 500, body: failure('x') }, 'ready'],
  ])('says what is wrong: %s', async (_what, reply, step) => {
    server.answer = () => reply
    const { ok, steps } = await connector().test()
    expect([ok, steps.at(-1)]).toMatchObject([false, { step, ok: false }])
  })
  it('shows the certificate that can’t be verified', async () => {
    const certificate = makeCertificate()
    const secure = await startScriptedHttp({ certificate })
    stops.push(() => secure.stop())
    const test = await connector({ url: secure.url }).test()
    expect(test).toMatchObject({
      ok: false,
      certificate: { fingerprint256: certificate.fingerprint256 },
    })
    expect(test.steps.at(-1)).toMatchObject({ step: 'certificate', ok: false })
  })
})
