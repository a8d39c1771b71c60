import { createServer } from 'node:http'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Agent } from 'node:https'
import { request } from 'node:https'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SettingsFile } from '../../../src-main/contract/settings.ts'
import { type Apis, createApis } from '../../../src-main/core/apis.ts'
import {
  mergeSettingsFile,
  type StoredSettings,
  storedSettings,
} from '../../../src-main/core/stored-settings.ts'
import { openSecrets, type Secrets } from '../../../src-main/secrets.ts'
import { type Blobs, openBlobs } from '../../../src-main/store/blobs.ts'
import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import type { Store } from '../../../src-main/store/store.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/until.ts'

const WORKER = pathToFileURL(resolve(import.meta.dirname, '../../../src-main/api/worker.ts'))
const DYING = pathToFileURL(resolve(import.meta.dirname, '../../support/dying-api-worker.ts'))

let dir: string
let clock: FakeClock
let store: Store
let secrets: Secrets
let blobs: Blobs
let settings: StoredSettings
let logged: string[]
let changes: number
const running: Apis[] = []

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'workbin-apis-'))
  mkdirSync(join(dir, 'tmp'))
  // The thread has a clock of its own, and both must see the same day.
  clock = createFakeClock(Date.now())
  store = openSqliteStore({ file: join(dir, 'workbin.db'), now: () => clock.now() })
  await store.saveQueue(null, 'Inbox')
  secrets = await openSecrets(dir, {
    kind: 'plain',
    wrap: async (plain) => plain,
    unwrap: async (wrapped) => wrapped,
  })
  blobs = openBlobs(join(dir, 'blobs'))
  settings = storedSettings(store, secrets)
  logged = []
  changes = 0
})
afterEach(async () => {
  for (const apis of running.splice(0)) await apis.close()
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

async function start(
  options: { api?: SettingsFile['api']; port?: number | null; mustListen?: boolean; worker?: URL } = {},
): Promise<Apis> {
  if (options.api) await mergeSettingsFile({ api: options.api }, store, secrets)
  const apis = createApis({
    store,
    settings,
    secrets,
    blobs,
    dataDir: dir,
    worker: options.worker ?? WORKER,
    port: options.port ?? null,
    mustListen: options.mustListen ?? false,
    clock,
    log: (level, message, detail) => void logged.push(JSON.stringify([level, message, detail])),
    onChange: () => changes++,
  })
  running.push(apis)
  await apis.start()
  return apis
}

function form(text = 'It has not arrived.', file?: string): FormData {
  const form = new FormData()
  const fields = {
    firstName: 'Ann',
    lastName: 'Lee',
    fromAddress: 'ann@customer.test',
    subject: 'Where?',
    text,
  }
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  if (file !== undefined) form.append('files', new Blob([file]), 'order.txt')
  return form
}
async function submit(apis: Apis, body: FormData, headers: Record<string, string> = {}) {
  const answer = await fetch(`${apis.url() ?? ''}/genesys/2/email/desk`, { method: 'POST', body, headers })
  return {
    status: answer.status,
    ...((await answer.json()) as { statusCode: number; interactionId?: string }),
  }
}

describe('the APIs on their thread', () => {
  it('file what comes, count it, and log it without what it holds', async () => {
    const apis = await start({ port: 0 })
    const accepted = await submit(apis, form('a text of the customer', 'bytes of a file'))
    expect(accepted).toMatchObject({ status: 200, statusCode: 0 })
    const stored = await store.apiInteraction(accepted.interactionId ?? '')
    expect(stored).toMatchObject({ subject: 'Where?', text: 'a text of the customer', queue: 'Inbox' })
    expect(Buffer.from(blobs.read(stored.attachments[0]?.sha256 ?? '') ?? []).toString()).toBe(
      'bytes of a file',
    )
    expect(readdirSync(join(dir, 'tmp'))).toEqual([])
    await fetch(`${apis.url() ?? ''}/interactions/secretid?x=secretquery`)

    const state = await until('the counts are told', async () => {
      const told = await apis.calls.apis({})
      return (
        told.apis.every(
          ({ api, requests_today }) => requests_today === (api === 'email' || api === 'interactions' ? 1 : 0),
        ) && told
      )
    })
    expect(state).toMatchObject({ url: apis.url(), docs: `${apis.url() ?? ''}/docs`, problem: null })
    expect(state.apis.map(({ api, state, refusals_today }) => [api, state, refusals_today])).toEqual([
      ['email', 'open', 0],
      ['interactions', 'open', 1],
      ['contacts', 'open', 0],
      ['securemail', 'open', 0],
      ['activity', 'open', 0],
    ])
    expect(state.apis[0]?.calls).toEqual([
      { method: 'POST', url: `${apis.url() ?? ''}/genesys/2/email/{serviceName}` },
    ])
    expect(state.apis[1]?.last_refusals).toMatchObject([
      { method: 'GET', path: '/interactions/secretid', status: 401, key: null, reason: 'A key is missing.' },
    ])
    const lines = logged.filter((line) => line.includes('"API"')).join('\n')
    expect(lines).toContain('/genesys/2/email/desk')
    expect(lines).not.toMatch(/secretquery|customer|bytes of/)
  })

  it('a key is shown once, kept as SHA-256, and is none when it is revoked', async () => {
    const apis = await start({ port: 0 })
    const { key, made } = await apis.calls.makeApiKey({
      name: 'CRM',
      scopes: ['interactions:read'],
      tenants: null,
      customer: null,
    })
    expect(key).toMatch(/^wb_[A-Za-z0-9_-]{43}$/)
    expect(made).toMatchObject({ name: 'CRM', made: clock.now(), last_used: null })
    const ask = async () =>
      (await fetch(`${apis.url() ?? ''}/interactions`, { headers: { 'x-api-key': key } })).status
    expect(await ask()).toBe(200)
    await expect(
      apis.calls.makeApiKey({ name: 'CRM', scopes: ['interactions:read'], tenants: null, customer: null }),
    ).rejects.toMatchObject({ code: 'conflict' })

    await until('its last use is told', async () => (await apis.calls.apis({})).keys[0]?.last_used)
    await apis.calls.revokeApiKey({ id: made.id })
    expect([await ask(), (await apis.calls.apis({})).keys]).toEqual([401, []])
    await expect(apis.calls.revokeApiKey({ id: made.id })).rejects.toMatchObject({ code: 'not-found' })
    await apis.close()
    for (const name of readdirSync(dir).filter((entry) => !['tmp', 'blobs'].includes(entry)))
      expect(readFileSync(join(dir, name)).includes(key), name).toBe(false)
    expect(logged.join('\n')).not.toContain(key)
  })

  it('follow their settings without a restart of the listener', async () => {
    const apis = await start({ api: { port: 0, email: { apikey: 'first' } } })
    const url = apis.url()
    expect((await submit(apis, form())).status).toBe(401)
    expect((await submit(apis, form(), { apikey: 'first' })).statusCode).toBe(0)

    await apis.calls.setApisPaused({ paused: true })
    expect(await submit(apis, form(), { apikey: 'first' })).toEqual({ status: 200, statusCode: 1 })
    expect((await apis.calls.apis({})).apis[0]?.state).toBe('paused')
    await apis.calls.setApisPaused({ paused: false })

    const shown = await apis.calls.apiSettings({})
    expect(shown).toEqual({ enabled: true, port: 0, paused: false, email: {} })
    await apis.calls.saveApiSettings({ ...shown, email: { mailbox: 'forms@desk.test' } })
    const { interactionId = '' } = await submit(apis, form(), { apikey: 'first' })
    expect((await store.apiInteraction(interactionId)).to).toMatchObject([{ address: 'forms@desk.test' }])
    await apis.calls.saveApiSettings({ ...shown, email: { apikey: 'second' } })
    expect((await submit(apis, form(), { apikey: 'first' })).status).toBe(401)
    expect((await submit(apis, form(), { apikey: 'second' })).status).toBe(200)
    await apis.calls.saveApiSettings({ ...shown, email: { apikey: null } })
    expect((await submit(apis, form())).status).toBe(200)
    // The path of a call may follow, too.
    await apis.calls.saveApiSettings({ ...shown, activity: { path: '/answers/{ids}' } })
    expect((await fetch(`${url ?? ''}/answers/1001`, { method: 'POST' })).status).toBe(401)
    expect(apis.url()).toBe(url)

    await apis.calls.saveApiSettings({ ...shown, enabled: false })
    expect([apis.url(), (await apis.calls.apis({})).apis[0]?.state]).toEqual([null, 'off'])
    await expect(fetch(`${url ?? ''}/docs`)).rejects.toThrow()
    await apis.calls.saveApiSettings(shown)
    expect((await submit(apis, form())).status).toBe(200)
  })

  it('answer over TLS with a certificate whose key is kept with the secrets', async () => {
    const { cert, key } = makeCertificate()
    const apis = await start({ api: { port: 0, tls: { cert, key } } })
    expect(apis.url()).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    const asking = request(`${apis.url() ?? ''}/docs`, { agent: new Agent({ ca: cert }) }).end()
    const [answer] = (await once(asking, 'response')) as [{ statusCode: number; resume(): void }]
    answer.resume()
    expect(answer.statusCode).toBe(200)
    const shown = await apis.calls.apiSettings({})
    expect(shown.tls).toEqual({ cert, key: null })
    // As the page saves what it was shown.
    await apis.calls.saveApiSettings(shown)
    expect([
      await secrets.get('api/tls/key'),
      JSON.stringify(await store.setting('api')).includes(key.slice(30, 60)),
    ]).toEqual([key, false])
    await apis.calls.saveApiSettings({ ...shown, tls: { cert: null, key: null } })
    expect([apis.url()?.startsWith('http://'), await secrets.get('api/tls/key')]).toEqual([true, null])
  })
})

describe('the listener', () => {
  it('is off until it is asked for: by the command line, a port, or the switch', async () => {
    const none = await start()
    expect([none.url(), (await none.calls.apis({})).problem]).toEqual([null, null])
    // A key alone opens nothing.
    await none.calls.makeApiKey({ name: 'x', scopes: ['interactions:read'], tenants: null, customer: null })
    expect(none.url()).toBeNull()
    await none.calls.saveApiSettings({ enabled: true })
    expect(none.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await none.close()
    // And again at the next start, without command line or file.
    expect((await start()).url()).not.toBeNull()
  })

  it('stays off where it was switched off, whatever a file brings at the next start', async () => {
    await settings.saveApi({ enabled: false })
    expect((await start({ api: { port: 0 }, mustListen: true })).url()).toBeNull()
  })

  it('that can’t be opened ends a start that wants it, and is a problem under Settings else', async () => {
    const other = createServer()
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const message = `The API can’t listen on 127.0.0.1 port ${port}: it is in use. Choose another with --api-port or api.listen.`
    try {
      await expect(start({ port, mustListen: true })).rejects.toMatchObject({ code: 'invalid', message })
      const apis = await start({ api: { port } })
      expect(await apis.calls.apis({})).toMatchObject({ url: null, problem: message })
      await apis.calls.saveApiSettings({ enabled: true, port: 0 })
      expect(await apis.calls.apis({})).toMatchObject({ url: apis.url(), problem: null })
    } finally {
      other.close()
    }
  })

  it('whose thread dies is said, and starts again, later each time', async () => {
    const apis = await start({ port: 0, worker: DYING })
    const die = async (n: number) => {
      void apis.calls.setApisPaused({ paused: n % 2 === 1 }).catch(() => undefined)
      await until('it died', () => apis.url() === null)
      return (await apis.calls.apis({})).problem
    }
    expect(await die(1)).toBe(
      'The APIs stopped by a fault and start again in 1 s. Nothing that was accepted is lost.',
    )
    expect(changes).toBeGreaterThan(0)
    await clock.advance(1_000)
    await until('it listens again', () => apis.url() !== null)
    expect((await apis.calls.apis({})).problem).toBeNull()
    expect(await die(2)).toContain('in 2 s')
    await clock.advance(2_000)
    await until('it listens again', () => apis.url() !== null)
    // Well for a minute: the next fault counts as the first.
    await clock.advance(60_000)
    expect(await die(3)).toContain('in 1 s')
  })
})

it('files that no response named in a day are gone with their blobs', async () => {
  await start()
  const { sha256, size } = blobs.put(Buffer.from('waits'))
  const upload = { name: 'a.txt', content_type: 'text/plain', size, sha256, customer: '1000' }
  await store.keepUpload(upload, { once: null })
  await clock.advance(23 * 3_600_000)
  expect(blobs.has(sha256)).toBe(true)
  await clock.advance(2 * 3_600_000)
  await until('its blob is gone', () => !blobs.has(sha256))
})

it('a customer of the settings keeps the id given there', async () => {
  await start({ api: { activity: { customers: [{ id: '1000', addresses: ['ann@x.test'] }] } } })
  expect(await store.hasContact('1000')).toBe(true)
})
