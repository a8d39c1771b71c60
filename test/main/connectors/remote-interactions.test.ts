import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { interactionsApi } from '../../../src-main/api/interactions.ts'
import type { RemoteConnector } from '../../../src-main/connectors/connector.ts'
import { createRemoteInteractions } from '../../../src-main/connectors/remote-interactions.ts'
import type { RemoteLimits } from '../../../src-main/connectors/remote-http.ts'
import { changesToWrite, readTheirs } from '../../../src-main/connectors/their-interaction.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import type { ApiInteraction } from '../../../src-main/store/api-store.ts'
import type { PulledInteraction } from '../../../src-main/store/remote-store.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { arrival, openTestStore, START } from '../../support/open-store.ts'
import {
  type Reply,
  type ScriptedHttp,
  type SeenRequest,
  startScriptedHttp,
} from '../../support/scripted-http.ts'
import { interactionInput, NOW } from '../../support/submissions.ts'

const SECRET = 'k-very-secret'
const MINUTE = 60_000

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

type Object = Readonly<Record<string, unknown>>

/** An interaction as a remote lists it. */
function theirs(id: string, special: Object = {}): Object {
  return {
    interaction_id: id,
    customer_id: 'cust-1',
    status: 0,
    entity_type: 0,
    type: 'Inbound',
    media_type: 'email',
    creator_app_id: 1,
    allow_children: true,
    start_date: new Date(START).toISOString(),
    subject: `About ${id}`,
    text: 'Hello.',
    from: { address: 'ann@customer.test', personal: 'Ann Lee' },
    ...special,
  }
}
const at = (minutes: number) => ({ start_date: new Date(START + minutes * MINUTE).toISOString() })

/** A remote store that lists what it holds as 2.3 says, newest first. */
interface RemoteStore {
  readonly server: ScriptedHttp
  readonly held: Object[]
  /** Answers before the store does. */
  instead: (request: SeenRequest) => Reply | null
  paths(): string[]
}
async function remoteStore(held: Object[] = []): Promise<RemoteStore> {
  const server = await startScriptedHttp()
  stops.push(() => server.stop())
  const store: RemoteStore = {
    server,
    held,
    instead: () => null,
    paths: () => server.requests.map(({ method, url }) => `${method} ${url}`),
  }
  server.answer = (request) => store.instead(request) ?? answer(request)
  function answer({ method, url, body }: SeenRequest): Reply {
    const { pathname, searchParams } = new URL(url, server.url)
    const [, root, id, part, customers] =
      /^\/(interactions|customers)(?:\/([^/]+))?(?:\/(.+))?(.*)$/.exec(pathname) ?? []
    const named = held.findIndex((each) => each.interaction_id === decodeURIComponent(id ?? ''))
    if (root === 'interactions' && id && part === undefined) {
      const object = held[named]
      if (!object) return { status: 404, body: { message: 'gone', exception: 'NotFound' } }
      if (method !== 'PUT') return { body: object }
      const changed = { ...object, ...(JSON.parse(body.toString()) as Object) }
      held[named] = changed
      return { body: changed }
    }
    if (part !== undefined && root === 'interactions') return { status: 404, body: `${customers}` }
    const status = searchParams.get('status')
    const listed = held
      .filter((each) => status === null || String(each.status) === status)
      .filter((each) => root === 'interactions' || each.customer_id === id)
      .sort((a, b) => String(b.start_date).localeCompare(String(a.start_date)))
    const index = Number(searchParams.get('index'))
    return { body: listed.slice(index, index + Number(searchParams.get('count'))) }
  }
  return store
}

interface Taken {
  readonly items: PulledInteraction[]
  readonly kept: Map<string, Buffer>
  cursor: unknown
  readonly logged: string[]
}

