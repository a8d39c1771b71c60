import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { gmsEmailApi } from '../../../src-main/api/gms-email.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import type { SettingsFile } from '../../../src-main/contract/settings.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import * as gms from '../../support/gms.ts'

/** Services, limits and answers of the GMS Email API v2, statement by statement (contract 01, 1.1 to 1.6). */

const { JOHN, multipart, upload, urlencoded } = gms
const MB = 1_048_576

let desk: ServedApis
const open: ServedApis[] = []
async function serve(
  settings: SettingsFile['api'],
  more: Omit<NonNullable<Parameters<typeof serveApis>[0]>, 'apis' | 'settings'> = {},
): Promise<void> {
  desk = await serveApis({ apis: [gmsEmailApi], settings, ...more })
  open.push(desk)
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const post = (service: string, body: RequestInit['body'], headers: Record<string, string> = {}) =>
  gms.post(desk, service, body, headers)
const accepted = (reply: gms.Reply) => gms.accepted(desk, reply)
const refused = (status: number, send: () => Promise<gms.Reply>) => gms.refused(desk, status, send)
const file = (size: number, name = 'a.pdf') => upload(name, 'x'.repeat(size))
const files = (count: number) => Array.from({ length: count }, (_, i) => upload(`${i}.txt`, `file ${i}`))
/** John's text has 27 bytes. */
const TEXT = Buffer.byteLength(JOHN.text)

describe('a service', () => {
  beforeEach(() =>
    serve(
      {
        defaultMailbox: 'default@desk.test',
        email: { max_files: 3, mailbox: 'all@desk.test', queue: 'Support', tenant: 'House' },
        'email.sales': { mailbox: 'sales@desk.test', queue: 'Sales', max_size: 200, tenant: 'Acme' },
        'email.plain': { mailbox: null, tenant: ' ' },
      },
      { file: { queues: ['First', 'Support', 'Sales'] } },
    ),
  )

  it('is completed option by option by the catch-all', async () => {
    const sales = await accepted(await post('sales', multipart({}, files(3))))
    expect(sales).toMatchObject({
      to: [{ address: 'sales@desk.test' }],
      queue: 'Sales',
      udata: { Tenant: 'Acme' },
    })
    expect(await refused(400, () => post('sales', multipart({}, files(4))))).toEqual([201])
    expect(await refused(413, () => post('sales', multipart({}, [file(200)])))).toEqual([202])
    expect(await accepted(await post('plain', multipart({}, [file(200)])))).toMatchObject({
      to: [{ address: 'all@desk.test' }],
      queue: 'Support',
      udata: { Tenant: 'House' },
    })
  })

  it('that isn’t configured is served by the catch-all', async () => {
    for (const name of ['any', 'A', '0', 'a.b_c-D', 'x'.repeat(64), 'constructor', '__proto__'])
      expect(await accepted(await post(name, urlencoded()))).toMatchObject({
        to: [{ address: 'all@desk.test' }],
        queue: 'Support',
      })
  })

  it.each(['x'.repeat(65), 'a%20b', 'a%2Fb', 'a%00b', 'ä', 'a/b', 'a/', '', 'a$b'])(
    'with the name %j doesn’t exist',
    async (name) => {
      expect(await refused(404, () => post(name, urlencoded()))).toEqual([404])
      // The address comes before the method.
      const got = await gms.ask(`${desk.url}/genesys/2/email/${name}`, { method: 'GET' })
      expect(got).toMatchObject({ status: 404, body: { statusCode: 2, errors: [{ code: 404 }] } })
    },
  )

  it('that isn’t configured doesn’t exist where services are strict', async () => {
    await desk.set({ api: { email: { strict_services: true }, 'email.sales': {} } })
    await accepted(await post('sales', urlencoded()))
    expect(await refused(404, () => post('any', urlencoded()))).toEqual([404])
    expect(await refused(404, () => post('email', urlencoded()))).toEqual([404])
  })

  it('with a tenant keeps it, whatever the form says of its own', async () => {
    const { udata } = await accepted(await post('sales', multipart({ userData: 'Tenant=Evil' })))
    expect(udata).toEqual({
      FirstName: 'John',
      LastName: 'Doe',
      EmailAddress: 'jdoe@gmail.com',
      Tenant: 'Acme',
    })
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('takes POST, not %s', async (method) => {
    const reply = await gms.ask(`${desk.url}/genesys/2/email/sales`, { method })
    expect(reply).toMatchObject({ status: 405, body: { statusCode: 2, errors: [{ code: 405 }] } })
    expect(reply.headers.get('allow')).toBe('POST')
  })
})

describe('a mailbox', () => {
  const to = async (service: string, fields: gms.Fields = {}) =>
    (await accepted(await post(service, multipart(fields)))).to

  it('is the form’s, else the configured one, else the default, else the first account’s', async () => {
    const account = { id: 'main', address: 'main@desk.test', queue: 'Main' }
    await serve({ 'email.own': { mailbox: 'own@desk.test' } }, { file: { accounts: [accountOf(account)] } })
    expect(await to('own', { mailbox: 'Anybody@else.test' })).toEqual([{ address: 'Anybody@else.test' }])
    expect(await to('own', { mailbox: ' ' })).toEqual([{ address: 'own@desk.test' }])
    expect(await to('own')).toEqual([{ address: 'own@desk.test' }])
    expect(await to('any')).toEqual([{ address: 'main@desk.test' }])
    await desk.set({ api: { defaultMailbox: 'default@desk.test' } })
    expect(await to('any')).toEqual([{ address: 'default@desk.test' }])
  })

  it('that nobody names leaves the mail without a recipient', async () => {
    await serve({})
    expect((await to('any')) ?? []).toEqual([])
  })

  it('of an account brings the mail into its queue', async () => {
    const account = { id: 'main', address: 'main@desk.test', queue: 'Main' }
    await serve({}, { file: { queues: ['First', 'Main'], accounts: [accountOf(account)] } })
    const mail = await accepted(await post('any', multipart({ mailbox: 'MAIN@desk.test' })))
    expect(mail.queue).toBe('Main')
    const other = await accepted(await post('any', multipart({ mailbox: 'unknown@else.test' })))
    expect(other.queue).toBe('First')
  })
})

function accountOf(special: { id: string; address: string; queue: string }) {
  return {
    personal: '',
    imap: null,
    smtp: null,
    trustedCertificate: null,
    since: null,
    ...special,
  }
}

describe('files', () => {
  it('may be 10, and an 11th is one too many', async () => {
    await serve({})
    expect((await accepted(await post('any', multipart({}, files(10))))).attachments).toHaveLength(10)
    expect(await refused(400, () => post('any', multipart({}, files(11))))).toEqual([201])
  })

  it('may be as many as configured, none at all included', async () => {
    await serve({ email: { max_files: 0 }, 'email.two': { max_files: 2 } })
    await accepted(await post('any', multipart()))
    expect(await refused(400, () => post('any', multipart({}, files(1))))).toEqual([201])
    await accepted(await post('two', multipart({}, files(2))))
    expect(await refused(400, () => post('two', multipart({}, files(3))))).toEqual([201])
  })

  it('and the text may have 10 MB together, and not a byte more', async () => {
    await serve({})
    const six = file(6 * MB)
    const rest = 4 * MB - TEXT
    const mail = await accepted(await post('any', multipart({}, [six, file(rest, 'b.pdf')])))
    expect(mail.attachments.map(({ size }) => size)).toEqual([6 * MB, rest])
    expect(await refused(413, () => post('any', multipart({}, [six, file(rest + 1, 'b.pdf')])))).toEqual([
      202,
    ])
    expect(await refused(413, () => post('any', multipart({ text: 'x'.repeat(10 * MB + 1) })))).toEqual([202])
    expect(await refused(413, () => post('any', urlencoded({ text: 'x'.repeat(10 * MB + 1) })))).toEqual([
      202,
    ])
    const { text } = await accepted(await post('any', multipart({ text: 'x'.repeat(10 * MB) })))
    expect(text.length).toBe(10 * MB)
  })

  it.each([
    [1_000, 1_000],
    ['1000', 1_000],
    ['1KB', 1_024],
    ['1 kb', 1_024],
    ['1mb', MB],
  ])('have the limit of max_size %j: %i bytes, the text counted as UTF-8', async (max_size, bytes) => {
    await serve({ email: { max_size } })
    const text = 'ü😀'
    await accepted(await post('any', multipart({ text }, [file(bytes - 6)])))
    expect(await refused(413, () => post('any', multipart({ text }, [file(bytes - 5)])))).toEqual([202])
  })

  it.each(['a.pdf', 'b.DOC', 'c.txt', 'd.jpg', 'e.png', 'f.gif', 'g.bmp', 'h.Zip', 'i.exe.pdf', 'k.pdf.'])(
    'may be called %j',
    async (name) => {
      await serve({})
      const { attachments } = await accepted(await post('any', multipart({}, [upload(name)])))
      expect(attachments).toMatchObject([{ name: name.replace(/\.$/, '') }])
    },
  )

  it.each(['a.pdf.exe', 'photo.jpeg', 'a.docx', 'pdf', '.pdf', 'x/.pdf', 'a.', 'a. pdf', 'a.pdfx'])(
    'may not be called %j',
    async (name) => {
      await serve({})
      expect(await refused(400, () => post('any', multipart({}, [upload(name)])))).toEqual([203])
    },
  )

  it('have the configured types instead of the default ones, with blanks, dots and any case', async () => {
    await serve({ email: { file_types: ' .PDF, docx ,,' }, 'email.empty': { file_types: ' , ' } })
    await accepted(await post('any', multipart({}, [upload('a.pdf'), upload('b.DOCX')])))
    expect(await refused(400, () => post('any', multipart({}, [upload('c.txt')])))).toEqual([203])
    // Set but empty is not set.
    await accepted(await post('empty', multipart({}, [upload('b.docx')])))
    await desk.set({ api: { email: { file_types: '' } } })
    await accepted(await post('any', multipart({}, [upload('c.txt')])))
    expect(await refused(400, () => post('any', multipart({}, [upload('b.docx')])))).toEqual([203])
  })

  it('lose folders and control characters of their names', async () => {
    await serve({})
    const { attachments } = await accepted(
      await post(
        'any',
        multipart({}, [
          upload('../../etc/a.txt'),
          upload('C:\\x\\b.txt'),
          upload('c\r\nd.txt'),
          upload('e.txt..'),
        ]),
      ),
    )
    expect(attachments.map(({ name }) => name)).toEqual(['a.txt', 'b.txt', 'c d.txt', 'e.txt'])
    expect(await refused(400, () => post('any', multipart({}, [upload('a.txt/..')])))).toEqual([203])
  })

  it('that were not chosen in a browser’s picker are none', async () => {
    await serve({ email: { max_files: 0 } })
    const form = multipart()
    form.append('files', new File([], '', { type: 'application/octet-stream' }))
    form.append('files', new File([], ''))
    expect((await accepted(await post('any', form))).attachments).toEqual([])
  })

  it('with a NUL in its name makes the form malformed', async () => {
    await serve({})
    expect(await refused(400, () => post('any', multipart({}, [upload('a.pdf\0.exe')])))).toEqual([111])
  })

  it('under another field’s name are forgotten', async () => {
    await serve({})
    const form = multipart()
    form.append('attachment', upload('a.exe'))
    expect((await accepted(await post('any', form))).attachments).toEqual([])
    expect(desk.uploadsLeft()).toEqual([])
  })

  it('of the same content are stored once and shown each', async () => {
    await serve({})
    const { attachments } = await accepted(await post('any', multipart({}, [file(9), file(9, 'b.pdf')])))
    expect(attachments.map(({ name }) => name)).toEqual(['a.pdf', 'b.pdf'])
    expect([...desk.blobs.all()]).toEqual([attachments[0]?.sha256])
  })
})

describe('a body', () => {
  beforeEach(() => serve({}))

  it.each([
    'application/json',
    'text/plain',
    'multipart/mixed; boundary=x',
    'nonsense',
    'multipart/form-data-x',
  ])('of the type %s isn’t taken', async (type) => {
    expect(await refused(415, () => post('any', '{}', { 'content-type': type }))).toEqual([110])
  })

  const part = (boundary: string, name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const whole = Object.entries(JOHN)
    .map(([name, value]) => part('b', name, value))
    .join('')
  const type = { 'content-type': 'multipart/form-data; boundary=b' }

  it('written by hand is read', async () => {
    expect(await accepted(await post('any', `${whole}--b--\r\n`, type))).toMatchObject({ text: JOHN.text })
    expect(await accepted(await post('any', `${whole}--b--`, type))).toMatchObject({ text: JOHN.text })
  })

  it.each([
    ['a boundary that never comes', whole.replaceAll('--b', '----x')],
    ['no closing delimiter', whole],
    ['a delimiter with two dashes too few', whole.replaceAll('--b', 'b')],
    ['a part without a name', `${whole}--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--`],
    [
      'a part with two names',
      `${whole}--b\r\nContent-Disposition: form-data; name="a"; name="b"\r\n\r\nx\r\n--b--`,
    ],
    ['nothing', ''],
    ['nothing but an end', '--b--'],
  ])('with %s is malformed, or has nothing', async (what, text) => {
    const codes = what === 'nothing but an end' ? [102, 103, 104, 105, 106] : [111]
    expect(await refused(400, () => post('any', text, type))).toEqual(codes)
  })

  it('that isn’t UTF-8 is malformed', async () => {
    const latin = Buffer.from(`${whole.replace('John', 'J\xf6hn')}--b--\r\n`, 'latin1')
    expect(await refused(400, () => post('any', latin, type))).toEqual([111])
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await refused(400, () => post('any', `${urlencoded()}&x=%ff`, form))).toEqual([111])
  })

  it('without a boundary is malformed', async () => {
    const none = { 'content-type': 'multipart/form-data' }
    expect(await refused(400, () => post('any', `${whole}--b--`, none))).toEqual([111])
  })
})

describe('an apikey', () => {
  beforeEach(() => serve({ email: { apikey: 's3cret' }, 'email.sales': { apikey: 'other' } }))

  it('that is set must come as header apikey', async () => {
    await accepted(await post('any', urlencoded(), { apikey: 's3cret' }))
    for (const headers of [
      {},
      { apikey: '' },
      { apikey: 'S3CRET' },
      { apikey: 's3cret ,' },
      { 'x-api-key': 's3cret' },
    ])
      expect(await refused(401, () => post('any', urlencoded(), headers))).toEqual([401])
  })

  it('of a service’s own section goes before that of the catch-all', async () => {
    await accepted(await post('sales', urlencoded(), { apikey: 'other' }))
    expect(await refused(401, () => post('sales', urlencoded(), { apikey: 's3cret' }))).toEqual([401])
  })

  it('is looked at before the body', async () => {
    expect(await refused(401, () => post('any', '{}', { 'content-type': 'application/json' }))).toEqual([401])
  })

  it('is in no line of the log', async () => {
    await post('any', urlencoded(), { apikey: 's3cret' })
    expect(JSON.stringify(desk.lines)).not.toContain('s3cret')
  })

  it('may come 300 times a minute, and then has to wait', async () => {
    const ask = () => gms.post(desk, 'any', '', { apikey: 's3cret', 'content-type': 'text/plain' })
    for (let i = 0; i < 300; i++) expect((await ask()).status).toBe(415)
    const reply = await ask()
    expect(reply).toMatchObject({ status: 429, body: { statusCode: 2, errors: [{ code: 429 }] } })
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    desk.pass(60_000)
    expect((await ask()).status).toBe(415)
  })
})

describe('a form without a key', () => {
  it('shares no limit with others', async () => {
    await serve({})
    const bad = { 'content-type': 'text/plain' }
    for (let i = 0; i < 301; i++) expect((await gms.post(desk, 'any', '', bad)).status).toBe(415)
  })
})

describe('a script of another site', () => {
  beforeEach(() =>
    serve({
      email: { origins: ['https://shop.test', 'https://www.shop.test/contact'] },
      'email.keyed': { apikey: 's3cret' },
    }),
  )
  const url = (service = 'any') => `${desk.url}/genesys/2/email/${service}`

  it.each(['https://shop.test', 'https://www.shop.test'])(
    'of the allowed origin %s may ask and read',
    async (origin) => {
      const asked = await gms.ask(url('keyed'), {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'apikey',
        },
      })
      expect(asked.status).toBe(204)
      expect(corsOf(asked)).toEqual({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'Content-Type, apikey, Idempotency-Key',
        'access-control-max-age': '600',
        vary: 'Origin',
      })
      const sent = await post('any', urlencoded(), { origin })
      await accepted(sent)
      expect(corsOf(sent)).toEqual({ 'access-control-allow-origin': origin, vary: 'Origin' })
      // A refusal can be read, too.
      const refusal = await post('keyed', urlencoded(), { origin })
      expect([refusal.status, corsOf(refusal)]).toEqual([
        401,
        { 'access-control-allow-origin': origin, vary: 'Origin' },
      ])
    },
  )

  it.each([
    'https://evil.test',
    'http://shop.test',
    'https://shop.test:8443',
    'https://shop.test.evil.test',
    'null',
  ])('of %s gets no answer to read', async (origin) => {
    const asked = await gms.ask(url(), { method: 'OPTIONS', headers: { origin } })
    expect([asked.status, corsOf(asked)]).toEqual([405, { vary: 'Origin' }])
    expect(asked.headers.get('allow')).toBe('POST')
    // Its plain form is served all the same: that needs nobody's leave.
    const sent = await post('any', urlencoded(), { origin })
    await accepted(sent)
    expect(corsOf(sent)).toEqual({ vary: 'Origin' })
  })

  it('is allowed nowhere unless it is listed', async () => {
    await desk.set({ api: { email: {} } })
    const asked = await gms.ask(url(), { method: 'OPTIONS', headers: { origin: 'https://shop.test' } })
    expect([asked.status, corsOf(asked)]).toEqual([405, {}])
    const none = await gms.ask(url('a%20b'), { method: 'OPTIONS', headers: { origin: 'https://shop.test' } })
    expect(none.status).toBe(404)
  })

  function corsOf({ headers }: gms.Reply): Record<string, string> {
    return Object.fromEntries([...headers].filter(([name]) => /^access-control-|^vary$/.test(name)))
  }
})

describe('a temporary failure', () => {
  const tryAgain = { statusCode: 1 }

  it('is all that is said while the intake is paused; nothing is stored', async () => {
    await serve({ paused: true })
    const before = await gms.stored(desk)
    expect(await post('any', multipart({}, files(2)))).toMatchObject({ status: 200, body: tryAgain })
    expect(Object.keys(bodyOf(await post('any', multipart())))).toEqual(['statusCode'])
    expect(await gms.stored(desk)).toEqual(before)
    expect(desk.uploadsLeft()).toEqual([])
    await desk.set({ api: { paused: false } })
    await accepted(await post('any', multipart({}, files(2))))
  })

  it('is also a store that is busy, and what it was too late for never happens', async () => {
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
    expect(await post('any', multipart({}, files(1)))).toMatchObject({ status: 200, body: tryAgain })
    expect(desk.uploadsLeft()).toEqual([])
    expect(begun?.()).toBe(false)
  })

  it.each(['disk', 'locked', 'busy', 'closed'] as const)('is also a store that says “%s”', async (code) => {
    await serve({}, { desk: () => ({ receive: () => Promise.reject(new CoreError(code, '/secret/path')) }) })
    const reply = await post('any', multipart({}, files(1)))
    expect(reply).toMatchObject({ status: 200, body: tryAgain })
    expect(desk.uploadsLeft()).toEqual([])
  })
})

function bodyOf({ body }: gms.Reply): object {
  return typeof body === 'object' && body !== null ? body : {}
}

describe('a crash', () => {
  it('answers 500 in the same layout, without a word of what broke', async () => {
    const broken = new Error('select * from secrets at /home/desk')
    await serve({}, { desk: () => ({ receive: () => Promise.reject(broken) }) })
    expect(await refused(500, () => post('any', multipart({}, files(1))))).toEqual([500])
    const reply = await post('any', multipart())
    expect(JSON.stringify(reply.body)).not.toMatch(/secret|desk\b|select/)
  })
})

describe('an Idempotency-Key', () => {
  beforeEach(() => serve({ email: {}, 'email.keyed': { apikey: 's3cret' } }))
  const key = { 'idempotency-key': 'order-4711' }

  it('with the same form gets the same answer, whatever its boundary', async () => {
    const first = await accepted(await post('any', multipart({ userData: 'a=1' }, files(2)), key))
    const before = await gms.stored(desk)
    const second = await accepted(await post('any', multipart({ userData: 'a=1' }, files(2)), key))
    expect(second).toEqual(first)
    expect(await gms.stored(desk)).toEqual(before)
    expect(desk.uploadsLeft()).toEqual([])
  })

  it('with another form is refused', async () => {
    await accepted(await post('any', multipart({}, files(1)), key))
    for (const form of [
      multipart(),
      multipart({ userData: 'b=1' }, files(1)),
      multipart({}, [upload('0.txt', 'x')]),
    ])
      expect(await refused(409, () => post('any', form, key))).toEqual([409])
    expect(await refused(409, () => post('other', multipart({}, files(1)), key))).toEqual([409])
  })

  it('of one caller is nothing to another', async () => {
    const first = await accepted(await post('any', multipart(), key))
    const second = await accepted(await post('keyed', multipart(), { ...key, apikey: 's3cret' }))
    expect(second.interaction_id).not.toBe(first.interaction_id)
  })

  it('of a form that was refused is still free', async () => {
    expect(await refused(400, () => post('any', multipart({ text: null }), key))).toEqual([106])
    await accepted(await post('any', multipart(), key))
  })

  it('is forgotten after a day', async () => {
    const first = await accepted(await post('any', multipart(), key))
    desk.pass(25 * 3_600_000)
    const second = await accepted(await post('any', multipart(), key))
    expect(second.interaction_id).not.toBe(first.interaction_id)
  })
})
