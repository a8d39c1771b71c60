import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { echoApi, LIMITS } from '../../support/echo-api.ts'
import { exchange, rawLine } from '../../support/raw-http.ts'
import { until } from '../../support/until.ts'

let served: ServedApis
beforeAll(async () => {
  served = await serveApis({ apis: [echoApi] })
})
afterAll(() => served.close())
/** Whatever came of a form, nothing of it stays in DIR/tmp. */
afterEach(() => expect(served.uploadsLeft()).toEqual([]))

interface Told {
  readonly status: number
  readonly fields?: readonly (readonly [string, string])[]
  readonly files?: readonly { name: string; contentType: string; size: number; sha256: string }[]
  readonly payload?: string
  readonly faults?: readonly string[]
  readonly refused?: string
}

async function send(body: BodyInit, type?: string, path = '/echo/form'): Promise<Told> {
  const answer = await fetch(served.url + path, {
    method: 'POST',
    body,
    ...(type === undefined ? {} : { headers: { 'content-type': type } }),
  })
  return { status: answer.status, ...((await answer.json()) as object) }
}

/** A part: its Content-Disposition's parameters, further header lines, its content. */
const part = (disposition: string, content: string, header = '') =>
  `--b\r\nContent-Disposition: form-data; ${disposition}\r\n${header}\r\n${content}\r\n`
const multipart = (body: string, type = 'multipart/form-data; boundary=b') =>
  send(new Uint8Array(Buffer.from(body, 'latin1')), type)
const utf8 = (text: string) => Buffer.from(text).toString('latin1')
const text = (content: string) => part('name="text"', content)
const file = (name: string, content = 'abc') => part(`name="files"; filename="${name}"`, content)
const END = '--b--\r\n'

