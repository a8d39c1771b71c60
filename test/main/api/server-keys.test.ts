import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRate } from '../../../src-main/api/rate.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { echoApi } from '../../support/echo-api.ts'
import { rawLine } from '../../support/raw-http.ts'

let served: ServedApis
const keys = (...names: string[]) =>
  names.map((name) => ({
    key: `k-${name}`,
    name,
    scopes: ['interactions:read' as const, 'interactions:write' as const],
  }))
beforeEach(async () => {
  served = await serveApis({ apis: [echoApi], settings: { keys: keys('CRM', 'Portal') } })
})
afterEach(() => served.close())

const ask = (headers: Record<string, string>, path = '/echo/things/1') =>
  fetch(served.url + path, { headers })
async function status(headers: Record<string, string>): Promise<number> {
  const answer = await ask(headers)
  await answer.arrayBuffer()
  return answer.status
}

describe('a key', () => {
  it.each([
    [{ 'x-api-key': 'k-CRM' }, 200],
    [{ authorization: 'Bearer k-CRM' }, 200],
    [{ authorization: 'BEARER  k-Portal' }, 200],
    [{ 'x-api-key': 'k-CRM', authorization: 'Bearer wrong' }, 200],
    [{ 'x-api-key': 'wrong', authorization: 'Bearer k-CRM' }, 401],
    [{ 'x-api-key': '', authorization: 'Bearer k-CRM' }, 200],
    [{ authorization: 'Basic ay1DUk0=' }, 401],
    [{ authorization: 'k-CRM' }, 401],
    [{ 'x-api-key': 'k-CRM ' }, 200], // blanks around a field are no part of it (RFC 9110, 5.5)
    [{ 'x-api-key': 'K-CRM' }, 401],
    [{ 'x-api-key': 'k-CR' }, 401],
    [{ 'x-api-key': 'k-CRMx' }, 401],
    [{ 'x-egain-session': 'k-CRM' }, 401],
    [{ cookie: 'x-api-key=k-CRM' }, 401],
    [{}, 401],
  ])('%j is answered %i', async (headers, expected) => {
    expect(await status(headers)).toBe(expected)
  })

  it('in the query is none', async () => {
    expect((await ask({}, '/echo/things/1?x-api-key=k-CRM&access_token=k-CRM')).status).toBe(401)
  })

  it('stands nowhere as itself: not in the log, the counts, or what is told of settings', async () => {
    await status({ 'x-api-key': 'k-CRM' })
    await status({ 'x-api-key': 'k-wrong-canary' })
    await served.close()
    const all = JSON.stringify([served.lines, served.use])
    expect(all).toContain('CRM')
    expect(all).not.toMatch(/k-CRM|k-wrong-canary/)
    served = await serveApis({ apis: [echoApi] })
  })

  it('that is revoked is no key from then on', async () => {
    expect(await status({ 'x-api-key': 'k-Portal' })).toBe(200)
    await served.set({ api: { keys: keys('CRM') } })
    expect([await status({ 'x-api-key': 'k-Portal' }), await status({ 'x-api-key': 'k-CRM' })]).toEqual([
      401, 200,
    ])
  })
})

