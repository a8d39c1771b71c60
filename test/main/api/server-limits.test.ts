import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryShare, shareMemory } from '../../../src-main/api/request-body.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { echoApi } from '../../support/echo-api.ts'
import { exchange, type RawLine, rawLine } from '../../support/raw-http.ts'
import { until } from '../../support/until.ts'

let served: ServedApis
const IDLE_MS = 200
beforeAll(async () => {
  served = await serveApis({
    apis: [echoApi],
    settings: { keys: [{ key: 'writer', name: 'Writer', scopes: ['interactions:write'] }] },
    idleMs: IDLE_MS,
  })
})
afterAll(() => served.close())

const head = (path: string, fields: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: writer\r\nContent-Type: application/json\r\n${fields}\r\n\r\n`

describe('two lengths, or an odd one, end the line', () => {
  it.each([
    ['both lengths', 'Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\nG'],
    ['two different lengths', 'Content-Length: 2\r\nContent-Length: 5', '{}'],
    ['a length that is none', 'Content-Length: +2', '{}'],
    ['a negative length', 'Content-Length: -1', '{}'],
    ['a transfer encoding that isn’t known', 'Transfer-Encoding: xchunked', '2\r\n{}\r\n0\r\n\r\n'],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked', '2\r\n{}\r\n0\r\n\r\n'],
    ['a chunk length that is none', 'Transfer-Encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n'],
    ['a line feed alone', 'X: a\nTransfer-Encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'],
    ['a folded field', 'Transfer-Encoding:\r\n chunked', '2\r\n{}\r\n0\r\n\r\n'],
    ['a field name with a blank', 'Transfer-Encoding : chunked', '2\r\n{}\r\n0\r\n\r\n'],
  ])('%s', async (_, fields, body) => {
    const smuggled = 'GET /echo/things/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    const answer = await exchange(served.url, head('/echo/things', fields) + body + smuggled)
    // One answer at most that takes the body for what it isn't; never one to what was hidden in it.
    expect(answer).not.toContain('smuggled')
    expect(answer.match(/HTTP\/1\.1 2\d\d/g)).toBeNull()
  })
})

describe('slow lines', () => {
  it('a head that doesn’t end is answered 408', async () => {
    const line = await rawLine(served.url)
    line.write('GET /echo/things/1 HTTP/1.1\r\nHost: x\r\n')
    expect(await line.rest()).toMatch(/^(HTTP\/1\.1 408 |$)/)
  })

  it('a body that stops is refused and its line closed', async () => {
    const line = await rawLine(served.url)
    line.write(`${head('/echo/things', 'Content-Length: 500')}{"a":`)
    const answer = await line.rest()
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(answer).toContain('stopped coming')
  })

  it('a body that comes a byte at a time is refused all the same', async () => {
    const line = await rawLine(served.url)
    line.write(`${head('/echo/things', 'Content-Length: 500')}{"a":"`)
    const drip = setInterval(() => line.write('x'), IDLE_MS / 10)
    const answer = await line.rest()
    clearInterval(drip)
    line.socket.destroy()
    expect(answer).toContain('stopped coming')
  })

  it('a form that stops is refused, and nothing of it stays', async () => {
    const line = await rawLine(served.url)
    line.write(
      'POST /echo/form HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999\r\n\r\n' +
        '--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nbeginning of a file that never ends, long enough',
    )
    await until('the file has begun', () => served.uploadsLeft().length === 1)
    expect(await line.rest()).toContain('stopped coming')
    expect(served.uploadsLeft()).toEqual([])
  })

  it('a line on which nothing comes is closed', async () => {
    const line = await rawLine(served.url)
    expect(await line.rest()).toMatch(/^(HTTP\/1\.1 408 [^]*|)$/)
  })
})