function connect(
  url: string,
  options: Record<string, string | number | null | boolean> = {},
  taken: Taken = { items: [], kept: new Map(), cursor: null, logged: [] },
  limits: Partial<RemoteLimits> = {},
) {
  const remote: RemoteConnector = createRemoteInteractions({
    remote: { id: 'crm', kind: 'interactions', url, options },
    key: SECRET,
    log: (level, text, detail) => taken.logged.push(`${level} ${text} ${JSON.stringify(detail)}`),
    limits,
    known: async (ids) => new Set(ids.filter((id) => taken.items.some(({ their_id }) => their_id === id))),
    async keep(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      taken.kept.set(sha256, Buffer.from(bytes))
      return { sha256, size: bytes.length }
    },
  })
  const look = async () => {
    const before = taken.items.length
    await remote.pull?.({
      cursor: taken.cursor,
      async take(batch, cursor) {
        taken.items.push(...batch)
        if (cursor !== undefined) taken.cursor = JSON.parse(JSON.stringify(cursor))
      },
    })
    return taken.items.slice(before).map(({ their_id }) => their_id)
  }
  return { remote, taken, look }
}

async function refusal(work: Promise<unknown> | undefined): Promise<CoreError> {
  const error: unknown = await Promise.resolve(work).then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof CoreError)) throw new Error('it was not refused', { cause: error })
  expect(`${error.message} ${JSON.stringify(error.detail)}`).not.toContain(SECRET)
  return error
}

describe('an interaction object of a remote', () => {
  const read = (special: Object = {}) => {
    const item = readTheirs(theirs('a', special))
    if (typeof item === 'string') throw new Error(item)
    return item
  }

  it('is taken over member by member, and kept as it came with what nobody knows', () => {
    const given = theirs('0000Ja9GRD3D002C', {
      owner_id: 4,
      parent_id: 'p',
      thread_id: 't',
      end_date: '2026-05-04T11:00:00.5+02:00',
      udata: { order: 77, nested: { a: [null] } },
      to: [{ address: 'support@desk.test' }, { nonsense: 1 }, null],
      reference_id: 4711,
      structured_text: 'https://crm.test/x',
      structured_text_mime: 'text/html',
      message_id: 'a@mail.test',
      strategy: { id: 9 },
    })
    expect(readTheirs(given)).toMatchObject({
      their_id: '0000Ja9GRD3D002C',
      message_id: 'a@mail.test',
      theirs: given,
      input: {
        customer_id: 'cust-1',
        status: 0,
        entity_type: 0,
        owner_id: 4,
        parent_id: 'p',
        thread_id: 't',
        start_date: START,
        end_date: Date.UTC(2026, 4, 4, 9, 0, 0, 500),
        udata: { order: 77, nested: { a: [null] } },
        from: { address: 'ann@customer.test', personal: 'Ann Lee' },
        to: [{ address: 'support@desk.test' }],
        reference_id: 4711,
        structured_text: 'https://crm.test/x',
      },
    })
  })

  it.each([4, 8, 99])('of the type %s, which has no meaning, is kept and called unknown', (entity_type) => {
    expect(read({ entity_type })).toMatchObject({
      input: { entity_type: 7, sub_type: `unknown (${entity_type})` },
      theirs: { entity_type },
    })
  })

  it('loses what can’t be read and keeps the rest', () => {
    const { input, theirs: kept } = read({
      owner_id: 'four',
      timeshift: 1e9,
      allow_children: 'yes',
      from: 'ann@customer.test',
      structured_text: 'javascript:alert(1)',
      structured_text_mime: 'text/html',
      binary_content: 'https://crm.test/x',
      sent_date: 'yesterday',
      attachments: 'none',
      udata: { a: { b: { c: { d: { e: 1 } } } } },
    })
    expect(input).toEqual({
      customer_id: 'cust-1',
      status: 0,
      entity_type: 0,
      type: 'Inbound',
      media_type: 'email',
      creator_app_id: 1,
      allow_children: true,
      start_date: START,
      subject: 'About a',
      text: 'Hello.',
    })
    expect(kept).toMatchObject({ owner_id: 'four', udata: { a: { b: { c: { d: { e: 1 } } } } } })
  })

  it('takes __proto__ as a key like any other', () => {
    const { input } = read({
      udata: JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}') as Object,
    })
    expect(Object.keys(input.udata ?? {})).toEqual(['__proto__', 'constructor'])
    expect('polluted' in {}).toBe(false)
  })

  it('shows blind copies only of outbound mail', () => {
    const bcc = [{ address: 'eve@x.test' }]
    expect([read({ bcc }).input.bcc, read({ bcc, entity_type: 1 }).input.bcc]).toEqual([undefined, bcc])
  })

  it.each<[string, unknown]>([
    ['nothing', null],
    ['a list', []],
    ['without id', { ...theirs('a'), interaction_id: undefined }],
    ['with a status that there isn’t', theirs('a', { status: 9 })],
    ['without a date', theirs('a', { start_date: '2026-05-04' })],
  ])('%s can’t be taken over', (_, given) => {
    expect(readTheirs(given)).toEqual(expect.any(String))
  })
})

