import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiSettingsSchema } from '../../../src-main/contract/settings.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { arrival, person, sentArrival } from '../../support/open-store.ts'
import { answer, type AnsweringDesk, type Ask, openAnsweringDesk, told, XML, xmlAnswer } from './answering.ts'

/** What isn't taken, with which code, and that nothing of it stays (contract 05, 5.1, 5.2 and 5.5). */

let desk: AnsweringDesk
let before: Awaited<ReturnType<AnsweringDesk['stored']>>
beforeAll(async () => {
  desk = await openAnsweringDesk()
  before = await desk.stored()
})
afterAll(() => desk.close())

interface Case extends Omit<Ask, 'activity'> {
  readonly what: string
  readonly code: string
  readonly activity?: 'fromAnn' | 'toAnn' | 'fromBob' | 'fromCarl' | 'chat'
  /** In place of a mail's. */
  readonly ids?: string
}

async function refused({ activity, ids, ...ask }: Case): Promise<{ status: number; json: unknown }> {
  const { status, json } = await desk.respond({
    ...ask,
    ...(ids !== undefined && { activity: ids }),
    ...(activity && { activity: desk[activity] }),
  })
  return { status, json }
}

const one = (length: number) => 'x'.repeat(length)
const email = (email: object) => ({ body: answer({}, email) })
const root = (special: object) => ({ body: answer(special) })
const from = (from: unknown) => email({ emailAddresses: { from } })
const attributes = (customAttributes: unknown) => root({ customAttributes })
const attachment = (attachment: unknown) => root({ attachments: { attachment } })
const someId = '019df237-3e80-75f3-8bd4-8b9ec8e3b480'

