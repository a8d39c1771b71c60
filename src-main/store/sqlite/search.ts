import type { SearchPage } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { messageRows } from './list-row.ts'
import { anyOf, inAll, type RowStream, rowStream } from './row-stream.ts'
import { searchableFields } from './search-index.ts'
import {
  attachmentTerm,
  type Fault,
  type Filter,
  needsVerification,
  parseSearch,
  type SearchQuery,
  standsIn,
  type Term,
  termsOf,
  type TextClause,
  wordsToMark,
} from './search-query.ts'
import { fold } from './search-text.ts'

/** Work done at a stretch before other questions get their turn, in milliseconds. */
const SLICE = 12
/** Row ids are milliseconds × 1,024 plus a sequence. */
const ROWS_PER_MS = 1024

/**
 * Search over everything a message holds, newest first. Every condition that has an index becomes a stream of row ids
 * and the streams leap over each other, so the rarest one decides the cost; the rest is checked on what is left.
 * Never by rank: ranking a common word took 385 ms at 200,000 interactions.
 */
export function search(engine: Engine): Pick<Store, 'search'> {
  return {
    async search({ query, after, limit, agent }): Promise<SearchPage> {
      const parsed = parseSearch(query, engine.now())
      const plan = planSearch(engine, parsed, agent)
      const rows: number[] = []
      let more = false
      let bound = after === null ? plan.high : Math.min(plan.high, rowOf(after) - 1)
      let began = performance.now()
      while (plan.streams.length > 0) {
        const row = inAll(plan.streams, bound)
        if (row === null) break
        if (plan.checks.every((check) => check(row))) {
          if (rows.length === limit) {
            more = true
            break
          }
          rows.push(row)
        }
        bound = row - 1
        if (performance.now() - began > SLICE) {
          await new Promise((resolve) => setImmediate(resolve))
          began = performance.now()
        }
      }
      return {
        rows: messageRows(engine, rows),
        next: more ? String(rows.at(-1)) : null,
        total: null,
        fault: parsed.fault ?? plan.fault,
        words: wordsToMark(parsed),
      }
    },
  }
}

function rowOf(after: string): number {
  const row = Number(after)
  if (after === '' || !Number.isSafeInteger(row))
    throw new CoreError('invalid', 'This page of the results is not there. Search again.')
  return row
}

interface Plan {
  readonly streams: readonly RowStream[]
  readonly checks: readonly ((row: number) => boolean)[]
  readonly high: number
  readonly fault: Fault | null
}

function planSearch(engine: Engine, query: SearchQuery, agent: number): Plan {
  const low = query.since === null ? 0 : query.since * ROWS_PER_MS
  const high = query.before === null ? Number.MAX_SAFE_INTEGER : query.before * ROWS_PER_MS - 1
  const streams: RowStream[] = []
  const checks: ((row: number) => boolean)[] = []
  let fault: Fault | null = null

  const wanted: Term[] = []
  const verified: TextClause[] = []
  for (const clause of query.clauses) {
    if (!clause.negated) {
      wanted.push(...termsOf(clause))
      if (needsVerification(clause)) verified.push(clause)
    } else if (needsVerification(clause)) checks.push((row) => !stands(engine, clause, row))
    else checks.push(isNotIn(wordStream(engine, termsOf(clause), low)))
  }
  for (const filter of query.filters) {
    if (filter.kind === 'attachment') {
      if (filter.negated) checks.push(isNotIn(wordStream(engine, [attachmentTerm], low)))
      else wanted.push(attachmentTerm)
      continue
    }
    const found = filterStream(engine, filter, agent, low)
    if ('message' in found) fault ??= { message: found.message, from: filter.from, to: filter.to }
    else if (filter.negated !== found.complement) checks.push(isNotIn(found.stream))
    else streams.push(found.stream)
  }
  if (wanted.length > 0) streams.unshift(wordStream(engine, wanted, low))
  // Last, since it reads the stored text.
  for (const clause of verified) checks.push((row) => stands(engine, clause, row))
  if (streams.length === 0 && (checks.length > 0 || query.since !== null || query.before !== null))
    streams.push(
      rowStream(
        engine,
        'select row from interactions where row >= ? and row <= ? order by row desc limit ?',
        [],
        low,
      ),
    )
  return { streams, checks, high, fault }
}

/** The messages whose index holds all of the terms. */
function wordStream(engine: Engine, wanted: readonly Term[], low: number): RowStream {
  // Quoted, so that nothing typed is ever read as the engine's own query language.
  const match = [...new Set(wanted.map((term) => `"${term.text}"${term.prefix ? '*' : ''}`))].join(' AND ')
  return rowStream(
    engine,
    `select rowid as row from words
      where words match ? and rowid >= ? and rowid <= ? order by rowid desc limit ?`,
    [match],
    low,
  )
}

