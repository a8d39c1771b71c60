import { afterEach, describe, expect, it } from 'vitest'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { contactsDesk, incoming, message } from '../../support/contacts-email.ts'

/** POST /contacts/email: its closed list of codes (contract 03, 3.3), over HTTP. */

const at = contactsDesk()
const { serve, ask, post, accepted, refused, count } = at
afterEach(at.close)

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
      fetch(`${at.desk.url}/contacts/email`, {
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
    await at.desk.set({ api: { paused: true } })
    let retry: string | null = null
    const entry = await refused(503, async () => {
      const reply = await post(message())
      retry = reply.headers.get('retry-after')
      return reply
    })
    expect([entry[0], Number(retry) > 0]).toEqual(['/errors/unavailable', true])
    await at.desk.set({ api: { paused: false } })
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
