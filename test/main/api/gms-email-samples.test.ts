import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gmsEmailApi } from '../../../src-main/api/gms-email.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { curl } from '../../support/curl.ts'
import { stored } from '../../support/gms.ts'

/** What browsers, curl and the document itself send to the GMS Email API v2 (contract 01, 1.5), byte by byte. */

let desk: ServedApis
let folder: string
beforeAll(async () => {
  desk = await serveApis({
    apis: [gmsEmailApi],
    settings: { defaultMailbox: 'support@desk.test', email: { queue: 'Support' } },
    file: { queues: ['First', 'Support'] },
  })
  folder = mkdtempSync(join(tmpdir(), 'workbin-curl-'))
})
afterAll(async () => {
  await desk.close()
  rmSync(folder, { recursive: true })
})

const url = () => `${desk.url}/genesys/2/email/support`
const success = [200, { statusCode: 0, interactionId: expect.stringMatching(/^[0-9A-Za-z]{16}$/) }]

/** The newest mail on the desk. */
async function newest() {
  desk.pass(1_000)
  const [mail] = await desk.store.apiInteractions({}, { index: 0, count: 1 })
  return mail
}

async function sendBody(contentType: string, body: string | Buffer) {
  const file = join(folder, 'body')
  writeFileSync(file, body)
  const { status, body: answer } = await curl(
    url(),
    '-H',
    `Content-Type: ${contentType}`,
    '--data-binary',
    `@${file}`,
  )
  return [status, answer]
}

const FIELDS = [
  ['firstName', 'Name'],
  ['lastName', 'LastName'],
  ['fromAddress', 'john@doe.com'],
  ['subject', 'Hi hello'],
  ['text', 'This is the text'],
] as const
const SAMPLE = {
  from: { address: 'john@doe.com', personal: 'Name LastName' },
  to: [{ address: 'support@desk.test' }],
  subject: 'Hi hello',
  text: 'This is the text',
  queue: 'Support',
  udata: { FirstName: 'Name', LastName: 'LastName', EmailAddress: 'john@doe.com' },
}

