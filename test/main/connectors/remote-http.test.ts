import { networkInterfaces } from 'node:os'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { RemoteFault } from '../../../src-main/connectors/remote-fault.ts'
import {
  createRemoteHttp,
  readRetryAfter,
  type RemoteCall,
  type RemoteHttpOptions,
  retryWait,
} from '../../../src-main/connectors/remote-http.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { type Reply, startScriptedHttp } from '../../support/scripted-http.ts'
import { until } from '../../support/until.ts'

const SECRET = 'k-very-secret'
const KEY = { header: 'x-api-key', value: SECRET }
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function serve(reply: Reply | null = null, options?: Parameters<typeof startScriptedHttp>[0]) {
  const server = await startScriptedHttp(options)
  stops.push(() => server.stop())
  if (reply) server.answer = () => reply
  return server
}
async function through({ port }: { port: number }): Promise<FaultProxy> {
  const proxy = await startFaultProxy(port)
  stops.push(() => proxy.stop())
  return proxy
}
const client = (
  url: string,
  remote: Partial<RemoteHttpOptions['remote']> = {},
  options: Partial<RemoteHttpOptions> = {},
) => createRemoteHttp({ remote: { url, ...remote }, key: KEY, ...options })
const READ: RemoteCall = { method: 'GET', path: '/things' }
const WRITE: RemoteCall = {
  method: 'POST',
  path: '/things',
  body: { type: 'application/json', bytes: Buffer.from('{"a":1}') },
}

async function fault(work: Promise<unknown>): Promise<RemoteFault> {
  const error: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof RemoteFault)) throw new Error('it was no fault of the remote', { cause: error })
  expect(`${error.message} ${JSON.stringify(error.detail)}`).not.toContain(SECRET)
  return error
}
const what = ({ code, stage, uncertain, status }: RemoteFault) => ({ code, stage, uncertain, status })

describe('a call to a remote system', () => {
  it('carries its key in a header and nowhere else, below the path that is set', async () => {
    const server = await serve({ body: { ok: true } })
    const answer = await client(`${server.url}/base/`).send({
      ...WRITE,
      path: '/things/a%2Fb',
      query: { address: 'ann+1@x.test', index: 0, left: undefined },
      headers: { 'idempotency-key': 'once' },
    })
    expect([answer.status, answer.json()]).toEqual([200, { ok: true }])
    const [request] = server.requests
    expect(request).toMatchObject({
      method: 'POST',
      url: '/base/things/a%2Fb?address=ann%2B1%40x.test&index=0',
      headers: {
        host: `127.0.0.1:${server.port}`,
        'x-api-key': SECRET,
        'idempotency-key': 'once',
        'content-type': 'application/json',
        'content-length': '7',
        'accept-encoding': 'identity',
      },
    })
    expect(request?.body.toString()).toBe('{"a":1}')
  })

  it('tells that nothing listens, or that the name leads nowhere, and that nothing left', async () => {
    const server = await startScriptedHttp()
    await server.stop()
    expect(what(await fault(client(server.url).send(WRITE)))).toEqual({
      code: 'unreachable',
      stage: 'connect',
      uncertain: false,
      status: null,
    })
    const nowhere = await fault(client('https://remote.invalid').send(WRITE))
    expect(what(nowhere)).toMatchObject({ code: 'unreachable', stage: 'address', uncertain: false })
    expect(nowhere.message).toContain('remote.invalid')
  })

  it.each([
    ['ftp://x.test', 'whole address'],
    ['https://ada:pw@x.test', 'secret belongs into the key'],
    ['https://x.test/?key=1', 'what follows out of it'],
  ])('refuses the address %s before anything leaves', async (url, words) => {
    const refused = await fault(client(url).send(READ))
    expect(what(refused)).toMatchObject({ code: 'invalid', stage: 'address', uncertain: false })
    expect(refused.message).toContain(words)
    expect(refused.message).not.toContain('pw')
  })

  it('never brings its key back, even where the remote quotes it', async () => {
    const server = await serve()
    server.answer = ({ headers }) => ({
      status: 401,
      headers: { 'x-said': String(headers['x-api-key']) },
      body: { said: `${String(headers['x-api-key'])} is no key of ours`, about: 'key k-very' },
    })
    const answer = await client(server.url).send(READ)
    expect(answer.json()).toEqual({ said: '[key] is no key of ours', about: 'key k-very' })
    expect(answer.header('x-said')).toBe('[key]')
    const bearer = { header: 'authorization', value: 'Bearer a.b+c$token' }
    server.answer = ({ headers }) => ({ body: { said: headers.authorization } })
    expect((await client(server.url, {}, { key: bearer }).send(READ)).json()).toEqual({
      said: 'Bearer [key]',
    })
  })

  it('refuses a key that no header can carry, without showing it', async () => {
    const server = await serve({ body: {} })
    const refused = await fault(
      client(server.url, {}, { key: { header: 'x-api-key', value: `${SECRET}\r\nx: y` } }).send(READ),
    )
    expect(what(refused)).toMatchObject({ code: 'invalid', uncertain: false })
    expect(server.requests).toEqual([])
  })

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((at) => at && !at.internal && at.family === 'IPv4')?.address
  it.skipIf(outside === undefined)(
    'carries no key in the clear to another computer unless that was agreed to',
    async () => {
      const server = await serve({ body: {} }, { address: outside ?? '' })
      const refused = await fault(client(server.url).send(WRITE))
      expect(what(refused)).toMatchObject({ code: 'invalid', uncertain: false })
      expect(server.requests).toEqual([])
      expect((await client(server.url, { insecure: true }).send(WRITE)).status).toBe(200)
      expect((await client(server.url, {}, { key: null }).send(WRITE)).status).toBe(200)
    },
  )
})

