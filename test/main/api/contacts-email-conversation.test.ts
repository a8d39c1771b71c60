import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ACCEPTED, contactsDesk, incoming, message, SAMPLE } from '../../support/contacts-email.ts'
import { curl } from '../../support/curl.ts'
import { stored } from '../../support/gms.ts'

/** POST /contacts/email: what a message means (contract 03, 3.2, 3.5 and 3.6), over HTTP. */

const at = contactsDesk()
const { serve, post, accepted, refused, count } = at
afterEach(at.close)

describe('a message', () => {
  it('from the participant is incoming and waits for an agent in its queue', async () => {
    await serve()
    const mail = await accepted(
      incoming({ cc: ['Boss@acmecorp.com'], bcc: ['hidden@acmecorp.com'], body: ' Where\r\nis it? 😀 ' }),
    )
    expect(mail).toEqual({
      interaction_id: mail.interaction_id,
      customer_id: (await at.desk.store.contactByAddress('ps1@acmecorp.com'))?.id,
      status: 0,
      entity_type: 0,
      type: 'Inbound',
      sub_type: 'InboundNew',
      media_type: 'email',
      thread_id: mail.interaction_id,
      external_id: SAMPLE.data.msgId,
      creator_app_id: mail.creator_app_id,
      start_date: new Date(at.desk.now()).toISOString(),
      sent_date: '2020-01-01T00:00:00.000Z',
      allow_children: true,
      subject: 'Goods Delivary Status',
      text: ' Where\r\nis it? 😀 ',
      from: { address: 'ps1@acmecorp.com' },
      to: [{ address: 'agent1@xyz.com' }],
      cc: [{ address: 'Boss@acmecorp.com' }],
      udata: UDATA,
      attachments: [],
      activity_id: 1001,
      message_id: null,
      queue: 'Conversations',
      holds: { structured_text: false, binary_content: null },
    })
  })

  const UDATA = {
    tenantName: 'Acme Corp',
    orgName: 'Sales',
    catName: 'Leads',
    convId: SAMPLE.data.convId,
    lang: 'us-en',
    agentId: 'Agent1',
    psId: 'Participant1',
    agentEmailId: 'agent1@xyz.com',
    psEmailId: 'ps1@acmecorp.com',
    journeyId: SAMPLE.data.journeyId,
  }

  it('from the agent’s address, in any case, is outgoing and done', async () => {
    await serve()
    const mail = await accepted(message({ from: 'AGENT1@xyz.com', cc: ['c@x.test'], bcc: ['b@x.test'] }))
    expect(mail).toMatchObject({
      status: 3,
      entity_type: 1,
      type: 'Outbound',
      sub_type: 'OutboundNew',
      // The first recipient's.
      customer_id: (await at.desk.store.contactByAddress('ps1@acmecorp.com'))?.id,
      external_id: SAMPLE.data.msgId,
      sent_date: '2020-01-01T00:00:00.000Z',
      from: { address: 'AGENT1@xyz.com' },
      to: [{ address: 'ps1@acmecorp.com' }, { address: 'ps2@acmecorp.com' }],
      cc: [{ address: 'c@x.test' }],
      bcc: [{ address: 'b@x.test' }],
      udata: UDATA,
      queue: null,
    })
  })

  it('keeps its metadata as user data', async () => {
    await serve()
    const metadataMap = { 'custom-test-key-3': 'custom-test-value-3', n: 4, yes: true }
    const { udata } = await accepted(message({}, { metadataMap }))
    expect(udata).toEqual({ 'custom-test-key-3': 'custom-test-value-3', n: '4', yes: 'true', ...UDATA })
  })

  it('has a subject on one line', async () => {
    await serve()
    expect(await accepted(message({ sub: 'Hi\r\nBcc: all@x.test\u0000\u0007' }))).toMatchObject({
      subject: 'Hi Bcc: all@x.test ',
    })
  })
})