describe('a multipart form', () => {
  it('is read with its fields in order and its files hashed', async () => {
    const form = new FormData()
    form.append('text', 'Grüße\r\n--not the boundary')
    form.append('a', '1')
    form.append('a', '2')
    form.append('files', new Blob(['abc'], { type: 'text/plain' }), 'naïve "x".txt')
    expect(await send(form)).toMatchObject({
      status: 200,
      fields: [
        ['text', 'Grüße\r\n--not the boundary'],
        ['a', '1'],
        ['a', '2'],
      ],
      files: [
        {
          name: 'naïve "x".txt',
          contentType: 'text/plain',
          size: 3,
          sha256: createHash('sha256').update('abc').digest('hex'),
        },
      ],
      faults: [],
    })
  })

  it('is the same however it is cut into pieces', async () => {
    const body =
      'before\r\n' +
      text('one\r\n--\r\n--bc\r\n-') +
      part('name="empty"', '') +
      file('x.txt', `\r\n--b-\r\n--\r\n${'y'.repeat(50)}\r\n`) +
      END +
      'after'
    const whole = await multipart(body)
    expect(whole).toMatchObject({
      fields: [
        ['text', 'one\r\n--\r\n--bc\r\n-'],
        ['empty', ''],
      ],
      files: [{ size: 64 }],
    })
    for (const size of [1, 2, 3, 7]) {
      const line = await rawLine(served.url)
      line.write(
        'POST /echo/form HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n',
      )
      for (let i = 0; i < body.length; i += size) {
        const piece = body.slice(i, i + size)
        line.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)
      }
      line.write('0\r\n\r\n')
      expect(await line.rest()).toContain(`"payload":"${whole.payload ?? ''}"`)
    }
  })

  it.each([
    ['a boundary that never comes', `----b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n----b--`],
    ['no closing delimiter', text('x')],
    ['a closing delimiter with one dash', `${text('x')}--b-`],
    ['a header block that never ends', '--b\r\nContent-Disposition: form-data; name="a"\r\nX: y'],
    ['a part without a disposition', `--b\r\n\r\nx\r\n${END}`],
    ['a part that is no form-data', `--b\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n${END}`],
    ['a part without a name', `--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx\r\n${END}`],
    ['two names', part('name="a"; name="text"', 'x') + END],
    ['two dispositions', part('name="a"', 'x', 'Content-Disposition: form-data; name="text"\r\n') + END],
    ['a line feed in a header', part('name="a\nX: y"', 'x') + END],
    ['a transfer encoding', part('name="text"', 'eA==', 'Content-Transfer-Encoding: base64\r\n') + END],
    [
      'a field in another character set',
      part('name="text"', 'x', 'Content-Type: text/plain; charset=utf-7\r\n') + END,
    ],
    ['a field that is not UTF-8', text('\xff') + END],
    ['a name that is not UTF-8', part('name="\xff"', 'x') + END],
    ['a file name that is not UTF-8', file('\xff.txt') + END],
    ['a file name in another character set', part(`name="files"; filename*=latin1''x%FF.txt`, 'x') + END],
    ['a header block beyond 8 KB', part('name="a"', 'x', `X: ${'y'.repeat(9_000)}\r\n`) + END],
    ['more than 1,000 parts', part('name="a"', '').repeat(1_001) + END],
    ['nothing at all', ''],
  ])('%s is malformed', async (_, body) => {
    expect(await multipart(body)).toMatchObject({ status: 400, refused: 'malformed' })
  })

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary="b "',
    `multipart/form-data; boundary=${'b'.repeat(71)}`,
    'multipart/form-data; boundary="b\\"c"',
  ])('%s names no boundary', async (type) => {
    expect(await multipart(text('x') + END, type)).toMatchObject({ refused: 'malformed' })
  })

  it.each(['boundary=b; boundary=c', 'boundary=', 'boundary'])(
    '%s is no content type',
    async (parameters) => {
      const type = `multipart/form-data; ${parameters}`
      expect(await multipart(text('x') + END, type)).toMatchObject({ status: 415, refused: 'content-type' })
    },
  )

  it('blanks after a delimiter, a quoted boundary and a missing last line end are as RFC 2046 has them', async () => {
    const body = `--b c \t\r\nContent-Disposition: form-data; name=text\r\n\r\nx\r\n--b c--`
    expect(await multipart(body, 'Multipart/Form-Data; Boundary="b c"')).toMatchObject({
      fields: [['text', 'x']],
    })
  })

  it.each([
    ['../../etc/passwd.txt', 'passwd.txt'],
    ['..\\\\..\\\\boot.txt', 'boot.txt'],
    ['C:\\fakepath\\a.txt', 'a.txt'],
    ['/abs/a.txt', 'a.txt'],
    ['a.txt...', 'a.txt'],
    ['a\x01\x7fb.txt', 'a b.txt'],
    ['a%0D%0Ab%22.txt', 'a b".txt'],
    ['x\u202etxt.exe.txt', 'xtxt.exe.txt'],
    ['__proto__.txt', '__proto__.txt'],
    ['%2e%2e%2fa.txt', '%2e%2e%2fa.txt'],
  ])('a file called %j is %j', async (given, shown) => {
    expect(await multipart(file(utf8(given)) + END)).toMatchObject({ files: [{ name: shown }] })
  })

  it('filename* never beats the plain name, and is read where it stands alone', async () => {
    const both = part(`name="files"; filename="a.txt"; filename*=UTF-8''b.exe`, 'x')
    const alone = part(`name="files"; filename*=utf-8'en'%E2%82%AC%2F..%2Fc.txt`, 'x')
    const { files } = await multipart(both + alone + END)
    expect(files?.map(({ name }) => name)).toEqual(['a.txt', 'c.txt'])
  })

  it('an empty picker is no file, and a file of another name or a field called like files is forgotten', async () => {
    const body =
      file('', '') +
      part('name="other"; filename="x.txt"', 'x'.repeat(200_000)) +
      part('name="files"', 'a text') +
      file('y.txt') +
      END
    expect(await multipart(body)).toMatchObject({ status: 200, fields: [], files: [{ name: 'y.txt' }] })
  })

  it('__proto__ is a field as any other', async () => {
    const { fields } = await multipart(part('name="__proto__"', 'x') + part('name="constructor"', 'y') + END)
    expect(fields).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
  })

  it('with the same content is the same payload, whatever its boundary; else another', async () => {
    const one = await multipart(text('x') + file('a.txt') + END)
    const other = (text('x') + file('a.txt') + END).replaceAll('--b', '--zz')
    expect((await multipart(other, 'multipart/form-data; boundary=zz')).payload).toBe(one.payload)
    for (const body of [
      text('y') + file('a.txt'),
      text('x') + file('b.txt'),
      text('x') + file('a.txt', 'abd'),
    ])
      expect((await multipart(body + END)).payload).not.toBe(one.payload)
  })
})