const cases: readonly Case[] = [
  { what: 'no token', code: '401-101', key: null },
  { what: 'a wrong token', code: '401-101', key: 'k-nobodys' },
  { what: 'another scheme', code: '401-101', key: null, headers: { authorization: 'Basic ay1hbm46' } },
  { what: 'a token that stands for no customer', code: '401-101', key: 'k-nobody' },
  { what: 'a key in x-api-key', code: '401-101', key: null, headers: { 'x-api-key': 'k-ann' } },

  { what: 'HTML as the only answer', code: '406-101', headers: { accept: 'text/html' } },
  {
    what: 'both types refused',
    code: '406-101',
    headers: { accept: 'application/json;q=0, application/xml;q=0' },
  },

  { what: 'an unsupported parameter', code: '400-101', query: '?foo=1' },
  { what: 'the right parameter in another case', code: '400-101', query: '?Customer=1000' },

  { what: 'no body', code: '400-102', body: null },
  { what: 'an empty body', code: '400-102', body: '' },
  { what: 'a body of blanks', code: '400-102', body: '  ' },
  { what: 'broken JSON', code: '400-102', body: '{"type":' },
  { what: 'a JSON array', code: '400-102', body: '[]' },
  { what: 'a JSON text', code: '400-102', body: '"email"' },
  { what: 'JSON null', code: '400-102', body: 'null' },
  { what: 'invalid UTF-8', code: '400-102', body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]) },
  { what: 'JSON 33 levels deep', code: '400-102', body: `{"a":${'['.repeat(32)}${']'.repeat(32)}}` },
  { what: 'another content type', code: '400-102', headers: { 'content-type': 'text/plain' } },
  {
    what: 'a form',
    code: '400-102',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'a=b',
  },
  {
    what: 'another charset',
    code: '400-102',
    headers: { 'content-type': 'application/json; charset=latin1' },
  },
  { what: 'JSON called XML', code: '400-102', headers: XML },
  { what: 'XML called JSON', code: '400-102', body: xmlAnswer() },
  { what: 'another root', code: '400-102', headers: XML, body: '<case/>' },
  { what: 'a subject that is no text', code: '400-102', ...root({ subject: 5 }) },
  {
    what: 'two subjects',
    code: '400-102',
    headers: XML,
    body: xmlAnswer('<subject>a</subject><subject>b</subject>'),
  },
  { what: 'a payload that is no object', code: '400-102', ...root({ payload: [1] }) },
  { what: 'addresses that are no object', code: '400-102', ...email({ emailAddresses: ['ann@x.test'] }) },
  { what: 'another key in content', code: '400-102', ...email({ content: { text: 'a', rtf: 'b' } }) },
  { what: 'text that is no text', code: '400-102', ...email({ content: { text: ['a'] } }) },
  { what: 'content that is a text', code: '400-102', ...email({ content: 'a' }) },
  {
    what: 'markup that isn’t escaped',
    code: '400-102',
    headers: XML,
    body: xmlAnswer('', '<content><html><p>a</p></html></content>'),
  },
  {
    what: 'content and contents',
    code: '400-102',
    headers: XML,
    body: xmlAnswer(
      '',
      '<content><text>a</text></content><contents><content><type>text</type><value>a</value></content></contents>',
    ),
  },
  {
    what: 'two texts in contents',
    code: '400-102',
    headers: XML,
    body: xmlAnswer(
      '',
      `<contents>${'<content><type>text</type><value>a</value></content>'.repeat(2)}</contents>`,
    ),
  },
  {
    what: 'another type in contents',
    code: '400-102',
    headers: XML,
    body: xmlAnswer('', '<contents><content><type>rtf</type><value>a</value></content></contents>'),
  },
  { what: 'an Idempotency-Key that is too long', code: '400-102', headers: { 'idempotency-key': one(256) } },

  { what: 'two activities', code: '400-113', ids: '1001,1002' },
  { what: 'two activities, the comma encoded', code: '400-113', ids: '1001%2C1002' },
  { what: 'the same activity twice', code: '400-113', ids: '1001,1001' },
  { what: 'no number', code: '400-113', ids: 'abc' },
  { what: 'a negative number', code: '400-113', ids: '-1001' },
  { what: 'a broken number', code: '400-113', ids: '1001.5' },
  { what: 'an unknown number', code: '400-113', ids: '999999' },
  { what: 'an unknown interaction', code: '400-113', ids: '0000000000000000' },
  { what: 'an id of 1,500 characters', code: '400-113', ids: one(1_500) },
  { what: 'an id of 1,501 characters', code: '400-113', ids: one(1_501) },
  { what: 'a path as id', code: '400-113', ids: '..%2F1001' },
  { what: 'a chat', code: '400-113', activity: 'chat' },

  { what: 'somebody else’s activity', code: '403-101', activity: 'fromCarl' },
  { what: 'a key without the right', code: '403-101', key: 'k-weak' },
  { what: 'one’s own activity on behalf of another', code: '403-101', query: '?customer=1001' },
  {
    what: 'a third customer’s activity on behalf of another',
    code: '403-101',
    activity: 'fromCarl',
    query: '?customer=1001',
  },
  {
    what: 'a stranger’s activity without a grant',
    code: '403-101',
    activity: 'fromBob',
    query: '?customer=1002',
  },

  { what: 'a customer that is no number', code: '400-114', query: '?customer=bob' },
  { what: 'a customer who granted it, but is no number', code: '400-114', query: '?customer=vip' },
  { what: 'an unknown customer', code: '400-114', query: '?customer=77' },
  { what: 'a customer who granted nothing', code: '400-114', activity: 'fromCarl', query: '?customer=1002' },
  { what: 'two customers', code: '400-114', query: '?customer=1000&customer=1001' },
  {
    what: 'a grant the other way round',
    code: '400-114',
    key: 'k-bob',
    activity: 'fromBob',
    query: '?customer=1000',
  },

  { what: 'no type', code: '400-103', ...root({ type: undefined }) },
  { what: 'a type that is a text', code: '400-103', ...root({ type: 'email' }) },
  {
    what: 'another type',
    code: '400-103',
    ...root({ type: { value: 'chat', subtype: { value: 'general' } } }),
  },
  {
    what: 'a type in capitals',
    code: '400-103',
    ...root({ type: { value: 'Email', subtype: { value: 'general' } } }),
  },
  { what: 'no subtype', code: '400-103', ...root({ type: { value: 'email' } }) },
  {
    what: 'another subtype',
    code: '400-103',
    ...root({ type: { value: 'email', subtype: { value: 'webform' } } }),
  },
  { what: 'an empty object', code: '400-103', body: '{}' },
  { what: 'an empty element', code: '400-103', headers: XML, body: '<activity/>' },

  { what: 'nothing in it', code: '400-104', ...root({ subject: undefined, payload: {} }) },
  {
    what: 'only empty things in it',
    code: '400-104',
    body: answer(
      { subject: ' \r\n', attachments: { attachment: [] } },
      { content: { text: ' \n', html: '' } },
    ),
  },
  {
    what: 'nulls in it',
    code: '400-104',
    body: answer({ subject: null, attachments: null }, { content: { text: null, html: null } }),
  },
  {
    what: 'empty elements in it',
    code: '400-104',
    headers: XML,
    body: xmlAnswer('<subject/><attachments/>', '<content><text/><html></html></content>'),
  },

  { what: 'a from that is no address', code: '400-105', ...from('ann') },
  { what: 'an empty from', code: '400-105', ...from('') },
  { what: 'a from with a name', code: '400-105', ...from('Ann <ann@x.test>') },
  { what: 'two addresses in from', code: '400-105', ...from('ann@x.test,ann2@x.test') },
  { what: 'an array as from', code: '400-105', ...from(['ann@x.test']) },
  { what: 'a line break in from', code: '400-105', ...from('ann@x.test\r\nBcc: all@x.test') },
  {
    what: 'two from elements',
    code: '400-105',
    headers: XML,
    body: xmlAnswer(
      '',
      '<content><text>a</text></content><emailAddresses><from>ann@x.test</from><from>ann2@x.test</from></emailAddresses>',
    ),
  },
  {
    what: 'a receiver that is no address',
    code: '400-105',
    ...email({ emailAddresses: { receiver: 'help' } }),
  },
  {
    what: 'a replyTo that is no address',
    code: '400-105',
    ...email({ emailAddresses: { replyTo: 'a@b@c' } }),
  },
  {
    what: 'a replyTo of 255 characters',
    code: '400-105',
    ...email({ emailAddresses: { replyTo: `${one(248)}@x.test` } }),
  },

  { what: 'somebody else’s from', code: '400-106', ...from('bob@x.test') },
  {
    what: 'from together with customer',
    code: '400-106',
    activity: 'fromBob',
    query: '?customer=1001',
    ...from('bob@x.test'),
  },
  {
    what: 'from together with oneself as customer',
    code: '400-106',
    query: '?customer=1000',
    ...from('ann@x.test'),
  },

  { what: 'an unknown alias', code: '400-107', ...email({ emailAddresses: { receiver: 'who@desk.test' } }) },
  { what: 'an inactive alias', code: '400-107', ...email({ emailAddresses: { receiver: 'old@desk.test' } }) },

  { what: 'an unknown centre', code: '400-108', ...email({ messageCenter: { id: '9' } }) },
  { what: 'an inactive centre', code: '400-108', ...email({ messageCenter: { id: '6' } }) },
  { what: 'a centre that is no object', code: '400-108', ...email({ messageCenter: '5' }) },
  { what: 'a centre whose id is no text', code: '400-108', ...email({ messageCenter: { id: [5] } }) },

  { what: 'an issue type without a centre', code: '400-109', ...root({ issueType: { id: '51' } }) },
  {
    what: 'an issue type of another centre',
    code: '400-109',
    body: answer({ issueType: { id: '71' } }, { messageCenter: { id: '5' } }),
  },
  {
    what: 'an issue type of a centre without any',
    code: '400-109',
    body: answer({ issueType: { id: '51' } }, { messageCenter: { id: '8' } }),
  },

  {
    what: 'an alias of another department',
    code: '400-110',
    ...email({ emailAddresses: { receiver: 'sales@desk.test' } }),
  },
  { what: 'a centre of another department', code: '400-110', ...email({ messageCenter: { id: '7' } }) },
  {
    what: 'alias and centre of two departments',
    code: '400-110',
    ...email({ emailAddresses: { receiver: 'help@desk.test' }, messageCenter: { id: '7' } }),
  },

  { what: 'an unknown attribute', code: '400-111', ...attributes({ colour: 'red' }) },
  { what: 'an attribute in another case', code: '400-111', ...attributes({ Tier: 'gold' }) },
  { what: 'another value of an enumeration', code: '400-111', ...attributes({ tier: 'bronze' }) },
  { what: 'an empty value of an enumeration', code: '400-111', ...attributes({ tier: '' }) },
  ...['+', '<', ';', '>', '/', '!', '\n', '\t', '\u0000', '\u007f', '\\', '%', '*', '$', '[', '~'].map(
    (character) => ({
      what: `${JSON.stringify(character)} in a text attribute`,
      code: '400-111',
      ...attributes({ note: `a${character}b` }),
    }),
  ),
  {
    what: 'half a character in a text attribute',
    code: '400-111',
    body: JSON.stringify(answer()).replace('"subject"', '"customAttributes":{"note":"\\ud800"},"subject"'),
  },
  {
    what: 'an attribute twice in the list',
    code: '400-111',
    ...attributes({
      customAttribute: [
        { name: 'note', value: 'a' },
        { name: 'note', value: 'a' },
      ],
    }),
  },
  {
    what: 'an attribute twice in a map of elements',
    code: '400-111',
    headers: XML,
    body: xmlAnswer('<customAttributes><note>a</note><note>b</note></customAttributes>'),
  },
  {
    what: 'an attribute without a value',
    code: '400-111',
    ...attributes({ customAttribute: { name: 'note' } }),
  },
  { what: 'an attribute whose value is an object', code: '400-111', ...attributes({ note: { a: 1 } }) },
  { what: 'attributes that are a text', code: '400-111', ...attributes('tier=gold') },
  { what: 'a list of texts', code: '400-111', ...attributes(['tier']) },

  { what: 'an attachment without altId', code: '400-112', ...attachment({ inline: true, contentId: 'a' }) },
  { what: 'an altId that is no id', code: '400-112', ...attachment({ altId: "' or 1=1 --" }) },
  { what: 'an unknown altId', code: '400-112', ...attachment({ altId: someId }) },
  {
    what: 'the same altId twice',
    code: '400-112',
    ...attachment([{ altId: someId }, { altId: someId.toUpperCase() }]),
  },
  { what: 'attachments that are a text', code: '400-112', ...root({ attachments: someId }) },
  { what: 'attachments that are an array', code: '400-112', ...root({ attachments: [{ altId: someId }] }) },
  { what: 'inline without contentId', code: '400-112', ...attachment({ altId: someId, inline: true }) },
  {
    what: 'an empty contentId',
    code: '400-112',
    ...attachment({ altId: someId, inline: true, contentId: '' }),
  },
  {
    what: 'a contentId with a line break',
    code: '400-112',
    ...attachment({ altId: someId, inline: true, contentId: 'a\r\nb' }),
  },
  {
    what: 'inline that is neither true nor false',
    code: '400-112',
    ...attachment({ altId: someId, inline: 1 }),
  },

  { what: 'a subject of 1,025 characters', code: '400-115', ...root({ subject: one(1_025) }) },
  { what: 'text of a byte more than 1 MB', code: '400-115', ...email({ content: { text: one(1_048_577) } }) },
  {
    what: 'HTML of a byte more than 1 MB',
    code: '400-115',
    ...email({ content: { html: `${one(1_048_575)}é` } }),
  },
  { what: 'custom attributes of more than 64 KB', code: '400-115', ...attributes({ note: one(65_530) }) },
  { what: 'a body of more than 8 MB', code: '400-115', body: one(8_388_609) },
]

