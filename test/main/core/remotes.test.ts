import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { contactsEmailApi } from '../../../src-main/api/contacts-email.ts'
import { interactionsApi } from '../../../src-main/api/interactions.ts'
import type { RemoteState } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import type { RemoteSettings } from '../../../src-main/contract/settings.ts'
import { createRemotes, type Remotes } from '../../../src-main/core/remotes.ts'
import {
  mergeSettingsFile,
  storedSettings,
  type StoredSettings,
} from '../../../src-main/core/stored-settings.ts'
import { openSecrets, type Secrets } from '../../../src-main/secrets.ts'
import { openBlobs } from '../../../src-main/store/blobs.ts'
import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import type { Store } from '../../../src-main/store/store.ts'
import { serveApis } from '../../support/api.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { arrival, START } from '../../support/open-store.ts'
import { type Reply, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts'
import { until } from '../../support/until.ts'

const ADA = 7
const SECRET = 'k-very-secret'
const SECOND = 1000
const MINUTE = 60 * SECOND
const TRIPLE = { tenantName: 'Acme', orgName: 'Sales', catName: 'Mail' }

/** A desk's remotes on a real store, as desk.ts puts them together. */
interface Desk {
  readonly store: Store
  readonly settings: StoredSettings
  readonly secrets: Secrets
  readonly remotes: Remotes
  readonly clock: FakeClock
  readonly online: string[]
  readonly logged: string[]
  state(id: string): Promise<RemoteState>
  restart(): Promise<void>
  close(): Promise<void>
}

async function openDesk(timeout = 20_000): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), 'workbin-remotes-'))
  const clock = createFakeClock()
  const online: string[] = []
  const logged: string[] = []
  const secrets = await openSecrets(folder, {
    kind: 'plain',
    wrap: async (plain) => plain,
    unwrap: async (wrapped) => wrapped,
  })
  const blobs = openBlobs(join(folder, 'blobs'))
  async function open() {
    const store = openSqliteStore({ file: join(folder, 'workbin.db'), now: () => clock.now() })
    const settings = storedSettings(store, secrets)
    const remotes = createRemotes({
      store,
      blobs,
      settings,
      secrets,
      clock,
      log: (level, text, detail) => logged.push(`${level} ${text} ${JSON.stringify(detail)}`),
      onOnline: (account) => online.push(account),
      onChange: () => undefined,
      timing: { limits: { timeout }, random: () => 0.5 },
    })
    store.onChanges((changes) => {
      if (changes.remotes) remotes.wake()
    })
    return { store, settings, remotes }
  }
  let at = await open()
  const desk: Desk = {
    get store() {
      return at.store
    },
    get settings() {
      return at.settings
    },
    get remotes() {
      return at.remotes
    },
    secrets,
    clock,
    online,
    logged,
    async state(id) {
      const found = (await at.remotes.calls.remotes({})).find((remote) => remote.id === id)
      if (!found) throw new Error(`no remote ${id}`)
      return found
    },
    async restart() {
      await at.remotes.close()
      await at.store.close()
      at = await open()
      await at.remotes.start()
    },
    async close() {
      await at.remotes.close()
      expect(await at.store.check()).toMatchObject({ problems: [] })
      await at.store.close()
      expect(logged.join('\n')).not.toContain(SECRET)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await desk.settings.saveAgent({
    id: ADA,
    firstName: 'Ada',
    lastName: 'Moss',
    email: 'ada@desk.test',
    signature: { text: '', html: null },
  })
  return desk
}

const analytics = (url: string, special: Partial<RemoteSettings> = {}): RemoteSettings => ({
  id: 'analytics',
  kind: 'contacts-email',
  url,
  key: SECRET,
  options: TRIPLE,
  ...special,
})
const crm = (url: string, options: RemoteSettings['options'] = {}): RemoteSettings => ({
  id: 'crm',
  kind: 'interactions',
  url,
  key: SECRET,
  options,
})

describe('remote systems at work', () => {
  let desk: Desk
  const stops: (() => Promise<void>)[] = []
  beforeEach(async () => {
    desk = await openDesk()
  })
  afterEach(async () => {
    await desk.close()
    for (const stop of stops.splice(0).reverse()) await stop()
  })
  const { calls } = { calls: () => desk.remotes.calls }

  async function scripted(reply: Reply = { status: 202 }): Promise<ScriptedHttp> {
    const server = await startScriptedHttp()
    stops.push(() => server.stop())
    server.answer = () => reply
    return server
  }
  const mail = async (subject = 'Where is my order?') => {
    const [filed] = await desk.store.ingest([arrival({ subject })], null)
    return filed?.interaction_id ?? ''
  }
  const subjects = ({ requests }: ScriptedHttp) =>
    requests.map(({ body }) => /"sub":"([^"]*)"/.exec(body.toString())?.[1])
  const owed = async (id = 'analytics') => (await desk.state(id)).owed
  const settled = (id = 'analytics') =>
    until('nothing runs', async () => {
      const { connection, owed } = await desk.state(id)
      return connection !== 'working' && owed.waiting === 0
    })

  it('show what is set up, and never a secret', async () => {
    await desk.remotes.start()
    await calls().saveRemote(analytics('https://analytics.test'))
    expect(await calls().remotes({})).toEqual([
      {
        id: 'analytics',
        kind: 'contacts-email',
        url: 'https://analytics.test',
        options: {
          ...TRIPLE,
          language: 'us-en',
          agentId: '',
          queues: [],
          metadata: {},
          shortenSubjects: false,
        },
        has_key: true,
        capabilities: { send: false, mailbox: false, pull: false, report: true },
        connection: 'idle',
        problem: null,
        last_contact: null,
        owed: { waiting: 0, failed: 0 },
      },
    ])
    expect(JSON.stringify(await desk.store.setting('remotes'))).not.toContain(SECRET)
    expect(await desk.secrets.get('remote/analytics')).toBe(SECRET)
    expect(desk.online).toContain('remote:analytics')

    await calls().saveRemote({ ...analytics('https://analytics.test/v2'), key: undefined })
    expect([(await desk.state('analytics')).url, await desk.secrets.get('remote/analytics')]).toEqual([
      'https://analytics.test/v2',
      SECRET,
    ])
    await expect(calls().saveRemote({ ...crm('https://other.test'), id: 'analytics' })).rejects.toMatchObject(
      {
        code: 'conflict',
      },
    )
    await calls().removeRemote({ id: 'analytics' })
    expect([await calls().remotes({}), await desk.secrets.get('remote/analytics')]).toEqual([[], null])
    await expect(calls().removeRemote({ id: 'analytics' })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('show a stored key to no other system than it was entered for', async () => {
    await desk.remotes.start()
    const elsewhere = await scripted()
    await calls().saveRemote(analytics('https://analytics.test'))
    const moved = { ...analytics(elsewhere.url), key: undefined }
    await expect(calls().saveRemote(moved)).rejects.toMatchObject({ code: 'invalid' })
    await expect(calls().testRemote(moved)).rejects.toMatchObject({ code: 'invalid' })
    expect([(await desk.state('analytics')).url, elsewhere.requests]).toEqual(['https://analytics.test', []])
    await calls().saveRemote({ ...moved, key: 'k-of-the-other' })
    expect(await desk.secrets.get('remote/analytics')).toBe('k-of-the-other')
  })

  it('keep the certificate that is trusted until another one is entered', async () => {
    await desk.remotes.start()
    const trustedCertificate = 'a'.repeat(64)
    const stored = async () => JSON.stringify(await desk.store.setting('remotes'))
    await calls().saveRemote({ ...analytics('https://a.test'), trustedCertificate })
    await calls().saveRemote(analytics('https://a.test'))
    expect(await stored()).toContain(trustedCertificate)
    await calls().saveRemote({ ...analytics('https://a.test'), trustedCertificate: null })
    expect(await stored()).not.toContain(trustedCertificate)
  })

  it('are reported each message once, in order, also after a restart', async () => {
    const server = await scripted()
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    for (const subject of ['One', 'Two', 'Three']) {
      await mail(subject)
      await desk.clock.advance(1)
    }
    await until('three reports', () => server.requests.length === 3)
    await settled()
    await desk.restart()
    await mail('Four')
    await until('the fourth', () => server.requests.length === 4)
    await settled()
    expect(subjects(server)).toEqual(['One', 'Two', 'Three', 'Four'])
    expect(await owed()).toEqual({ waiting: 0, failed: 0 })
    expect((await desk.state('analytics')).last_contact).toBe(desk.clock.now())
  })

  it('of a settings file get what comes in while they start', async () => {
    const server = await scripted()
    await desk.store.saveQueue(null, 'Inbox')
    await mergeSettingsFile(
      { remotes: [analytics(server.url, { options: { ...TRIPLE, queues: ['Sales'] } })] },
      desk.store,
      desk.secrets,
    )
    await desk.remotes.start()
    await mail('Not of this queue')
    const [sales] = (await desk.store.queues()).filter(({ name }) => name === 'Sales')
    await desk.store.ingest([arrival({ subject: 'Of Sales' }, { queue_id: sales?.id ?? null })], null)
    await until('a report', () => server.requests.length === 1)
    await settled()
    expect(subjects(server)).toEqual(['Of Sales'])
  })

  it('are tried five times, ever more slowly, and then by an agent’s word', async () => {
    const server = await scripted({ status: 503 })
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    await mail()
    for (const [tries, wait] of [1, 2, 4, 8].entries()) {
      await until(`try ${tries + 1}`, () => server.requests.length === tries + 1)
      await until('it waits', async () => (await desk.state('analytics')).connection === 'waiting')
      expect(await owed()).toEqual({ waiting: 1, failed: 0 })
      await desk.clock.advance(wait * SECOND - 300)
      expect(server.requests).toHaveLength(tries + 1)
      await desk.clock.advance(600)
    }
    await until('it was given up', async () => (await owed()).failed === 1)
    expect(await desk.state('analytics')).toMatchObject({
      problem: expect.stringMatching(/has a fault \(503\)/),
      owed: { waiting: 0, failed: 1 },
    })
    await desk.clock.advance(40 * MINUTE)
    expect(server.requests).toHaveLength(5)

    server.answer = () => ({ status: 202 })
    await calls().syncRemote({ id: 'analytics' })
    await settled()
    expect([server.requests.length, await owed()]).toEqual([6, { waiting: 0, failed: 0 }])
  })

  it('wait as long as they ask for', async () => {
    const server = await scripted({ status: 429, headers: { 'retry-after': '120' } })
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    await mail()
    await until('it waits', async () => (await desk.state('analytics')).connection === 'waiting')
    await desk.clock.advance(119 * SECOND)
    expect(server.requests).toHaveLength(1)
    server.answer = () => ({ status: 202 })
    await desk.clock.advance(2 * SECOND)
    await until('the second try', () => server.requests.length === 2)
    await settled()
  })

  it('get what was given up while they were down as soon as one call goes through', async () => {
    const server = await scripted('reset')
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    await mail('Lost for now')
    for (const wait of [1, 2, 4, 8]) {
      await until('it waits', async () => (await desk.state('analytics')).connection === 'waiting')
      await desk.clock.advance(wait * SECOND + 300)
    }
    await until('it was given up', async () => (await owed()).failed === 1)
    server.answer = () => ({ status: 202 })
    await mail('Later')
    desk.online.length = 0
    await desk.clock.advance(2 * MINUTE)
    await until(
      'both',
      async () => JSON.stringify(await owed()) === JSON.stringify({ waiting: 0, failed: 0 }),
    )
    expect(subjects(server).slice(-2)).toEqual(['Later', 'Lost for now'])
    expect(desk.online).toEqual(['remote:analytics'])
  })

  it('that refuse the key are left alone until another one is entered', async () => {
    const server = await scripted()
    server.answer = ({ headers }) => ({ status: headers.authorization === 'Bearer right' ? 202 : 401 })
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    await mail('One')
    await mail('Two')
    await until('it needs somebody', async () => (await desk.state('analytics')).connection === 'failed')
    await desk.clock.advance(60 * MINUTE)
    await mail('Three')
    await desk.clock.advance(MINUTE)
    expect(server.requests).toHaveLength(1)
    expect(await desk.state('analytics')).toMatchObject({
      problem: expect.stringMatching(/doesn’t accept the key. Enter it again/),
      owed: { waiting: 3, failed: 0 },
    })
    await calls().saveRemote({ ...analytics(server.url), key: 'right' })
    await settled()
    expect(server.requests).toHaveLength(4)
    expect(await desk.state('analytics')).toMatchObject({ connection: 'idle', problem: null })
  })

  it('that refuse one message get the others', async () => {
    const server = await scripted()
    server.answer = ({ body }) =>
      body.includes('Odd')
        ? { status: 400, body: { status: 400, errors: [{ title: 'x', detail: 'data.sub: is odd.' }] } }
        : { status: 202 }
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    await mail('Odd')
    await desk.clock.advance(1)
    await mail('Plain')
    await mail('ä'.repeat(79))
    await until('all are settled', async () => (await owed()).waiting === 0)
    expect(await desk.state('analytics')).toMatchObject({
      connection: 'failed',
      problem: expect.any(String),
      owed: { waiting: 0, failed: 2 },
    })
    expect(subjects(server)).toEqual(['Odd', 'Plain'])
    await calls().saveRemote(analytics(server.url, { options: { ...TRIPLE, shortenSubjects: true } }))
    await until('the long one', () => subjects(server).some((subject) => subject?.endsWith('…')))
    await until('one is left', async () => (await owed()).failed === 1)
  })

  it('that hang hold up nobody else, and end with the desk', async () => {
    const hole = await scripted('silence')
    const quick = await scripted()
    await desk.remotes.start()
    await calls().saveRemote(analytics(hole.url, { id: 'hole' }))
    await calls().saveRemote(crm(hole.url, { every: 60 }))
    await calls().saveRemote(analytics(quick.url, { id: 'quick' }))
    await mail('One')
    await until('the hole is asked', () => hole.requests.length === 2)
    await mail('Two')
    await until('the quick one has both', () => quick.requests.length === 2)
    expect(await desk.state('hole')).toMatchObject({ connection: 'working', owed: { waiting: 2 } })
    await desk.store.accept(
      [(await desk.store.apiInteractions({}, { index: 0, count: 1 }))[0]?.thread_id ?? ''],
      ADA,
    )
    await desk.restart()
    await until('the hole is asked again', () => hole.requests.length === 4)
    expect(quick.requests).toHaveLength(2)
    expect(desk.logged.filter((line) => line.startsWith('error'))).toEqual([])
  })

  it('lose and double nothing where the desk stops in the middle', async () => {
    const server = await scripted()
    const taken: string[] = []
    server.answer = ({ body }) => {
      taken.push(/"msgId":"([^"]*)"/.exec(body.toString())?.[1] ?? '')
      return taken.length === 2 ? 'silence' : { status: 202 }
    }
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    for (const subject of ['One', 'Two', 'Three']) {
      await mail(subject)
      await desk.clock.advance(1)
    }
    await until('the second hangs', () => taken.length === 2)
    await desk.restart()
    await until('all three', () => taken.length === 4)
    await settled()
    // The one that hung is told again under its own id, which a repeat is known by.
    expect([taken[2], new Set(taken).size]).toEqual([taken[1], 3])
  })

  it('are looked at again and again, more rarely while they are down', async () => {
    const server = await scripted({ body: [] })
    await desk.remotes.start()
    await calls().saveRemote(crm(server.url, { every: 60 }))
    await until('the first look', () => server.requests.length === 1)
    await until('it is over', async () => (await desk.state('crm')).connection === 'idle')
    server.answer = () => ({ status: 500 })
    await desk.clock.advance(60 * SECOND)
    for (const [tries, wait] of [1, 2, 4, 8, 60, 120].entries()) {
      await until(`look ${tries + 2}`, () => server.requests.length === tries + 2)
      await until('it waits', async () => (await desk.state('crm')).connection === 'waiting')
      await desk.clock.advance(wait * SECOND - 300)
      expect(server.requests).toHaveLength(tries + 2)
      await desk.clock.advance(600)
    }
    server.answer = () => ({ body: [] })
    await desk.clock.advance(10 * MINUTE)
    await until('it is well', async () => (await desk.state('crm')).connection === 'idle')
  })

  it('are looked at only when asked where that is set', async () => {
    const server = await scripted({ body: [] })
    await desk.remotes.start()
    await calls().saveRemote(crm(server.url, { every: 0 }))
    await desk.clock.advance(60 * MINUTE)
    expect(server.requests).toEqual([])
    await calls().syncRemote({ id: 'crm' })
    await until('a look', () => server.requests.length === 1)
    await until('it is over', async () => (await desk.state('crm')).connection === 'idle')
  })

  it('are begun anew where they lie elsewhere now', async () => {
    const server = await scripted({ body: [] })
    await desk.remotes.start()
    await calls().saveRemote(crm(server.url, { every: 0 }))
    await calls().syncRemote({ id: 'crm' })
    await until('a cursor', async () => (await desk.store.remoteCursor('crm')) !== null)
    await until('it is over', async () => (await desk.state('crm')).connection === 'idle')
    await calls().saveRemote(crm(server.url, { every: 0, writeBack: false }))
    expect(await desk.store.remoteCursor('crm')).not.toBeNull()
    await calls().saveRemote(crm(server.url, { every: 0, basePath: '/genesys/1/cs' }))
    expect(await desk.store.remoteCursor('crm')).toBeNull()
  })

  it('another Workbin: its mail comes with the next look, what is done here is done there', async () => {
    const first = await serveApis({
      apis: [interactionsApi],
      settings: { keys: [{ key: SECRET, name: 'x', scopes: ['interactions:read', 'interactions:write'] }] },
    })
    stops.push(() => first.close())
    const file = first.blobs.put(Buffer.from('%PDF'))
    const attachment = {
      name: 'a.pdf',
      content_type: 'application/pdf',
      content_id: null,
      inline: false,
      ...file,
    }
    const [there] = await first.store.ingest([arrival({ attachments: [attachment] })], null)
    const id = there?.interaction_id ?? ''
    await desk.remotes.start()
    await calls().saveRemote(crm(first.url, { every: 30, queue: 'From the CRM' }))
    await until('it is here', async () => (await desk.store.check()).interactions === 1)
    expect(await desk.store.apiInteraction(id)).toMatchObject({
      queue: 'From the CRM',
      attachments: [{ sha256: file.sha256 }],
    })
    await desk.store.accept([id], ADA)
    await desk.store.setUserData(id, { plan: 'gold' }, [], ADA)
    await desk.store.markDone([id], null, ADA)
    await until('it is done there', async () => {
      const { status, owner_id, udata } = await first.store.apiInteraction(id)
      return status === 3 && owner_id === ADA && udata?.plan === 'gold'
    })
    await first.store.ingest([arrival({ subject: 'Another' })], null)
    await desk.clock.advance(30 * SECOND)
    await until('that one, too', async () => (await desk.store.check()).interactions === 2)
    const customer = (await first.store.apiInteraction(id)).customer_id
    expect(await calls().pullCustomer({ remote_id: 'crm', customer_id: customer })).toEqual({
      stored: 0,
      changed: 0,
    })
    await expect(calls().pullCustomer({ remote_id: 'crm', customer_id: 'nobody' })).rejects.toMatchObject({
      code: 'not-found',
    })
    await until('nothing is owed', async () => (await owed('crm')).waiting === 0)
  })

  it('another Workbin over a line that breaks: everything is here once and told there once', async () => {
    const first = await serveApis({
      apis: [interactionsApi, contactsEmailApi],
      settings: {
        contacts: { entities: [TRIPLE] },
        keys: [
          { key: SECRET, name: 'x', scopes: ['interactions:read', 'interactions:write', 'contacts:write'] },
        ],
      },
    })
    stops.push(() => first.close())
    for (let i = 0; i < 3; i++)
      await first.store.ingest(
        Array.from({ length: 50 }, (_, j) =>
          arrival({ subject: `Theirs ${i}-${j}` }, { received: START - (i * 50 + j) * MINUTE }),
        ),
        null,
      )
    const line = await startFaultProxy(Number(new URL(first.url).port))
    stops.push(() => line.stop())
    const url = `http://127.0.0.1:${line.port}`
    let lines = 0
    // Every second line is cut: before an answer, within its head, within its body.
    line.faults.cutAfter = () => (lines++ % 2 === 0 ? ([0, 100, 20_000][(lines >> 1) % 3] ?? 0) : null)
    await desk.remotes.start()
    await calls().saveRemote(analytics(url))
    await calls().saveRemote(crm(url, { every: 30 }))
    for (let i = 0; i < 5; i++) await mail(`Ours ${i}`)
    await until('some of it', async () => {
      await desk.clock.advance(SECOND)
      return (await desk.store.check()).interactions > 5
    })
    await desk.restart()
    const toldThere = async () =>
      (await first.store.apiInteractions({}, { index: 0, count: 200 })).filter(({ udata }) => udata?.convId)
    await until('all of it', async () => {
      await desk.clock.advance(SECOND)
      return (await desk.store.check()).interactions >= 155 && (await owed()).waiting === 0
    })
    await until('a look without a fault', async () => {
      await desk.clock.advance(10 * SECOND)
      return (await toldThere()).length === 5 && (await owed()).failed === 0
    })
    expect((await toldThere()).map(({ subject }) => subject).sort()).toEqual([
      'Ours 0',
      'Ours 1',
      'Ours 2',
      'Ours 3',
      'Ours 4',
    ])
    const here = await desk.store.apiInteractions({}, { index: 0, count: 200 })
    expect(here.filter(({ subject }) => subject?.startsWith('Theirs'))).toHaveLength(150)
    // What was told there doesn't come back.
    expect(here).toHaveLength(155)
  })

  it('are not told what they were asked for, nor is it told to their own analytics', async () => {
    const first = await serveApis({
      apis: [interactionsApi],
      settings: { keys: [{ key: SECRET, name: 'x', scopes: ['interactions:read', 'interactions:write'] }] },
    })
    stops.push(() => first.close())
    await first.store.ingest([arrival()], null)
    await desk.remotes.start()
    const elsewhere = await scripted()
    await calls().saveRemote(analytics(first.url))
    await calls().saveRemote(analytics(elsewhere.url, { id: 'elsewhere' }))
    await calls().saveRemote(crm(first.url, { every: 0 }))
    await calls().syncRemote({ id: 'crm' })
    await until('it is reported elsewhere', () => elsewhere.requests.length === 1)
    await settled('elsewhere')
    expect([await owed('analytics'), await owed('crm')]).toEqual([
      { waiting: 0, failed: 0 },
      { waiting: 0, failed: 0 },
    ])
  })

  it('leave a customer’s mailbox and a sink to those that have one', async () => {
    const server = await scripted({ status: 200, body: [] })
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    await calls().saveRemote({ id: 'form', kind: 'gms-email', url: server.url, options: {} })
    expect([
      await desk.remotes.sink('analytics'),
      await desk.remotes.sink('gone'),
      typeof (await desk.remotes.sink('form'))?.send,
    ]).toEqual([null, null, 'function'])
    const box = { remote_id: 'analytics', address: 'ann@customer.test', box: '', status: 'all' as const }
    await expect(calls().remoteMails({ ...box, index: 0, count: 10 })).rejects.toMatchObject({
      code: 'invalid',
    })
    await expect(calls().countRemoteMails({ ...box, remote_id: 'gone' })).rejects.toMatchObject({
      code: 'not-found',
    })
    await expect(calls().pullCustomer({ remote_id: 'form', customer_id: '1' })).rejects.toMatchObject({
      code: 'invalid',
    })
    const target = { kind: 'gms-email' } as const
    const draft = await calls().startRemoteDraft({ remote_id: 'form', target, to: [], subject: 'Hello' })
    expect(draft).toMatchObject({ account_id: 'remote:form', subject: 'Hello', remote: target })
  })

  it('tell accounts whose mail leaves through them that they may go on', async () => {
    const server = await scripted()
    await desk.remotes.start()
    await desk.settings.saveAccounts([
      {
        id: 'support',
        address: 'support@desk.test',
        personal: '',
        imap: null,
        smtp: null,
        trustedCertificate: null,
        queue: null,
        since: null,
        through: 'form',
      },
    ])
    await calls().saveRemote({ id: 'form', kind: 'gms-email', url: server.url, options: {} })
    expect(desk.online).toEqual(['remote:form', 'support'])
  })

  it('are tested with what is entered, or what is stored, and nothing of it is kept', async () => {
    const server = await scripted()
    server.answer = ({ headers }) =>
      headers['x-api-key'] === SECRET ? { body: [] } : { status: 401, body: { message: 'no' } }
    await desk.remotes.start()
    const { key: _key, ...without } = crm(server.url, { every: 0 })
    expect((await calls().testRemote(without)).steps.at(-1)).toMatchObject({ ok: false })
    expect(await calls().testRemote(crm(server.url))).toMatchObject({ ok: true })
    expect(await calls().remotes({})).toEqual([])
    await calls().saveRemote(crm(server.url, { every: 0 }))
    expect(await calls().testRemote(without)).toMatchObject({ ok: true })
  })

  it('follow a queue that is renamed', async () => {
    const server = await scripted()
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url, { options: { ...TRIPLE, queues: ['Sales'] } }))
    await calls().saveRemote(crm(server.url, { every: 0, queue: 'Sales' }))
    const [sales] = (await desk.store.queues()).filter(({ name }) => name === 'Sales')
    await desk.store.saveQueue(sales?.id ?? null, 'Orders')
    await desk.remotes.renameQueue('Sales', 'Orders')
    expect([(await desk.state('analytics')).options.queues, (await desk.state('crm')).options.queue]).toEqual(
      [['Orders'], 'Orders'],
    )
    await desk.store.ingest([arrival({ subject: 'An order' }, { queue_id: sales?.id ?? null })], null)
    await until('a report', () => server.requests.length === 1)
    await settled()
    expect((await desk.store.queues()).map(({ name }) => name)).not.toContain('Sales')
  })

  it('are silent on the sample desk', async () => {
    const server = await scripted()
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    await calls().saveRemote(crm(server.url, { every: 60 }))
    await until('a look', () => server.requests.length === 1)
    await desk.store.saveSetting('sample', true)
    await mail()
    await desk.clock.advance(10 * MINUTE)
    expect(server.requests).toHaveLength(1)
    await expect(calls().syncRemote({ id: 'crm' })).rejects.toMatchObject({ code: 'sample' })
    await expect(calls().saveRemote(crm(server.url))).rejects.toMatchObject({ code: 'sample' })
    expect(await desk.remotes.sink('crm')).toBeNull()
    await desk.restart()
    await desk.clock.advance(10 * MINUTE)
    expect(server.requests).toHaveLength(1)
  })

  it('are told nothing twice, and nothing is left out, where the disk is full for a while', async () => {
    const server = await scripted()
    await desk.remotes.start()
    await calls().saveRemote(analytics(server.url))
    const { store } = desk
    const done = store.callDone
    let full = 0
    store.callDone = async () => {
      full += 1
      throw new CoreError('disk', 'The disk is full.')
    }
    await mail('One')
    await until('the disk is full', () => full > 0)
    await until('it waits for room', () => desk.clock.waiting > 0)
    const before = full
    await mail('Two')
    await until('it is full still', () => full > before)
    store.callDone = done
    await desk.clock.advance(10 * SECOND)
    await until('both', () => server.requests.length === 2)
    await settled()
    expect(subjects(server)).toEqual(['One', 'Two'])
  })

  it('that mail is sent through were reached then', async () => {
    const server = await scripted({ body: { statusCode: 0, interactionId: '1' } })
    await desk.remotes.start()
    await calls().saveRemote({ id: 'form', kind: 'gms-email', url: server.url, options: {} })
    const sink = await desk.remotes.sink('form')
    const outcome = await sink?.send({
      envelope: { from: 'ada@desk.test', to: ['ann@customer.test'], smtputf8: false },
      mime: new Uint8Array(),
      dataStarted: async () => undefined,
      written: async () => ({
        interaction_id: '0VIdl77wQjGRb3gl',
        from: { address: 'ada@desk.test' },
        to: [{ address: 'ann@customer.test' }],
        cc: [],
        subject: 'Hello',
        text: 'Hello.',
        html: null,
        udata: {},
        attachments: [],
        agent: { id: ADA, firstName: 'Ada', lastName: 'Moss' },
        target: null,
      }),
    })
    expect(outcome).toMatchObject({ kind: 'accepted' })
    expect((await desk.state('form')).last_contact).toBe(desk.clock.now())
  })

  it('have no work at rest', async () => {
    await desk.remotes.start()
    await calls().saveRemote(analytics('https://analytics.test'))
    await desk.clock.advance(0)
    expect(desk.clock.waiting).toBe(0)
    expect(START).toBe(desk.clock.now())
  })
})