describe('what is written back', () => {
  const local = (special: Partial<ApiInteraction>) => ({ status: 0, ...special }) as ApiInteraction
  it.each<[string, Partial<ApiInteraction>, Object, Object, Object]>([
    ['nothing, where nothing changed here', { status: 0 }, { status: 0 }, { status: 2, owner_id: 4 }, {}],
    [
      'an agent who took it',
      { status: 2, owner_id: 7 },
      { status: 0 },
      { status: 0 },
      { status: 2, owner_id: 7 },
    ],
    [
      'its end, with why',
      { status: 3, owner_id: 7, stopped_reason: 'Normal' },
      { status: 2, owner_id: 7 },
      { status: 2, owner_id: 7 },
      { status: 3, stopped_reason: 'Normal' },
    ],
    [
      'a release',
      { status: 1 },
      { status: 2, owner_id: 7 },
      { status: 2, owner_id: 7 },
      { status: 1, owner_id: null },
    ],
    [
      'a release that was taken back to New, as near as it goes',
      { status: 0 },
      { status: 2 },
      { status: 2 },
      { status: 1 },
    ],
    ['nothing of a status that is final there', { status: 1 }, { status: 3 }, { status: 3 }, {}],
    ['nothing that is so there already', { status: 3 }, { status: 0 }, { status: 3 }, {}],
    ['a category', { category_id: 'x' }, { status: 0, category_id: 'y' }, {}, { category_id: 'x' }],
    [
      'that there is no category',
      {},
      { status: 0, category_id: 'y' },
      { category_id: 'y' },
      { category_id: null },
    ],
    [
      'user data key by key',
      { udata: { ours: 2, same: 1, added: true } },
      { status: 0, udata: { ours: 1, same: 1, gone: 1 } },
      { status: 0, udata: { ours: 1, same: 5, gone: 1, theirs: 1 } },
      { udata: { ours: 2, same: 5, theirs: 1, added: true } },
    ],
    [
      'that there is no user data left',
      {},
      { status: 0, udata: { a: 1 } },
      { udata: { a: 1 } },
      { udata: {} },
    ],
  ])('is %s', (_, here, base, current, expected) => {
    expect(changesToWrite(local(here), base, current)).toEqual(expected)
  })
})

