import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRemoteGms } from '../../../src-main/connectors/remote-gms.ts'
import type { RemoteSetup } from '../../../src-main/connectors/remote-sink.ts'
import type { WrittenMail } from '../../../src-main/connectors/connector.ts'
import type { RemoteSettings } from '../../../src-main/contract/settings.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { type Reply, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts'
import { handOver, writtenFile, writtenMail } from '../../support/written-mail.ts'

const TAKEN: Reply = { body: { statusCode: 0, interactionId: '0000KaA0C8XH003Z' } }
let server: ScriptedHttp
const stops: (() => Promise<void>)[] = []
beforeEach(async () => {
  server = await startScriptedHttp()
  stops.push(() => server.stop())
  server.answer = () => TAKEN
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

function connector(remote: Partial<RemoteSettings> = {}, setup: Partial<RemoteSetup> = {}) {
  return createRemoteGms({
    remote: { id: 'form', kind: 'gms-email', url: server.url, options: {}, ...remote },
    key: 'k-form',
    log: () => {},
    ...setup,
  })
}
async function send(mail: Partial<WrittenMail> = {}, remote: Partial<RemoteSettings> = {}, setup = {}) {
  const { outcome, started } = await handOver(connector(remote, setup).sink, writtenMail(mail))
  return { outcome, started, asked: server.requests.length }
}
/** The form as the server got it, read by an implementation that isn't ours. */
async function form(n = 0): Promise<[string, string | { name: string; type: string; text: string }][]> {
  const request = server.requests[n]
  const data = await new Response(new Uint8Array(request?.body ?? []), {
    headers: { 'content-type': request?.headers['content-type'] ?? '' },
  }).formData()
  return await Promise.all(
    [...data].map(async ([name, value]) =>
      typeof value === 'string'
        ? ([name, value] as [string, string])
        : ([name, { name: value.name, type: value.type, text: await value.text() }] as [
            string,
            { name: string; type: string; text: string },
          ]),
    ),
  )
}

describe('a mail for a remote form service', () => {
  it('goes as a plain form with the writer’s name, the recipient as mailbox, and user data as pairs', async () => {
    const sent = await send(
      {
        subject: 'Bestellung & Größe',
        text: 'Zeile 1\nZeile 2 = 100 %',
        udata: { Order: 'HP=7', count: 3, tags: ['a', 'b'], _internal: 'x' },
      },
      { options: { service: 'sales' }, url: `${server.url}/gw/` },
    )
    expect(sent).toEqual({
      outcome: {
        kind: 'accepted',
        reply: `Taken by 127.0.0.1:${server.port} as 0000KaA0C8XH003Z.`,
        recipients: [
          {
            address: 'ann@x.test',
            state: 'accepted',
            reply: `Taken by 127.0.0.1:${server.port} as 0000KaA0C8XH003Z.`,
          },
        ],
      },
      started: 1,
      asked: 1,
    })
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      url: '/gw/genesys/2/email/sales',
      headers: {
        apikey: 'k-form',
        'content-type': 'application/x-www-form-urlencoded',
        'idempotency-key': '0000KaA0C8XH003X',
      },
    })
    expect(await form()).toEqual([
      ['firstName', 'Ada'],
      ['lastName', 'Moss'],
      ['fromAddress', 'support@acme.test'],
      ['subject', 'Bestellung & Größe'],
      ['text', 'Zeile 1\nZeile 2 = 100 %'],
      ['mailbox', 'ann@x.test'],
      ['userData', 'Order=HP=7'],
      ['userData', 'count=3'],
      ['userData', 'tags=["a","b"]'],
    ])
  })

  it('goes as multipart when it has files, with their bytes and names unharmed', async () => {
    const bytes = Buffer.from([0, 13, 10, 45, 45, 255, 10])
    await send({
      attachments: [
        writtenFile('Übersicht "2026".pdf', 'pdf bytes', { content_type: 'application/pdf' }),
        writtenFile('raw.zip', bytes, { content_type: 'evil\r\nX-Header: 1' }),
      ],
    })
    const files = (await form()).filter(([name]) => name === 'files')
    expect(files).toEqual([
      ['files', { name: 'Übersicht "2026".pdf', type: 'application/pdf', text: 'pdf bytes' }],
      ['files', { name: 'raw.zip', type: 'application/octet-stream', text: bytes.toString() }],
    ])
    expect(server.requests[0]?.body.includes(bytes)).toBe(true)
  })

  it('is announced before its first byte leaves, and doesn’t leave where that fails', async () => {
    const closing = new CoreError('closed', 'Workbin is closing.')
    const { outcome } = await handOver(connector().sink, writtenMail(), () => Promise.reject(closing))
    expect(outcome).toMatchObject({ kind: 'not-sent', lasting: false })
    expect(server.requests).toEqual([])
  })
})

