import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { SettingsFile } from '../../../src-main/contract/settings.ts'
import { DAY } from '../../support/open-store.ts'
import {
  answer,
  type AnsweringDesk,
  openAnsweringDesk,
  SETTINGS,
  type Told,
  told,
  XML,
  xmlAnswer,
} from './answering.ts'

/** Files of an activity response: uploaded before, kept a day, used once, by their uploader only (contract 05, 5.1 and 5.5). */

const run = promisify(execFile)
const MB = 1_048_576

let desk: AnsweringDesk
afterEach(() => desk.close())

function withFiles(...attachment: readonly object[]): { readonly body: unknown } {
  return { body: answer({ attachments: { attachment } }) }
}

async function post(
  form: FormData,
  {
    key = 'k-ann',
    headers = {},
    query = '',
  }: { key?: string | null; headers?: Record<string, string>; query?: string } = {},
): Promise<Told> {
  return await told(
    await fetch(`${desk.url}/core/casemgr/v3/attachment${query}`, {
      method: 'POST',
      headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
      body: form,
    }),
  )
}

function formWith(
  ...files: readonly (readonly [part: string, bytes: string | Uint8Array<ArrayBuffer>, name: string])[]
): FormData {
  const form = new FormData()
  for (const [part, bytes, name] of files) form.append(part, new Blob([bytes], { type: 'text/plain' }), name)
  return form
}

