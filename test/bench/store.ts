import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { View } from '../../src-main/contract/domain.ts'
import { openSqliteStore } from '../../src-main/store/sqlite/open-store.ts'
import type { Arrival, Store } from '../../src-main/store/store.ts'
import { seeded } from '../support/seeded.ts'
import { type Figure, milliseconds, percentile } from './figures.ts'

const AGENT = 7
const ROUNDS = 200

/** Lists, threads and search in a store of many interactions with words spread as in real language. */
export async function benchStore(folder: string, interactions: number): Promise<readonly Figure[]> {
  mkdirSync(folder, { recursive: true })
  const random = seeded(42)
  let now = Date.UTC(2026, 0, 1)
  const store = openSqliteStore({ file: join(folder, 'workbin.db'), now: () => now })
  const queue = await store.saveQueue(null, 'Support')
  const words = vocabulary(20_000, random)

  const filled = performance.now()
  for (let i = 0; i < interactions; i += 100) {
    const batch: Arrival[] = []
    for (let j = i; j < Math.min(i + 100, interactions); j++) batch.push(arrival(j, queue.id, words, random))
    await store.ingest(batch, null)
  }
  const rate = (interactions / (performance.now() - filled)) * 1000
  now = START + interactions * STEP

  const figures: Figure[] = [
    {
      what: `store alone, filing ${interactions} parsed mails with search`,
      desk: `${rate.toFixed(0)}/s`,
      peer: '',
      aim: '',
      met: null,
    },
  ]
  const time = async (what: string, aim: number, work: (round: number) => Promise<unknown>) => {
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now()
      await work(round)
      times.push(performance.now() - started)
    }
    const p95 = percentile(times, 95)
    figures.push({
      what,
      desk: `p50 ${milliseconds(percentile(times, 50))}, p95 ${milliseconds(p95)}`,
      peer: '',
      aim: `p95 < ${aim} ms`,
      met: p95 < aim,
    })
  }

  const threads = await everyTenthThread(store, { kind: 'queue', queue_id: queue.id })
  await time('list page of 50, walking a queue', 3, pager(store, { kind: 'queue', queue_id: queue.id }))
  await time('list page of 50, walking everything', 3, pager(store, { kind: 'all' }))
  await time('thread open', 3, (round) => store.thread(threads[round % threads.length] ?? '', AGENT))
  const search = (query: string) => store.search({ query, after: null, limit: 50, agent: AGENT })
  const pick = (from: number, to: number) => words[from + Math.floor(random() * (to - from))] ?? ''
  await time('search, a rare word', 8, () => search(pick(10_000, 20_000)))
  await time('search, a common word', 8, () => search(pick(0, 20)))
  await time('search, two words', 8, () => search(`${pick(0, 500)} ${pick(0, 500)}`))
  for (const letters of [1, 2, 3, 4])
    await time(`search as you type, ${letters} letters`, 8, () => search(pick(0, 5000).slice(0, letters)))
  await time('search, from:', 8, (round) => search(`from:customer${round * 37}`))
  await time('search, from: and a word', 8, (round) => search(`from:customer${round * 37} ${pick(0, 200)}`))
  await store.close()
  return figures
}

const START = Date.UTC(2024, 0, 1)
const STEP = 60_000

/** Walks page by page; starts over at the end. */
function pager(store: Store, view: View): () => Promise<void> {
  let after: string | null = null
  return async () => {
    const page = await store.listPage({ view, order: 'newest', after, limit: 50, agent: AGENT })
    after = page.next
  }
}

async function everyTenthThread(store: Store, view: View): Promise<readonly string[]> {
  const found: string[] = []
  let after: string | null = null
  for (let page = 0; page < 20; page++) {
    const { rows, next } = await store.listPage({ view, order: 'newest', after, limit: 100, agent: AGENT })
    for (const [i, row] of rows.entries())
      if (i % 10 === 0 && row.thread_id !== null) found.push(row.thread_id)
    after = next
    if (after === null) break
  }
  return found
}

/** Three in four mails begin a thread; the others answer one of the last thousand. */
function arrival(i: number, queue: string, words: readonly string[], random: () => number): Arrival {
  const answers = i > 1000 && random() < 0.25 ? i - 1 - Math.floor(random() * 1000) : null
  const customer = (answers ?? i) % 50_000
  const text = sentence(words, random, 120)
  const sha256 = createHash('sha256').update(`mail ${i}`).digest('hex')
  return {
    mail: {
      raw: { sha256, size: text.length },
      content_key: sha256,
      message_id: `mail${i}@bench.test`,
      references: answers === null ? [] : [`mail${answers}@bench.test`],
      in_reply_to: answers === null ? 0 : 1,
      from: { address: `customer${customer}@bench.test`, personal: `Customer ${customer}` },
      from_as_written: null,
      reply_to: null,
      to: [{ address: 'support@desk.test', personal: 'Support' }],
      cc: [],
      bcc: [],
      subject: sentence(words, random, 6),
      sent_date: null,
      timeshift: null,
      received: null,
      text,
      html: null,
      quote_at: null,
      snippet: text.slice(0, 200),
      attachments: [],
      machine: null,
      report: null,
      held_back: null,
    },
    direction: 'in',
    received: START + i * STEP,
    unread: random() < 0.3,
    queue_id: queue,
    came_by: 'bench',
    account_id: null,
    folder: null,
    location: null,
  }
}

function sentence(words: readonly string[], random: () => number, length: number): string {
  // Zipf: the word of rank r comes with a probability of about 1/r.
  return Array.from({ length }, () => words[Math.floor(words.length ** random()) - 1] ?? '').join(' ')
}

function vocabulary(size: number, random: () => number): readonly string[] {
  const syllables = 'ba ce di fo gu ha ki lo mu ne pa ri so tu ve wa xi yo zu bra cle dri flo gru'.split(' ')
  const words = new Set<string>()
  while (words.size < size) {
    let word = ''
    const length = 2 + Math.floor(random() * 3)
    for (let i = 0; i < length; i++) word += syllables[Math.floor(random() * syllables.length)] ?? ''
    words.add(word)
  }
  return [...words]
}