describe('the answer to a form', () => {
  const retried = (retryAfter: number | null) => ({
    kind: 'not-sent',
    lasting: false,
    blocks: 'account',
    remote: { retryAfter },
  })
  it.each<[string, Reply, object, string]>([
    ['statusCode 1', { body: { statusCode: 1 } }, retried(null), 'no mail at the moment'],
    ['429', { status: 429, headers: { 'retry-after': '9' }, body: {} }, retried(9), 'too many requests'],
    ['500', { status: 500, body: 'crash' }, retried(null), 'has a fault (500)'],
    ['503', { status: 503, headers: { 'retry-after': '2' }, body: '' }, retried(2), 'has a fault (503)'],
    [
      'statusCode 2',
      {
        body: {
          statusCode: 2,
          errors: [{ code: 203, advice: 'No such file type.' }, { advice: 'And more.' }],
        },
      },
      { kind: 'rejected' },
      'No such file type. (203) And more.',
    ],
    [
      '400 with advice',
      {
        status: 400,
        body: { statusCode: 2, errors: [{ code: 107, advice: 'Bad mailbox' }], referenceId: 'r' },
      },
      { kind: 'rejected' },
      'Bad mailbox (107)',
    ],
    ['401', { status: 401, body: { statusCode: 2 } }, { kind: 'rejected' }, 'doesn’t accept the key'],
    ['404 as HTML', { status: 404, body: '<p>' }, { kind: 'rejected' }, 'refused it (404)'],
    ['a redirect', { status: 307, headers: { location: '/x' } }, { kind: 'rejected' }, 'sends to http://'],
    ['another 2xx', { status: 202, body: { statusCode: 0, interactionId: 'x' } }, { kind: 'unknown' }, '202'],
    ['no interactionId', { body: { statusCode: 0 } }, { kind: 'unknown' }, 'which interaction'],
    ['an empty interactionId', { body: { statusCode: 0, interactionId: ' ' } }, { kind: 'unknown' }, 'which'],
    ['an odd interactionId', { body: { statusCode: 0, interactionId: 7 } }, { kind: 'unknown' }, 'which'],
    ['an odd statusCode', { body: { statusCode: '0', interactionId: 'x' } }, { kind: 'unknown' }, 'which'],
    ['no object', { body: [1] }, { kind: 'unknown' }, 'which interaction'],
    ['no JSON', { headers: { 'content-type': 'application/json' }, body: 'OK' }, { kind: 'unknown' }, 'JSON'],
    ['a page', { headers: { 'content-type': 'text/html' }, body: '<p>OK' }, { kind: 'unknown' }, 'text/html'],
    ['a reset', 'reset', { kind: 'unknown' }, 'broke before its answer'],
  ])('%s decides, and nothing is asked twice', async (_what, reply, expected, words) => {
    server.answer = () => reply
    const { outcome, started, asked } = await send()
    expect(outcome).toMatchObject(expected)
    expect('problem' in outcome ? outcome.problem : '').toContain(words)
    expect('problem' in outcome ? outcome.problem : '').not.toContain('k-form')
    expect([started, asked]).toEqual([1, 1])
  })

  it('that doesn’t come in time leaves it unknown', async () => {
    server.answer = () => 'silence'
    const { outcome, asked } = await send({}, {}, { limits: { timeout: 60 } })
    expect(outcome).toMatchObject({ kind: 'unknown' })
    expect('problem' in outcome ? outcome.problem : '').toContain('Look there before you send it again')
    expect(asked).toBe(1)
  })

  it('that is cut short leaves it unknown; a line that never stood does not', async () => {
    const proxy = await startFaultProxy(server.port)
    stops.push(() => proxy.stop())
    const url = `http://127.0.0.1:${proxy.port}`
    proxy.faults.truncateAfter = 100
    expect((await send({}, { url })).outcome.kind).toBe('unknown')
    await proxy.away()
    const down = await send({}, { url })
    expect(down.outcome).toMatchObject({ kind: 'not-sent', blocks: 'account', remote: { retryAfter: null } })
    expect([down.started, down.asked]).toEqual([0, 1])
  })

  it('is not waited for where the address can’t be used: only a person ends that', async () => {
    expect((await send({}, { url: 'http://ada:pw@127.0.0.1' })).outcome).toMatchObject({
      kind: 'not-sent',
      lasting: true,
      blocks: 'account',
    })
  })
})

