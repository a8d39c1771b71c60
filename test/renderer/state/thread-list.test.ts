import { flushSync } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Changes, NO_CHANGES } from '../../../src-main/contract/core.ts'
import type { ListPage, ListRow, Overview, SearchPage } from '../../../src-main/contract/domain.ts'
import { connect } from '../../../src-main/contract/rpc.ts'
import type { Line } from '../../../src-renderer/port.ts'
import { Desk } from '../../../src-renderer/state/desk.svelte.ts'

/** The far end of the page's line: the real contract over a port whose answers the test gives. */
interface Ask {
  readonly id: number
  readonly method: string
  readonly request: { readonly after?: string | null; readonly limit?: number; readonly query?: string }
}

const queue = '00000000-0000-7000-8000-000000000001'
const overview: Overview = {
  version: '1',
  agent: { id: 7, firstName: 'Ada', lastName: 'Moss', email: '', signature: { text: '', html: null } },
  first_run: false,
  sample: false,
  queues: [{ id: queue, name: 'Support', total: 1, unread: 0 }],
  workbins: [],
  done: { total: 0, unread: 0 },
  all: { total: 0, unread: 0 },
  outbox: { waiting: 0, trouble: 0 },
  held_back: 0,
  accounts: [],
  jobs: [],
  host: 'browser',
  secrets_warning: null,
  store_problem: null,
}

function row(number: number): ListRow {
  const id = String(number).padStart(16, '0')
  return {
    kind: 'thread',
    key: id,
    thread_id: id,
    interaction_id: id,
    draft_id: null,
    correspondent: { address: 'ann@x.test' },
    subject: `Mail ${number}`,
    snippet: '',
    at: number,
    waiting_since: null,
    status: 0,
    place: { kind: 'queue', queue_id: queue },
    owner_id: null,
    owner_name: null,
    category_id: null,
    unread: false,
    messages: 1,
    attachments: false,
    has_draft: false,
    outbound: false,
    trouble: null,
    machine: null,
    held_back: false,
  }
}

let numbers: number[] = []
let held: Ask[] = []
let asked: Ask[] = []
let holdSearch = false
let deliver: (message: unknown) => void = () => {}
let becomeOnline: (state: 'offline' | 'online') => void = () => {}
let desk: Desk

function page({ after, limit = 100 }: Ask['request']): ListPage {
  const from = after ? numbers.findIndex((number) => number > Number(after)) : 0
  const rows = from < 0 ? [] : numbers.slice(from, from + limit)
  const more = from >= 0 && from + limit < numbers.length
  return { rows: rows.map(row), next: more ? String(rows.at(-1)) : null, total: numbers.length }
}

function answer(ask: Ask): unknown {
  switch (ask.method) {
    case 'overview':
      return overview
    case 'listPage':
      return page(ask.request)
    case 'search':
      return {
        rows: numbers.filter((number) => String(number).includes(ask.request.query ?? '')).map(row),
        next: null,
        total: null,
        fault: null,
        words: [ask.request.query ?? ''],
      } satisfies SearchPage
    case 'settings':
      return { preferences: { theme: 'system', density: 'comfortable' } }
    default:
      return []
  }
}
const reply = (ask: Ask) => deliver({ id: ask.id, value: answer(ask) })

function isAsk(message: unknown): message is Ask {
  return typeof message === 'object' && message !== null && 'method' in message
}

async function settled(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve()
  flushSync()
}
async function change(changes: Partial<Changes>): Promise<void> {
  deliver({ changes: { ...NO_CHANGES, ...changes } })
  await vi.advanceTimersByTimeAsync(100)
  await settled()
}
const shown = () => desk.list.rows.map(({ at }) => at)