describe('a conversation', () => {
  it('is one thread for each tenant, org, cat and convId', async () => {
    const orgs = [SAMPLE.metadata, { ...SAMPLE.metadata, orgName: 'Service' }]
    await serve({ entities: [...orgs, { ...SAMPLE.metadata, catName: 'Old' }] })
    const asked = await accepted(incoming())
    const answered = await accepted(message({ msgId: ANOTHER, ts: 1577836900000 }))
    expect(answered).toMatchObject({ thread_id: asked.thread_id, sub_type: 'OutboundReply' })
    // A UUID is the same in capitals; the value is kept as it came.
    const again = await accepted(incoming({ convId: SAMPLE.data.convId.toUpperCase(), body: 'More.' }))
    expect(again).toMatchObject({
      thread_id: asked.thread_id,
      sub_type: 'InboundCustomerReply',
      udata: { convId: SAMPLE.data.convId.toUpperCase() },
    })
    const others = [
      incoming({ convId: ANOTHER }),
      { ...incoming(), metadata: { ...SAMPLE.metadata, orgName: 'Service' } },
      { ...incoming(), metadata: { ...SAMPLE.metadata, catName: 'Old' } },
    ]
    const threads = new Set([asked.thread_id])
    for (const other of others) threads.add((await accepted(other)).thread_id)
    expect(threads.size).toBe(4)
  })
  const ANOTHER = 'aaaaaaaa-4252-11ea-b77f-2e728ce88125'

  it('takes an exact repeat without storing it twice', async () => {
    await serve()
    const body = incoming({ cc: ['c@x.test'] })
    const first = await accepted(body)
    expect(await accepted(body)).toEqual(first)
    // What isn't part of its identity makes no other message of it.
    expect(await accepted({ ...incoming({ agentId: 'Agent2', psId: 'P2', lang: 'gb-en' }) })).toEqual(first)
    expect(await count()).toBe(1)
  })

  it('takes the same message again at once without storing it twice', async () => {
    await serve()
    const replies = await Promise.all(Array.from({ length: 10 }, () => post(incoming())))
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 202))
    expect(await count()).toBe(1)
  })

  it.each([
    { convId: ANOTHER },
    { msgId: ANOTHER },
    { ts: 1577836800001 },
    { from: 'ps2@acmecorp.com' },
    { sub: 'Goods Delivary Status?' },
    { body: 'Other words' },
    // The same words, divided otherwise.
    { sub: 'Goods', body: ' Delivary Status' },
  ])('takes anything else as a new message: %j', async (special) => {
    await serve()
    await accepted(incoming({ sub: 'Goods Delivary', body: ' Status' }))
    await accepted(incoming({ sub: 'Goods Delivary', body: ' Status', ...special }))
    expect(await count()).toBe(2)
  })

  it('of another tenant, org or cat has messages of its own', async () => {
    const other = { tenantName: 'Other Corp', orgName: 'Sales', catName: 'Leads' }
    await serve({ entities: [SAMPLE.metadata, other] })
    const first = await accepted(incoming())
    const second = await accepted({ ...incoming(), metadata: other })
    expect(second.interaction_id).not.toBe(first.interaction_id)
    expect(second.thread_id).not.toBe(first.thread_id)
  })
})

describe('tenant, org and cat', () => {
  const UNKNOWN = {
    status: 400,
    errors: [
      { type: '/errors/contact-payload', title: 'entity-identifier', detail: 'tenant/org/cat not found!' },
    ],
  }

  it.each([
    { tenantName: 'Acme' },
    { tenantName: 'acme corp' },
    { orgName: 'Sales ' },
    { catName: 'LEADS' },
    { tenantName: 'Sales', orgName: 'Acme Corp' },
  ])('are compared exactly: %j is the document’s own error', async (metadata) => {
    await serve()
    const before = await stored(at.desk)
    const reply = await post(message({}, metadata))
    expect([reply.status, reply.body]).toEqual([400, UNKNOWN])
    expect(await stored(at.desk)).toEqual(before)
  })

  it('that are unknown are told beside every other fault', async () => {
    await serve()
    const { body } = await post(message({ sub: '' }, { orgName: 'None' }))
    expect(body).toMatchObject({
      errors: [{ title: 'invalid-attribute' }, { title: 'entity-identifier' }],
    })
  })

  it('are all unknown where none is set up', async () => {
    await serve({ entities: [] })
    expect((await post(message())).body).toEqual(UNKNOWN)
  })

  it('of another tenant than the key’s are forbidden, and unknown ones are unknown before that', async () => {
    await serve({ entities: [SAMPLE.metadata, { tenantName: 'Third', orgName: 'a', catName: 'b' }] })
    await accepted(message(), { authorization: 'Bearer k-acme' })
    for (const key of ['k-other', 'k-none'])
      expect(await refused(403, () => post(incoming(), { authorization: `Bearer ${key}` }))).toEqual([
        '/errors/authorization',
        'tenant',
      ])
    const unknown = message({}, { tenantName: 'Nobody' })
    expect((await post(unknown, { authorization: 'Bearer k-other' })).body).toEqual(UNKNOWN)
    const third = message({}, { tenantName: 'Third', orgName: 'a', catName: 'b' })
    await accepted(third, { authorization: 'Bearer k-other' })
    expect(await refused(403, () => post(third, { authorization: 'Bearer k-acme' }))).toEqual([
      '/errors/authorization',
      'tenant',
    ])
  })

  it('that are unknown are registered with their first message where the settings say so', async () => {
    await serve({ registerUnknown: true })
    const metadata = { tenantName: 'New Corp', orgName: 'Org', catName: 'Cat' }
    expect(await entities()).toEqual([SAMPLE.metadata])
    // Neither a foreign tenant's nor a wrong message registers anything.
    await post(message({}, metadata), { authorization: 'Bearer k-acme' })
    await post(message({ sub: '' }, metadata))
    expect(await entities()).toEqual([SAMPLE.metadata])
    await accepted(message({}, metadata))
    await accepted(message({ body: 'Second' }, metadata))
    expect(await entities()).toEqual([SAMPLE.metadata, metadata])
  })

  it('that are known are never registered again', async () => {
    await serve(
      { registerUnknown: true },
      { desk: () => ({ registerEntity: () => Promise.reject(new Error()) }) },
    )
    await accepted(message())
  })

  async function entities(): Promise<unknown> {
    const stored = z.object({ contacts: z.object({ entities: z.unknown() }) })
    return stored.parse(await at.desk.store.setting('api')).contacts.entities
  }
})

