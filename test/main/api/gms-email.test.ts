import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gmsEmailApi } from '../../../src-main/api/gms-email.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import * as gms from '../../support/gms.ts'

/** The form of the GMS Email API v2, statement by statement (contract 01, 1.1), over HTTP on a real store. */

const { multipart, upload, urlencoded } = gms

let desk: ServedApis
beforeAll(async () => {
  desk = await serveApis({
    apis: [gmsEmailApi],
    settings: {
      defaultMailbox: 'default@desk.test',
      email: { queue: 'Support' },
      'email.small': { max_size: 100 },
    },
    file: { queues: ['First', 'Support'] },
  })
})
afterAll(() => desk.close())

const post = (service: string, body: RequestInit['body']) => gms.post(desk, service, body)
const accepted = (reply: gms.Reply) => gms.accepted(desk, reply)
const refused = (status: number, send: () => Promise<gms.Reply>) => gms.refused(desk, status, send)

function attachment(name: string, content_type: string, bytes: Uint8Array) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const id: unknown = expect.any(String)
  return { id, name, content_type, size: bytes.length, sha256, content_id: null, inline: false }
}

describe('a form', () => {
  it('with all of its fields is an interaction with its files, user data, contact and queue', async () => {
    const bytes = new Uint8Array(3_000).map((_, i) => i % 256)
    const mail = await accepted(
      await post(
        'support',
        multipart(
          {
            text: 'Line 1\r\n\tLine\0 2 – Ωß😀 \r\n',
            mailbox: 'Support@Company.com',
            userData: ['key1=value1', 'key2=a=b'],
          },
          [upload('photo.JPG', bytes, 'image/jpeg'), upload('notes.txt', 'Notes')],
        ),
      ),
    )
    const at = new Date(desk.now()).toISOString()
    expect(mail).toEqual({
      interaction_id: mail.interaction_id,
      customer_id: (await desk.store.contactByAddress('JDOE@gmail.com'))?.id,
      status: 0,
      entity_type: 0,
      type: 'Inbound',
      sub_type: 'InboundNew',
      media_type: 'email',
      thread_id: mail.interaction_id,
      creator_app_id: mail.creator_app_id,
      start_date: at,
      sent_date: at,
      allow_children: true,
      subject: 'Help with account',
      text: 'Line 1\r\n\tLine\0 2 – Ωß😀 \r\n',
      from: { address: 'jdoe@gmail.com', personal: 'John Doe' },
      to: [{ address: 'Support@Company.com' }],
      udata: {
        key1: 'value1',
        key2: 'a=b',
        FirstName: 'John',
        LastName: 'Doe',
        EmailAddress: 'jdoe@gmail.com',
      },
      attachments: [
        attachment('photo.JPG', 'image/jpeg', bytes),
        attachment('notes.txt', 'text/plain', Buffer.from('Notes')),
      ],
      activity_id: mail.activity_id,
      message_id: null,
      queue: 'Support',
      holds: { structured_text: false, binary_content: null },
    })
    expect(mail.attachments.map(({ sha256 }) => desk.blobs.read(sha256))).toEqual([
      Buffer.from(bytes),
      Buffer.from('Notes'),
    ])
    expect(desk.uploadsLeft()).toEqual([])
    expect(await desk.store.contactByAddress('jdoe@gmail.com')).toMatchObject({
      first_name: 'John',
      last_name: 'Doe',
      addresses: ['jdoe@gmail.com'],
    })
  })

  it('may be urlencoded, its blanks as plus signs', async () => {
    const mail = await accepted(
      await post('support', urlencoded({ text: 'a + b & c = d\n%', userData: ['k 1=v+1', 'k2=%3D'] })),
    )
    expect(mail).toMatchObject({
      text: 'a + b & c = d\n%',
      udata: { 'k 1': 'v+1', k2: '%3D' },
      from: { address: 'jdoe@gmail.com', personal: 'John Doe' },
    })
  })

  it('urlencoded has no files: that field is ignored, value and all', async () => {
    const mail = await accepted(
      await post('small', urlencoded({ files: ['a.exe', 'x'.repeat(1_000), 'c', 'd'] })),
    )
    expect(mail.attachments).toEqual([])
  })

  it('belongs to the contact of its address, whatever its case', async () => {
    const first = await accepted(await post('support', multipart({ fromAddress: 'mary@x.test' })))
    const second = await accepted(await post('support', multipart({ fromAddress: 'MARY@X.test' })))
    expect(second.customer_id).toBe(first.customer_id)
    expect(second.thread_id).not.toBe(first.thread_id)
    expect(second.from?.address).toBe('MARY@X.test')
  })

  it('ignores fields that it doesn’t know, tenantName and those of another case among them', async () => {
    const mail = await accepted(
      await post('support', multipart({ tenantName: 'Evil', FirstName: 'X', Text: 'Y', userdata: 'a=b' })),
    )
    expect(mail.udata).toEqual({ FirstName: 'John', LastName: 'Doe', EmailAddress: 'jdoe@gmail.com' })
    expect(
      await refused(400, () => post('support', multipart({ firstName: null, FirstName: 'John' }))),
    ).toEqual([102])
  })

  it('counts the first of a field that was sent twice', async () => {
    const mail = await accepted(
      await post(
        'support',
        multipart({ subject: ['One', 'Two'], text: ['First', 'Second'], mailbox: ['a@x.test', 'b@x.test'] }),
      ),
    )
    expect(mail).toMatchObject({ subject: 'One', text: 'First', to: [{ address: 'a@x.test' }] })
  })

  it('may have been sent before: it is another mail', async () => {
    const [one, two] = [await post('support', multipart()), await post('support', multipart())]
    expect((await accepted(one)).interaction_id).not.toBe((await accepted(two)).interaction_id)
  })
})

