import { SvelteSet } from 'svelte/reactivity'
import type { Changes } from '../../src-main/contract/core.ts'
import type {
  ListOrder,
  ListPage,
  ListRow,
  SearchPage,
  ThreadId,
  View,
} from '../../src-main/contract/domain.ts'
import { CoreError } from '../../src-main/contract/errors.ts'
import { goneKeys, threadsOf, uniqueRows } from '../queues/rows.ts'
import { rowShift } from '../queues/window.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'
import { recall, remember } from './remembered.ts'

const pageSize = 100
const biggestPage = 200
// Deeper than this a change re-asks from the visible rows down only; what is above waits until it is seen.
const refreshedFromTop = 1_000

interface Loaded {
  readonly rows: readonly ListRow[]
  /** Where pages began, so that a deep list can be asked again from its middle. */
  readonly marks: readonly PageMark[]
  /** Key of the page after the last row; null at the end. */
  readonly next: string | null
  readonly total: number | null
  readonly words: readonly string[]
  readonly fault: SearchPage['fault']
  /** Rows before this index are older knowledge than the rest. */
  readonly staleBefore: number
}
interface PageMark {
  readonly index: number
  readonly after: string | null
}

const nothing: Loaded = {
  rows: [],
  marks: [{ index: 0, after: null }],
  next: null,
  total: null,
  words: [],
  fault: null,
  staleBefore: 0,
}

/** The list in the middle: a view's rows or a search's, loaded page by page, kept in step with the core. */
export class ThreadList {
  readonly #desk: Desk
  readonly #question: Question<Loaded>
  #view = $state.raw<View | null>(null)
  #query = $state<string | null>(null)
  #order = $state<ListOrder>('newest')
  #loaded = $state.raw<Loaded>(nothing)
  #known = $state(false)
  #problem = $state<string | null>(null)
  #cursor = $state<string | null>(null)
  #cursorIndex = 0
  #anchor: string | null = null
  #shift = $state.raw<{ readonly rows: number }>({ rows: 0 })
  #selected = new SvelteSet<string>()
  #visible = { from: 0, to: 30 }
  #loadingMore = false

  constructor(desk: Desk) {
    this.#desk = desk
    this.#question = new Question(
      (loaded) => this.#take(loaded),
      (error) => {
        this.#loadingMore = false
        if (error instanceof CoreError && error.code === 'closed') return
        this.#problem = describe(error)
        this.#known = true
      },
    )
    desk.onChanges((changes) => this.#follow(changes))
  }

  // --- what is shown ------------------------------------------------------------------------------------

  get rows(): readonly ListRow[] {
    return this.#loaded.rows
  }
  /** How many rows the view has, loaded or not; for a search the loaded ones. */
  get length(): number {
    const { rows, next, total } = this.#loaded
    return next === null ? rows.length : Math.max(rows.length + 1, total ?? 0)
  }
  get total(): number | null {
    return this.#loaded.total
  }
  /** True once the core has answered for this view or search. */
  get known(): boolean {
    return this.#known
  }
  get problem(): string | null {
    return this.#problem
  }
  get order(): ListOrder {
    return this.#order
  }
  /** What is searched for; null while a view is shown. */
  get query(): string | null {
    return this.#query
  }
  /** Words to mark in the rows of a search, folded. */
  get words(): readonly string[] {
    return this.#loaded.words
  }
  get fault(): SearchPage['fault'] {
    return this.#loaded.fault
  }
  /** By how many rows the last answer moved what is in view; the list scrolls by it to stay put. */
  get shift(): { readonly rows: number } {
    return this.#shift
  }