describe('an activity response', () => {
  it.each(cases)('with $what is refused by $code', async (refusal) => {
    const { status, json } = await refused(refusal)
    expect([status, json]).toEqual([
      Number(refusal.code.slice(0, 3)),
      { code: refusal.code, developerMessage: expect.stringMatching(/\S/) },
    ])
  })

  it('leaves nothing behind where it is refused', async () => {
    expect(await desk.stored()).toEqual(before)
    expect(desk.lines.filter(({ level }) => level !== 'info')).toEqual([])
  })

  it('names all unsupported parameters, each once, in the document’s words', async () => {
    const { json } = await refused({ what: '', code: '', query: '?b=1&customer=1000&a=2&b=3&%C3%A9%22' })
    expect(json).toEqual({
      code: '400-101',
      developerMessage: "Unsupported query parameter(s) supplied: 'b, a, é\"'.",
    })
    expect((await refused({ what: '', code: '', query: '?foo=1' })).json).toEqual({
      code: '400-101',
      developerMessage: "Unsupported query parameter(s) supplied: 'foo'.",
    })
  })

  it('is refused in XML where that is accepted, whatever stands in it', async () => {
    const { status, headers, text } = await desk.respond({
      query: '?%3C/error%3E%26%00=1',
      headers: { accept: 'application/xml' },
    })
    expect([status, headers.get('content-type')]).toEqual([400, 'application/xml; charset=utf-8'])
    expect(text).toBe(
      '<error><code>400-101</code><developerMessage>Unsupported query parameter(s) supplied: &#39;&#60;/error&#62;&#38;&#39;.</developerMessage></error>',
    )
    const noKey = await desk.respond({ key: null, headers: { accept: 'application/xml' } })
    expect([noKey.status, noKey.text.slice(0, 28)]).toEqual([401, '<error><code>401-101</code><'])
  })

  it('tells a 401 how to come again', async () => {
    const { headers } = await desk.respond({ key: null })
    expect(headers.get('www-authenticate')).toBe('Bearer')
  })
})