describe('bodies that nobody wants', () => {
  it('are not read: the answer comes while the client still sends', async () => {
    const line = await rawLine(served.url)
    const bytes = Buffer.alloc(1_048_576, 'x')
    line.write(
      `POST /echo/large HTTP/1.1\r\nHost: x\r\nX-API-Key: wrong\r\nContent-Type: application/json\r\nContent-Length: ${1024 * bytes.length}\r\n\r\n`,
    )
    let sent = 0
    const send = () => {
      while (sent++ < 1024) if (!line.socket.write(bytes)) return
    }
    line.socket.on('drain', send)
    send()
    const answer = await line.rest()
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    // What the two kernels hold of it, not the gigabyte.
    expect(line.socket.bytesWritten - line.socket.writableLength).toBeLessThan(64 * 1_048_576)
    line.socket.destroy()
  })

  it('are asked for only after all checks', async () => {
    const line = await rawLine(served.url)
    line.write(head('/echo/large', 'Content-Length: 100000000\r\nExpect: 100-continue'))
    expect(await line.rest()).toMatch(/^HTTP\/1\.1 413 /)
    const wanted = await rawLine(served.url)
    wanted.write(head('/echo/things', 'Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close'))
    const [first] = (await once(wanted.socket, 'data')) as [Buffer]
    expect(String(first)).toMatch(/^HTTP\/1\.1 100 /)
    wanted.write('{}')
    expect(await wanted.rest()).toMatch(/HTTP\/1\.1 201 /)
  })

  it('that are small are read past, and the line goes on', async () => {
    const one = head('/echo/things', 'Content-Length: 2').replace('writer', 'wrong')
    const answer = await exchange(
      served.url,
      `${one}{}${one.replace('Host: x', 'Host: x\r\nConnection: close')}{}`,
    )
    expect(answer.match(/HTTP\/1\.1 401 /g)).toHaveLength(2)
  })
})

it('large bodies wait for one another, so that all together take no more memory than one', async () => {
  const patient = await serveApis({
    apis: [echoApi],
    settings: { keys: [{ key: 'writer', name: 'Writer', scopes: ['interactions:write'] }] },
    busyMs: 300,
  })
  try {
    const size = 15 * 1_048_576
    const begin = async () => {
      const line = await rawLine(patient.url)
      line.write(head('/echo/large', `Content-Length: ${size}\r\nConnection: close`))
      line.write(Buffer.alloc(size - 1, ' '))
      return line
    }
    const status = async (line: RawLine) => (await line.rest()).split(' ')[1]
    const lines = [await begin(), await begin(), await begin()]
    const answers = lines.map(status)
    // The first never ends: those that wait are told to come again.
    expect(await Promise.race([answers[1], answers[2]])).toBe('503')
    expect(await Promise.all([answers[1], answers[2]])).toEqual(['503', '503'])
    lines[0]?.write('1')
    expect(await answers[0]).toBe('200')
    // What it held is free again, for one after the other.
    const more = await Promise.all([begin(), begin()])
    for (const line of more) line.write('1')
    expect(await Promise.all(more.map(status))).toEqual(['200', '200'])
    // A small one never waits.
    const slow = await begin()
    expect(
      await exchange(patient.url, `${head('/echo/large', 'Content-Length: 2\r\nConnection: close')}{}`),
    ).toMatch(/^HTTP\/1\.1 200 /)
    slow.socket.destroy()
  } finally {
    await patient.close()
  }
})

it('fields of forms share their memory, but one that is alone may fill its own limits', () => {
  const memory = shareMemory(1_000_000)
  const [first, second] = [memoryShare(memory), memoryShare(memory)]
  first.hold(3_000_000)
  expect(() => second.hold(65_536)).not.toThrow()
  expect(() => second.hold(1)).toThrow('Too many large requests at once')
  first.free()
  expect(() => second.hold(1)).not.toThrow()
})

it('JSON with more values than any request has is refused before it takes memory', async () => {
  const send = (body: string) =>
    exchange(served.url, head('/echo/large', `Content-Length: ${body.length}\r\nConnection: close`) + body)
  expect(await send(`[${'{},'.repeat(49_998)}{}]`)).toMatch(/^HTTP\/1\.1 200 /)
  expect(await send(`[${'{},'.repeat(50_001)}{}]`)).toMatch(/^HTTP\/1\.1 400 [^]*100000 values/)
  expect(await send(`["${'{},'.repeat(60_000)}"]`)).toMatch(/^HTTP\/1\.1 200 /)
})

it('a text that is cut in the middle of a character is read whole', async () => {
  const line = await rawLine(served.url)
  const body = Buffer.from('{"a":"€€"}')
  line.write(
    head('/echo/things', `Content-Length: ${body.length}\r\nIdempotency-Key: k\r\nConnection: close`),
  )
  for (const byte of body) {
    line.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const answer = await line.rest()
  expect(answer).toContain('"body":{"a":"€€"}')
  const of = createHash('sha256').update(body).digest('hex')
  expect(answer).toContain(createHash('sha256').update(`POST /echo/things ${of}`).digest('hex'))
})