describe('a certificate', () => {
  it('that nobody vouches for is refused before anything is asked, and shown', async () => {
    const certificate = makeCertificate()
    const server = await serve({ body: {} }, { certificate })
    const refused = await fault(client(server.url).send(WRITE))
    expect(what(refused)).toEqual({ code: 'refused', stage: 'certificate', uncertain: false, status: null })
    expect(refused.message).toContain(certificate.fingerprint256)
    expect(refused.certificate?.fingerprint256).toBe(certificate.fingerprint256)
    expect(server.requests).toEqual([])
  })

  it('that is trusted, as PEM or by its fingerprint, is taken; another one is not', async () => {
    const certificate = makeCertificate()
    const server = await serve({ body: {} }, { certificate })
    for (const trustedCertificate of [certificate.cert, certificate.fingerprint256])
      expect((await client(server.url, { trustedCertificate }).send(READ)).status).toBe(200)
    const other = await fault(client(server.url, { trustedCertificate: makeCertificate().cert }).send(READ))
    expect(other.message).toContain('another certificate')
    const nonsense = await fault(client(server.url, { trustedCertificate: 'nonsense' }).send(READ))
    expect(what(nonsense)).toMatchObject({ code: 'invalid', stage: 'certificate' })
    expect(server.requests).toHaveLength(2)
  })

  it('is asked for where the address says https and the port speaks plain HTTP', async () => {
    const server = await serve({ body: {} })
    const refused = await fault(client(server.url.replace('http:', 'https:')).send(READ))
    expect(what(refused)).toMatchObject({ code: 'refused', stage: 'certificate' })
    expect(refused.message).toContain('doesn’t speak TLS')
  })
})

describe('a redirect', () => {
  it.each([301, 302, 307, 308])('%i of a write is not followed, and named', async (status) => {
    const other = await serve({ body: {} })
    const server = await serve()
    for (const place of [other.url, server.url]) {
      server.answer = ({ url }) =>
        url === '/things' ? { status, headers: { location: `${place}/new?token=1` } } : { body: {} }
      const refused = await fault(client(server.url).send(WRITE))
      expect(what(refused)).toEqual({ code: 'refused', stage: 'answer', uncertain: false, status })
      expect(refused.message).toContain(`${place}/new (`)
    }
    expect(server.requests.map(({ url }) => url)).toEqual(['/things', '/things'])
    expect(other.requests).toEqual([])
  })

  it('303 after a write leaves open whether it was carried out', async () => {
    const server = await serve({ status: 303, headers: { location: '/done' } })
    expect((await fault(client(server.url).send(WRITE))).uncertain).toBe(true)
    expect(server.requests).toHaveLength(1)
  })

  it('of a read is followed to the same origin and to no other', async () => {
    const other = await serve({ body: {} })
    const server = await serve()
    server.answer = ({ url }) => ({
      status: url === '/end' ? 200 : 302,
      headers: { location: url === '/things' ? '/end' : other.url },
      ...(url === '/end' ? { body: { end: true } } : {}),
    })
    expect((await client(server.url).send(READ)).json()).toEqual({ end: true })
    const refused = await fault(client(server.url).send({ ...READ, path: '/elsewhere' }))
    expect(refused.message).toContain(other.url)
    expect(other.requests).toEqual([])
  })

  it('that never ends is given up', async () => {
    const server = await serve({ status: 302, headers: { location: '/things' } })
    await fault(client(server.url).send(READ))
    expect(server.requests).toHaveLength(4)
  })
})

