import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WrittenMail } from '../../../src-main/connectors/connector.ts'
import { createRemoteActivity } from '../../../src-main/connectors/remote-activity.ts'
import type { RemoteSetup } from '../../../src-main/connectors/remote-sink.ts'
import type { RemoteSettings } from '../../../src-main/contract/settings.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { type Reply, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts'
import { handOver, writtenFile, writtenMail } from '../../support/written-mail.ts'

const TARGET = { kind: 'activity-response', activity_id: '1001', customer: null } as const
const created = (location: string | null = '/core/casemgr/v3/activity/1007'): Reply => ({
  status: 201,
  headers: location === null ? {} : { location },
  body: { id: '1' },
})
const error = (status: number, developerMessage: string): Reply => ({
  status,
  body: { code: `${status}-101`, developerMessage },
})
let server: ScriptedHttp
const stops: (() => Promise<void>)[] = []
beforeEach(async () => {
  server = await startScriptedHttp()
  stops.push(() => server.stop())
  server.answer = () => created()
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

function connector(remote: Partial<RemoteSettings> = {}, setup: Partial<RemoteSetup> = {}) {
  return createRemoteActivity({
    remote: { id: 'partner', kind: 'activity-response', url: server.url, options: {}, ...remote },
    key: 'token',
    log: () => {},
    ...setup,
  })
}
async function send(mail: Partial<WrittenMail> = {}, remote: Partial<RemoteSettings> = {}, setup = {}) {
  const written = writtenMail({ target: TARGET, to: [{ address: 'help@partner.test' }], ...mail })
  const { outcome, started } = await handOver(connector(remote, setup).sink, written)
  return { outcome, started, asked: server.requests.length }
}
const bodyOf = (n: number): unknown => JSON.parse(server.requests[n]?.body.toString() ?? '')

describe('an answer to a remote activity', () => {
  it('is sent as JSON to the alias, and never names its sender', async () => {
    const { outcome, started } = await send({ html: '<p>It is</p>' })
    expect(outcome).toMatchObject({
      kind: 'accepted',
      reply: `Taken by 127.0.0.1:${server.port} as activity 1007.`,
    })
    expect(started).toBe(1)
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      url: '/core/casemgr/v3/activity/1001/response',
      headers: {
        authorization: 'Bearer token',
        accept: 'application/json',
        'content-type': 'application/json',
        'idempotency-key': '0000KaA0C8XH003X',
      },
    })
    expect(bodyOf(0)).toEqual({
      type: { value: 'email', subtype: { value: 'general' } },
      subject: 'Your order',
      payload: {
        email: {
          content: { text: 'It is on its way.', html: '<p>It is</p>' },
          emailAddresses: { receiver: 'help@partner.test' },
        },
      },
    })
  })

  it('goes by the path and the token that are set, on behalf of a customer', async () => {
    await send(
      { target: { ...TARGET, activity_id: 'a/1', customer: '2000' } },
      { options: { path: '/system/ws/v11/interaction/activity/{ids}/response', auth: 'x-egain-session' } },
    )
    expect(server.requests[0]).toMatchObject({
      url: '/system/ws/v11/interaction/activity/a%2F1/response?customer=2000',
      headers: { 'x-egain-session': 'token' },
    })
    expect(server.requests[0]?.headers.authorization).toBeUndefined()
    expect(server.requests[0]?.body.toString()).not.toContain('from')
  })

  it('hands its files over first and names them, the inline ones by their id', async () => {
    server.answer = ({ url }) =>
      url.endsWith('/attachment')
        ? { status: 201, body: { altId: `alt-${server.requests.length}` } }
        : created()
    const { outcome, started } = await send({
      attachments: [
        writtenFile('a.pdf', 'pdf'),
        writtenFile('logo.png', 'png', { inline: true, content_id: 'logo', content_type: 'image/png' }),
      ],
    })
    expect([outcome.kind, started]).toEqual(['accepted', 1])
    expect(server.requests.map(({ url, headers }) => [url, headers['idempotency-key']])).toEqual([
      ['/core/casemgr/v3/attachment', '0000KaA0C8XH003X-1'],
      ['/core/casemgr/v3/attachment', '0000KaA0C8XH003X-2'],
      ['/core/casemgr/v3/activity/1001/response', '0000KaA0C8XH003X'],
    ])
    expect(server.requests[1]?.body.toString()).toContain(
      'Content-Disposition: form-data; name="file"; filename="logo.png"\r\nContent-Type: image/png\r\n\r\npng\r\n',
    )
    expect(bodyOf(2)).toMatchObject({
      attachments: { attachment: [{ altId: 'alt-1' }, { altId: 'alt-2', inline: true, contentId: 'logo' }] },
    })
  })

  it.each<[string | null, string]>([
    ['/core/casemgr/v3/activity/1007', 'as activity 1007.'],
    ['https://partner.test/x/1008?lang=en', 'as activity 1008.'],
    ['1009/', 'as activity 1009.'],
    [null, `Taken by`],
  ])('is taken by its 201; its id is the last part of %s', async (location, words) => {
    server.answer = () => created(location)
    const { outcome } = await send()
    expect(outcome.kind === 'accepted' && outcome.reply).toContain(words)
    if (location === null) expect(outcome.kind === 'accepted' && outcome.reply).not.toContain('activity')
  })

  it('is taken by its 201 even where the body can’t be read', async () => {
    server.answer = () => ({ status: 201, headers: { 'content-type': 'text/html' }, body: '<p>' })
    expect((await send()).outcome.kind).toBe('accepted')
  })
})