describe('a field', () => {
  it.each([
    ['firstName', 102],
    ['lastName', 103],
    ['fromAddress', 104],
    ['subject', 105],
    ['text', 106],
  ])('%s that is missing, empty or blank has code %i', async (field, code) => {
    for (const value of [null, '', ' \t\r\n\u00a0'])
      for (const form of [multipart({ [field]: value }), urlencoded({ [field]: value })])
        expect(await refused(400, () => post('support', form))).toEqual([code])
  })

  it.each([
    ['firstName', 256, 109],
    ['lastName', 256, 109],
    ['subject', 998, 105],
  ])('%s may have %i characters and not one more', async (field, length, code) => {
    // Code points: an emoji counts as one.
    const longest = '😀'.repeat(length)
    expect(await accepted(await post('support', multipart({ [field]: longest })))).toBeTruthy()
    expect(await refused(400, () => post('support', multipart({ [field]: `${longest}a` })))).toEqual([code])
  })

  it('loses blanks around a name, and its control characters become one space', async () => {
    const mail = await accepted(
      await post(
        'support',
        multipart({
          fromAddress: 'ann@names.test',
          firstName: ' \tAnn\r\n\0Marie ',
          lastName: ' O’Neil\n',
          subject: 'Hi\r\nBcc: all@x.test',
        }),
      ),
    )
    expect(mail).toMatchObject({
      from: { address: 'ann@names.test', personal: 'Ann Marie O’Neil' },
      subject: 'Hi Bcc: all@x.test',
      udata: { FirstName: 'Ann Marie', LastName: 'O’Neil' },
    })
    expect(
      await accepted(await post('support', multipart({ firstName: ` ${'a'.repeat(256)} ` }))),
    ).toMatchObject({ udata: { FirstName: 'a'.repeat(256) } })
  })

  it.each([
    'john',
    'john@',
    '@doe.com',
    'a@b@c.test',
    'a@x.test,b@x.test',
    'John <john@doe.com>',
    'john doe@x.test',
    ' john@doe.com',
    'john@doe.com\r\nBcc: all@x.test',
    'john\0@doe.com',
    `${'a'.repeat(248)}@b.test`,
  ])('fromAddress %j is a bad address (364), and as mailbox it is 107', async (address) => {
    expect(await refused(400, () => post('support', multipart({ fromAddress: address })))).toEqual([364])
    expect(await refused(400, () => post('support', urlencoded({ mailbox: address })))).toEqual([107])
  })

  it('fromAddress may have 254 characters', async () => {
    const address = `${'a'.repeat(247)}@b.test`
    expect(await accepted(await post('support', multipart({ fromAddress: address })))).toMatchObject({
      from: { address },
    })
  })

  it('has all of its faults told, in the order of the document', async () => {
    const form = multipart(
      {
        userData: ['=x', 'fine=1'],
        mailbox: 'none',
        text: null,
        subject: 'a'.repeat(999),
        fromAddress: 'no',
        lastName: ' ',
        firstName: 'a'.repeat(257),
      },
      [upload('a.exe')],
    )
    expect(await refused(400, () => post('support', form))).toEqual([109, 103, 364, 105, 106, 107, 108, 203])
  })

  it('that may still have been on its way when a limit stopped the reading isn’t called missing', async () => {
    const form = new FormData()
    form.append('firstName', ' ')
    form.append('files', upload('a.pdf', 'x'.repeat(101)))
    for (const [name, value] of Object.entries(gms.JOHN)) form.append(name, value)
    expect(await refused(413, () => post('small', form))).toEqual([102, 202])
  })
})