describe('what is known when a call breaks off', () => {
  it('nothing left where the step before the first byte fails', async () => {
    const server = await serve({ body: {} })
    const own = new CoreError('closed', 'Workbin is closing.')
    await expect(
      client(server.url).send({ ...WRITE, beforeFirstByte: () => Promise.reject(own) }),
    ).rejects.toBe(own)
    expect(server.requests).toEqual([])
  })

  it('nothing left where the line went while that step ran', async () => {
    const server = await serve({ body: {} })
    const proxy = await through(server)
    const gone = await fault(
      client(`http://127.0.0.1:${proxy.port}`).send({
        ...WRITE,
        async beforeFirstByte() {
          await until('the line stands', () => proxy.open === 1)
          proxy.cut()
          // Another call there and back: the reset has arrived by then.
          await client(server.url).send(READ)
        },
      }),
    )
    expect(what(gone)).toMatchObject({ code: 'unreachable', uncertain: false })
    expect(proxy.fromClients().length).toBe(0)
  })

  it('a write that was handed over and got no answer is uncertain; a read is not', async () => {
    const server = await serve('reset')
    expect(what(await fault(client(server.url).send(WRITE)))).toEqual({
      code: 'unreachable',
      stage: 'answer',
      uncertain: true,
      status: null,
    })
    expect((await fault(client(server.url).send(READ))).uncertain).toBe(false)
    expect(server.requests).toHaveLength(2)
  })

  it('the whole call has its time, and silence ends it', async () => {
    const server = await serve('silence')
    const short = { limits: { timeout: 60 } }
    const late = await fault(client(server.url, {}, short).send(WRITE))
    expect(what(late)).toMatchObject({ code: 'unreachable', stage: 'answer', uncertain: true })
    expect(late.message).toContain('didn’t answer within')
    expect((await fault(client(server.url, {}, short).send(READ))).uncertain).toBe(false)
  })

  it('an answer that trickles is ended by the same time', async () => {
    const server = await serve()
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 10)
      response.on('close', () => clearInterval(timer))
      return null
    }
    const late = await fault(client(server.url, {}, { limits: { timeout: 100 } }).send(WRITE))
    expect(what(late)).toMatchObject({ code: 'unreachable', uncertain: true })
  })

  it('a line that is taken and says nothing is ended before anything left', async () => {
    const server = await serve({ body: {} }, { certificate: makeCertificate() })
    const proxy = await through(server)
    proxy.faults.halfOpen = true
    const late = await fault(
      client(`https://127.0.0.1:${proxy.port}`, {}, { limits: { timeout: 60 } }).send(WRITE),
    )
    expect(what(late)).toMatchObject({ code: 'unreachable', stage: 'certificate', uncertain: false })
  })

  it('a truncated answer to a write is uncertain, whatever it began with', async () => {
    const server = await serve({ body: { padding: 'x'.repeat(5000) } })
    const proxy = await through(server)
    proxy.faults.truncateAfter = 1000
    const cut = await fault(client(`http://127.0.0.1:${proxy.port}`).send(WRITE))
    expect(what(cut)).toMatchObject({ code: 'unreachable', uncertain: true, status: 200 })
    proxy.faults.truncateAfter = null
    proxy.faults.cutAfter = 1000
    expect((await fault(client(`http://127.0.0.1:${proxy.port}`).send(WRITE))).uncertain).toBe(true)
  })

  it('a truncated answer that says no has said it', async () => {
    const server = await serve({ status: 413, body: { padding: 'x'.repeat(5000) } })
    const proxy = await through(server)
    proxy.faults.truncateAfter = 1000
    const answer = await client(`http://127.0.0.1:${proxy.port}`).send(WRITE)
    expect([answer.status, answer.bytes.length]).toEqual([413, 0])
  })

  it('an answer that says no before the whole body was taken has said it', async () => {
    const server = await serve()
    server.atOnce = { status: 413, body: { code: 'too big' } }
    const bytes = Buffer.alloc(8 * 1024 * 1024)
    for (let n = 0; n < 10; n++) {
      const answer = await client(server.url).send({ ...WRITE, body: { type: 'text/plain', bytes } })
      expect(answer.status).toBe(413)
    }
  })

  it('what is closing ends its calls', async () => {
    const server = await serve('silence')
    const abort = new AbortController()
    const call = fault(client(server.url, {}, { signal: abort.signal }).send(WRITE))
    await until('it was asked', () => server.requests.length === 1)
    abort.abort()
    expect((await call).uncertain).toBe(true)
    expect((await fault(client(server.url, {}, { signal: abort.signal }).send(WRITE))).uncertain).toBe(false)
    expect(server.requests).toHaveLength(1)
  })
})

