import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { Core } from '../../src-main/contract/core.ts'
import type { RemoteTarget } from '../../src-main/contract/domain.ts'
import { remoteSchema } from '../../src-main/contract/settings.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { endServes, startServe, temporaryFolder } from '../support/serve.ts'
import { until } from '../support/until.ts'

/** A second Workbin that is pointed at the first one through each of the five connectors, over a line that breaks. */

const ANN = 'ann@customer.test'
const TRIPLE = { tenantName: 'Acme Corp', orgName: 'Service', catName: 'Mail' }
const proxies: FaultProxy[] = []
afterEach(async () => {
  await endServes()
  for (const proxy of proxies.splice(0)) await proxy.stop()
})

test('a second desk works on the first one’s mail through every connector', async () => {
  const first = await startServe({
    data: await temporaryFolder(),
    settings: firstSettings,
    args: ['--api-port', '0'],
  })
  const api = first.api ?? ''
  const line = await startFaultProxy(Number(new URL(api).port))
  proxies.push(line)
  for (const subject of ['The zip', 'The stove', 'The tent']) await submit(api, subject)

  const second = await startServe({
    data: await temporaryFolder(),
    settings: secondSettings(`http://127.0.0.1:${line.port}`),
  })
  const { core } = await second.connect()
  // The waiting is done by this door: the API takes no more than 300 questions a minute.
  const { core: there } = await first.connect()
  for (const { key: _, ...remote } of secondSettings(`http://127.0.0.1:${line.port}`).remotes)
    expect(await core.testRemote(remoteSchema.parse(remote)), remote.id).toMatchObject({ ok: true })

  // --- interactions: pulled with their ids, worked on here, written back there
  await core.syncRemote({ id: 'crm' })
  await until('three interactions', async () => (await core.overview({})).all.total === 3)
  const [zip] = await theirs(api, '/interactions?count=200').then((all) =>
    all.filter(({ subject }) => subject === 'The zip'),
  )
  const zipId = zip?.interaction_id ?? ''
  const thread = await core.thread({ thread_id: zipId })
  expect(thread.messages[0]?.interaction).toMatchObject({
    interaction_id: zipId,
    subject: 'The zip',
    from: { address: ANN },
  })
  await core.setUserData({ interaction_id: zipId, set: { OrderNumber: 'HP-7' }, remove: [] })
  await core.accept({ threads: [zipId] })
  await core.markDone({ threads: [zipId], disposition_id: null })
  await until('the work written back', async () => {
    const { status, udata } = await there.thread({ thread_id: zipId })
    return status === 3 && udata.OrderNumber === 'HP-7'
  })
  expect(await theirs(api, `/interactions/${zipId}`)).toMatchObject([
    { status: 3, udata: { OrderNumber: 'HP-7' } },
  ])

  // --- GMS: a mail leaves through the first desk's form service, with the line gone and back
  await line.away()
  await write(core, 'form', { kind: 'gms-email' }, 'support@desk.test', 'Through the form')
  await until('the mail waits', async () => (await core.overview({})).outbox.waiting === 1)
  expect(
    (await theirs(api, '/interactions?count=200')).some(({ subject }) => subject === 'Through the form'),
  ).toBe(false)
  await line.back()
  await core.syncRemote({ id: 'form' })
  await until('it arrived', async () => (await subjects(there)).includes('Through the form'))

  // --- secure mail: looked at without a trace, answered, marked read
  await post(api, '/nexus/v3/securemail', 'k-portal', {
    data: { address: ANN, subject: 'My contract', text: 'A copy, please.' },
  })
  const box = { remote_id: 'portal', address: ANN, box: '' }
  const listed = await core.remoteMails({ ...box, status: 'all', index: 0, count: 10 })
  expect(listed).toMatchObject({
    mails: [{ subject: 'My contract', read: false, direction: 'inbound' }],
    more: false,
  })
  const mailId = listed.mails[0]?.id ?? ''
  expect(await core.remoteMail({ remote_id: 'portal', id: mailId, open: false })).toMatchObject({
    text: 'A copy, please.',
  })
  expect(await core.countRemoteMails({ ...box, status: 'unread' })).toEqual({ count: 1 })
  const target = { kind: 'secure-mail', address: ANN, box: '', parent_id: mailId } as const
  await write(core, 'portal', target, ANN, 'Re: My contract')
  await until('the answer in the box', async () => {
    const { rows } = await there.listPage(everything)
    return rows.some(({ subject, messages }) => subject.includes('My contract') && messages === 2)
  })
  expect(await core.countRemoteMails({ ...box, status: 'all' })).toEqual({ count: 2 })
  await core.removeRemoteMail({ remote_id: 'portal', id: mailId, how: 'read' })
  expect(await core.countRemoteMails({ ...box, status: 'unread' })).toEqual({ count: 1 })

  // --- an activity is answered in its thread
  const answered = zip?.activity_id ?? 0
  const activity = { kind: 'activity-response', activity_id: String(answered), customer: null } as const
  await write(core, 'customer', activity, 'help@desk.test', 'Re: The zip')
  await until('the answer in the thread', async () => {
    const { messages } = await there.thread({ thread_id: zipId })
    return messages.some(
      ({ interaction: { sub_type, subject } }) =>
        sub_type === 'InboundCustomerReply' && subject === 'Re: The zip',
    )
  })

  // --- every message of the second desk was reported once
  await until('nothing is owed any more', async () =>
    (await core.remotes({})).every(({ owed }) => owed.waiting + owed.failed === 0),
  )
  const reported = (await theirs(api, '/interactions?count=200')).filter(
    ({ udata }) => udata?.catName === 'Mail' || udata?.psId !== undefined,
  )
  const external = reported.map(({ external_id }) => external_id)
  expect(new Set(external).size).toBe(external.length)
  expect(external.length).toBeGreaterThanOrEqual(3)

  // By now anything that was sent twice would be here twice. (Its report has the id that the second desk gave it.)
  const sent = (await theirs(api, '/interactions?count=200')).filter(
    ({ subject, external_id }) => subject === 'Through the form' && external_id === undefined,
  )
  expect(sent).toHaveLength(1)

  expect(await second.stop()).toBe(0)
  expect(await first.stop()).toBe(0)
})