  show(view: View): void {
    this.#view = view
    this.#query = null
    this.#order = recall(
      `order.${view.kind}`,
      ['newest', 'oldest'],
      view.kind === 'queue' ? 'oldest' : 'newest',
    )
    this.#restart()
  }

  setOrder(order: ListOrder): void {
    const view = this.#view
    if (!view || order === this.#order) return
    this.#order = order
    remember(`order.${view.kind}`, order)
    this.#restart()
  }

  /** Searches as the agent types; an empty query shows nothing yet, null goes back to the view. */
  search(query: string | null): void {
    if (query === this.#query) return
    this.#query = query
    if (query === null && this.#view) this.show(this.#view)
    else this.#restart({ keepRows: true })
  }

  /** Tells which rows are on screen, so that they are loaded and kept fresh. */
  see(from: number, to: number): void {
    this.#visible = { from, to }
    if (from < this.#loaded.staleBefore) void this.#question.ask(() => this.#walk(0, to + pageSize))
    else if (to > this.#loaded.rows.length - 20) void this.#more(to)
  }

  /** Asks the core once more, e.g. after a failure. */
  again(): void {
    this.#problem = null
    this.#refresh()
  }

  // --- cursor and selection -----------------------------------------------------------------------------

  /** Key of the row that the keyboard stands on. */
  get cursor(): string | null {
    return this.#cursor
  }
  get cursorIndex(): number {
    const index = this.rows.findIndex(({ key }) => key === this.#cursor)
    return index < 0 ? Math.min(this.#cursorIndex, this.rows.length - 1) : index
  }
  get selected(): ReadonlySet<string> {
    return this.#selected
  }
  get selectedRows(): readonly ListRow[] {
    return this.rows.filter(({ key }) => this.#selected.has(key))
  }
  /** What an action on the list is about: the selected threads, else none. */
  get selectedThreads(): readonly ThreadId[] {
    return threadsOf(this.selectedRows)
  }

  /** Puts the cursor on row `index`, kept within the list; returns the row. */
  moveTo(index: number, extend = false): ListRow | null {
    const at = Math.max(0, Math.min(index, this.rows.length - 1))
    const row = this.rows[at]
    if (!row) return null
    if (extend) this.#extendTo(at)
    else this.#anchor = row.key
    this.#cursor = row.key
    this.#cursorIndex = at
    return row
  }

  toggle(key: string): void {
    if (!this.#selected.delete(key)) this.#selected.add(key)
    this.#anchor = key
  }
  selectAll(): void {
    for (const { key } of this.rows) this.#selected.add(key)
  }
  clearSelection(): void {
    this.#selected.clear()
  }

  #extendTo(index: number): void {
    const anchor = this.rows.findIndex(({ key }) => key === (this.#anchor ?? this.#cursor))
    const from = anchor < 0 ? index : anchor
    for (let i = Math.min(from, index); i <= Math.max(from, index); i++) {
      const row = this.rows[i]
      if (row) this.#selected.add(row.key)
    }
  }

  /** Whether a row of `thread` is loaded. */
  holds(thread: ThreadId): boolean {
    return this.rows.some(({ thread_id }) => thread_id === thread)
  }

  /**
   * Where to go on when `thread` leaves the list: the row below it, else above. Where it has left already, e.g.
   * a queue by being accepted, the row that took its place.
   */
  next(thread: ThreadId): ListRow | null {
    const index = this.rows.findIndex(({ thread_id }) => thread_id === thread)
    if (index < 0) return this.#cursor === null ? null : (this.rows[this.cursorIndex] ?? null)
    return this.rows[index + 1] ?? this.rows[index - 1] ?? null
  }

  // --- loading ------------------------------------------------------------------------------------------

  #restart({ keepRows = false } = {}): void {
    this.#selected.clear()
    this.#anchor = null
    this.#problem = null
    this.#loadingMore = false
    this.#visible = { from: 0, to: 30 }
    this.#cursor = null
    this.#cursorIndex = 0
    // The rows of the last key press stay until the next answer: a list that blinks can't be read.
    if (!keepRows) {
      this.#loaded = nothing
      this.#known = false
    }
    if (this.#query?.trim() === '') {
      this.#question.stop()
      this.#loaded = nothing
      this.#known = true
      return
    }
    void this.#question.ask(() => this.#walk(0, pageSize))
  }

  #refresh(): void {
    if (!this.#view && this.#query === null) return
    if (this.#query?.trim() === '') return
    this.#loadingMore = false
    void this.#question.ask(() => {
      const from = this.#visible.from < refreshedFromTop ? 0 : this.#visible.from
      return this.#walk(from, Math.max(this.#visible.to + pageSize / 2, pageSize))
    })
  }

  async #more(to: number): Promise<void> {
    if (this.#loadingMore || this.#loaded.next === null) return
    this.#loadingMore = true
    await this.#question.ask(() => this.#walk(this.#loaded.rows.length, to + pageSize))
  }

  /** Asks pages from the mark at or before row `from` until row `to` or the end; what stood before stays. */
  async #walk(from: number, to: number): Promise<Loaded> {
    const before = this.#loaded
    const atEnd = from >= before.rows.length && before.next !== null && from > 0
    const mark = atEnd
      ? { index: before.rows.length, after: before.next }
      : (before.marks.findLast(({ index }) => index <= from) ?? { index: 0, after: null })
    const rows = before.rows.slice(0, mark.index)
    const marks = before.marks.filter(({ index }) => index < mark.index)
    let after = mark.after
    let last: ListPage | SearchPage
    do {
      marks.push({ index: rows.length, after })
      last = await this.#page(after, Math.min(biggestPage, Math.max(pageSize, to - rows.length)))
      rows.push(...last.rows)
      after = last.next
    } while (after !== null && rows.length < to)
    return {
      rows: uniqueRows(rows),
      marks,
      next: after,
      total: last.total,
      words: 'words' in last ? last.words : [],
      fault: 'fault' in last ? last.fault : null,
      staleBefore: atEnd ? before.staleBefore : mark.index,
    }
  }

  #page(after: string | null, limit: number): Promise<ListPage | SearchPage> {
    const query = this.#query
    if (query !== null) return this.#desk.core.search({ query, after, limit })
    const view = this.#view
    if (!view) throw new CoreError('invalid', 'No list is shown.')
    return this.#desk.core.listPage({ view, order: this.#order, after, limit })
  }

  #take(loaded: Loaded): void {
    const before = this.#loaded.rows.map(({ key }) => key)
    const after = loaded.rows.map(({ key }) => key)
    const index = this.rows.findIndex(({ key }) => key === this.#cursor)
    this.#loaded = loaded
    this.#known = true
    this.#problem = null
    this.#loadingMore = false
    this.#shift = { rows: rowShift(before, after, this.#visible.from) }
    for (const key of goneKeys(this.#selected, loaded.rows)) this.#selected.delete(key)
    // The row under the cursor left the list: the one that took its place is next.
    if (this.#cursor !== null && !after.includes(this.#cursor)) {
      const above = before.slice(0, Math.max(0, index)).filter((key) => after.includes(key)).length
      const place = Math.min(above, loaded.rows.length - 1)
      this.#cursor = loaded.rows[place]?.key ?? null
      this.#cursorIndex = Math.max(0, place)
    }
  }

  #follow(changes: Changes): void {
    if (changes.everything || changes.lists || changes.outbox || changes.drafts.length > 0) this.#refresh()
    else if (changes.threads.some((id) => this.rows.some(({ thread_id }) => thread_id === id)))
      this.#refresh()
  }
}