describe('taking over from a remote store', () => {
  it('asks with the key where the options say, below the path that they say', async () => {
    const { server, paths } = await remoteStore()
    server.answer = () => ({ body: [] })
    await connect(server.url, { basePath: '/genesys/1/cs' }).look()
    await connect(server.url, { auth: 'bearer' }).look()
    expect(paths()).toEqual([
      'GET /genesys/1/cs/interactions?index=0&count=100',
      'GET /interactions?index=0&count=100',
    ])
    expect(server.requests.map(({ headers }) => [headers['x-api-key'], headers.authorization])).toEqual([
      [SECRET, undefined],
      [undefined, `Bearer ${SECRET}`],
    ])
  })

  it('takes the whole history once, then what is new, and goes on through the rest for changes', async () => {
    const { server, held, paths } = await remoteStore(
      Array.from({ length: 250 }, (_, i) => theirs(`i${i}`, at(i))),
    )
    const { look, taken } = connect(server.url)
    expect(await look()).toHaveLength(250)
    expect(new Set(taken.items.map(({ their_id }) => their_id)).size).toBe(250)
    expect(taken.cursor).toEqual({ head: START + 249 * MINUTE, index: 0, whole: true })

    held.push(theirs('new', at(300)))
    server.requests.slice()
    const before = paths().length
    const second = await look()
    expect(second[0]).toBe('new')
    expect(paths().slice(before)).toEqual([
      'GET /interactions?index=0&count=100',
      'GET /interactions?index=100&count=100',
    ])
    // A change in the oldest is seen after so many looks as there are pages.
    held[0] = theirs('i0', { ...at(0), status: 3 })
    await look()
    const seen = taken.items.filter(({ their_id }) => their_id === 'i0')
    expect(seen.map(({ input }) => input.status)).toEqual([0, 3])
    expect(taken.cursor).toEqual({ head: START + 300 * MINUTE, index: 0, whole: true })
  })

  it('goes on where it was cut off, losing nothing', async () => {
    const store = await remoteStore(Array.from({ length: 250 }, (_, i) => theirs(`i${i}`, at(i))))
    const { look, taken } = connect(store.server.url)
    store.instead = ({ url }) => (url.includes('index=100') ? 'reset' : null)
    expect((await refusal(look())).code).toBe('unreachable')
    expect(taken.items).toHaveLength(100)
    store.instead = () => null
    // What came meanwhile moves the others on; nobody is left out, and the new one is found next time.
    store.held.push(theirs('new', at(300)))
    await look()
    await look()
    expect(new Set(taken.items.map(({ their_id }) => their_id)).size).toBe(251)
  })

  it('begins anew at a cursor that nobody can read', async () => {
    const store = await remoteStore([theirs('a')])
    const { look, taken } = connect(store.server.url)
    taken.cursor = { index: -4, head: 'never' }
    expect(await look()).toEqual(['a'])
  })

  it('reads on through more news than one page holds', async () => {
    const store = await remoteStore([theirs('old', at(0))])
    const { look, taken } = connect(store.server.url)
    await look()
    store.held.push(...Array.from({ length: 230 }, (_, i) => theirs(`n${i}`, at(i + 1))))
    await look()
    expect(new Set(taken.items.map(({ their_id }) => their_id)).size).toBe(231)
  })

  it('ends at a list that never goes on', async () => {
    const page = Array.from({ length: 100 }, (_, i) => theirs(`i${i}`, at(i)))
    const { server } = await remoteStore()
    server.answer = () => ({ body: page })
    const { look } = connect(server.url)
    await look()
    await look()
    expect(server.requests.length).toBeLessThan(7)
  })

  it('looks only for one status where that is chosen, and follows what left it', async () => {
    const store = await remoteStore([theirs('a'), theirs('b', { status: 3 })])
    const { look, taken } = connect(store.server.url, { status: 0 })
    expect(await look()).toEqual(['a'])
    store.held[0] = theirs('a', { status: 3 })
    await look()
    expect(
      taken.items
        .slice(1)
        .map(({ their_id, known_only }) => [their_id, known_only])
        .sort(),
    ).toEqual([
      ['a', true],
      ['b', true],
    ])
  })

  it('leaves out what is no interaction, and says so', async () => {
    const store = await remoteStore([theirs('a'), { interaction_id: 'odd' }])
    const { look, taken } = connect(store.server.url)
    expect(await look()).toEqual(['a'])
    expect(taken.logged.join('\n')).toMatch(/can’t be read, so it is left out/)
  })

  it.each<[string, Reply, string, RegExp]>([
    [
      'a wrong key',
      { status: 401, body: { message: 'no key' } },
      'refused',
      /doesn’t accept the key.*no key/,
    ],
    ['no right', { status: 403 }, 'refused', /doesn’t allow this/],
    ['no such list', { status: 404 }, 'refused', /\(404\)/],
    ['a fault', { status: 500 }, 'unreachable', /has a fault/],
    ['too many requests', { status: 429 }, 'unreachable', /too many/],
    ['HTML', { body: '<p>', headers: { 'content-type': 'text/html' } }, 'refused', /not JSON/],
    [
      'half of JSON',
      { body: '[{', headers: { 'content-type': 'application/json' } },
      'refused',
      /can’t be read/,
    ],
    ['another object', { body: { interactions: [] } }, 'refused', /is no list/],
    [
      'another place',
      { status: 302, headers: { location: 'http://evil.test/' } },
      'refused',
      /doesn’t follow/,
    ],
    ['a cut line', 'reset', 'unreachable', /broke/],
  ])('takes nothing at %s', async (_, reply, code, told) => {
    const { server } = await remoteStore()
    server.answer = () => reply
    const { look, taken } = connect(server.url)
    const error = await refusal(look())
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(told)])
    expect([taken.items, taken.cursor]).toEqual([[], null])
  })

  it('reads no answer that is larger than it may be', async () => {
    const { server } = await remoteStore()
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 ** 30) })
      response.write('[')
      return null
    }
    expect((await refusal(connect(server.url).look())).message).toMatch(/larger than 32 MB/)
  })

  it('takes a customer’s whole history, page by page', async () => {
    const { server } = await remoteStore(
      Array.from({ length: 130 }, (_, i) => theirs(`i${i}`, { ...at(i), customer_id: 'a b' })),
    )
    server.requests.slice()
    const { remote } = connect(server.url)
    const ids: string[] = []
    const all = async (customer: string) => {
      await remote.pullCustomer?.(customer, async (batch) => {
        ids.push(...batch.map(({ their_id }) => their_id))
      })
    }
    server.answer = ({ url }) => {
      const { pathname, searchParams } = new URL(url, server.url)
      if (pathname !== '/customers/a%20b/interactions') return { status: 404, body: { message: 'no' } }
      const index = Number(searchParams.get('index'))
      return { body: Array.from({ length: index === 0 ? 100 : 30 }, (_, i) => theirs(`i${index + i}`)) }
    }
    await all('a b')
    expect(new Set(ids).size).toBe(130)
    expect(await refusal(all('nobody'))).toMatchObject({ code: 'not-found' })
  })
})