beforeEach(async () => {
  vi.useFakeTimers()
  localStorage.clear()
  // jsdom has no media queries.
  vi.stubGlobal('matchMedia', () => ({ matches: true, addEventListener() {}, removeEventListener() {} }))
  numbers = Array.from({ length: 450 }, (_, index) => index + 1)
  held = []
  asked = []
  holdSearch = false
  const line: Line = {
    core: connect({
      post(message) {
        if (!isAsk(message)) return
        asked.push(message)
        if (message.method === 'search' && holdSearch) held.push(message)
        else queueMicrotask(() => reply(message))
      },
      onMessage(listener) {
        deliver = listener
      },
    }).core,
    state: 'online',
    onState(listener) {
      becomeOnline = listener
      return () => {}
    },
    onOpen: () => () => {},
    close() {},
  }
  desk = new Desk(line)
  await settled()
})
afterEach(() => {
  desk.close()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('the desk begins with its first queue, oldest first, and one page of it', () => {
  expect(desk.view).toEqual({ kind: 'queue', queue_id: queue })
  expect(desk.list.order).toBe('oldest')
  expect(shown()).toEqual(numbers.slice(0, 100))
  expect(desk.list.length).toBe(450)
})

it('what is scrolled to is loaded, each row once', async () => {
  desk.list.see(90, 120)
  await settled()
  desk.list.see(430, 450)
  await settled()
  expect(shown()).toEqual(numbers)
  expect(desk.list.length).toBe(450)
})

it('rows that arrive above tell the list by how many to scroll', async () => {
  desk.list.see(40, 60)
  numbers = [-2, -1, 0, ...numbers]
  await change({ lists: true })
  expect(desk.list.shift).toEqual({ rows: 3 })
  expect(shown().slice(0, 4)).toEqual([-2, -1, 0, 1])
})

it('only what is visible is asked again after a change', async () => {
  asked = []
  await change({ responses: true })
  expect(asked).toEqual([])
  await change({ lists: true })
  expect(asked.filter(({ method }) => method === 'listPage').length).toBe(1)
})

it('a storm of changes costs few questions', async () => {
  asked = []
  for (let i = 0; i < 200; i++) deliver({ changes: { ...NO_CHANGES, lists: true } })
  await vi.advanceTimersByTimeAsync(100)
  await settled()
  expect(asked.filter(({ method }) => method === 'listPage').length).toBeLessThanOrEqual(2)
})

it('when the row under the cursor leaves, the next one takes its place', async () => {
  desk.list.moveTo(4)
  numbers = numbers.filter((number) => number !== 5)
  await change({ lists: true })
  expect(desk.list.cursor).toBe(row(6).key)
})

it('when rows above the cursor leave with it, the first one that is left is next', async () => {
  desk.list.moveTo(4)
  numbers = numbers.filter((number) => ![2, 3, 4, 5].includes(number))
  await change({ lists: true })
  expect(desk.list.cursor).toBe(row(6).key)
})

it('after the open thread left the list, the next one is neither skipped nor forgotten', async () => {
  desk.list.moveTo(4)
  const read = row(5).thread_id ?? ''
  desk.openThread(read)
  expect(desk.list.next(read)?.key).toBe(row(6).key)
  numbers = numbers.filter((number) => number !== 5)
  await change({ lists: true })
  expect(desk.list.next(read)?.key).toBe(row(6).key)
  desk.work.step(1)
  expect(desk.list.cursor).toBe(row(6).key)
  desk.work.step(1)
  expect(desk.list.cursor).toBe(row(7).key)
})

it('selected rows that left the list are selected no more', async () => {
  desk.list.moveTo(1)
  desk.list.moveTo(3, true)
  expect(desk.list.selectedThreads).toEqual([2, 3, 4].map((number) => row(number).thread_id))
  numbers = numbers.filter((number) => number !== 3)
  await change({ lists: true })
  expect(desk.list.selectedThreads).toEqual([2, 4].map((number) => row(number).thread_id))
})

it('the last key press of a search wins, whatever is answered last', async () => {
  holdSearch = true
  desk.list.search('4')
  desk.list.search('44')
  const [older, newer] = held
  if (!older || !newer) throw new Error('Both searches should have been asked.')
  reply(newer)
  await settled()
  reply(older)
  await settled()
  expect(shown()).toEqual([44, 144, 244, 344, 440, 441, 442, 443, 444, 445, 446, 447, 448, 449])
  expect(desk.list.words).toEqual(['44'])
})

it('the end of a search brings back the view', async () => {
  desk.list.search('44')
  await settled()
  desk.list.search(null)
  await settled()
  expect(shown()).toEqual(numbers.slice(0, 100))
})

it('after the line was down everything visible is asked again', async () => {
  becomeOnline('offline')
  numbers = numbers.slice(10)
  becomeOnline('online')
  await settled()
  expect(shown()[0]).toBe(11)
})

it('the order is remembered for the kind of view', async () => {
  desk.list.setOrder('newest')
  await settled()
  desk.navigate({ kind: 'all' })
  await settled()
  desk.navigate({ kind: 'queue', queue_id: queue })
  expect(desk.list.order).toBe('newest')
})