describe('what the remote would refuse never leaves', () => {
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, 'v']))
  it.each<[string, Partial<WrittenMail>, string]>([
    ['no first name', { agent: { id: 7, firstName: ' ', lastName: 'Moss' } }, 'first name'],
    ['a last name too long', { agent: { id: 7, firstName: 'A', lastName: 'x'.repeat(257) } }, 'last name'],
    ['no subject', { subject: '  ' }, 'subject'],
    ['a subject too long', { subject: 'ä'.repeat(999) }, '998'],
    ['no text', { text: '\n' }, 'without text'],
    ['two recipients', { cc: [{ address: 'bob@x.test' }] }, 'one recipient'],
    ['a file type', { attachments: [writtenFile('run.pdf.exe')] }, 'run.pdf.exe'],
    ['a file without a name', { attachments: [writtenFile(null)] }, 'one without a name'],
    ['too many files', { attachments: Array.from({ length: 11 }, () => writtenFile('a.txt')) }, 'at most 10'],
    [
      'too much together',
      { text: 'x', attachments: [writtenFile('a.txt', Buffer.alloc(10 * 1_048_576))] },
      'at most 10.0 MB',
    ],
    ['too many pairs', { udata: many }, '100 pairs'],
    ['a key that would be cut', { udata: { 'a=b': 'c' } }, 'a=b'],
    ['a value too long', { udata: { note: 'x'.repeat(8193) } }, 'note'],
    [
      'another kind of place',
      { target: { kind: 'secure-mail', address: 'a@x.test', box: '', parent_id: null } },
      'another kind',
    ],
  ])('%s', async (_what, mail, words) => {
    const { outcome, started, asked } = await send(mail)
    expect(outcome).toMatchObject({ kind: 'rejected', recipients: [{ state: 'rejected' }] })
    expect('problem' in outcome ? outcome.problem : '').toContain(words)
    expect([started, asked]).toEqual([0, 0])
  })

  it('by the limits that are set, which are inclusive', async () => {
    const options = { max_files: 1, max_size: '1KB', file_types: 'PDF, .docx' }
    const fits = writtenFile('a.DOCX', Buffer.alloc(1024 - 2))
    expect((await send({ text: 'ab', attachments: [fits] }, { options })).outcome.kind).toBe('accepted')
    expect((await send({ text: 'abc', attachments: [fits] }, { options })).outcome.kind).toBe('rejected')
    expect((await send({ attachments: [writtenFile('a.txt')] }, { options })).outcome.kind).toBe('rejected')
    expect(server.requests).toHaveLength(1)
  })
})

describe('testing a form service', () => {
  const last = async (remote: Partial<RemoteSettings> = {}, setup: Partial<RemoteSetup> = {}) => {
    const { ok, steps } = await connector(remote, setup).test()
    expect(steps.slice(0, -1).every((step) => step.ok)).toBe(true)
    return { ok, step: steps.at(-1)?.step, message: steps.at(-1)?.message ?? '' }
  }
  it('sends a form without a field, which nothing can come of', async () => {
    server.answer = () => ({ status: 400, body: { statusCode: 2, errors: [{ code: 102, advice: 'x' }] } })
    const { ok, steps } = await connector().test()
    expect(ok).toBe(true)
    expect(steps.map(({ step }) => step)).toEqual(['address', 'connect', 'answer', 'key', 'ready'])
    expect(await form()).toEqual([])
  })
  it.each<[string, Reply, string, string]>([
    ['401', { status: 401, body: { statusCode: 2 } }, 'key', 'doesn’t accept the key'],
    ['404', { status: 404, body: {} }, 'answer', 'no GMS e-mail service “desk”'],
    ['a pause', { body: { statusCode: 1 } }, 'ready', 'at the moment'],
    ['503', { status: 503, body: '' }, 'ready', 'has a fault (503)'],
    ['a web page', { headers: { 'content-type': 'text/html' }, body: '<p>' }, 'answer', 'text/html'],
    ['a service that takes anything', TAKEN, 'answer', 'a form without any field'],
    ['a redirect', { status: 301, headers: { location: 'https://x.test/' } }, 'answer', 'https://x.test/'],
  ])('says what is wrong: %s', async (_what, reply, step, words) => {
    server.answer = () => reply
    const seen = await last()
    expect(seen).toMatchObject({ ok: false, step })
    expect(seen.message).toContain(words)
  })
  it('says what is wrong with the way there', async () => {
    expect(await last({ url: 'http://remote.invalid' })).toMatchObject({ ok: false, step: 'address' })
    await server.stop()
    expect(await last()).toMatchObject({ ok: false, step: 'connect' })
    expect(await last({ url: `https://u:p@127.0.0.1:${server.port}` })).toMatchObject({ step: 'address' })
    expect(await last({ url: server.url.replace('http', 'https'), trustedCertificate: 'x' })).toMatchObject({
      ok: false,
      step: 'certificate',
    })
    stops.pop()
  })
})