it('an answer to a mail that went to another department is refused, unless it goes to the customer’s own', async () => {
  const own = await openAnsweringDesk()
  try {
    const activity = await own.file(arrival({ from: person('ann@x.test'), to: [person('SALES@desk.test')] }))
    expect(await own.respond({ activity })).toMatchObject({ status: 400, json: { code: '400-110' } })
    const sent = await own.file(sentArrival({ from: person('sales@desk.test'), to: [person('ann@x.test')] }))
    expect(await own.respond({ activity: sent })).toMatchObject({ status: 400, json: { code: '400-110' } })
    const { status } = await own.respond({
      activity,
      ...email({ emailAddresses: { receiver: 'help@desk.test' } }),
    })
    expect(status).toBe(201)
    expect((await own.respond({ activity, ...email({ messageCenter: { id: '5' } }) })).status).toBe(201)
  } finally {
    await own.close()
  }
})

describe('of several faults the first one in the order is told', () => {
  const all: Case = {
    what: '',
    code: '',
    key: null,
    headers: { accept: 'text/html', 'content-type': 'text/plain' },
    query: '?foo=1&customer=1002',
    ids: '1,2',
    body: 'no JSON',
  }
  const broken = {
    type: { value: 'chat' },
    subject: one(2_000),
    payload: {
      email: {
        emailAddresses: { from: 'x', receiver: 'who@desk.test' },
        messageCenter: { id: '9' },
      },
    },
    issueType: { id: '9' },
    customAttributes: { no: 'no' },
    attachments: { attachment: { altId: 'no' } },
  }
  const body = (special: object, email: object = {}) =>
    JSON.stringify({ ...broken, ...special, payload: { email: { ...broken.payload.email, ...email } } })
  const typed = { type: { value: 'email', subtype: { value: 'general' } } }
  const centre = { messageCenter: { id: '5' } }
  const sales = { messageCenter: { id: '7' } }
  const steps: readonly Omit<Case, 'what'>[] = [
    { ...all, code: '401-101' },
    { ...all, code: '406-101', key: 'k-weak' },
    { ...all, code: '400-101', key: 'k-weak', headers: { 'content-type': 'text/plain' } },
    { ...all, code: '400-102', key: 'k-weak', headers: {}, query: '?customer=1002' },
    { ...all, code: '400-113', key: 'k-weak', headers: {}, query: '?customer=1002', body: body({}) },
    { code: '403-101', activity: 'fromBob', key: 'k-ann', query: '?customer=1002', body: body({}) },
    { code: '400-114', activity: 'fromCarl', key: 'k-ann', query: '?customer=1002', body: body({}) },
    { code: '400-103', body: body({}) },
    { code: '400-104', body: body({ ...typed, subject: '', attachments: {} }) },
    { code: '400-105', body: body(typed) },
    {
      code: '400-106',
      body: body(typed, { emailAddresses: { from: 'bob@x.test', receiver: 'who@desk.test' } }),
    },
    { code: '400-107', body: body(typed, { emailAddresses: { receiver: 'who@desk.test' } }) },
    { code: '400-108', body: body(typed, { emailAddresses: {} }) },
    { code: '400-109', body: body(typed, { emailAddresses: {}, ...sales }) },
    { code: '400-110', body: body({ ...typed, issueType: { id: '71' } }, { emailAddresses: {}, ...sales }) },
    { code: '400-111', body: body({ ...typed, issueType: { id: '51' } }, { emailAddresses: {}, ...centre }) },
    {
      code: '400-112',
      body: body(
        { ...typed, issueType: { id: '51' }, customAttributes: {} },
        { emailAddresses: {}, ...centre },
      ),
    },
    {
      code: '400-115',
      body: body(
        { ...typed, issueType: { id: '51' }, customAttributes: {}, attachments: {} },
        { emailAddresses: {}, ...centre },
      ),
    },
  ]

  it.each(steps)('$code', async (step) => {
    expect(await refused({ ...step, what: '' })).toMatchObject({ json: { code: step.code } })
  })
})