describe('a setting', () => {
  it('of languages replaces the document’s list', async () => {
    await serve({ languages: ['de-de'] })
    await accepted(message({ lang: 'DE-de' }))
    expect(await refused(400, () => post(message({ lang: 'us-en' })))).toEqual([
      '/errors/contact-payload',
      'invalid-attribute',
    ])
  })

  it('of restricted metadata replaces ours, and our own values still win', async () => {
    await serve({ restrictedMetadata: ['Secret'] })
    expect(await refused(400, () => post(message({}, { metadataMap: { sEcReT: 'x' } })))).toEqual([
      '/errors/contact-payload',
      'metadata-restricted',
    ])
    const { udata } = await accepted(message({}, { metadataMap: { callId: '7', agentId: 'Evil' } }))
    expect(udata).toMatchObject({ callId: '7', agentId: 'Agent1' })
  })

  it('holds from the moment that it changes', async () => {
    await serve({ languages: ['de-de'] })
    await at.desk.set({ api: { contacts: { entities: [SAMPLE.metadata] } } })
    await accepted(message({ lang: 'us-en' }))
  })
})

describe('the document’s sample', () => {
  const send = (body: string) =>
    curl(
      ...['--location', '--request', 'POST', `${at.desk.url}/contacts/email`],
      ...['--header', 'Content-Type: application/json', '--header', 'Accept: application/json'],
      ...['--header', 'Authorization: Bearer k-all', '--data-raw', body],
    )

  it('sent by curl is accepted', async () => {
    await serve()
    const body =
      '{ "metadata": { "tenantName": "Acme Corp", "orgName": "Sales", "catName": "Leads" }, "data": { "convId": "0238ef3c-4252-11ea-b77f-2e728ce88125", "msgId": "0238f22a-4252-11ea-b77f-2e728ce88125", "lang": "us-en", "sub": "Goods Delivary Status", "ts": 1577836800000, "body": "Hi John, I\'m writing this email to enquire about the my delivary status", "agentId": "Agent1", "psId": "Participant1", "agentEmailId": "agent1@xyz.com", "psEmailId": "ps1@acmecorp.com", "from": "agent1@xyz.com", "to": [ "ps1@acmecorp.com", "ps2@acmecorp.com" ], "journeyId": "02d8f01e-42b0-11ea-b77f-2e728ce88125" } }'
    const answer = await send(body)
    expect([answer.status, answer.body]).toEqual([202, ACCEPTED])
    expect(answer.headers).toMatch(/^content-type: application\/json/im)
    const [mail] = await at.desk.store.apiInteractions({}, { index: 0, count: 1 })
    expect(mail).toMatchObject({ entity_type: 1, status: 3, text: SAMPLE.data.body })
  })

  it('with additional metadata, sent by curl, is accepted', async () => {
    await serve()
    const metadataMap = {
      'custom-test-key-3': 'custom-test-value-3',
      'custom-test-key-4': 'custom-test-value-4',
    }
    const answer = await send(JSON.stringify(message({}, { metadataMap })))
    expect([answer.status, answer.body]).toEqual([202, ACCEPTED])
    const [mail] = await at.desk.store.apiInteractions({}, { index: 0, count: 1 })
    expect(mail?.udata).toMatchObject(metadataMap)
  })

  it('of an error is word for word the answer to an unknown tenant', async () => {
    await serve({ entities: [] })
    const answer = await send(JSON.stringify(message()))
    expect([answer.status, answer.body]).toEqual([
      400,
      {
        status: 400,
        errors: [
          {
            type: '/errors/contact-payload',
            title: 'entity-identifier',
            detail: 'tenant/org/cat not found!',
          },
        ],
      },
    ])
  })
})
