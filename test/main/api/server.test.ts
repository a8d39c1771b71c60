import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi } from '../../../src-main/api/server.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { echoApi } from '../../support/echo-api.ts'
import { exchange } from '../../support/raw-http.ts'

let served: ServedApis
const KEYS = [
  { key: 'reader', name: 'Reader', scopes: ['interactions:read' as const] },
  { key: 'writer', name: 'Writer', scopes: ['interactions:read' as const, 'interactions:write' as const] },
]
beforeAll(async () => {
  served = await serveApis({ apis: [echoApi], settings: { keys: KEYS } })
})
afterAll(() => served.close())

const JSON_TYPE = { 'content-type': 'application/json' }

async function ask(path: string, init: RequestInit = {}) {
  const answer = await fetch(served.url + path, init)
  const text = await answer.text()
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: text === '' ? null : (JSON.parse(text) as Record<string, unknown>),
  }
}
const kind = async (path: string, init: RequestInit = {}) => {
  const { status, body } = await ask(path, init)
  return [status, body?.refused ?? 'answered']
}
const post = (headers: Record<string, string>, body: string | Uint8Array<ArrayBuffer> = '{}') => ({
  method: 'POST',
  headers,
  body,
})

describe('addresses', () => {
  it.each(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND'])(
    'what no API serves is 404 as JSON to %s',
    async (method) => {
      const { status, body, headers } = await ask('/any/where?x=1', { method })
      expect([status, body]).toEqual([
        404,
        { code: 'not-found', message: 'There is nothing at this address.' },
      ])
      expect(headers.get('access-control-allow-origin')).toBeNull()
      expect(headers.get('server')).toBeNull()
    },
  )

  it('an unknown one under an API’s is 404 in that API’s layout', async () => {
    expect(await kind('/echo/nothing')).toEqual([404, 'not-found'])
    expect(await kind('/echo/things/1/2')).toEqual([404, 'not-found'])
    expect(await kind('/echo/things/')).toEqual([404, 'not-found'])
    expect(await kind('/Echo/things/1', { headers: { 'x-api-key': 'reader' } })).toEqual([404, 'answered'])
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])(
    'the wrong method %s is 405 with Allow, before any key is asked for',
    async (method) => {
      const { status, body, headers } = await ask('/echo/things/1', { method })
      expect([status, body?.refused, headers.get('allow')]).toEqual([405, 'method', 'GET'])
    },
  )

  it('HEAD is a method that no call has, and gets no body', async () => {
    const { status, text, headers } = await ask('/echo/things/1', { method: 'HEAD' })
    expect([status, text, headers.get('allow')]).toEqual([405, '', 'GET'])
  })

  it('answers at each of a call’s paths, with its parameters decoded', async () => {
    const headers = { 'x-api-key': 'reader' }
    const { body } = await ask('/also/echo/a%2Fb%20%C3%BC?x=1+2&y=%2B&y=%C3%BC&z', { headers })
    expect(body).toMatchObject({
      path: '/also/echo/a%2Fb%20%C3%BC',
      params: { id: 'a/b ü' },
      query: [
        ['x', '1+2'],
        ['y', '+'],
        ['y', 'ü'],
        ['z', ''],
      ],
    })
    const long = 'i'.repeat(1_500)
    expect((await ask(`/echo/things/${long}`, { headers })).body).toMatchObject({ params: { id: long } })
  })

  it('an address that can’t be decoded is 404, and such a query stays as it is', async () => {
    expect((await ask('/echo/things/%zz')).status).toBe(404)
    expect((await ask('/echo/things/%ff')).status).toBe(404)
    const { body } = await ask('/echo/things/1?a=%zz', { headers: { 'x-api-key': 'reader' } })
    expect(body).toMatchObject({ query: [['a', '%zz']] })
  })

  it('neither Host nor an address in full changes what is answered', async () => {
    for (const [target, host] of [
      ['/echo/things/1', 'evil.test'],
      ['/echo/things/1', ''],
      ['http://evil.test/echo/things/1', 'other.test'],
      ['https://user:pass@evil.test:1/echo/things/1', 'x'],
    ]) {
      const answer = await exchange(
        served.url,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: evil.test\r\nX-API-Key: reader\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 200 /)
      expect(answer).not.toMatch(/evil|other\.test/)
      expect(answer).toContain('"base":""')
    }
    await served.set({ api: { publicUrl: 'https://desk.test/in/' } })
    expect((await ask('/echo/things/1', { headers: { 'x-api-key': 'reader' } })).body).toMatchObject({
      base: 'https://desk.test/in',
    })
  })

  it('a foreign Origin gets no CORS header, on whatever it asks', async () => {
    for (const method of ['GET', 'OPTIONS', 'POST']) {
      const { headers } = await ask('/echo/things/1', {
        method,
        headers: { 'x-api-key': 'reader', origin: 'https://evil.test' },
      })
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('the order of checks', () => {
  /** Each has every later fault, too. */
  it.each([
    ['a missing key', {}, [401, 'unauthorized']],
    ['a wrong key', { 'x-api-key': 'nobody' }, [401, 'unauthorized']],
    ['a key without the right', { 'x-api-key': 'reader' }, [403, 'forbidden']],
    ['an Accept that can’t be met', { 'x-api-key': 'writer' }, [406, 'not-acceptable']],
    ['a content type that isn’t taken', { accept: '*/*', 'x-api-key': 'writer' }, [415, 'content-type']],
    [
      'a body that is too large',
      { accept: 'application/json', ...JSON_TYPE, 'x-api-key': 'writer' },
      [413, 'too-large'],
    ],
  ])('%s', async (_, headers, expected) => {
    const given = { accept: 'text/html', 'content-type': 'text/plain', ...headers }
    expect(await kind('/echo/things', post(given, '['.repeat(2_000)))).toEqual(expected)
  })

  it('a body that can’t be parsed comes last', async () => {
    expect(await kind('/echo/things', post({ ...JSON_TYPE, 'x-api-key': 'writer' }, '{'))).toEqual([
      400,
      'malformed',
    ])
  })

  it('what is right is answered with everything that was asked', async () => {
    const { status, body, headers } = await ask(
      '/echo/things',
      post(
        { 'content-type': 'Application/JSON; Charset="UTF-8"', authorization: 'bearer writer' },
        '{"a":1}',
      ),
    )
    expect(status).toBe(201)
    expect(body).toMatchObject({
      caller: 'Writer',
      accepted: 'application/json',
      contentType: 'application/json',
      body: { a: 1 },
      once: null,
    })
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/)
  })
})

describe('Accept', () => {
  it.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/xml', 'application/xml'],
    ['APPLICATION/XML;q=0.5, text/html', 'application/xml'],
    ['application/json;q=0.1, application/xml;q=0.2', 'application/xml'],
    ['application/json;q=0, */*', 'application/xml'],
    ['text/html', null],
    ['application/json;q=0', null],
    ['nonsense', null],
  ])('%s asks for %s', async (accept, expected) => {
    const { status, body } = await ask('/echo/things/1', {
      headers: { 'x-api-key': 'reader', ...(accept === undefined ? {} : { accept }) },
    })
    expect([status, body?.accepted ?? null]).toEqual([expected === null ? 406 : 200, expected])
  })
})

describe('bodies', () => {
  const json = (body: string | Uint8Array<ArrayBuffer>) =>
    ask('/echo/things', post({ ...JSON_TYPE, 'x-api-key': 'writer' }, body))

  it('JSON is UTF-8, with or without a byte order mark', async () => {
    expect((await json('\ufeff{"a":"ü€😀"}')).body).toMatchObject({ body: { a: 'ü€😀' } })
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc3],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xc0, 0x80],
    ])
      expect((await json(new Uint8Array(bytes))).body).toMatchObject({ refused: 'malformed' })
    const utf16 = new Uint8Array(Buffer.from('\ufeff{"a":1}', 'utf16le'))
    expect((await json(utf16)).body).toMatchObject({ refused: 'malformed' })
    expect(
      (
        await ask(
          '/echo/things',
          post({ 'content-type': 'application/json; charset=latin1', 'x-api-key': 'writer' }),
        )
      ).body,
    ).toMatchObject({ refused: 'content-type' })
  })

  it('of a key that stands twice the last counts', async () => {
    expect((await json('{"a":1,"a":{"b":1},"a":2}')).body).toMatchObject({ body: { a: 2 } })
  })

  it('32 levels are read and 33 are not, however they are written', async () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect((await json(nested(32))).status).toBe(201)
    expect((await json(nested(33))).body).toMatchObject({ refused: 'malformed' })
    expect((await json(`{"a":"\\\\","b":${nested(32)}}`)).body).toMatchObject({ refused: 'malformed' })
    expect((await json(`{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\"[[[["}`)).status).toBe(201)
  })

  it('__proto__, constructor and prototype are keys as any other', async () => {
    const text =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"x":[{"__proto__":2}]}'
    const answer = await json(text)
    expect(answer.text).toContain(`"body":${text}`)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('no body is none, whatever type it has', async () => {
    expect((await json('')).body).not.toHaveProperty('body')
    expect((await ask('/echo/things', { method: 'POST', headers: { 'x-api-key': 'writer' } })).status).toBe(
      201,
    )
  })

  it('a body without a type is taken only where JSON is the default', async () => {
    const bytes = new TextEncoder().encode('{"a":1}')
    expect((await ask('/echo/things', post({ 'x-api-key': 'writer' }, bytes))).body).toMatchObject({
      refused: 'content-type',
    })
    expect((await ask('/echo/either', post({}, bytes))).body).toMatchObject({ body: { a: 1 } })
    expect((await ask('/echo/either', post({ 'content-type': 'text/xml' }, '<a/>'))).body).toMatchObject({
      body: '<a/>',
      contentType: 'text/xml',
    })
    expect((await ask('/echo/either', post({ 'content-type': 'text/plain' }, '{}'))).status).toBe(415)
  })

  it('exactly the limit is taken and a byte over it is not, announced or not', async () => {
    const exact = `"${'x'.repeat(998)}"`
    expect((await json(exact)).status).toBe(201)
    expect((await json(`${exact} `)).body).toMatchObject({ refused: 'too-large' })
    const chunked = (text: string) =>
      exchange(
        served.url,
        'POST /echo/things HTTP/1.1\r\nHost: x\r\nX-API-Key: writer\r\nContent-Type: application/json\r\n' +
          `Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
      )
    expect(await chunked(exact)).toMatch(/^HTTP\/1\.1 201 /)
    const over = await chunked(`${exact} `)
    expect(over).toMatch(/^HTTP\/1\.1 413 /)
    expect(over).toMatch(/\r\nconnection: close\r\n/i)
  })
})

describe('the listener', () => {
  it('refuses a header block beyond 16 KB and an address beyond 8 KB', async () => {
    expect((await ask('/', { headers: { 'x-long': 'a'.repeat(20_000) } })).status).toBe(431)
    expect((await ask(`/${'a'.repeat(8_000)}`)).status).toBe(404)
    expect((await ask(`/${'a'.repeat(9_000)}`)).status).toBe(414)
    expect((await ask(`/echo/things/${'a'.repeat(9_000)}`)).status).toBe(414)
  })

  it('answers what is no HTTP without naming anything of ours', async () => {
    const answer = await exchange(served.url, 'nonsense\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).not.toMatch(/node_modules|\.ts|\.js/)
  })

  it('says what is wrong where it can’t listen', async () => {
    const port = Number(new URL(served.url).port)
    const options = {
      listen: '127.0.0.1',
      port: 0,
      tls: { cert: null, key: null },
      apis: [],
      context: {
        desk: served.desk,
        settings: () => ({ settings: {}, keys: [], emailKeys: {}, defaultMailbox: null }),
        now: () => 0,
        tmp: served.dataDir,
      },
      log: () => undefined,
      record: () => undefined,
    }
    await expect(startApi({ ...options, port })).rejects.toMatchObject({
      code: 'invalid',
      message: `The API can’t listen on 127.0.0.1 port ${port}: it is in use. Choose another with --api-port or api.listen.`,
    })
    await expect(startApi({ ...options, listen: '203.0.113.1' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(startApi({ ...options, tls: { cert: '/a', key: null } })).rejects.toMatchObject({
      code: 'invalid',
    })
    await expect(startApi({ ...options, tls: { cert: '/no', key: '/no' } })).rejects.toMatchObject({
      message: 'api.tls.cert: the file /no can’t be read.',
    })
  })
})
