import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { contentKey } from '../../../src-main/intake/content-key.ts'
import {
  createParserPool,
  type ParserPool,
  type ParserPoolOptions,
} from '../../../src-main/intake/mail-parser-pool.ts'
import { openBlobs } from '../../../src-main/store/blobs.ts'

const WORKER = new URL('../../../src-main/intake/parse-worker.ts', import.meta.url)
const HEAD = 'From: ann@acme.example\nTo: support@desk.test\nMessage-ID: <m@x>\nSubject: Hello\n'
const PLAIN = Buffer.from(`${HEAD}\nWords\n`)

const opened: { pool: ParserPool; folder: string }[] = []
afterEach(async () => {
  for (const { pool, folder } of opened.splice(0)) {
    await pool.close()
    await rm(folder, { recursive: true, force: true })
  }
})

async function openPool(options: Partial<ParserPoolOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'pool-'))
  const blobsDir = join(folder, 'blobs')
  const pool = createParserPool({ worker: WORKER, blobsDir, size: 1, ...options })
  opened.push({ pool, folder })
  return { pool, folder, blobsDir }
}

test('raw mail and attachments are blobs before the mail is handed over', async () => {
  const { pool, blobsDir } = await openPool()
  const raw = Buffer.from(
    `${HEAD}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nWords\n--b\nContent-Type: image/png; name=a.png\n` +
      `Content-Transfer-Encoding: base64\n\nAAECAw==\n--b--\n`,
  )
  const mail = await pool.take(raw)
  const blobs = openBlobs(blobsDir)
  expect(blobs.read(mail.raw.sha256)).toEqual(raw)
  expect(blobs.read(mail.attachments[0]?.sha256 ?? '')).toEqual(Buffer.from([0, 1, 2, 3]))
  expect(mail).toMatchObject({
    subject: 'Hello',
    text: 'Words',
    content_key: contentKey(raw),
    held_back: null,
  })
})

test('the same mail many times at once is one blob', async () => {
  const { pool, blobsDir } = await openPool({ size: 2 })
  const mails = await Promise.all(Array.from({ length: 80 }, () => pool.take(PLAIN)))
  expect(new Set(mails.map(({ raw }) => raw.sha256)).size).toBe(1)
  expect([...openBlobs(blobsDir).all()]).toHaveLength(1)
})

test('a mail out of the middle of an mbox is unquoted before it is stored', async () => {
  const { pool, folder, blobsDir } = await openPool()
  const file = join(folder, 'mail.mbox')
  const quoted = `${HEAD}\n>From here\n>>From there\n`
  await writeFile(file, `From x\n${quoted}\nFrom y\n`)
  const mail = await pool.take({ file, offset: 7, length: quoted.length, unquote: true })
  expect(openBlobs(blobsDir).read(mail.raw.sha256)?.toString()).toBe(`${HEAD}\nFrom here\n>From there\n`)
})

test('a mail that takes too long is held back with its raw text, and the others come through', async () => {
  const { pool } = await openPool({ limits: { milliseconds: 150 } })
  const slow = Buffer.from(`${HEAD}Content-Type: text/html\n\n${'<br>x'.repeat(1_600_000)}`)
  const [before, held, after] = await Promise.all([pool.take(PLAIN), pool.take(slow), pool.take(PLAIN)])
  expect([before.text, after.text]).toEqual(['Words\n', 'Words\n'])
  expect(held).toMatchObject({
    held_back: 'It couldn’t be taken apart within 0.15 seconds.',
    content_key: contentKey(slow),
    raw: { size: slow.length },
  })
  expect(held.text.startsWith(HEAD)).toBe(true)
})

test('a mail that needs too much memory is held back, and the others come through', async () => {
  const { pool } = await openPool({ limits: { megabytes: 16, milliseconds: 1_500 } })
  const lines = '<br>x'.repeat(1_600_000)
  const [before, held, after] = await Promise.all([
    pool.take(PLAIN),
    pool.take(Buffer.from(`${HEAD}Content-Type: text/html\n\n${lines}`)),
    pool.take(PLAIN),
  ])
  expect([before.text, after.text]).toEqual(['Words\n', 'Words\n'])
  // V8 collects garbage for long before it gives up, so that the clock may be first.
  expect(held.held_back).toMatch(/needs more than 16 MB of memory|within 1.5 seconds/)
})

test('a file that is gone is said to be gone, and costs nobody else', async () => {
  const { pool, folder } = await openPool()
  const gone = pool.take({ file: join(folder, 'gone.eml'), offset: 0, length: 10, unquote: false })
  const there = pool.take(PLAIN)
  await expect(gone).rejects.toMatchObject({ code: 'not-found' })
  expect((await there).text).toBe('Words\n')
})

test('a disk that can’t be written is said to be so', async () => {
  const { pool, blobsDir } = await openPool()
  await rm(blobsDir, { recursive: true })
  await writeFile(blobsDir, 'in the way')
  await expect(pool.take(PLAIN)).rejects.toMatchObject({ code: 'disk' })
})

test('what still waits when the pool closes is told', async () => {
  const { pool } = await openPool()
  const waiting = pool.take(PLAIN)
  await Promise.all([pool.close(), expect(waiting).rejects.toMatchObject({ code: 'closed' })])
  await expect(pool.take(PLAIN)).rejects.toMatchObject({ code: 'closed' })
})