describe('limits', () => {
  it('the tenth file is taken, the eleventh stops the upload', async () => {
    const ten = Array.from({ length: 10 }, (_, i) => file(`${i}.txt`)).join('')
    expect(await multipart(ten + END)).toMatchObject({ status: 200, faults: [] })
    // What comes after the eleventh's head is never read: it wouldn't even be a form.
    const line = await rawLine(served.url)
    line.write(
      'POST /echo/form HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999999\r\n\r\n',
    )
    line.write(ten + file('eleventh.txt', 'begins'))
    const answer = await line.rest()
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(answer).toContain('"faults":["too-many-files"]')
    line.socket.destroy()
  })

  it('files and the counted text together fill the limit to the byte', async () => {
    const room = LIMITS.maxBytes - 4
    const form = (over: string) => text(utf8('€') + over) + file('a.txt', 'x'.repeat(room)) + END
    expect(await multipart(form('1'))).toMatchObject({ status: 200, faults: [], files: [{ size: room }] })
    expect(await multipart(form('12'))).toMatchObject({ status: 400, faults: ['too-large'] })
    const after = file('a.txt', 'x'.repeat(room)) + text(`${utf8('€')}12`) + END
    expect(await multipart(after)).toMatchObject({ faults: ['too-large'] })
  })

  it('the byte over the limit stops the upload', async () => {
    const line = await rawLine(served.url)
    line.write(
      'POST /echo/form HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999999\r\n\r\n',
    )
    line.write(`--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n`)
    line.write('x'.repeat(LIMITS.maxBytes + 10))
    expect(await line.rest()).toContain('"faults":["too-large"]')
    line.socket.destroy()
  })

  it('other fields may hold 1 MB together', async () => {
    const field = part('name="a"', 'x'.repeat(1_048_576))
    expect(await multipart(field + END)).toMatchObject({ status: 200 })
    expect(await multipart(field + part('name="b"', 'x') + END)).toMatchObject({ faults: ['too-large'] })
  })

  it('of a file whose name isn’t allowed no byte is kept, and every fault is told', async () => {
    const told = await multipart(file('a.exe', 'MZ') + file('b.txt') + text('x') + END)
    expect(told).toMatchObject({
      status: 400,
      faults: ['file-type'],
      files: [{ name: 'b.txt' }],
      fields: [['text', 'x']],
    })
    const both = await multipart(file('a.exe', 'x'.repeat(LIMITS.maxBytes + 1)) + END)
    expect(both.faults).toEqual(['file-type', 'too-large'])
  })
})

describe('an urlencoded form', () => {
  const TYPE = 'application/x-www-form-urlencoded'

  it('is read as browsers write it; what stands for a file is ignored', async () => {
    const told = await send('text=Gr%C3%BC%C3%9Fe+a%2Bb%26c&a&b=&=c&files=x.txt&d=1%3D2=3&__proto__=p', TYPE)
    expect(told).toMatchObject({
      status: 200,
      fields: [
        ['text', 'Grüße a+b&c'],
        ['a', ''],
        ['b', ''],
        ['', 'c'],
        ['d', '1=2=3'],
        ['__proto__', 'p'],
      ],
      files: [],
    })
  })

  it('is UTF-8, percent-encoded or not', async () => {
    expect((await send('text=%C3%BC', `${TYPE}; charset=UTF-8`)).fields).toEqual([['text', 'ü']])
    expect((await send(new Uint8Array(Buffer.from('text=ü')), TYPE)).fields).toEqual([['text', 'ü']])
    expect((await send('text=100%&x=%zz%4', TYPE)).fields).toEqual([
      ['text', '100%'],
      ['x', '%zz%4'],
    ])
    expect(await send('text=%FF', TYPE)).toMatchObject({ refused: 'malformed' })
    expect(await send('text=x', `${TYPE}; charset=latin1`)).toMatchObject({ refused: 'malformed' })
  })

  it('counts its text in bytes as they are, not as they are written', async () => {
    expect(await send(`text=${'%C3%BC'.repeat(LIMITS.maxBytes / 2)}`, TYPE)).toMatchObject({ faults: [] })
    expect(await send(`text=${'%C3%BC'.repeat(LIMITS.maxBytes / 2)}x`, TYPE)).toMatchObject({
      faults: ['too-large'],
    })
  })
})