describe('user data', () => {
  it('is split at the first "=", empty without one; of a key that came twice the last value counts', async () => {
    const { udata } = await accepted(
      await post('support', multipart({ userData: ['a=1=2', 'b', 'c=', 'a=3', ' d = 4 ', 'ü😀=ß'] })),
    )
    expect(udata).toMatchObject({ a: '3', b: '', c: '', ' d ': ' 4 ', 'ü😀': 'ß' })
  })

  it('may be written userData[key], which means the same', async () => {
    const fields = { userData: 'a=1', 'userData[b]': ['2', 'x=y'], 'userData[a]': '3', 'userData[c][d]': '4' }
    for (const form of [multipart(fields), urlencoded(fields)])
      expect((await accepted(await post('support', form))).udata).toMatchObject({
        a: '3',
        b: 'x=y',
        'c][d': '4',
      })
  })

  it('goes before the names and the address that we add', async () => {
    const { udata } = await accepted(await post('support', multipart({ userData: ['FirstName=J.', 'x=1'] })))
    expect(udata).toEqual({ FirstName: 'J.', x: '1', LastName: 'Doe', EmailAddress: 'jdoe@gmail.com' })
  })

  it('takes __proto__, constructor and prototype as any other key', async () => {
    const { udata } = await accepted(
      await post(
        'support',
        multipart({ userData: ['__proto__=x', 'constructor=y'], 'userData[prototype]': 'z' }),
      ),
    )
    expect(Object.entries(udata ?? {})).toEqual(
      expect.arrayContaining([
        ['__proto__', 'x'],
        ['constructor', 'y'],
        ['prototype', 'z'],
      ]),
    )
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expect('x' in {}).toBe(false)
  })

  it('without a key is refused', async () => {
    for (const fields of [{ userData: '=x' }, { userData: '' }, { 'userData[]': 'x' }])
      expect(await refused(400, () => post('support', multipart(fields)))).toEqual([108])
    expect(await refused(400, () => post('support', multipart({ userData: ['=x', 'a=b', '=y'] })))).toEqual([
      108, 108,
    ])
  })

  it('has keys of at most 255 characters, values of 8,192, and 100 pairs', async () => {
    const key = '😀'.repeat(255)
    const value = '😀'.repeat(8_192)
    const mail = await accepted(await post('support', multipart({ userData: `${key}=${value}` })))
    expect(mail.udata?.[key]).toBe(value)
    expect(await refused(400, () => post('support', multipart({ userData: `${key}a=b` })))).toEqual([108])
    expect(await refused(400, () => post('support', multipart({ userData: `a=${value}b` })))).toEqual([108])

    const many = Array.from({ length: 100 }, (_, i) => `k${i}=${i}`)
    const { udata } = await accepted(await post('support', multipart({ userData: many })))
    expect(Object.keys(udata ?? {})).toHaveLength(103)
    expect(
      await refused(400, () => post('support', multipart({ userData: many, 'userData[one]': 'more' }))),
    ).toEqual([108])
  })
})