describe('what lies beside an interaction', () => {
  const bytes = Buffer.from('the bill')
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const file = { id: 'f1', name: 'bill.pdf', contentType: 'application/pdf', size: 8, sha256, inline: false }

  async function beside(special: Object, parts: Record<string, Reply>) {
    const store = await remoteStore([theirs('a', special)])
    store.instead = ({ url }) => parts[url] ?? null
    const { look, taken } = connect(store.server.url)
    await look()
    return { store, taken, item: taken.items[0], look }
  }

  it('its files and its HTML, is taken over with it, once', async () => {
    const { store, item, taken, look } = await beside(
      {
        attachments: [file],
        structured_text: '/interactions/a/structured_text',
        structured_text_mime: 'text/html',
      },
      {
        '/interactions/a/attachments/f1': { body: bytes },
        '/interactions/a/structured_text': { body: '<p>Grüße' },
      },
    )
    expect(item).toMatchObject({
      html: '<p>Grüße',
      attachments: [{ name: 'bill.pdf', content_type: 'application/pdf', size: 8, sha256, inline: false }],
    })
    expect(taken.kept.get(sha256)).toEqual(bytes)
    const before = store.paths().length
    await look()
    expect(
      store
        .paths()
        .slice(before)
        .filter((path) => path.includes('/a/')),
    ).toEqual([])
  })

  it('is a text that is a link of the same host to itself, as older systems have it', async () => {
    const store = await remoteStore()
    const { url } = store.server
    store.held.push(theirs('a', { text: `${url}/interactions/a/plain_text` }))
    store.instead = (request) =>
      request.url === '/interactions/a/plain_text' ? { body: 'The words.' } : null
    const { look, taken } = connect(url)
    await look()
    expect(taken.items[0]?.input.text).toBe('The words.')
  })

  it('is that, too, where the link names another root than the calls have', async () => {
    const { server } = await remoteStore()
    const text = `${server.url}/interactions/a/plain_text`
    server.answer = ({ url }) =>
      url === '/genesys/1/cs/interactions/a/plain_text'
        ? { body: 'The words.' }
        : { body: [theirs('a', { text })] }
    const { look, taken } = connect(server.url, { basePath: '/genesys/1/cs' })
    await look()
    expect(taken.items[0]?.input.text).toBe('The words.')
  })

  it('is never fetched from anywhere that somebody wrote', async () => {
    const other = await remoteStore()
    const store = await remoteStore()
    const { url } = store.server
    const links = [
      `${other.server.url}/interactions/a0/plain_text`,
      `${url}/admin/delete?all=1`,
      `${url}/interactions/other/plain_text`,
      `${url}/interactions/a3/plain_text and more`,
      'http://169.254.169.254/interactions/a4/plain_text',
    ]
    store.held.push(
      ...links.map((text, i) =>
        theirs(`a${i}`, {
          text,
          structured_text: `${other.server.url}/x.html`,
          structured_text_mime: 'text/html',
          binary_content: `${other.server.url}/y`,
          binary_content_mime: 'x/y',
          binary_content_size: 1,
        }),
      ),
    )
    const { look, taken } = connect(url)
    await look()
    expect(store.paths()).toEqual(['GET /interactions?index=0&count=100'])
    expect(other.paths()).toEqual([])
    expect(taken.items.map(({ input }) => input.text).sort()).toEqual([...links].sort())
  })

  it.each<[string, Object, Reply]>([
    ['other bytes than it says', file, { body: 'another bill' }],
    ['nothing', file, { status: 404 }],
    ['more than may be taken', { ...file, size: 26 * 1_048_576 }, { body: bytes }],
  ])('stays there where it is %s, and the rest is taken', async (_, attachment, reply) => {
    const { item, taken } = await beside(
      { attachments: [attachment] },
      { '/interactions/a/attachments/f1': reply },
    )
    expect(item).toMatchObject({ their_id: 'a', attachments: [] })
    expect(taken.logged.join()).toMatch(/a file is left there/)
  })

  it('is asked for again where the line went', async () => {
    const store = await remoteStore([theirs('a', { attachments: [file] })])
    let tries = 0
    store.instead = ({ url }) => (url.endsWith('/f1') ? (tries++ === 0 ? 'reset' : { body: bytes }) : null)
    const { look, taken } = connect(store.server.url)
    expect((await refusal(look())).code).toBe('unreachable')
    expect(taken.items).toEqual([])
    await look()
    expect(taken.items[0]?.attachments).toHaveLength(1)
  })
})