describe('what a request leaves', () => {
  const blobs = () =>
    readdirSync(join(served.dataDir, 'blobs'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    ).length
  const stored = async () => [(await served.store.check()).interactions, blobs()]
  const mail = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${served.url}/echo/mails`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b', ...headers },
      body,
    }).then(async (answer) => ({
      status: answer.status,
      ...((await answer.json()) as { interaction_id?: string; repeated?: boolean; refused?: string }),
    }))

  it('is, of an accepted one, its interaction and its blobs', async () => {
    const [interactions = 0, files = 0] = await stored()
    expect((await mail(file('a.txt', 'accepted') + END)).status).toBe(200)
    expect(await stored()).toEqual([interactions + 1, files + 1])
    const sha256 = createHash('sha256').update('accepted').digest('hex')
    expect(Buffer.from(served.blobs.read(sha256) ?? []).toString()).toBe('accepted')
  })

  it('is nothing where the store refuses it; what lay there before stays', async () => {
    await mail(file('a.txt', 'known') + END)
    const before = await stored()
    const key = { 'idempotency-key': 'once' }
    const first = await mail(file('a.txt', 'first') + END, key)
    const again = await mail(file('a.txt', 'first') + END, key)
    expect([again.interaction_id, again.repeated]).toEqual([first.interaction_id, true])
    const other = await mail(file('a.txt', 'second') + file('b.txt', 'known') + END, key)
    expect([other.status, other.refused]).toEqual([409, 'conflict'])
    expect(await stored()).toEqual(before.map((n) => n + 1))
    expect(served.blobs.has(createHash('sha256').update('second').digest('hex'))).toBe(false)
    expect(served.blobs.has(createHash('sha256').update('known').digest('hex'))).toBe(true)
  })

  it('of an exact repeat are the files of the first one', async () => {
    const body = file('a.txt', 'repeated') + part('name="fingerprint"', 'f1')
    const first = await mail(body + END)
    const before = await stored()
    const again = await mail(body + file('b.txt', 'only in the repeat') + END)
    expect([again.interaction_id, again.repeated]).toEqual([first.interaction_id, true])
    expect(await stored()).toEqual(before)
    expect(served.blobs.has(createHash('sha256').update('repeated').digest('hex'))).toBe(true)
  })

  it('is nothing where the client leaves in the middle of a file', async () => {
    const before = await stored()
    const line = await rawLine(served.url)
    line.write(
      'POST /echo/mails HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999\r\n\r\n' +
        file('whole.txt', 'whole') +
        '--b\r\nContent-Disposition: form-data; name="files"; filename="half.txt"\r\n\r\nhalf of it',
    )
    await until('both files have begun', () => served.uploadsLeft().length === 2)
    line.socket.destroy()
    await until('they are gone', () => served.uploadsLeft().length === 0)
    expect(await stored()).toEqual(before)
  })

  it('goes to the queue that is named, else to that of the account it was written to', async () => {
    await served.set({
      accounts: [
        {
          id: 'sales',
          address: 'Sales@desk.test',
          personal: '',
          imap: null,
          smtp: null,
          trustedCertificate: null,
          queue: 'Sales',
          since: null,
        },
      ],
    })
    const place = async (body: string) => {
      const { interaction_id = '' } = await mail(body + END)
      return (await served.store.apiInteraction(interaction_id)).queue
    }
    expect(await place(part('name="mailbox"', 'sales@DESK.test'))).toBe('Sales')
    expect(await place(part('name="mailbox"', 'sales@desk.test') + part('name="queue"', 'Forms'))).toBe(
      'Forms',
    )
  })
})

it('a store that is busy for too long stores nothing, says so, and keeps no file', async () => {
  const free = Promise.withResolvers<undefined>()
  const late: Promise<unknown>[] = []
  const busy = await serveApis({
    apis: [echoApi],
    busyMs: 50,
    desk: (desk) => ({
      // As the core does while something else holds it.
      receive(...given) {
        const receiving = free.promise.then(() => desk.receive(...given))
        late.push(receiving.catch((error: unknown) => error))
        return receiving
      },
      hasContact: () => new Promise(() => undefined),
    }),
  })
  try {
    const send = () => {
      const form = new FormData()
      form.append('text', 'x')
      return fetch(`${busy.url}/echo/mails`, { method: 'POST', body: form })
    }
    const answer = await send()
    expect([answer.status, await answer.json()]).toMatchObject([503, { refused: 'busy' }])
    const read = await fetch(`${busy.url}/echo/known/1`)
    expect([read.status, await read.json()]).toMatchObject([503, { refused: 'busy' }])
    // Its turn comes when nobody waits any more.
    free.resolve(undefined)
    expect(await Promise.all(late)).toMatchObject([{ code: 'busy' }])
    expect((await busy.store.check()).interactions).toBe(0)
    // With the store free again the same is taken.
    expect((await send()).status).toBe(200)
  } finally {
    await busy.close()
  }
})

it('a write that has begun is waited for, however long it takes', async () => {
  const slow = await serveApis({
    apis: [echoApi],
    busyMs: 20,
    desk: (desk) => ({
      async receive(submission, files, terms) {
        expect(terms.mayBegin?.()).toBe(true)
        const received = await desk.receive(submission, files, { once: terms.once })
        await new Promise((resolve) => setTimeout(resolve, 100))
        return received
      },
    }),
  })
  try {
    const answer = await fetch(`${slow.url}/echo/mails`, {
      method: 'POST',
      body: new URLSearchParams({ text: 'x' }),
    })
    expect([answer.status, (await slow.store.check()).interactions]).toEqual([200, 1])
  } finally {
    await slow.close()
  }
})

it('a paused intake is told only to what could have been stored', async () => {
  await served.set({ api: { paused: true } })
  expect(await multipart(text('x'))).toMatchObject({ refused: 'malformed' })
  expect(await send(new URLSearchParams({ text: 'x' }), undefined, '/echo/mails')).toMatchObject({
    status: 503,
    refused: 'paused',
  })
  expect((await fetch(`${served.url}/echo/known/1`)).status).toBe(200)
  await served.set({ api: { paused: false } })
})

it('an answer that the desk fails to give names nothing of ours, and is logged with its reference', async () => {
  const failing = await serveApis({
    apis: [echoApi],
    desk: () => ({
      hasContact: () => Promise.reject(new Error('SQLITE_ERROR at /secret/path/workbin.db: select')),
    }),
  })
  try {
    const answer = await fetch(`${failing.url}/echo/known/1`)
    const body = (await answer.json()) as { reference: string }
    expect([answer.status, JSON.stringify(body)]).toEqual([
      500,
      expect.not.stringMatching(/SQL|secret|select|\.ts/),
    ])
    expect(failing.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        detail: expect.objectContaining({
          reference: body.reference,
          error: expect.stringContaining('SQLITE_ERROR') as string,
        }) as object,
      }),
    )
  } finally {
    await failing.close()
  }
})

it('nothing is answered to who asks for a call by a trick of HTTP', async () => {
  const answer = await exchange(
    served.url,
    'POST /echo/form HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: GET\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  )
  expect(answer).toMatch(/^HTTP\/1\.1 415 /)
})