describe('the document’s sample', () => {
  const BOUNDARY = 'WebKitFormBoundaryE19zNvXGzXaLvS5C'
  /** As printed: four dashes where two stand in front of the boundary, and no end. */
  const printed = (lineEnd: string) =>
    [
      ...FIELDS.flatMap(([name, value]) => [
        `----${BOUNDARY}`,
        `Content-Disposition: form-data; name="${name}"`,
        '',
        value,
      ]),
      `----${BOUNDARY}`,
    ].join(lineEnd)

  it.each(['\r\n', '\n'])('as printed can’t be read, with %j at its line ends', async (lineEnd) => {
    const before = await stored(desk)
    expect(await sendBody(`multipart/form-data; boundary="${BOUNDARY}"`, printed(lineEnd))).toEqual([
      400,
      {
        statusCode: 2,
        errors: [{ code: 111, advice: 'The form’s delimiter never comes.' }],
        referenceId: expect.any(String),
      },
    ])
    expect(await stored(desk)).toEqual(before)
  })

  it('with the boundary that its body has still lacks its end', async () => {
    expect(await sendBody(`multipart/form-data; boundary="--${BOUNDARY}"`, printed('\r\n'))).toMatchObject([
      400,
      { errors: [{ code: 111, advice: 'The form ends without its closing delimiter.' }] },
    ])
  })

  it('put right is a mail', async () => {
    const body = `${printed('\r\n')}--\r\n`
    expect(await sendBody(`multipart/form-data; boundary="--${BOUNDARY}"`, body)).toEqual(success)
    expect(await newest()).toMatchObject(SAMPLE)
  })

  it('written by curl is a mail', async () => {
    const fields = FIELDS.flatMap(([name, value]) => ['-F', `${name}=${value}`])
    const { status, body, headers } = await curl(url(), ...fields)
    expect([status, body]).toEqual(success)
    expect(headers).toMatch(/^content-type: application\/json/im)
    expect(await newest()).toMatchObject(SAMPLE)
  })

  it('urlencoded by curl is a mail', async () => {
    const fields = FIELDS.flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`])
    const { status, body } = await curl(url(), ...fields)
    expect([status, body]).toEqual(success)
    expect(await newest()).toMatchObject(SAMPLE)
  })

  it('of its table, with the files and the user data, is a mail', async () => {
    const notes = join(folder, 'notes.txt')
    const photo = join(folder, 'photo.png')
    writeFileSync(notes, 'Notes')
    // So large that curl asks before it sends (100 Continue).
    writeFileSync(photo, Buffer.alloc(3_000_000, 7))
    const { status, body } = await curl(
      url(),
      ...['-F', 'firstName=John', '-F', 'lastName=Doe', '-F', 'fromAddress=jdoe@gmail.com'],
      ...['-F', 'subject=Help with account', '-F', 'text=I need help with my account'],
      ...['-F', 'mailbox=support@company.com', '-F', 'userData=key1=value1', '-F', 'userData=key2=value2'],
      ...['-F', `files=@${notes}`, '-F', `files=@${photo};type=image/png`],
    )
    expect([status, body]).toEqual(success)
    const mail = await newest()
    expect(mail).toMatchObject({
      to: [{ address: 'support@company.com' }],
      udata: { key1: 'value1', key2: 'value2' },
      attachments: [
        { name: 'notes.txt', content_type: 'text/plain', size: 5 },
        { name: 'photo.png', content_type: 'image/png', size: 3_000_000 },
      ],
    })
    // Comparing megabytes with toEqual takes seconds.
    const kept = mail?.attachments.map(({ sha256 }) => Buffer.from(desk.blobs.read(sha256) ?? []))
    expect(kept?.map((bytes, i) => bytes.equals(readFileSync(i === 0 ? notes : photo)))).toEqual([true, true])
  })

  it('of our own page works as it stands', async () => {
    const [call] = gmsEmailApi({
      desk: desk.desk,
      settings: () => ({ settings: {}, keys: [], emailKeys: {}, defaultMailbox: null }),
      now: desk.now,
      tmp: folder,
    }).calls
    const example = call?.schema.example
    const { status, body } = await curl(`${desk.url}${example?.path ?? ''}`, ...(example?.curl ?? []))
    expect([status, body]).toEqual(success)
    expect(await newest()).toMatchObject({ udata: { key1: 'value1', key2: 'value2' } })
  })
})

describe('a browser’s form', () => {
  const part = (boundary: string, head: string, content: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`
  const fields = (boundary: string) =>
    FIELDS.map(([name, value]) => part(boundary, `name="${name}"`, value)).join('')
  const pdf = '%PDF-1.7\r\n--not a boundary\r\n\0\u0001\r\n'

  it('of Chromium, with an untouched second picker, is a mail with one file', async () => {
    const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW'
    const body =
      fields(boundary) +
      part(boundary, 'name="userData"', 'Source=website\r\nline two') +
      part(
        boundary,
        'name="files"; filename="Rechnung „März“ %22x%22.pdf"\r\nContent-Type: application/pdf',
        pdf,
      ) +
      part(boundary, 'name="files"; filename=""\r\nContent-Type: application/octet-stream', '') +
      `--${boundary}--\r\n`
    expect(await sendBody(`multipart/form-data; boundary=${boundary}`, body)).toEqual(success)
    const mail = await newest()
    expect(mail).toMatchObject({
      ...SAMPLE,
      udata: { ...SAMPLE.udata, Source: 'website\r\nline two' },
      attachments: [
        { name: 'Rechnung „März“ "x".pdf', content_type: 'application/pdf', size: Buffer.byteLength(pdf) },
      ],
    })
    expect(mail?.attachments.map(({ sha256 }) => desk.blobs.read(sha256))).toEqual([Buffer.from(pdf)])
  })

  it('of Firefox is the same', async () => {
    const boundary = '---------------------------279412345678901234567890'
    const body =
      fields(boundary) +
      part(boundary, 'name="files"; filename="a.pdf"\r\nContent-Type: application/pdf', pdf) +
      `--${boundary}--\r\n`
    expect(await sendBody(`multipart/form-data; boundary=${boundary}`, body)).toEqual(success)
    expect(await newest()).toMatchObject({ ...SAMPLE, attachments: [{ name: 'a.pdf' }] })
  })

  it('without enctype comes urlencoded, with the name of its file as a field that is ignored', async () => {
    const body =
      'firstName=Name&lastName=LastName&fromAddress=john%40doe.com&subject=Hi+hello&text=This+is+the+text&files=a.pdf'
    expect(await sendBody('application/x-www-form-urlencoded', body)).toEqual(success)
    expect(await newest()).toMatchObject({ ...SAMPLE, attachments: [] })
  })
})