describe('writing back', () => {
  const here = (special: Partial<ApiInteraction> = {}) => ({ status: 0, ...special }) as ApiInteraction

  it('asks how it stands there and puts only what changed', async () => {
    const store = await remoteStore([theirs('a', { udata: { order: 1 } })])
    const { remote } = connect(store.server.url)
    const now = await remote.writeBack?.(
      here({ status: 2, owner_id: 7, udata: { order: 1, plan: 'gold' } }),
      theirs('a', { udata: { order: 1 } }),
    )
    expect(now).toMatchObject({ status: 2, owner_id: 7, udata: { order: 1, plan: 'gold' } })
    expect(store.paths()).toEqual(['GET /interactions/a', 'PUT /interactions/a'])
    expect(JSON.parse(store.server.requests[1]?.body.toString() ?? '')).toEqual({
      status: 2,
      owner_id: 7,
      udata: { order: 1, plan: 'gold' },
    })
    // The same once more changes nothing.
    await remote.writeBack?.(here({ status: 2, owner_id: 7, udata: { order: 1, plan: 'gold' } }), now ?? {})
    expect(store.paths().slice(2)).toEqual(['GET /interactions/a'])
  })

  it('takes an array of one for the interaction, and nothing else', async () => {
    const store = await remoteStore()
    store.instead = () => ({ body: [theirs('a')] })
    const { remote } = connect(store.server.url)
    expect(await remote.writeBack?.(here(), theirs('a'))).toEqual(theirs('a'))
    store.instead = () => ({ body: [theirs('b')] })
    expect((await refusal(remote.writeBack?.(here(), theirs('a')))).message).toMatch(
      /is not the interaction a/,
    )
  })

  it('leaves a status that can’t be moved there, and writes the rest', async () => {
    const store = await remoteStore([theirs('a', { status: 2 })])
    store.instead = ({ method, body }) =>
      method === 'PUT' && body.includes('status') ? { status: 409, body: { message: 'final' } } : null
    const { remote } = connect(store.server.url)
    const base = theirs('a', { status: 2 })
    expect(await remote.writeBack?.(here({ status: 1, category_id: 'c' }), base)).toMatchObject({
      status: 2,
      category_id: 'c',
    })
    expect(await remote.writeBack?.(here({ status: 1, category_id: 'c' }), base)).toMatchObject({ status: 2 })
  })

  it('has nothing to say of an interaction that is gone there', async () => {
    const store = await remoteStore()
    const { remote } = connect(store.server.url)
    expect(await remote.writeBack?.(here({ status: 3 }), theirs('a'))).toEqual(theirs('a'))
    expect(store.paths()).toEqual(['GET /interactions/a'])
  })

  it.each<[string, Reply, string]>([
    [
      '400',
      { status: 400, body: { message: 'owner_id: no such person', exception: 'InvalidRequest' } },
      'refused',
    ],
    ['503', { status: 503 }, 'unreachable'],
    ['a cut line', 'reset', 'unreachable'],
    ['a redirect', { status: 308, headers: { location: '/elsewhere' } }, 'refused'],
    ['an answer that is no JSON', { body: 'ok', headers: { 'content-type': 'text/plain' } }, 'refused'],
  ])('says what %s means', async (_, reply, code) => {
    const store = await remoteStore([theirs('a')])
    store.instead = ({ method }) => (method === 'PUT' ? reply : null)
    const { remote } = connect(store.server.url)
    expect(await refusal(remote.writeBack?.(here({ status: 3 }), theirs('a')))).toMatchObject({ code })
  })
})

