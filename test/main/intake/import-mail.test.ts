import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { importMail, type ImportReport } from '../../../src-main/intake/import-mail.ts'
import { createIntake, type Intake } from '../../../src-main/intake/intake.ts'
import { createParserPool, type ParserPool } from '../../../src-main/intake/mail-parser-pool.ts'
import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import type { FolderCursor, Store } from '../../../src-main/store/store.ts'

const WORKER = new URL('../../../src-main/intake/parse-worker.ts', import.meta.url)
const NOW = Date.UTC(2026, 4, 10, 9)

let folder = ''
let store: Store
let pool: ParserPool
let intake: Intake
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'import-'))
  store = openSqliteStore({ file: join(folder, 'workbin.db'), now: () => NOW })
  await store.saveQueue(null, 'Inbox')
  await store.setOwnAddresses(['support@desk.test'])
  pool = createParserPool({ worker: WORKER, blobsDir: join(folder, 'blobs'), size: 1 })
  intake = createIntake({ store, pool, now: () => NOW, log: () => {} })
  await mkdir(join(folder, 'mail'))
})
afterEach(async () => {
  await intake.close()
  await pool.close()
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

const put = (name: string, text: string) => writeFile(join(folder, 'mail', name), text)

function run(
  special: { signal?: AbortSignal; onProgress?: (report: ImportReport) => void } = {},
): Promise<ImportReport> {
  return importMail({
    intake,
    paths: [join(folder, 'mail')],
    queueId: null,
    accountId: null,
    isOwn: (address) => address === 'support@desk.test',
    signal: new AbortController().signal,
    now: () => NOW,
    onProgress: () => {},
    ...special,
  })
}

const mail = (n: number, more = '') =>
  `From: ann@acme.example\nTo: support@desk.test\nMessage-ID: <${n}@x>\nSubject: Mail ${n}\n${more}\nWords ${n}\n`
const LINE = 'From ann@acme.example Mon May  4 10:01:02 2026\n'

async function stored() {
  return (await store.exportPage(null, 1_000)).interactions
}

test('each mail is stored once, by its content, whatever file it lies in', async () => {
  await put('1.eml', mail(1))
  await put('1-again.eml', mail(1))
  await put('1-elsewhere.eml', `Received: from a; Mon, 4 May 2026 10:01:02 +0200\n${mail(1)}`)
  await put('all.mbox', `${LINE}${mail(1)}\n${LINE}${mail(2)}\n`)
  await put('notes.txt', 'no mail\n')
  const report = await run()
  expect(report).toMatchObject({ found: 5, stored: 2, duplicates: 3, held_back: 0 })
  expect(report.not_mail).toEqual([join(folder, 'mail', 'notes.txt')])
  expect((await stored()).map(({ message_id }) => message_id).sort()).toEqual(['1@x', '2@x'])
})

test('imported again, everything is a duplicate, what is held back too', async () => {
  await put('1.eml', mail(1))
  await put('broken.eml', 'no header at all\n')
  expect(await run()).toMatchObject({
    found: 2,
    stored: 1,
    duplicates: 0,
    held_back: 1,
    held_back_reasons: [
      {
        what: join(folder, 'mail', 'broken.eml'),
        reason: 'It has no header, so nobody can tell who wrote it.',
      },
    ],
  })
  expect(await run()).toMatchObject({ found: 2, stored: 0, duplicates: 2, held_back: 0 })
  expect(await stored()).toHaveLength(2)
})

test('a mail reached us by its topmost Received, else its Date, else now, and never in the future', async () => {
  const received =
    'Received: from mx; Tue, 5 May 2026 08:00:00 +0000\nReceived: from ann; Mon, 4 May 2026 08:00:00 +0000\n'
  await put('1.eml', mail(1, `${received}Date: Sun, 3 May 2026 08:00:00 +0000\n`))
  await put('2.eml', mail(2, 'Date: Sun, 3 May 2026 08:00:00 +0000\n'))
  await put('3.eml', mail(3, 'Date: never\n'))
  await put('4.eml', mail(4, 'Date: Sun, 3 May 2036 08:00:00 +0000\n'))
  await run()
  const dates = Object.fromEntries(
    (await stored()).map(({ message_id, start_date }) => [message_id, start_date]),
  )
  expect(dates).toEqual({
    '1@x': '2026-05-05T08:00:00.000Z',
    '2@x': '2026-05-03T08:00:00.000Z',
    '3@x': '2026-05-10T09:00:00.000Z',
    '4@x': '2026-05-10T09:00:00.000Z',
  })
})

test('mail from an address of ours is outbound and stands in the thread that it answers', async () => {
  await put('1.eml', mail(1))
  await put(
    '2.eml',
    'From: Support <support@desk.test>\nTo: ann@acme.example\nMessage-ID: <2@x>\nIn-Reply-To: <1@x>\nSubject: Re\n\nDone\n',
  )
  await run()
  const interactions = await stored()
  expect(interactions.map(({ entity_type, type }) => [entity_type, type]).sort()).toEqual([
    [0, 'Inbound'],
    [1, 'Outbound'],
  ])
  expect(new Set(interactions.map(({ thread_id }) => thread_id)).size).toBe(1)
})

test('stopped in the middle and done again, nothing is missing and nothing doubled', async () => {
  await put('all.mbox', Array.from({ length: 700 }, (_, i) => `${LINE}${mail(i)}\n`).join(''))
  const stop = new AbortController()
  const first = await run({
    signal: stop.signal,
    onProgress: () => stop.abort(),
  })
  expect(first.stored).toBeGreaterThan(0)
  expect(first.stored).toBeLessThan(700)
  const second = await run()
  expect(second).toMatchObject({ found: 700, stored: 700 - first.stored, duplicates: first.stored })
  expect((await store.counts(1)).all.total).toBe(700)
})

test('a path that isn’t there is said so before anything is taken in', async () => {
  await expect(
    importMail({
      intake,
      paths: [join(folder, 'nowhere')],
      queueId: null,
      accountId: null,
      isOwn: () => false,
      signal: new AbortController().signal,
      now: () => NOW,
      onProgress: () => {},
    }),
  ).rejects.toMatchObject({ code: 'not-found' })
})

test('the cursor of a folder moves with the last of its mails and not before', async () => {
  const cursor: FolderCursor = {
    account_id: 'support',
    folder: 'INBOX',
    uidvalidity: '1',
    role: 'inbound',
    cursor: { uidnext: 301 },
    on_server: 300,
    last_look: NOW,
  }
  const arrivals = Array.from({ length: 300 }, (_, i) => ({
    raw: Buffer.from(mail(i)),
    direction: 'in' as const,
    received: NOW,
    unread: true,
    queue_id: null,
    came_by: 'imap:support/INBOX',
    account_id: 'support',
    folder: 'INBOX',
    location: { account_id: 'support', folder: 'INBOX', uidvalidity: '1', uid: i + 1 },
  }))
  const batches: { size: number; cursor: boolean }[] = []
  const watched = createIntake({
    store: {
      ingest(batch, moved) {
        batches.push({ size: batch.length, cursor: moved !== null })
        return store.ingest(batch, moved)
      },
    },
    pool,
    now: () => NOW,
    log: () => {},
  })
  const filed = await watched.takeIn(arrivals, cursor)
  expect(filed.map(({ outcome }) => outcome)).toEqual(arrivals.map(() => 'stored'))
  expect(batches.map(({ cursor }) => cursor)).toEqual(batches.map((_, i) => i === batches.length - 1))
  expect(Math.max(...batches.map(({ size }) => size))).toBeLessThanOrEqual(100)
  expect(await store.folderCursors('support')).toMatchObject([{ cursor: { uidnext: 301 } }])
})

test('a file that vanishes before it is read costs only its own mail', async () => {
  const told: string[] = []
  const arrivals = [1, 2, 3].map((n) => ({
    raw:
      n === 2
        ? { file: join(folder, 'gone.eml'), offset: 0, length: 9, unquote: false }
        : Buffer.from(mail(n)),
    direction: 'in' as const,
    received: NOW,
    unread: true,
    queue_id: null,
    came_by: 'import',
    account_id: null,
    folder: null,
    location: null,
    told: {
      filed: ({ outcome }: { outcome: string }) => void told.push(`${n} ${outcome}`),
      unreadable: (error: Error) => void told.push(`${n} ${error.message}`),
    },
  }))
  expect(await intake.takeIn(arrivals, null)).toHaveLength(2)
  expect(told.sort()).toEqual(['1 stored', '2 The file is gone.', '3 stored'])
})