function isNotIn(stream: RowStream): (row: number) => boolean {
  return (row) => stream.at(row) !== row
}

function stands(engine: Engine, clause: TextClause, row: number): boolean {
  const fields = searchableFields(engine, row)
  if (!fields) return false
  switch (clause.field) {
    case 'any':
      return (
        [fields.subject, fields.text, fields.from, fields.to, fields.file].some((texts) =>
          texts.some((text) => standsIn(clause, text)),
        ) || fields.udata.some((leaf) => standsIn(clause, leaf.text))
      )
    case 'udata': {
      const key = fold(clause.key)
      return fields.udata.some(
        (leaf) =>
          leaf.path.some((_, i) => fold(leaf.path.slice(0, i + 1).join('.')) === key) &&
          standsIn(clause, leaf.text),
      )
    }
    default:
      return fields[clause.field].some((text) => standsIn(clause, text))
  }
}

type StateFilter = Exclude<Filter, { kind: 'attachment' }>

/** `complement`: the stream holds what the filter does not want. */
function filterStream(
  engine: Engine,
  filter: StateFilter,
  agent: number,
  low: number,
): { stream: RowStream; complement: boolean } | { message: string } {
  const column = (name: 'status' | 'queue_id' | 'owner_id' | 'category_id', values: readonly unknown[]) =>
    anyOf(
      values.map((value) =>
        rowStream(
          engine,
          `select row from interactions where ${name} = ? and row >= ? and row <= ? order by row desc limit ?`,
          [value],
          low,
        ),
      ),
    )
  switch (filter.kind) {
    case 'status':
      return { stream: column('status', [filter.status]), complement: false }
    case 'unread':
      return {
        stream: rowStream(
          engine,
          'select row from interactions where unread = 1 and row >= ? and row <= ? order by row desc limit ?',
          [],
          low,
        ),
        complement: false,
      }
    case 'queue': {
      const queues = engine.sql<Named>('select id, name from queues order by position').all()
      const ids = named(queues, filter.name)
      if (ids.length === 0)
        return { message: `There is no queue “${filter.name}”. ${choices(queues, 'The queues are')}` }
      return { stream: column('queue_id', ids), complement: false }
    }
    case 'owner': {
      const name = fold(filter.name)
      if (name === 'none' || name === 'nobody')
        return {
          stream: rowStream(
            engine,
            'select row from interactions where owner_id is not null and row >= ? and row <= ? order by row desc limit ?',
            [],
            low,
          ),
          complement: true,
        }
      if (name === 'me') return { stream: column('owner_id', [agent]), complement: false }
      if (/^\d{1,15}$/.test(name)) return { stream: column('owner_id', [Number(name)]), complement: false }
      const agents = engine.sql<Named>('select id, name from agents order by name').all()
      const ids = named(agents, filter.name)
      if (ids.length === 0)
        return {
          message: `There is no agent “${filter.name}”. Write owner:me, owner:none, a name or a number.`,
        }
      return { stream: column('owner_id', ids), complement: false }
    }
    case 'category': {
      const categories = engine.sql<Named>(CATEGORIES).all()
      const ids = named(categories, filter.name)
      if (ids.length === 0) return { message: `No message has the category “${filter.name}”.` }
      return { stream: column('category_id', ids), complement: false }
    }
  }
}

/** Steps from one category to the next in its index, so that the cost is the number of categories. */
const CATEGORIES = `
  with recursive found (id) as (
    select * from (select category_id from interactions where category_id is not null order by category_id limit 1)
    union all
    select (select i.category_id from interactions i where i.category_id > found.id order by i.category_id limit 1)
      from found where found.id is not null
  )
  select id, id as name from found where id is not null`

interface Named {
  readonly id: string | number
  readonly name: string
}

/** Those called so; else those whose name, or a word of it, begins so. */
function named(all: readonly Named[], asked: string): (string | number)[] {
  const name = fold(asked)
  const exact = all.filter((each) => fold(each.name) === name)
  const found =
    exact.length > 0
      ? exact
      : all.filter((each) => fold(each.name).startsWith(name) || fold(each.name).includes(` ${name}`))
  return found.map((each) => each.id)
}

function choices(all: readonly Named[], introduction: string): string {
  const names = all.slice(0, 8).map((each) => each.name)
  return `${introduction} ${names.join(', ')}${all.length > names.length ? ', …' : ''}.`
}