describe('a test of a remote store', () => {
  it.each<[string, Reply, boolean, string]>([
    ['is good', { body: [] }, true, 'ready'],
    ['finds a wrong key', { status: 401 }, false, 'key'],
    ['finds a key without the right', { status: 403 }, false, 'key'],
    ['finds a wrong path', { status: 404 }, false, 'answer'],
    ['finds another system', { body: { hello: 'world' } }, false, 'answer'],
    ['finds a web page', { body: '<p>', headers: { 'content-type': 'text/html' } }, false, 'answer'],
    ['finds a fault', { status: 500 }, false, 'ready'],
  ])('%s', async (_, reply, ok, step) => {
    const { server } = await remoteStore()
    server.answer = () => reply
    const result = await connect(server.url).remote.test()
    expect([result.ok, result.steps.at(-1)?.step]).toEqual([ok, step])
  })
})

describe('a second Workbin that takes over from the first', () => {
  async function first(): Promise<ServedApis> {
    const served = await serveApis({
      apis: [interactionsApi],
      settings: {
        keys: [{ key: SECRET, name: 'Second desk', scopes: ['interactions:read', 'interactions:write'] }],
      },
    })
    stops.push(() => served.close())
    return served
  }
  function second() {
    const t = openTestStore()
    stops.push(() => t.close())
    return t
  }

  it('has its mail with everything, works on it, and the first one knows', async () => {
    const served = await first()
    const file = served.blobs.put(Buffer.from('%PDF'))
    const [mail] = await served.store.ingest(
      [
        arrival(
          {
            html: '<p>My order',
            attachments: [
              { name: 'a.pdf', content_type: 'application/pdf', content_id: null, inline: false, ...file },
            ],
          },
          { udata: { order: 'HP-7' } },
        ),
      ],
      null,
    )
    const id = mail?.interaction_id ?? ''
    await served.store.createInteraction(
      interactionInput({ entity_type: 3, media_type: 'voice', type: 'Call', customer_id: 'c-1' }),
      NOW,
    )
    const t = second()
    const kept = new Map<string, Uint8Array>()
    const remote = createRemoteInteractions({
      remote: { id: 'crm', kind: 'interactions', url: served.url, options: {} },
      key: SECRET,
      log: () => undefined,
      known: (ids) => t.store.pulledAlready('crm', ids),
      async keep(bytes) {
        const sha256 = createHash('sha256').update(bytes).digest('hex')
        kept.set(sha256, bytes)
        return { sha256, size: bytes.length }
      },
    })
    const look = async () => {
      await remote.pull?.({
        cursor: await t.store.remoteCursor('crm'),
        async take(batch, cursor) {
          await t.store.pull('crm', batch, cursor, null)
        },
      })
    }
    expect(await remote.test()).toMatchObject({ ok: true })
    await t.store.setRemoteDuties([{ remote_id: 'crm', kind: 'write-back', queues: null }])
    await look()
    const here = await t.store.apiInteraction(id)
    const there = await served.store.apiInteraction(id)
    expect(here).toMatchObject({
      ...there,
      customer_id: (await t.store.contactByAddress('ann@customer.test'))?.id,
      activity_id: expect.any(Number),
      attachments: [{ name: 'a.pdf', sha256: file.sha256, size: 4 }],
      holds: { structured_text: true, binary_content: null },
      queue: expect.any(String),
    })
    expect((await t.store.body(id)).html).toBe('<p>My order')
    expect([...kept.keys()]).toEqual([file.sha256])
    expect((await t.store.check()).interactions).toBe(2)

    const writeBack = async () => {
      for (const call of await t.store.claimCalls('crm', t.now(), 10)) {
        const origin = await t.store.pulledFrom(call.interaction_id)
        const now = await remote.writeBack?.(
          await t.store.apiInteraction(call.interaction_id),
          origin?.theirs ?? {},
        )
        await t.store.callDone(call.id, call.revision, now ?? null)
      }
    }
    await t.store.accept([id], 9)
    await t.store.setUserData(id, { plan: 'gold' }, ['order'], 9)
    await writeBack()
    expect(await served.store.apiInteraction(id)).toMatchObject({
      status: 2,
      owner_id: 9,
      udata: { plan: 'gold' },
    })
    await t.store.release([id], 9)
    await writeBack()
    expect(await served.store.apiInteraction(id)).not.toHaveProperty('owner_id')
    await t.store.markDone([id], null, 9)
    await writeBack()
    expect(await served.store.apiInteraction(id)).toMatchObject({ status: 3, stopped_reason: 'Normal' })
    await look()
    expect(await t.store.owedCounts('crm')).toMatchObject({ waiting: 0, failed: 0 })
    expect(await t.store.check()).toMatchObject({ problems: [] })
  })

  it('follows what the first one’s agents do', async () => {
    const served = await first()
    const [mail] = await served.store.ingest([arrival()], null)
    const id = mail?.interaction_id ?? ''
    const t = second()
    const { remote } = connect(served.url)
    const look = async () => {
      await remote.pull?.({
        cursor: await t.store.remoteCursor('crm'),
        async take(batch, cursor) {
          await t.store.pull('crm', batch, cursor, null)
        },
      })
    }
    await look()
    await served.store.accept([id], 4)
    await served.store.setUserData(id, { order: 1 }, [], 4)
    await look()
    expect(await t.store.apiInteraction(id)).toMatchObject({ status: 2, owner_id: 4, udata: { order: 1 } })
    await served.store.markDone([id], null, 4)
    await look()
    expect((await t.store.thread(id, 9)).place).toEqual({ kind: 'done' })
  })

  it('over a line that breaks anywhere has everything once', async () => {
    const served = await first()
    const proxy = await startFaultProxy(Number(new URL(served.url).port))
    stops.push(() => proxy.stop())
    for (let i = 0; i < 4; i++)
      await served.store.ingest(
        Array.from({ length: 60 }, (_, j) =>
          arrival({ subject: `Order ${i}-${j}` }, { received: START + (i * 60 + j) * MINUTE }),
        ),
        null,
      )
    const t = second()
    const { remote } = connect(`http://127.0.0.1:${proxy.port}`)
    const look = async () => {
      await remote.pull?.({
        cursor: await t.store.remoteCursor('crm'),
        async take(batch, cursor) {
          for (let from = 0; from < batch.length; from += 50)
            await t.store.pull(
              'crm',
              batch.slice(from, from + 50),
              from + 50 >= batch.length ? cursor : undefined,
              null,
            )
        },
      })
    }
    const cuts = [0, 100, 30_000, 60_000]
    proxy.faults.cutAfter = () => cuts.shift() ?? null
    let failures = 0
    for (let tries = 0; tries < 6; tries++) await look().catch(() => (failures += 1))
    expect(failures).toBeGreaterThan(0)
    expect((await t.store.check()).interactions).toBe(240)
    expect(
      (await t.store.apiInteractions({}, { index: 0, count: 200 })).map(
        ({ interaction_id }) => interaction_id,
      ),
    ).toEqual(
      (await served.store.apiInteractions({}, { index: 0, count: 200 })).map(
        ({ interaction_id }) => interaction_id,
      ),
    )
  })
})