describe('an upload', () => {
  it('is an attachment of the answer that names it, byte for byte', async () => {
    desk = await openAnsweringDesk()
    const bytes = new Uint8Array(70_000).map((_, i) => (i * 7919) % 256)
    const file = await desk.upload({ bytes, name: 'C:\\temp\\résumé 1.PNG', type: 'image/png' })
    const empty = await desk.upload({ bytes: '', name: 'empty.txt' })
    const { json } = await desk.respond(
      withFiles(
        { altId: file, inline: true, contentId: 'logo@x' },
        { altId: empty, inline: false, contentId: 'ignored' },
      ),
    )
    const stored = (await desk.store.apiInteractions({}, { index: 0, count: 20 })).find(
      ({ activity_id }) => String(activity_id) === (json as { id: string }).id,
    )
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(stored?.attachments).toEqual([
      {
        id: expect.any(String),
        name: 'résumé 1.PNG',
        content_type: 'image/png',
        size: 70_000,
        sha256,
        content_id: 'logo@x',
        inline: true,
      },
      {
        id: expect.any(String),
        name: 'empty.txt',
        content_type: 'text/plain',
        size: 0,
        sha256: createHash('sha256').digest('hex'),
        content_id: null,
        inline: false,
      },
    ])
    expect(Buffer.compare(desk.blobs.read(sha256) ?? new Uint8Array(), bytes)).toBe(0)
    expect((await desk.stored()).tmp).toEqual([])
  })

  it('is enough of an answer by itself, one object instead of a list', async () => {
    desk = await openAnsweringDesk()
    const altId = await desk.upload({})
    const body = answer({
      subject: undefined,
      payload: undefined,
      attachments: { attachment: { altId: altId.toUpperCase() } },
    })
    expect((await desk.respond({ body })).status).toBe(201)
  })

  it('is made with curl, and answered in XML where that is accepted', async () => {
    desk = await openAnsweringDesk()
    const file = join(desk.dataDir, 'picture.png')
    writeFileSync(file, 'not really a picture')
    const { stdout } = await run('curl', [
      ...['-sS', `${desk.url}/core/casemgr/v3/attachment`, '-H', 'X-egain-session: k-ann'],
      ...['-H', 'Accept: application/xml', '-F', `file=@${file}`, '-i'],
    ])
    expect(stdout).toMatch(/^HTTP\/1\.1 201 Created\r\n/)
    expect(stdout).toContain('\r\nx-egain-session: k-ann\r\n')
    const altId = /<attachment><altId>([0-9a-f-]{36})<\/altId><\/attachment>$/.exec(stdout)?.[1] ?? ''
    const xml = xmlAnswer(`<attachments><attachment><altId>${altId}</altId></attachment></attachments>`)
    expect((await desk.respond({ headers: XML, body: xml })).status).toBe(201)
  })

  it('is used once', async () => {
    desk = await openAnsweringDesk()
    const altId = await desk.upload({})
    expect((await desk.respond(withFiles({ altId }))).status).toBe(201)
    const kept = await desk.stored()
    expect(await desk.respond(withFiles({ altId }))).toMatchObject({ status: 400, json: { code: '400-112' } })
    expect(await desk.stored()).toEqual(kept)
  })

  it('is used once, also where two answers name it at once', async () => {
    desk = await openAnsweringDesk()
    const altId = await desk.upload({})
    const answers = await Promise.all([1, 2, 3, 4].map(() => desk.respond(withFiles({ altId }))))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 400, 400, 400])
    expect(answers.find(({ status }) => status === 400)?.json).toMatchObject({ code: '400-112' })
    expect((await desk.stored()).interactions).toBe(6)
  })

  it('is not used up by an answer that is refused', async () => {
    desk = await openAnsweringDesk()
    const altId = await desk.upload({})
    const refusals = [
      await desk.respond({ ...withFiles({ altId }), activity: desk.fromCarl }),
      await desk.respond({
        body: answer({ subject: 'x'.repeat(1_025), attachments: { attachment: { altId } } }),
      }),
      await desk.respond(withFiles({ altId }, { altId: '019df237-3e80-75f3-8bd4-8b9ec8e3b480' })),
      await desk.respond(withFiles({ altId, inline: true })),
    ]
    expect(refusals.map(({ json }) => (json as { code: string }).code)).toEqual([
      '403-101',
      '400-115',
      '400-112',
      '400-112',
    ])
    expect((await desk.respond(withFiles({ altId }))).status).toBe(201)
  })

  it('is its uploader’s only, who stays so on behalf of somebody else', async () => {
    desk = await openAnsweringDesk()
    const bobs = await desk.upload({ key: 'k-bob' })
    const anns = await desk.upload({ key: 'k-ann' })
    const kept = await desk.stored()
    expect(await desk.respond(withFiles({ altId: bobs }))).toMatchObject({ json: { code: '400-112' } })
    const forBob = { activity: desk.fromBob, query: '?customer=1001' }
    expect(await desk.respond({ ...forBob, ...withFiles({ altId: bobs }) })).toMatchObject({
      json: { code: '400-112' },
    })
    // Nor with a key that could be a repeat's: the upload stays where it is.
    expect(
      await desk.respond({ ...withFiles({ altId: bobs }), headers: { 'idempotency-key': 'a' } }),
    ).toMatchObject({ json: { code: '400-112' } })
    expect(await desk.stored()).toEqual(kept)
    expect((await desk.respond({ ...forBob, ...withFiles({ altId: anns }) })).status).toBe(201)
    expect(
      (await desk.respond({ activity: desk.fromBob, key: 'k-bob', ...withFiles({ altId: bobs }) })).status,
    ).toBe(201)
  })

  it('is kept 24 hours and not a moment longer', async () => {
    desk = await openAnsweringDesk()
    const [first, second] = [await desk.upload({ bytes: 'a' }), await desk.upload({ bytes: 'b' })]
    desk.pass(DAY)
    expect((await desk.respond(withFiles({ altId: first }))).status).toBe(201)
    desk.pass(1)
    expect(await desk.respond(withFiles({ altId: second }))).toMatchObject({ json: { code: '400-112' } })
  })

  it('takes its limits from section email', async () => {
    const email: NonNullable<SettingsFile['api']>['email'] = {
      max_files: 2,
      max_size: '1KB',
      file_types: 'TXT, .csv',
    }
    desk = await openAnsweringDesk({ settings: { email } })
    const upload = async (size: number, name: string) =>
      (await post(formWith(['file', 'x'.repeat(size), name]))).json
    expect(await upload(1_024, 'a.txt')).toEqual({ altId: expect.any(String) })
    expect(await upload(1_025, 'a.txt')).toEqual({
      code: '400-115',
      developerMessage: 'The file is larger than 1024 bytes.',
    })
    for (const name of ['a.png', 'a', '.txt', 'a.txt.exe', 'a.txt/..'])
      expect([name, await upload(1, name)]).toEqual([
        name,
        { code: '400-112', developerMessage: 'Files of this type are not taken, only: txt, csv.' },
      ])
    expect((await desk.stored()).blobs).toBe(1)

    // Of one answer together.
    const [a, b, c] = [
      await desk.upload({ bytes: 'x'.repeat(1_000) }),
      await desk.upload({ bytes: 'x'.repeat(24) }),
      await desk.upload({ bytes: 'x' }),
    ]
    expect(await desk.respond(withFiles({ altId: a }, { altId: b }, { altId: c }))).toMatchObject({
      json: { code: '400-115', developerMessage: 'There are more than 2 attachments.' },
    })
    const d = await desk.upload({ bytes: 'x'.repeat(25) })
    expect(await desk.respond(withFiles({ altId: a }, { altId: d }))).toMatchObject({
      json: { code: '400-115', developerMessage: 'The attachments are larger than 1024 bytes.' },
    })
    expect((await desk.respond(withFiles({ altId: a }, { altId: b }))).status).toBe(201)
  })

  it('has a limit of 10 files of 10 MB together where no setting says another', async () => {
    desk = await openAnsweringDesk()
    const bytes = new Uint8Array(10 * MB)
    expect((await post(formWith(['file', bytes, 'a.zip']))).status).toBe(201)
    expect(await post(formWith(['file', new Uint8Array(10 * MB + 1), 'a.zip']))).toMatchObject({
      status: 400,
      json: { code: '400-115' },
    })
    const files = await Promise.all(Array.from({ length: 11 }, () => desk.upload({})))
    expect(await desk.respond(withFiles(...files.map((altId) => ({ altId }))))).toMatchObject({
      json: { code: '400-115' },
    })
    expect((await desk.respond(withFiles(...files.slice(1).map((altId) => ({ altId }))))).status).toBe(201)
    expect((await desk.stored()).tmp).toEqual([])
  })

  it('refuses 2,000 names of files without looking for each', async () => {
    desk = await openAnsweringDesk()
    const many = Array.from({ length: 2_000 }, (_, i) => ({
      altId: `019df237-3e80-75f3-8bd4-${String(i).padStart(12, '0')}`,
    }))
    expect(await desk.respond(withFiles(...many))).toMatchObject({ json: { code: '400-115' } })
  })
})