describe('the limits', () => {
  it('take what just fits', async () => {
    const own = await openAnsweringDesk()
    try {
      const note = one(65_536 - '{"note":""}'.length)
      const { status } = await own.respond({
        body: answer(
          { subject: '😀'.repeat(1_024), customAttributes: { note } },
          {
            content: { text: one(1_048_576), html: one(1_048_576) },
            emailAddresses: { replyTo: `${one(247)}@x.test` },
          },
        ),
      })
      expect(status).toBe(201)
    } finally {
      await own.close()
    }
  })
})

describe('what never reaches the operation', () => {
  it.each([
    '/a',
    'a/{ids}',
    '/a/{ids}x',
    '/a/{ids}/{ids}',
    '/a/*/{ids}',
    '/a?b/{ids}',
    '/a/{ids}(b)',
    '/genesys/2/email/{ids}',
  ])('the settings can’t say that it is answered at %s', (path) => {
    expect(apiSettingsSchema.safeParse({ activity: { path } }).success).toBe(false)
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('%s is refused by 405-101 with Allow', async (method) => {
    for (const path of [
      `/core/casemgr/v3/activity/${desk.fromAnn}/response`,
      `/system/ws/v3/interaction/activity/${desk.fromAnn}/response`,
      '/core/casemgr/v3/attachment',
    ]) {
      const { status, headers, json } = await told(await fetch(`${desk.url}${path}`, { method }))
      expect([path, status, headers.get('allow'), json]).toEqual([
        path,
        405,
        'POST',
        { code: '405-101', developerMessage: 'This address takes POST.' },
      ])
    }
  })

  it.each([
    '/core/casemgr/v3/activity/1001',
    '/core/casemgr/v3/activity//response',
    '/core/casemgr/v3/activity/1001/response/more',
    '/system/ws/3/interaction/activity/1001/response',
    '/system/ws/vx/interaction/activity/1001/response',
  ])('%s is refused by 404-101', async (path) => {
    const { status, json } = await desk.respond({ path })
    expect([status, json]).toEqual([
      404,
      { code: '404-101', developerMessage: 'There is nothing at this address.' },
    ])
  })

  it('the 301st request of a minute is refused by 429-101', async () => {
    const own = await openAnsweringDesk()
    try {
      for (let i = 0; i < 300; i++) await own.respond({ body: null })
      const { status, headers, json } = await own.respond({})
      expect([status, json]).toEqual([
        429,
        { code: '429-101', developerMessage: expect.stringMatching(/300/) },
      ])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      own.pass(60_000)
      expect((await own.respond({})).status).toBe(201)
    } finally {
      await own.close()
    }
  })
})

describe('a desk that can’t store', () => {
  it('answers 500-101 while it is paused, and reads nothing into it', async () => {
    const own = await openAnsweringDesk({ settings: { paused: true } })
    try {
      const kept = await own.stored()
      const form = new FormData()
      form.append('file', new Blob(['a']), 'a.txt')
      const uploaded = await told(
        await fetch(`${own.url}/core/casemgr/v3/attachment`, {
          method: 'POST',
          headers: { authorization: 'Bearer k-ann' },
          body: form,
        }),
      )
      for (const { status, json } of [await own.respond({}), uploaded])
        expect([status, json]).toEqual([
          500,
          { code: '500-101', developerMessage: expect.stringMatching(/paused/) },
        ])
      expect(await own.stored()).toEqual(kept)
    } finally {
      await own.close()
    }
  })

  it('answers 500-101 where its store doesn’t come to it, and stores nothing', async () => {
    const released = Promise.withResolvers<undefined>()
    const tried = Promise.withResolvers<unknown>()
    const own = await openAnsweringDesk({
      busyMs: 50,
      // A store that is at something else, and comes to it only when nobody waits any more.
      desk: (real) => ({
        receive: async (...given) => {
          await released.promise
          const storing = real.receive(...given)
          storing.then(tried.resolve, tried.resolve)
          return await storing
        },
      }),
    })
    try {
      const kept = await own.stored()
      const { status, json } = await own.respond({})
      expect([status, json]).toMatchObject([500, { code: '500-101' }])
      released.resolve(undefined)
      expect(await tried.promise).toMatchObject({ code: 'busy' })
      expect(await own.stored()).toEqual(kept)
    } finally {
      await own.close()
    }
  })

  it('says nothing of its inside where it fails', async () => {
    const own = await openAnsweringDesk({
      desk: () => ({
        receive: async () => {
          throw new CoreError('internal', 'SQLITE_ERROR in /secret/workbin.db: no such column')
        },
      }),
    })
    try {
      const { status, text } = await own.respond({})
      expect(status).toBe(500)
      expect(text).not.toMatch(/SQLITE|secret|\.db|\.ts/)
    } finally {
      await own.close()
    }
  })

  it('answers 400-113 where the answered mail is gone when it comes to it', async () => {
    const own = await openAnsweringDesk({
      desk: (real) => ({
        receive: (submission, files, terms) =>
          real.receive(
            { ...submission, thread: { kind: 'answer', parent_id: 'gonegonegonegone' } },
            files,
            terms,
          ),
      }),
    })
    try {
      expect(await own.respond({})).toMatchObject({ status: 400, json: { code: '400-113' } })
    } finally {
      await own.close()
    }
  })
})

describe('the connection', () => {
  it('survives a body that ends early, and nothing is stored', async () => {
    await new Promise<void>((resolve) => {
      const asking = request(`${desk.url}/core/casemgr/v3/activity/${desk.fromAnn}/response`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer k-ann',
          'content-type': 'application/json',
          'content-length': 5_000,
        },
      })
      asking.on('error', () => resolve())
      asking.on('close', () => resolve())
      asking.write('{"type":{"value":"email"', () => asking.destroy())
    })
    expect(await desk.stored()).toEqual(before)
    expect((await desk.respond({ body: null })).status).toBe(400)
  })

  it('leaves no file in the folder for uploads', () => {
    expect(readdirSync(`${desk.dataDir}/tmp`)).toEqual([])
  })
})