describe('300 requests a minute', () => {
  it('are answered for each key, the next is told when to come again', async () => {
    for (let i = 0; i < 300; i++) expect(await status({ 'x-api-key': 'k-CRM' })).toBe(200)
    const refused = await ask({ 'x-api-key': 'k-CRM' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
    expect(await refused.json()).toMatchObject({ refused: 'rate' })
    expect(await status({ 'x-api-key': 'k-Portal' })).toBe(200)
    served.pass(59_999)
    expect(await status({ 'x-api-key': 'k-CRM' })).toBe(429)
    served.pass(1)
    expect(await status({ 'x-api-key': 'k-CRM' })).toBe(200)
  })

  it('10,000 bad keys are refused, and lock out nobody who has a good one', async () => {
    const lines = await Promise.all([0, 1, 2, 3].map(() => rawLine(served.url)))
    for (const [n, line] of lines.entries())
      for (let i = 0; i < 2_500; i++)
        line.write(
          `GET /echo/things/1 HTTP/1.1\r\nHost: x\r\nX-API-Key: bad-${n}-${i}\r\n${i === 2_499 ? 'Connection: close\r\n' : ''}\r\n`,
        )
    const answers = (await Promise.all(lines.map((line) => line.rest()))).join('')
    const count = (status: number) => answers.split(`HTTP/1.1 ${status} `).length - 1
    expect([count(401), count(429)]).toEqual([300, 9_700])
    expect(await status({ 'x-api-key': 'k-CRM' })).toBe(200)
    expect(await status({})).toBe(429)
  })

  it('a call that needs no key has no such limit', async () => {
    for (let i = 0; i < 310; i++) expect((await ask({}, '/echo/known/1')).status).toBe(200)
  })

  it('slide: never more in any minute, wherever it begins', () => {
    let at = 0
    const rate = createRate(() => at, 3)
    const take = (time: number) => {
      at = time
      return rate.take('a')
    }
    expect([0, 20_000, 59_000, 59_500].map(take)).toEqual([null, null, null, 1])
    expect([60_000, 60_001, 80_000, 80_001].map(take)).toEqual([null, 20, null, 39])
    // A clock that was set back locks nobody out for long.
    expect(take(1_000)).toBeNull()
  })

  it('who was away longest is forgotten first, so that callers without end take no memory without end', () => {
    const rate = createRate(() => 0, 1)
    expect([rate.take('first'), rate.take('first')]).toEqual([null, 60])
    for (let i = 0; i < 2_000; i++) rate.take(`other ${i}`)
    expect(rate.take('first')).toBeNull()
    expect(rate.take('other 1999')).toBe(60)
  })
})

describe('an Idempotency-Key', () => {
  const send = async (key: string | null, body = '{"a":1}', path = '/echo/things', caller = 'CRM') => {
    const answer = await fetch(served.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-api-key': `k-${caller}`,
        ...(key === null ? {} : { 'idempotency-key': key }),
      },
      body,
    })
    const told = (await answer.json()) as { refused?: string; once?: Record<string, string> | null }
    return { status: answer.status, ...told }
  }

  it('stands for its API, its caller and exactly what was asked', async () => {
    const first = await send('one')
    expect(first.once).toMatchObject({
      key: 'one',
      scope: expect.stringMatching(/^interactions\/[0-9a-f-]{36}$/) as string,
    })
    expect((await send('one')).once).toEqual(first.once)
    const others = [
      await send('one', '{"a":2}'),
      await send('one', '{"a":1}', '/echo/things?x=1'),
      await send('one', '{"a":1}', '/echo/things', 'Portal'),
    ]
    for (const { once } of others) expect(once).not.toEqual(first.once)
    expect(others[0]?.once?.scope).toBe(first.once?.scope)
    expect(others[2]?.once?.scope).not.toBe(first.once?.scope)
    expect((await send(null)).once).toBeNull()
  })

  it.each([
    ['x'.repeat(255), 201],
    ['!~ a', 201],
    ['x'.repeat(256), 422],
    ['', 422],
    ['caf\u00e9', 422],
    ['a\tb', 422],
  ])('%j is answered %i', async (key, expected) => {
    expect((await send(key)).status).toBe(expected)
  })
})

it('a browser’s page of another site can’t bring a key: its question before is never answered yes', async () => {
  const answer = await fetch(`${served.url}/echo/things`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://evil.test',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-api-key, content-type',
    },
  })
  expect([
    answer.status,
    [...answer.headers.keys()].filter((name) => name.startsWith('access-control')),
  ]).toEqual([405, []])
  // And what needs no question first is no JSON.
  const simple = await fetch(`${served.url}/echo/things`, {
    method: 'POST',
    headers: { origin: 'https://evil.test', 'content-type': 'text/plain', 'x-api-key': 'k-CRM' },
    body: '{}',
  })
  expect(simple.status).toBe(415)
})