describe('an upload is refused', () => {
  it.each([
    ['without a token', '401-101', formWith(['file', 'a', 'a.txt']), { key: null }],
    ['with a token that stands for nobody', '401-101', formWith(['file', 'a', 'a.txt']), { key: 'k-nobody' }],
    ['without the right', '403-101', formWith(['file', 'a', 'a.txt']), { key: 'k-weak' }],
    [
      'where nothing can be answered',
      '406-101',
      formWith(['file', 'a', 'a.txt']),
      { headers: { accept: 'image/png' } },
    ],
    ['with a parameter', '400-101', formWith(['file', 'a', 'a.txt']), { query: '?customer=1001' }],
    ['without a file', '400-102', formWith(), {}],
    ['with a file in another part', '400-102', formWith(['files', 'a', 'a.txt']), {}],
    ['with two files', '400-115', formWith(['file', 'a', 'a.txt'], ['file', 'b', 'b.txt']), {}],
  ] as const)('%s', async (_, code, form, ask) => {
    desk = await openAnsweringDesk()
    const kept = await desk.stored()
    const { status, json } = await post(form, ask)
    expect([status, json]).toMatchObject([Number(code.slice(0, 3)), { code }])
    expect(await desk.stored()).toEqual(kept)
  })

  it.each([
    ['JSON', 'application/json', '{"file":"a"}'],
    ['pairs', 'application/x-www-form-urlencoded', 'file=a'],
    ['a form without a boundary', 'multipart/form-data', '--x\r\n'],
    [
      'a form that never ends',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc',
    ],
    [
      'a form of another boundary',
      'multipart/form-data; boundary=x',
      '--y\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc\r\n--y--\r\n',
    ],
    ['nothing', 'multipart/form-data; boundary=x', ''],
  ])('as %s', async (_, type, body) => {
    desk = await openAnsweringDesk()
    const kept = await desk.stored()
    const { status, json } = await desk.respond({
      path: '/core/casemgr/v3/attachment',
      headers: { 'content-type': type },
      body,
    })
    expect([status, json]).toMatchObject([400, { code: '400-102' }])
    expect(await desk.stored()).toEqual(kept)
  })
})