describe('what came of an answer', () => {
  const again = (retryAfter: number | null) => ({ kind: 'not-sent', lasting: false, remote: { retryAfter } })
  it.each<[string, Reply, object, string]>([
    ['200', { body: { id: '1' } }, { kind: 'unknown' }, '200 and not 201'],
    ['400', error(400, 'No such alias.'), { kind: 'rejected' }, '400-101: No such alias.'],
    ['401', error(401, 'who'), { kind: 'rejected' }, 'doesn’t accept the key'],
    ['403', error(403, 'not yours'), { kind: 'rejected' }, 'not yours'],
    ['406 as HTML', { status: 406, body: '<p>' }, { kind: 'rejected' }, '406'],
    ['a redirect', { status: 308, headers: { location: 'https://n.test/' } }, { kind: 'rejected' }, 'n.test'],
    ['429', { status: 429, headers: { 'retry-after': '4' }, body: {} }, again(4), 'too many'],
    ['503', { status: 503, body: '' }, again(null), '503'],
    ['its own 500', error(500, 'paused'), { kind: 'rejected' }, '500-101: paused'],
    ['a gateway’s 504', { status: 504, body: '' }, { kind: 'unknown' }, '504'],
    ['a reset', 'reset', { kind: 'unknown' }, 'broke'],
  ])('is told by its answer, once: %s', async (_what, reply, expected, words) => {
    server.answer = () => reply
    const { outcome, started, asked } = await send()
    expect(outcome).toMatchObject(expected)
    expect('problem' in outcome ? outcome.problem : '').toContain(words)
    expect([started, asked]).toEqual([1, 1])
  })

  it('is unknown after silence or a cut, and not sent where the line never stood', async () => {
    server.answer = () => 'silence'
    expect((await send({}, {}, { limits: { timeout: 60 } })).outcome.kind).toBe('unknown')
    server.answer = () => created()
    const proxy = await startFaultProxy(server.port)
    stops.push(() => proxy.stop())
    const url = `http://127.0.0.1:${proxy.port}`
    proxy.faults.cutAfter = 10
    expect((await send({}, { url })).outcome.kind).toBe('unknown')
    await proxy.away()
    expect(await send({}, { url })).toMatchObject({ outcome: { kind: 'not-sent' }, started: 0, asked: 2 })
  })

  it.each<[string, Reply, object, string]>([
    ['is reset', 'reset', again(null), 'broke'],
    ['is told to wait', { status: 429, headers: { 'retry-after': '2' }, body: {} }, again(2), 'too many'],
    ['is refused', error(400, 'type'), { kind: 'rejected' }, 'a.exe: 400-101: type'],
    ['gets no altId', { status: 201, body: {} }, { kind: 'rejected' }, 'no altId'],
    ['gets a web page', { status: 201, body: '<p>' }, { kind: 'rejected' }, 'content type'],
  ])('was not sent where its file %s', async (_what, reply, expected, words) => {
    server.answer = () => reply
    const { outcome, started, asked } = await send({ attachments: [writtenFile('a.exe')] })
    expect(outcome).toMatchObject(expected)
    expect('problem' in outcome ? outcome.problem : '').toContain(words)
    expect([started, asked]).toEqual([0, 1])
  })

  it.each<[string, Partial<WrittenMail>, RemoteSettings['options'], string]>([
    ['without an activity', { target: null }, {}, 'names no activity'],
    ['to two activities', { target: { ...TARGET, activity_id: '1,2' } }, {}, 'One activity'],
    ['to two addresses', { cc: [{ address: 'b@x.test' }] }, {}, 'one address'],
    ['with a subject too long', { subject: 'x'.repeat(1025) }, {}, '1024'],
    ['with a text too long', { text: 'x'.repeat(1_048_577) }, {}, '1 MB'],
    ['empty', { subject: '', text: ' ' }, {}, 'is empty'],
    [
      'with a file where none is taken',
      { attachments: [writtenFile('a')] },
      { uploadPath: null },
      'no files',
    ],
  ])('never leaves %s', async (_what, mail, options, words) => {
    const { outcome, started, asked } = await send(mail, { options })
    expect(outcome).toMatchObject({ kind: 'rejected' })
    expect('problem' in outcome ? outcome.problem : '').toContain(words)
    expect([started, asked]).toEqual([0, 0])
  })
})

describe('testing a system for activity responses', () => {
  it('sends a parameter that it must refuse, so that nothing comes of it', async () => {
    server.answer = () => error(400, "Unsupported query parameter(s) supplied: 'workbin-test'.")
    expect((await connector().test()).ok).toBe(true)
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      url: '/core/casemgr/v3/activity/0/response?workbin-test=1',
    })
  })
  it.each<[string, Reply, string]>([
    ['a wrong token', error(401, 'who'), 'key'],
    ['a wrong path', { status: 404, body: {} }, 'answer'],
    ['another system', { status: 400, body: '<p>' }, 'answer'],
    ['one that took it', created(), 'answer'],
    ['a fault', error(500, 'x'), 'ready'],
  ])('says what is wrong: %s', async (_what, reply, step) => {
    server.answer = () => reply
    const { ok, steps } = await connector().test()
    expect([ok, steps.at(-1)]).toMatchObject([false, { step, ok: false }])
  })
})