describe('an answer', () => {
  it('of a gigabyte stops at the cap, and memory stays', async () => {
    const server = await serve()
    const sent = { bytes: 0 }
    const MEGABYTE = Buffer.alloc(1024 * 1024, 0x20)
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = () => {
        while (!response.destroyed && sent.bytes < 1024 * MEGABYTE.length) {
          sent.bytes += MEGABYTE.length
          if (!response.write(MEGABYTE)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
      return null
    }
    const before = process.memoryUsage().rss
    const refused = await fault(client(server.url).send(READ))
    expect(refused.message).toContain('larger than 32 MB')
    expect(sent.bytes).toBeLessThan(64 * MEGABYTE.length)
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
  })

  it('that announces more than the cap is not read at all', async () => {
    const server = await serve()
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 ** 30) })
      response.flushHeaders()
      return null
    }
    expect(what(await fault(client(server.url).send(WRITE)))).toMatchObject({ uncertain: true, status: 200 })
  })

  it('may be exactly as large as the cap', async () => {
    const server = await serve({ headers: { 'content-type': 'application/json' }, body: '"12345678"' })
    expect((await client(server.url, {}, { limits: { bytes: 10 } }).send(READ)).json()).toBe('12345678')
    const over = await fault(client(server.url, {}, { limits: { bytes: 9 } }).send(READ))
    expect(over.message).toContain('larger than 9 bytes')
  })

  it.each<[string, Reply]>([
    ['of another type', { headers: { 'content-type': 'text/html' }, body: '{"a":1}' }],
    ['without a type', { body: '{"a":1}' }],
    ['that is no JSON', { headers: { 'content-type': 'application/json' }, body: '{"a":' }],
    [
      'that is no UTF-8',
      { headers: { 'content-type': 'application/json' }, body: Buffer.from([0x22, 0xff, 0x22]) },
    ],
    [
      'packed unasked',
      { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: gzipSync('{}') },
    ],
  ])('%s can’t be read, and after a write leaves it open', async (_what, reply) => {
    const server = await serve(reply)
    const read = await client(server.url).send(READ)
    expect(what(await fault(new Promise((resolve) => resolve(read.json()))))).toEqual({
      code: 'refused',
      stage: 'answer',
      uncertain: false,
      status: 200,
    })
    const written = await client(server.url).send(WRITE)
    expect((await fault(new Promise((resolve) => resolve(written.json())))).uncertain).toBe(true)
  })

  it('may begin with a byte order mark and be any kind of JSON', async () => {
    const server = await serve({
      headers: { 'content-type': 'application/problem+json; charset=utf-8' },
      body: '\ufeff{"a":"ä"}',
    })
    expect((await client(server.url).send(READ)).json()).toEqual({ a: 'ä' })
  })

  it('that is no HTTP is told as such', async () => {
    const server = await serve()
    server.answer = (_request, response) => {
      response.socket?.end('220 mail.x.test ESMTP\r\n')
      return null
    }
    expect((await fault(client(server.url).send(READ))).message).toContain('no HTTP')
  })

  it('says how long to wait, in seconds or as a date', async () => {
    const server = await serve({ status: 429, headers: { 'retry-after': '7' } })
    expect((await client(server.url).send(READ)).retryAfter).toBe(7)
    const now = Date.parse('2026-05-04T09:00:00Z')
    expect(
      ['7', ' 0 ', 'Mon, 04 May 2026 09:01:30 GMT', 'Mon, 04 May 2026 08:00:00 GMT', 'soon', '-1', null].map(
        (field) => readRetryAfter(field, now),
      ),
    ).toEqual([7, 0, 90, 0, null, null, null])
    expect(readRetryAfter('99999999', now)).toBe(86_400)
  })
})

describe('the waits between tries', () => {
  it('double from one second, a fifth less or more, and end with the fifth try', () => {
    const at = (random: number) => [1, 2, 3, 4, 5, 6].map((tries) => retryWait(tries, null, () => random))
    expect(at(0)).toEqual([800, 1600, 3200, 6400, null, null])
    expect(at(0.5)).toEqual([1000, 2000, 4000, 8000, null, null])
    expect(at(1)).toEqual([1200, 2400, 4800, 9600, null, null])
  })

  it('are never shorter than the remote asks', () => {
    expect(retryWait(1, 30, () => 0.5)).toBe(30_000)
    expect(retryWait(4, 1, () => 0.5)).toBe(8000)
  })
})