describe('an Idempotency-Key', () => {
  it('gives an answer with files the same answer again, and stores it once', async () => {
    desk = await openAnsweringDesk()
    const altId = await desk.upload({})
    const ask = { ...withFiles({ altId }), headers: { 'idempotency-key': 'k1' } }
    const first = await desk.respond(ask)
    const kept = await desk.stored()
    const again = await desk.respond(ask)
    expect([first.status, again.status]).toEqual([201, 201])
    expect([again.text, again.headers.get('location')]).toEqual([first.text, first.headers.get('location')])
    const xml = await desk.respond({ ...ask, headers: { ...ask.headers, accept: 'application/xml' } })
    expect(xml.text).toBe(`<activity id="${(first.json as { id: string }).id}"/>`)
    expect(await desk.stored()).toEqual(kept)
  })

  it('used for another answer is refused by 409-101', async () => {
    desk = await openAnsweringDesk()
    const headers = { 'idempotency-key': 'k1' }
    expect((await desk.respond({ headers })).status).toBe(201)
    const kept = await desk.stored()
    for (const ask of [
      { headers, body: answer({ subject: 'Another one' }) },
      { headers, activity: desk.toAnn },
      { headers, query: '?customer=1000' },
    ])
      expect(await desk.respond(ask)).toMatchObject({ status: 409, json: { code: '409-101' } })
    expect(await desk.stored()).toEqual(kept)
  })

  it('is its caller’s own, and forgotten after a day', async () => {
    desk = await openAnsweringDesk()
    const headers = { 'idempotency-key': 'k1' }
    const anns = await desk.respond({ headers })
    const bobs = await desk.respond({ headers, activity: desk.fromBob, key: 'k-bob' })
    desk.pass(DAY + 1)
    const later = await desk.respond({ headers })
    const ids = [anns, bobs, later].map(({ json }) => (json as { id: string }).id)
    expect(new Set(ids).size).toBe(3)
  })

  it('gives an upload the same altId again, another file 409-101', async () => {
    desk = await openAnsweringDesk()
    const ask = { headers: { 'idempotency-key': 'k1' } }
    const first = await post(formWith(['file', 'a', 'a.txt']), ask)
    const again = await post(formWith(['file', 'a', 'a.txt']), ask)
    const other = await post(formWith(['file', 'b', 'a.txt']), ask)
    expect([first.status, again.text]).toEqual([201, first.text])
    expect(other).toMatchObject({ status: 409, json: { code: '409-101' } })
    expect(await desk.stored()).toMatchObject({ blobs: 1, tmp: [] })
  })

  it('of a refused answer is free for another try', async () => {
    desk = await openAnsweringDesk()
    const headers = { 'idempotency-key': 'k1' }
    expect((await desk.respond({ headers, body: answer({ subject: 'x'.repeat(1_025) }) })).status).toBe(400)
    expect((await desk.respond({ headers })).status).toBe(201)
  })
})

it('an alias, a centre or an attribute that the settings gain is taken from then on', async () => {
  desk = await openAnsweringDesk()
  const body = answer({ customAttributes: { later: 'yes' } })
  expect((await desk.respond({ body })).status).toBe(400)
  await desk.set({
    api: {
      ...SETTINGS,
      activity: { ...SETTINGS.activity, customAttributes: [{ name: 'later', values: ['yes'] }] },
    },
  })
  expect((await desk.respond({ body })).status).toBe(201)
})