const firstSettings = {
  agent: { id: 7, firstName: 'Ada', lastName: 'Moss', email: 'ada@desk.test' },
  queues: ['Support'],
  api: {
    defaultMailbox: 'support@desk.test',
    contacts: { entities: [TRIPLE] },
    activity: {
      aliases: [{ address: 'help@desk.test', active: true }],
      customers: [{ id: '1000', addresses: [ANN] }],
    },
    keys: [
      { key: 'k-crm', name: 'CRM', scopes: ['interactions:read', 'interactions:write'] },
      { key: 'k-analytics', name: 'Analytics', scopes: ['contacts:write'] },
      {
        key: 'k-portal',
        name: 'Portal',
        scopes: ['securemail:read', 'securemail:write', 'securemail:purge'],
      },
      { key: 'k-ann', name: 'Ann', scopes: ['activity:respond'], customer: '1000' },
    ],
  },
}

function secondSettings(url: string) {
  return {
    agent: { id: 9, firstName: 'Ben', lastName: 'Ash', email: 'ben@second.test' },
    queues: ['Support'],
    undoSendSeconds: 0,
    remotes: [
      { id: 'crm', kind: 'interactions', url, key: 'k-crm', options: { every: 0 } },
      { id: 'form', kind: 'gms-email', url, key: undefined, options: { service: 'second' } },
      { id: 'portal', kind: 'secure-mail', url, key: 'k-portal', options: {} },
      { id: 'customer', kind: 'activity-response', url, key: 'k-ann', options: {} },
      {
        id: 'analytics',
        kind: 'contacts-email',
        url,
        key: 'k-analytics',
        options: { ...TRIPLE, agentId: 'ben', metadata: { order: 'OrderNumber' } },
      },
    ],
  }
}

/** What an agent writes, as the page does it. */
async function write(
  core: Core,
  remote_id: string,
  target: RemoteTarget,
  to: string,
  subject: string,
): Promise<void> {
  const draft = await core.startRemoteDraft({ remote_id, target, to: [{ address: to }], subject })
  const { revision } = await core.saveDraft({
    draft_id: draft.id,
    revision: draft.revision,
    patch: { format: 'plain', text: `Written on the second desk: ${subject}` },
  })
  await core.send({ draft_id: draft.id, revision, done: null, seen: null })
}

const everything = { view: { kind: 'all' }, order: 'newest', after: null, limit: 200 } as const

async function subjects(core: Core): Promise<readonly string[]> {
  const { rows } = await core.listPage(everything)
  return rows.map(({ subject }) => subject)
}

async function submit(api: string, subject: string): Promise<void> {
  const body = new URLSearchParams({
    firstName: 'Ann',
    lastName: 'Lee',
    fromAddress: ANN,
    subject,
    text: `About ${subject}`,
  })
  const answer = await fetch(`${api}/genesys/2/email/shop`, { method: 'POST', body })
  expect(await answer.json()).toMatchObject({ statusCode: 0 })
}

async function post(api: string, path: string, key: string, body: unknown): Promise<void> {
  const answer = await fetch(api + path, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
}

const seen = z.looseObject({
  interaction_id: z.string(),
  activity_id: z.number(),
  status: z.number(),
  subject: z.string().optional(),
  sub_type: z.string().optional(),
  external_id: z.string().optional(),
  udata: z.record(z.string(), z.unknown()).optional(),
})

/** What the first desk holds, by its own API. */
async function theirs(api: string, path: string): Promise<z.output<typeof seen>[]> {
  const answer: unknown = await (await fetch(api + path, { headers: { 'x-api-key': 'k-crm' } })).json()
  return z.array(seen).parse(Array.isArray(answer) ? answer : [answer])
}
