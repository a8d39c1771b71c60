import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { contactsEmailApi } from '../../../src-main/api/contacts-email.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { incoming, message, SAMPLE } from '../../support/contacts-email.ts'
import { stored } from '../../support/gms.ts'

/** POST /contacts/email: its members and its faults, statement by statement (contract 03, 3.1 and 3.3), over HTTP. */

let desk: ServedApis
beforeAll(async () => {
  desk = await serveApis({
    apis: [contactsEmailApi],
    settings: {
      contacts: { entities: [SAMPLE.metadata] },
      keys: [{ key: 'k-contacts', name: 'Analytics', scopes: ['contacts:write'] }],
    },
  })
})
afterAll(() => desk.close())

async function post(body: unknown): Promise<{ status: number; body: unknown }> {
  // Only a test asks so often.
  desk.pass(1_000)
  const answer = await fetch(`${desk.url}/contacts/email`, {
    method: 'POST',
    headers: { authorization: 'Bearer k-contacts', 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

/** A message of a conversation of its own. */
const fresh = (
  data: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {},
) => message({ convId: randomUUID(), ...data }, metadata)

async function accepted(body: unknown) {
  const newest = async () => (await desk.store.apiInteractions({}, { index: 0, count: 1 }))[0]
  const before = await newest()
  expect(await post(body)).toEqual({ status: 202, body: { status: 202, message: 'accepted' } })
  const mail = await newest()
  expect(mail?.interaction_id).not.toBe(before?.interaction_id)
  return mail
}

const faultsSchema = z.strictObject({
  status: z.literal(400),
  errors: z.array(
    z.strictObject({ type: z.literal('/errors/contact-payload'), title: z.string(), detail: z.string() }),
  ),
})

/** `title path` of each entry of a 400, after a look at what it left behind: nothing. */
async function faults(body: unknown): Promise<string[]> {
  const before = await stored(desk)
  const answer = await post(body)
  expect(answer.status).toBe(400)
  expect(await stored(desk)).toEqual(before)
  return faultsSchema
    .parse(answer.body)
    .errors.map(({ title, detail }) => `${title} ${/^(.*?):/s.exec(detail)?.[1] ?? detail}`)
}

describe('a mandatory member', () => {
  const members = [
    ...Object.keys(SAMPLE.metadata).map((name) => ['metadata', name] as const),
    ...Object.keys(SAMPLE.data)
      .filter((name) => name !== 'journeyId')
      .map((name) => ['data', name] as const),
  ]

  it.each(members)('%s.%s that isn’t there is missing', async (part, name) => {
    const body = part === 'data' ? message({ [name]: undefined }) : message({}, { [name]: undefined })
    expect(await faults(body)).toEqual([`missing-attribute ${part}.${name}`])
  })

  it.each(members)('%s.%s of another type is invalid, and so is null', async (part, name) => {
    for (const value of [null, true, { a: 1 }, name === 'ts' || name === 'to' ? 'text' : 1]) {
      const body = part === 'data' ? message({ [name]: value }) : message({}, { [name]: value })
      expect(await faults(body)).toEqual([`invalid-attribute ${part}.${name}`])
    }
  })

  it.each(members.filter(([, name]) => name !== 'ts' && name !== 'to'))(
    '%s.%s that is empty is invalid',
    async (part, name) => {
      const body = part === 'data' ? message({ [name]: '' }) : message({}, { [name]: '' })
      expect(await faults(body)).toEqual([`invalid-attribute ${part}.${name}`])
    },
  )

  it('is one entry each, all of them in one answer', async () => {
    const all = members.map(([part, name]) => `missing-attribute ${part}.${name}`)
    for (const body of [{}, { metadata: {}, data: {} }, { other: 1 }]) expect(await faults(body)).toEqual(all)
    expect(await faults({ metadata: 1, data: [] })).toEqual([
      'invalid-attribute metadata',
      'invalid-attribute data',
    ])
    expect(
      await faults(
        message({ sub: undefined, lang: 'de-de', ts: 1, to: ['x', 'a@b.test', 'y'], cc: 1 }, { catName: '' }),
      ),
    ).toEqual([
      'invalid-attribute metadata.catName',
      'invalid-attribute data.lang',
      'missing-attribute data.sub',
      'invalid-attribute data.ts',
      'invalid-attribute data.to[0]',
      'invalid-attribute data.to[2]',
      'invalid-attribute data.cc',
    ])
  })

  it.each(['[]', '"text"', '1', 'null', 'true'])('is nowhere in %s, which is no object', async (body) => {
    expect(await faults(body)).toEqual(['invalid-attribute The body must be a JSON object.'])
  })
})

describe('a length', () => {
  it.each([
    ['metadata', 'tenantName', 128],
    ['metadata', 'orgName', 128],
    ['metadata', 'catName', 128],
    ['data', 'sub', 78],
    ['data', 'agentId', 50],
    ['data', 'psId', 50],
  ] as const)('of %s.%s is at most %s… and not one more', async (part, name, max) => {
    const longest = '😀'.repeat(max)
    if (part === 'metadata') {
      const entity = { ...SAMPLE.metadata, [name]: longest }
      await desk.set({ api: { contacts: { entities: [SAMPLE.metadata, entity] } } })
      expect(await accepted(fresh({}, { [name]: longest }))).toBeTruthy()
      expect(await faults(message({}, { [name]: `${longest}a` }))).toEqual([
        `attribute-length ${part}.${name}`,
      ])
    } else {
      expect(await accepted(fresh({ [name]: longest }))).toBeTruthy()
      expect(await faults(message({ [name]: `${longest}a` }))).toEqual([`attribute-length ${part}.${name}`])
    }
  })

  it.each(['agentEmailId', 'psEmailId', 'from'])('of data.%s is at most 256 characters', async (name) => {
    const longest = `${'a'.repeat(249)}@b.test`
    expect(await accepted(fresh({ [name]: longest }))).toBeTruthy()
    expect(await faults(message({ [name]: `a${longest}` }))).toEqual([`attribute-length data.${name}`])
  })

  it('of each recipient is at most 256 characters, and there are at most 500', async () => {
    const longest = `${'a'.repeat(249)}@b.test`
    for (const name of ['to', 'cc', 'bcc']) {
      expect(await accepted(fresh({ [name]: [longest] }))).toBeTruthy()
      expect(await faults(message({ [name]: ['a@b.test', `a${longest}`] }))).toEqual([
        `attribute-length data.${name}[1]`,
      ])
      const many = Array.from({ length: 500 }, (_, i) => `p${i}@b.test`)
      expect(await accepted(fresh({ [name]: many }))).toBeTruthy()
      expect(await faults(message({ [name]: [...many, 'one@b.test'] }))).toEqual([
        `attribute-length data.${name}`,
      ])
    }
  })

  it('of data.body is at most 1 MB, counted as UTF-8', async () => {
    const body = `${'😀'.repeat(262_143)}ab`
    expect(Buffer.byteLength(body)).toBe(1_048_574)
    expect((await accepted(fresh({ body: `${body}cd` })))?.text).toBe(`${body}cd`)
    expect(await faults(message({ body: `${body}cde` }))).toEqual(['attribute-length data.body'])
  })

  it('of ids and of the language comes before their form', async () => {
    const long = 'x'.repeat(257)
    expect(
      await faults(message({ convId: long, msgId: 'x'.repeat(37), lang: 'us-eng', journeyId: long })),
    ).toEqual([
      'attribute-length data.convId',
      'attribute-length data.msgId',
      'attribute-length data.lang',
      'attribute-length data.journeyId',
    ])
  })
})

describe('an id', () => {
  it.each([
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '0238EF3C-4252-11EA-B77F-2E728CE88125',
    '019df237-3e80-758d-a02a-6afabd4ffb07',
  ])('%s is a UUID', async (id) => {
    await accepted(message({ convId: id, msgId: id, journeyId: id }))
  })

  it.each([
    'x',
    '0238ef3c425211eab77f2e728ce88125',
    '{0238ef3c-4252-11ea-b77f-2e728ce88125}',
    'urn:uuid:0238ef3c-4252-11ea-b77f-2e728ce88125',
    '0238ef3c-4252-11ea-b77f-2e728ce8812g',
    '0238ef3c-4252-11ea-b77f-2e728ce8812',
    ' 0238ef3c-4252-11ea-b77f-2e728ce88125',
    '0238ef3c-4252-11ea-b77f-2e728ce88125\n',
  ])('%j is none', async (id) => {
    expect(await faults(message({ convId: id, journeyId: id }))).toEqual([
      'invalid-attribute data.convId',
      'invalid-attribute data.journeyId',
    ])
    const [fault] = await faults(message({ msgId: id }))
    expect(fault).toBe(`${id.length > 36 ? 'attribute-length' : 'invalid-attribute'} data.msgId`)
  })

  it('of a journey may be left out', async () => {
    const mail = await accepted(fresh({ journeyId: undefined }))
    expect(mail?.udata).not.toHaveProperty('journeyId')
  })
})

describe('a time', () => {
  it.each([100_000_000_000, 1_577_836_800_000, 253_402_300_799_999])('of %i ms is one', async (ts) => {
    expect(await accepted(fresh({ ts }))).toMatchObject({ sent_date: new Date(ts).toISOString() })
  })

  it.each([
    99_999_999_999,
    1_577_836_800,
    253_402_300_800_000,
    0,
    -1,
    1_577_836_800_000.5,
    1e300,
    '1577836800000',
  ])('of %j is none', async (ts) => {
    expect(await faults(message({ ts }))).toEqual(['invalid-attribute data.ts'])
  })
})

describe('a language', () => {
  it.each(['us-en', 'au-en', 'gb-en', 'US-EN', 'Gb-En'])('%s is supported', async (lang) => {
    expect((await accepted(fresh({ lang })))?.udata).toMatchObject({ lang })
  })

  it.each(['en-us', 'us_en', 'de', 'fr-fr'])('%s is not', async (lang) => {
    expect(await faults(message({ lang }))).toEqual(['invalid-attribute data.lang'])
  })
})

describe('an address', () => {
  it.each([
    'agent1',
    'Agent <agent1@xyz.com>',
    'a@xyz.com,b@xyz.com',
    'a b@xyz.com',
    'agent1@xyz.com\r\nBcc: all@x.test',
    'agent1\u0000@xyz.com',
    'a@@xyz.com',
  ])('%j is none, wherever it stands', async (address) => {
    expect(
      await faults(
        message({
          agentEmailId: address,
          psEmailId: address,
          from: address,
          to: [address],
          cc: [address],
          bcc: ['fine@x.test', address],
        }),
      ),
    ).toEqual(
      ['agentEmailId', 'psEmailId', 'from', 'to[0]', 'cc[0]', 'bcc[1]'].map(
        (name) => `invalid-attribute data.${name}`,
      ),
    )
  })

  it('is needed once at least in a list that is there', async () => {
    expect(await faults(message({ to: [], cc: [], bcc: [] }))).toEqual([
      'invalid-attribute data.to',
      'invalid-attribute data.cc',
      'invalid-attribute data.bcc',
    ])
    expect(await faults(message({ to: 'a@b.test', cc: 'a@b.test' }))).toEqual([
      'invalid-attribute data.to',
      'invalid-attribute data.cc',
    ])
  })
})

describe('a metadata map', () => {
  const map = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`key-${i}`, i]))
  const other = { tenantName: 'Acme Corp', orgName: 'Sales', catName: 'Limits' }
  beforeAll(() => desk.set({ api: { contacts: { entities: [SAMPLE.metadata, other] } } }))

  it('has at most 50 keys', async () => {
    await accepted(fresh({}, { ...other, metadataMap: map(50) }))
    expect(await faults(message({}, { metadataMap: map(51) }))).toEqual([
      'metadata-limit metadata.metadataMap',
    ])
  })

  it('has at most 50 keys of all messages of its tenant, org and cat together', async () => {
    expect(await faults(fresh({}, { ...other, metadataMap: { one: 'more' } }))).toEqual([
      'metadata-limit metadata.metadataMap',
    ])
    await accepted(fresh({}, { ...other, metadataMap: { 'key-49': 'known' } }))
    // Another category has keys of its own.
    await accepted(fresh({}, { metadataMap: { one: 'more' } }))
  })

  it.each([
    ['a string', 'text'],
    ['an array', ['a']],
    ['null', null],
    ['a number', 1],
  ])('that is %s is invalid', async (_, metadataMap) => {
    expect(await faults(message({}, { metadataMap }))).toEqual(['invalid-attribute metadata.metadataMap'])
  })

  it('holds strings, numbers and booleans, kept as text in the order of their keys', async () => {
    const metadataMap = { zeta: 'Z', alpha: 1.5, beta: true, gamma: false, empty: '', delta: 0 }
    const { udata } = (await accepted(fresh({}, { metadataMap }))) ?? {}
    expect(Object.entries(udata ?? {}).slice(0, 6)).toEqual([
      ['zeta', 'Z'],
      ['alpha', '1.5'],
      ['beta', 'true'],
      ['gamma', 'false'],
      ['empty', ''],
      ['delta', '0'],
    ])
  })

  it('holds nothing nested and no null; each is told', async () => {
    expect(await faults(message({}, { metadataMap: { a: null, b: { c: 1 }, d: ['e'], fine: 1 } }))).toEqual([
      'invalid-attribute metadata.metadataMap.a',
      'invalid-attribute metadata.metadataMap.b',
      'invalid-attribute metadata.metadataMap.d',
    ])
  })

  it('has keys of 1 to 128 and values of at most 2,048 characters', async () => {
    const key = '😀'.repeat(128)
    const value = '😀'.repeat(2_048)
    expect((await accepted(fresh({}, { metadataMap: { [key]: value } })))?.udata?.[key]).toBe(value)
    expect(await faults(message({}, { metadataMap: { [`${key}a`]: 1 } }))).toMatchObject([
      /^attribute-length /,
    ])
    expect(await faults(message({}, { metadataMap: { a: `${value}b` } }))).toEqual([
      'attribute-length metadata.metadataMap.a',
    ])
    expect(await faults(message({}, { metadataMap: { '': 'x' } }))).toEqual([
      'invalid-attribute metadata.metadataMap.',
    ])
  })

  it.each([
    ...['tenantName', 'orgName', 'catName', 'metadataMap', 'convId', 'msgId', 'lang', 'sub', 'ts', 'body'],
    ...['agentId', 'psId', 'agentEmailId', 'psEmailId', 'from', 'to', 'cc', 'bcc', 'journeyId'],
    ...['contactId', 'callId'],
  ])('may not use %s in any case, and says so', async (key) => {
    for (const written of [key, key.toUpperCase(), key.toLowerCase()]) {
      const { body } = await post(message({}, { metadataMap: { fine: 1, [written]: 'x' } }))
      expect(faultsSchema.parse(body).errors).toEqual([
        {
          type: '/errors/contact-payload',
          title: 'metadata-restricted',
          detail: `metadata.metadataMap.${written}: ${written} is a restricted key.`,
        },
      ])
    }
  })

  it('takes __proto__, constructor and prototype as any other key', async () => {
    const text = JSON.stringify(fresh({}, { metadataMap: { a: 1 } })).replace(
      '{"a":1}',
      '{"__proto__":"x","constructor":"y","prototype":"z"}',
    )
    const { udata } = (await accepted(text)) ?? {}
    expect(Object.entries(udata ?? {}).slice(0, 3)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['prototype', 'z'],
    ])
    expect('x' in {}).toBe(false)
  })

  it('of thousands of bad keys doesn’t get an answer that is larger than itself', async () => {
    const metadataMap = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, null]))
    const told = await faults(message({}, { metadataMap }))
    expect(told[0]).toBe('metadata-limit metadata.metadataMap')
    expect(told.length).toBeLessThanOrEqual(101)
  })
})

describe('members that the document doesn’t name', () => {
  it('are ignored', async () => {
    const body = { ...incoming({ msgId: randomUUID(), extra: { deep: [1] }, tenantName: 'Evil' }), more: 1 }
    const mail = await accepted(body)
    expect(mail?.udata).not.toHaveProperty('extra')
    expect(mail?.udata).toMatchObject({ tenantName: 'Acme Corp' })
  })
})
