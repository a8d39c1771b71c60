import { createHash, randomUUID } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ReceivedFile } from '../../../src-main/api/desk.ts'
import { createApiDesk } from '../../../src-main/core/api-desk.ts'
import { type Blobs, openBlobs } from '../../../src-main/store/blobs.ts'
import type { Store } from '../../../src-main/store/store.ts'
import { arrival, openTestStore, type TestStore } from '../../support/open-store.ts'

let opened: TestStore
let blobs: Blobs
beforeEach(async () => {
  opened = openTestStore()
  blobs = openBlobs(join(opened.folder, 'blobs'))
  await opened.store.saveQueue(null, 'Inbox')
})
afterEach(() => opened.close())

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')
function upload(content: string): ReceivedFile {
  const file = join(opened.folder, randomUUID())
  writeFileSync(file, content)
  return { file, sha256: sha256(content) }
}
const settings = { accounts: async () => [], api: async () => ({}), saveApi: async () => undefined }
const deskOver = (store: Store) => createApiDesk({ store, blobs, settings })

/** A secure mail of Ann with these files. */
function submission(contents: readonly string[]) {
  return {
    direction: 'in' as const,
    sub_type: null,
    customer: { id: null, address: 'ann@customer.test', first_name: 'Ann', last_name: 'Lee' },
    from: { address: 'ann@customer.test' },
    reply_to: null,
    to: [{ address: 'support@desk.test' }],
    cc: [],
    bcc: [],
    subject: 'Papers',
    text: 'See the files.',
    html: null,
    received: opened.now(),
    sent: null,
    udata: {},
    attachments: contents.map((content, i) => ({
      name: `${i}.txt`,
      content_type: 'text/plain',
      size: content.length,
      sha256: sha256(content),
      content_id: null,
      inline: false,
    })),
    queue: null,
    came_by: 'api:securemail',
    external_id: null,
    thread: { kind: 'new' as const },
    secure: { address: 'ann@customer.test', box: '' },
    fingerprint: null,
    uploads: [],
  }
}
const once = { once: null }

it('a purged mail takes its files with it, but none that another mail names', async () => {
  const desk = deskOver(opened.store)
  const first = await desk.receive(submission(['own', 'shared']), [upload('own'), upload('shared')], once)
  await desk.receive(submission(['shared']), [upload('shared')], once)
  await desk.purgeSecureMail(first.secure_mail_id ?? '', once)
  expect([blobs.has(sha256('own')), blobs.has(sha256('shared'))]).toEqual([false, true])
  await expect(desk.purgeSecureMail(first.secure_mail_id ?? '', once)).rejects.toMatchObject({
    code: 'not-found',
  })
})

it('a file that a mail is about to name outlives a purge and a failure beside it', async () => {
  const free = Promise.withResolvers<undefined>()
  const desk = deskOver(opened.store)
  const first = await desk.receive(submission(['both']), [upload('both')], once)
  // Its file is a blob, its transaction hasn't begun.
  const waiting = deskOver({
    ...everyCall(opened.store),
    receive: async (...given: Parameters<Store['receive']>) => {
      await free.promise
      return await opened.store.receive(...given)
    },
  })
  const second = waiting.receive(submission(['both']), [upload('both')], once)
  const refused = waiting.receive(submission(['both']), [upload('both')], {
    once: null,
    mayBegin: () => false,
  })
  await waiting.purgeSecureMail(first.secure_mail_id ?? '', once)
  expect(blobs.has(sha256('both'))).toBe(true)
  free.resolve(undefined)
  await expect(refused).rejects.toMatchObject({ code: 'busy' })
  await second
  expect(blobs.has(sha256('both'))).toBe(true)
})

it('a mail that isn’t stored leaves no file; one that lay there before stays', async () => {
  const desk = deskOver(opened.store)
  const known = blobs.put(Buffer.from('known')).sha256
  const files = [upload('new'), upload('known')]
  await expect(
    desk.receive(submission(['new', 'known']), files, { once: null, mayBegin: () => false }),
  ).rejects.toMatchObject({ code: 'busy' })
  expect([blobs.has(sha256('new')), blobs.has(known)]).toEqual([false, true])
  expect(files.map(({ file }) => existsSync(file))).toEqual([false, false])
})

it('the last of several that fail with the same new file takes it away', async () => {
  const desk = deskOver(opened.store)
  const refused = { once: null, mayBegin: () => false }
  const outcomes = await Promise.allSettled([
    desk.receive(submission(['same']), [upload('same')], refused),
    desk.receive(submission(['same']), [upload('same')], refused),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(blobs.has(sha256('same'))).toBe(false)
})

it('bytes and HTML are found where they are, and nothing else', async () => {
  const desk = deskOver(opened.store)
  const stored = blobs.put(Buffer.from('bytes'))
  expect(await desk.blob(stored.sha256)).toEqual({ path: blobs.path(stored.sha256), size: 5 })
  expect(await desk.blob(sha256('none'))).toBeNull()
  await opened.store.ingest([arrival({ html: '<p>Hello</p>' })], null)
  const [mail] = await opened.store.apiInteractions({}, { index: 0, count: 1 })
  expect(await desk.html(mail?.interaction_id ?? '')).toBe('<p>Hello</p>')
})

it('an unknown triple is added to the settings once', async () => {
  let api = {}
  const desk = createApiDesk({
    store: opened.store,
    blobs,
    settings: {
      accounts: async () => [],
      api: async () => api,
      saveApi: async (saved) => void (api = saved),
    },
  })
  const acme = { tenantName: 'Acme', orgName: 'Sales', catName: 'Leads' }
  await desk.registerEntity(acme)
  await desk.registerEntity(acme)
  await desk.registerEntity({ ...acme, catName: 'leads' })
  expect(api).toEqual({ contacts: { entities: [acme, { ...acme, catName: 'leads' }] } })
})

/** The store is a proxy; a copy of it takes other calls in place of its own. */
function everyCall(store: Store): Store {
  const { receive, purgeSecureMail, unusedBlobs, onChanges, queues, saveQueue } = store
  return { ...store, receive, purgeSecureMail, unusedBlobs, onChanges, queues, saveQueue }
}
