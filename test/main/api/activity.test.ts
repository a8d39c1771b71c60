import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { ApiInteraction } from '../../../src-main/store/api-store.ts'
import { HOUR, person, sentArrival } from '../../support/open-store.ts'
import { answer, type AnsweringDesk, openAnsweringDesk, SETTINGS, told, XML, xmlAnswer } from './answering.ts'

/** What a customer's answer becomes (contract 05). */

const run = promisify(execFile)

/** A desk for all tests that don't mind what lies there already; the others open their own. */
let shared: AnsweringDesk | null = null
async function sharedDesk(): Promise<AnsweringDesk> {
  return (shared ??= await openAnsweringDesk())
}
let desk: AnsweringDesk
afterEach(async () => {
  if (desk !== shared) await desk.close()
})
afterAll(() => shared?.close())

/** What was stored last. */
async function newest(): Promise<ApiInteraction> {
  const all = await desk.store.apiInteractions({}, { index: 0, count: 200 })
  const last = all.toSorted((a, b) => b.activity_id - a.activity_id)[0]
  if (!last) throw new Error('Nothing is stored.')
  return last
}

describe('an activity response', () => {
  it('lands in the answered thread as a new inbound mail, whole', async () => {
    desk = await openAnsweringDesk()
    const before = await desk.store.apiInteraction(desk.ids.fromAnn!)
    desk.pass(HOUR)
    const told = await desk.respond({
      body: answer(
        {
          subject: 'Issue\r\nwith\tmobile phone',
          customAttributes: { customAttribute: [{ name: 'tier', value: 'gold' }] },
          issueType: { id: '51' },
        },
        {
          content: { text: 'This is\nthe issue ✓', html: '<p>This is <b>the issue</b></p>' },
          emailAddresses: {
            from: 'Ann2@X.test',
            receiver: 'HELP2@desk.test',
            replyTo: 'elsewhere@x.test',
          },
          messageCenter: { id: '5' },
        },
      ),
    })

    const stored = await newest()
    expect([told.status, told.json]).toEqual([201, { id: String(stored.activity_id) }])
    expect(told.headers.get('location')).toBe(`/core/casemgr/v3/activity/${stored.activity_id}`)
    expect(told.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(stored).toEqual({
      interaction_id: expect.stringMatching(/^[0-9A-Za-z]{16}$/),
      activity_id: before.activity_id + 5,
      customer_id: '1000',
      status: 0,
      entity_type: 0,
      type: 'Inbound',
      sub_type: 'InboundCustomerReply',
      media_type: 'email',
      parent_id: desk.ids.fromAnn,
      thread_id: before.thread_id,
      creator_app_id: 1,
      start_date: '2026-05-04T10:00:00.000Z',
      sent_date: '2026-05-04T10:00:00.000Z',
      allow_children: true,
      subject: 'Issue with mobile phone',
      from: { address: 'Ann2@X.test' },
      reply_to: { address: 'elsewhere@x.test' },
      to: [{ address: 'help2@desk.test' }],
      text: 'This is\nthe issue ✓',
      udata: { tier: 'gold' },
      attachments: [],
      message_id: null,
      queue: before.queue,
      holds: { structured_text: true, binary_content: null },
    })
    expect((await desk.store.body(stored.interaction_id)).html).toBe('<p>This is <b>the issue</b></p>')
    // The answered one is untouched, and the customer still one contact.
    expect(await desk.store.apiInteraction(desk.ids.fromAnn!)).toEqual(before)
    expect((await desk.stored()).tmp).toEqual([])
  })

  it('lies in no secure mailbox, so that it is answered by e-mail', async () => {
    desk = await openAnsweringDesk()
    await desk.respond({})
    expect(await desk.store.countSecureMails({ address: 'ann@x.test', box: '' }, 'all')).toBe(0)
  })

  it('is told to whoever watches the desk', async () => {
    desk = await openAnsweringDesk()
    const threads: string[] = []
    desk.store.onChanges((changes) => void threads.push(...changes.threads))
    await desk.respond({})
    expect(threads).toContain((await newest()).thread_id)
  })

  it('answers by an interaction id as by an activity id, and at the older root', async () => {
    desk = await sharedDesk()
    for (const path of [
      `/core/casemgr/v3/activity/${desk.ids.fromAnn}/response`,
      `/system/ws/v12/interaction/activity/${desk.fromAnn}/response`,
      `/system/ws/v3/interaction/activity/${desk.ids.fromAnn}/response`,
    ]) {
      const { status, headers } = await desk.respond({ path })
      expect([path, status, headers.get('location')]).toEqual([
        path,
        201,
        `/core/casemgr/v3/activity/${(await newest()).activity_id}`,
      ])
      expect((await newest()).parent_id).toBe(desk.ids.fromAnn)
    }
  })

  it('answers where the settings say, and no longer where they said before', async () => {
    desk = await openAnsweringDesk()
    await desk.set({
      api: { ...SETTINGS, activity: { ...SETTINGS.activity, path: '/my:desk/{ids}/answers' } },
    })
    expect((await desk.respond({ path: `/my:desk/${desk.fromAnn}/answers` })).status).toBe(201)
    expect((await desk.respond({})).status).toBe(404)
    expect(
      (await desk.respond({ path: `/system/ws/v1/interaction/activity/${desk.fromAnn}/response` })).status,
    ).toBe(201)
  })

  it.each(['/a-{ids}', '/a/{ids}.json', '/a/{ids}-b/c', '/é/{ids}/', '/a::b/{ids}'])(
    'answers at %s where the settings say so',
    async (path) => {
      desk = await openAnsweringDesk({ settings: { activity: { ...SETTINGS.activity, path } } })
      expect((await desk.respond({ path: path.replace('{ids}', desk.fromAnn) })).status).toBe(201)
    },
  )

  it('names its Location under the public URL where one is set, never under the Host', async () => {
    desk = await openAnsweringDesk({ settings: { publicUrl: 'https://api.acme.test/desk/' } })
    const { headers } = await desk.respond({ headers: { 'x-forwarded-host': 'evil.test' } })
    expect(headers.get('location')).toBe(
      `https://api.acme.test/desk/core/casemgr/v3/activity/${(await newest()).activity_id}`,
    )
  })

  it('takes the document’s own sample, viewer marks stripped, from curl', async () => {
    desk = await openAnsweringDesk()
    const sample = `{- "type": {
- "value": "email",
- "subtype": {
- "value": "general"
}
}, - "subject": "Issue with mobile phone",
- "payload": {
- "email": {
- "content": {
- "text": "This is the issue",
- "html": "<HTML><HEAD><TITLE></TITLE></HEAD><BODY><P>This is the issue <BR> </P></BODY></HTML>"
}
}
}
}`.replace(/(^|\{|, )- (?=")/gm, '$1')
    const { stdout } = await run('curl', [
      ...['-sS', '-i', '-X', 'POST', `${desk.url}/core/casemgr/v3/activity/${desk.toAnn}/response`],
      ...['-H', 'Authorization: Bearer k-ann', '-H', 'Content-Type: application/json', '-d', sample],
    ])
    const stored = await newest()
    expect(stdout).toMatch(/^HTTP\/1\.1 201 Created\r\n/)
    expect(stdout).toContain(`\r\nlocation: /core/casemgr/v3/activity/${stored.activity_id}\r\n`)
    expect(stdout.endsWith(`\r\n\r\n{"id":"${stored.activity_id}"}`)).toBe(true)
    expect(stored).toMatchObject({
      parent_id: desk.ids.toAnn,
      subject: 'Issue with mobile phone',
      text: 'This is the issue',
      from: { address: 'ann2@x.test' },
    })
    expect((await desk.store.body(stored.interaction_id)).html).toBe(
      '<HTML><HEAD><TITLE></TITLE></HEAD><BODY><P>This is the issue <BR> </P></BODY></HTML>',
    )
  })

  it.each([
    ['only a subject', { subject: 'Hello', payload: undefined }],
    ['only text', { subject: undefined }],
    ['only HTML', { subject: '', payload: { email: { content: { html: '<p>Hi there</p>' } } } }],
  ])('is taken with %s', async (_, special) => {
    desk = await openAnsweringDesk()
    expect((await desk.respond({ body: answer(special) })).status).toBe(201)
  })

  it('gives the words of HTML that comes alone as its text', async () => {
    desk = await openAnsweringDesk()
    await desk.respond({ body: answer({}, { content: { html: '<p>Hi <b>there</b></p>', text: null } }) })
    expect((await newest()).text).toBe('Hi there')
  })

  it('keeps its words as they are, but for a NUL and half a character', async () => {
    desk = await sharedDesk()
    const words = ' a\r\n\tb\u0000c\ud800 '
    await desk.respond({ body: answer({}, { content: { text: words, html: `<p>${words}</p>` } }) })
    const stored = await newest()
    const kept = ' a\r\n\tb\ufffdc\ufffd '
    expect([stored.text, (await desk.store.body(stored.interaction_id)).html]).toEqual([
      kept,
      `<p>${kept}</p>`,
    ])
  })

  it('goes to the queue of the settings where its thread lies in none', async () => {
    desk = await openAnsweringDesk()
    await desk.respond({ activity: desk.toAnn })
    expect((await newest()).queue).toBe('Answers')
  })

  it('takes JSON without a content type, XML as application/xml or text/xml', async () => {
    desk = await sharedDesk()
    const bytes = new TextEncoder().encode(JSON.stringify(answer()))
    const plain = await told(
      await fetch(`${desk.url}/core/casemgr/v3/activity/${desk.fromAnn}/response`, {
        method: 'POST',
        headers: { authorization: 'Bearer k-ann' },
        body: new Blob([bytes]),
      }),
    )
    expect(plain.status).toBe(201)
    for (const type of ['application/xml', 'text/xml', 'application/xml; charset=UTF-8'])
      expect((await desk.respond({ headers: { 'content-type': type }, body: xmlAnswer() })).status).toBe(201)
  })

  it('ignores members that it doesn’t know, a language that it hasn’t, and a byte order mark', async () => {
    desk = await sharedDesk()
    const { status } = await desk.respond({
      headers: { 'accept-language': 'tlh;q=0.9' },
      body: `\ufeff${JSON.stringify(answer({ pinned: true, owner: { id: 7 }, status: 3 }, { priority: 9 }))}`,
    })
    expect(status).toBe(201)
    expect(await newest()).toMatchObject({ status: 0 })
  })
})

describe('who answers', () => {
  it('is known by a bearer token or an X-egain-session, which is echoed', async () => {
    desk = await sharedDesk()
    const bearer = await desk.respond({})
    const session = await desk.respond({ key: null, headers: { 'x-egain-session': 'k-ann' } })
    const both = await desk.respond({ headers: { 'x-egain-session': 'session 7' } })
    expect(
      [bearer, session, both].map(({ status, headers }) => [status, headers.get('x-egain-session')]),
    ).toEqual([
      [201, null],
      [201, 'k-ann'],
      [201, 'session 7'],
    ])
    const refused = await desk.respond({ key: null, headers: { 'x-egain-session': 'wrong' } })
    expect([refused.status, refused.headers.get('x-egain-session')]).toEqual([401, 'wrong'])
  })

  it.each([
    ['an agent’s mail to an address of his', 'toAnn', 'ann2@x.test'],
    ['his own mail to the desk', 'fromAnn', 'ann@x.test'],
  ] as const)('writes from the address that %s went to, else from the primary one', async (_, of, from) => {
    desk = await sharedDesk()
    await desk.respond({ activity: desk[of] })
    expect((await newest()).from).toEqual({ address: from })
  })

  it('writes from where a blind copy of the answered mail went', async () => {
    desk = await sharedDesk()
    const activity = await desk.file(
      sentArrival({ from: person('help@desk.test'), to: [], bcc: [person('ann2@x.test')] }),
    )
    expect((await desk.respond({ activity })).status).toBe(201)
    expect((await newest()).from).toEqual({ address: 'ann2@x.test' })
  })

  it('may be somebody else, who granted it', async () => {
    desk = await sharedDesk()
    expect((await desk.respond({ activity: desk.fromBob, query: '?customer=1001' })).status).toBe(201)
    expect(await newest()).toMatchObject({ customer_id: '1001', from: { address: 'bob@x.test' } })
  })

  it('is the caller where customer is empty, absent or himself', async () => {
    desk = await sharedDesk()
    for (const query of ['', '?', '?customer', '?customer=', '?customer=1000', '?customer=&customer=1000']) {
      expect([query, (await desk.respond({ query })).status]).toEqual([query, 201])
      expect((await newest()).customer_id).toBe('1000')
    }
  })

  it('needs no entry in the settings where his mail is known', async () => {
    desk = await openAnsweringDesk({
      settings: {
        activity: {},
        keys: [{ key: 'k-carl', name: 'Carl', scopes: ['activity:respond'], customer: '1002' }],
      },
    })
    expect((await desk.respond({ activity: desk.fromCarl, key: 'k-carl' })).status).toBe(201)
    expect(await newest()).toMatchObject({ customer_id: '1002', from: { address: 'carl@x.test' } })
  })
})

describe('where it goes', () => {
  it.each([
    ['the receiver', 'fromAnn', { emailAddresses: { receiver: 'help2@desk.test' } }, 'help2@desk.test'],
    [
      'the first active alias of the centre’s department',
      'fromAnn',
      { messageCenter: { id: '5' } },
      'help@desk.test',
    ],
    ['where the answered mail went', 'fromAnn', {}, 'help@desk.test'],
    ['where the answered mail came from, if an agent sent it', 'toAnn', {}, 'help@desk.test'],
    [
      'where the answered mail went, for a centre without department',
      'fromAnn',
      { messageCenter: { id: '8' } },
      'help@desk.test',
    ],
  ] as const)('is %s', async (_, of, email, to) => {
    desk = await sharedDesk()
    expect((await desk.respond({ activity: desk[of], body: answer({}, email) })).status).toBe(201)
    expect((await newest()).to).toEqual([{ address: to }])
  })

  it('is where the answered mail went, also where that is no alias', async () => {
    desk = await sharedDesk()
    await desk.respond({ activity: desk.fromBob, key: 'k-bob' })
    expect((await newest()).to).toEqual([{ address: 'elsewhere@desk.test' }])
  })

  it('asks for no department where departments are off', async () => {
    desk = await openAnsweringDesk({ settings: { activity: { ...SETTINGS.activity, departments: false } } })
    const { status } = await desk.respond({
      body: answer({}, { emailAddresses: { receiver: 'sales@desk.test' }, messageCenter: { id: '7' } }),
    })
    expect(status).toBe(201)
  })

  it('compares nothing with an alias that has no department', async () => {
    desk = await sharedDesk()
    const { status } = await desk.respond({
      body: answer({}, { emailAddresses: { receiver: 'plain@desk.test' } }),
    })
    expect(status).toBe(201)
  })
})

describe('custom attributes', () => {
  it.each([
    [
      'a list',
      {
        customAttribute: [
          { name: 'tier', value: 'silver' },
          { name: 'note', value: 'a b' },
        ],
      },
    ],
    ['one', { customAttribute: { name: 'tier', value: 'silver' } }, { tier: 'silver' }],
    [
      'an array of names and values',
      [
        { name: 'tier', value: 'silver' },
        { name: 'note', value: 'a b' },
      ],
    ],
    [
      'an array of lists',
      [
        { customAttribute: { name: 'tier', value: 'silver' } },
        { customAttribute: [{ name: 'note', value: 'a b' }] },
      ],
    ],
    ['a map', { tier: 'silver', note: 'a b' }],
    ['an empty map', {}, null],
    ['an empty list', { customAttribute: [] }, null],
  ])('may be %s', async (_, customAttributes, udata: object | null = { tier: 'silver', note: 'a b' }) => {
    desk = await openAnsweringDesk()
    expect((await desk.respond({ body: answer({ customAttributes }) })).status).toBe(201)
    expect((await newest()).udata ?? null).toEqual(udata)
  })

  it('hold every character that is allowed', async () => {
    desk = await openAnsweringDesk()
    const note = `azAZ09@ :._-&,()?#='"\u0080é漢😀`
    await desk.respond({ body: answer({ customAttributes: { note } }) })
    expect((await newest()).udata).toEqual({ note })
  })

  it('may hold another character where it is one of the values', async () => {
    desk = await openAnsweringDesk()
    await desk.respond({ body: answer({ customAttributes: { tier: 'a+b' } }) })
    expect((await newest()).udata).toEqual({ tier: 'a+b' })
  })

  it('called __proto__ and constructor are names as any other', async () => {
    desk = await openAnsweringDesk()
    const text = JSON.stringify(answer()).replace(
      '"subject"',
      '"customAttributes":{"__proto__":"x","constructor":"y"},"subject"',
    )
    expect((await desk.respond({ body: text })).status).toBe(201)
    expect(Object.entries((await newest()).udata ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    const xml = xmlAnswer(
      '<customAttributes><__proto__>x</__proto__><constructor>y</constructor></customAttributes>',
    )
    expect((await desk.respond({ activity: desk.toAnn, headers: XML, body: xml })).status).toBe(201)
    expect(Object.entries((await newest()).udata ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(({} as Record<string, unknown>).x).toBeUndefined()
    expect(Object.prototype.constructor).toBe(Object)
  })
})

describe('XML', () => {
  it('says the same as JSON, and is answered in XML where that is accepted', async () => {
    desk = await openAnsweringDesk()
    const altId = await desk.upload({ name: 'logo.png', type: 'image/png' })
    const body = `<?xml version='1.0' encoding='utf-8' standalone='yes'?>
<!-- a comment <activity> -->
<?render fast?>
<ns:activity xmlns:ns="http://bindings.test/ws" xmlns="http://other.test">
  <ns:type><value> email </value><subtype><value>general</value></subtype></ns:type>
  <subject>R&amp;D &lt;3 &#x1F600;</subject>
  <payload><email>
    <content><text> kept
 as it is </text><html><![CDATA[<p>A & B <img src="cid:logo"></p>]]></html></content>
    <emailAddresses>
      <from>ann2@x.test</from><receiver>help2@desk.test</receiver><replyTo>r@x.test</replyTo>
    </emailAddresses>
    <messageCenter id="5"/>
  </email></payload>
  <issueType><id>52</id></issueType>
  <customAttributes>
    <customAttribute><name>tier</name><value>gold</value></customAttribute>
    <customAttribute><name>note</name><value>x</value></customAttribute>
  </customAttributes>
  <attachments><attachment><altId>${altId}</altId><inline>true</inline><contentId>logo</contentId></attachment></attachments>
  <unknown/>
</ns:activity>`
    const told = await desk.respond({ headers: { ...XML, accept: 'application/xml' }, body })
    const stored = await newest()
    expect([told.status, told.headers.get('content-type'), told.text]).toEqual([
      201,
      'application/xml; charset=utf-8',
      `<activity id="${stored.activity_id}"/>`,
    ])
    expect(told.headers.get('location')).toBe(`/core/casemgr/v3/activity/${stored.activity_id}`)
    expect(stored).toMatchObject({
      subject: 'R&D <3 😀',
      text: ' kept\n as it is ',
      from: { address: 'ann2@x.test' },
      reply_to: { address: 'r@x.test' },
      to: [{ address: 'help2@desk.test' }],
      udata: { tier: 'gold', note: 'x' },
      attachments: [{ name: 'logo.png', content_id: 'logo', inline: true }],
    })
    expect((await desk.store.body(stored.interaction_id)).html).toBe('<p>A & B <img src="cid:logo"></p>')
  })

  it.each([
    [
      'contents',
      '<contents><content><type>text</type><value> a </value></content><content><type>html</type><value>&lt;b&gt;a&lt;/b&gt;</value></content></contents>',
      ' a ',
      '<b>a</b>',
    ],
    [
      'one content of contents',
      '<contents><content><type>text/plain</type><value>a</value></content></contents>',
      'a',
      null,
    ],
    ['content', '<content><html>&lt;b&gt;a&lt;/b&gt;</html></content>', 'a', '<b>a</b>'],
    ['content with empty html', '<content><text>a</text><html/></content>', 'a', null],
  ])('takes its words in %s', async (_, email, text, html) => {
    desk = await sharedDesk()
    expect((await desk.respond({ headers: XML, body: xmlAnswer('', email) })).status).toBe(201)
    const stored = await newest()
    expect([stored.text, (await desk.store.body(stored.interaction_id)).html]).toEqual([text, html])
  })

  it('takes custom attributes as a map of elements', async () => {
    desk = await openAnsweringDesk()
    const body = xmlAnswer('<customAttributes><tier>gold</tier><note>x y</note></customAttributes>')
    expect((await desk.respond({ headers: XML, body })).status).toBe(201)
    expect((await newest()).udata).toEqual({ tier: 'gold', note: 'x y' })
  })

  it.each([
    ['application/xml', 'application/xml'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/json;q=0.5, application/xml', 'application/xml'],
    ['application/json, application/xml', 'application/json'],
    ['text/html, application/xml;q=0.2, */*;q=0.1', 'application/xml'],
    ['application/json;q=0, */*', 'application/xml'],
  ])('or JSON is answered as Accept %s wishes', async (accept, type) => {
    desk = await sharedDesk()
    const { status, headers } = await desk.respond({ headers: { accept } })
    expect([status, headers.get('content-type')]).toEqual([201, `${type}; charset=utf-8`])
  })
})
