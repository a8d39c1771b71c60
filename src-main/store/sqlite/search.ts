import type { SearchPage } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { messageRows } from './list-row.ts'
import { anyOf, intersection, type RowStream, rowStream } from './row-stream.ts'
import { type SearchableFields, searchableFields } from './search-index.ts'
import {
  attachmentTerm,
  type Fault,
  type Filter,
  needsVerification,
  parseSearch,
  phrase,
  type SearchQuery,
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
      if (plan.streams.length > 0) {
        const bound = after === null ? plan.high : Math.min(plan.high, rowOf(after) - 1)
        let began = performance.now()
        for (const row of intersection(plan.streams, plan.without, bound)) {
          if (plan.checks.every((check) => check(row))) {
            more = rows.length === limit
            if (more) break
            rows.push(row)
          }
          if (performance.now() - began > SLICE) {
            await new Promise((resolve) => setImmediate(resolve))
            began = performance.now()
          }
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
  readonly without: readonly RowStream[]
  readonly checks: readonly ((row: number) => boolean)[]
  readonly high: number
  readonly fault: Fault | null
}

function planSearch(engine: Engine, query: SearchQuery, agent: number): Plan {
  const low = query.since === null ? 0 : query.since * ROWS_PER_MS
  const high = query.before === null ? Number.MAX_SAFE_INTEGER : query.before * ROWS_PER_MS - 1
  const streams: RowStream[] = []
  const without: RowStream[] = []
  const checks: ((row: number) => boolean)[] = []
  let fault: Fault | null = null

  const wanted: string[] = []
  const unwanted: string[] = []
  const proofs: ((fields: SearchableFields) => boolean)[] = []
  const fieldsOf = lastRead(engine)
  for (const clause of query.clauses) {
    const { match, exact } = matchOf(engine, clause)
    const proves = proof(clause)
    proofs.push(clause.negated ? (fields) => !proves(fields) : proves)
    const certain = exact && !needsVerification(clause)
    if (!clause.negated) wanted.push(match)
    else if (certain) unwanted.push(match)
    // Last, since it reads the stored text.
    if (!certain) checks.push((row) => fieldsOf(row, proves) !== clause.negated)
  }
  for (const filter of query.filters) {
    if (filter.kind === 'attachment') {
      ;(filter.negated ? unwanted : wanted).push(quoted(attachmentTerm))
      proofs.push((fields) => fields.hasAttachment !== filter.negated)
      continue
    }
    const found = filterStream(engine, filter, agent, low)
    if ('message' in found) fault ??= { message: found.message, from: filter.from, to: filter.to }
    else if (filter.negated !== found.complement) without.push(found.stream)
    else streams.push(found.stream)
  }
  const none = unwanted.map((match) => `(${match})`).join(' OR ')
  const has = (row: number) => proofs.every((proves) => fieldsOf(row, proves))
  if (wanted.length > 0) {
    const match = none === '' ? wanted.join(' AND ') : `(${wanted.join(' AND ')}) NOT (${none})`
    streams.unshift(wordStream(engine, match, low, has))
  } else if (none !== '') without.push(wordStream(engine, none, low, (row) => !has(row)))
  const bounded = query.since !== null || query.before !== null
  if (streams.length === 0 && (without.length > 0 || checks.length > 0 || bounded))
    streams.push(messageStream(engine, 'true', [], low))
  return { streams, without, checks, high, fault }
}

/** Beginnings up to here have an index of their own. */
const LONGEST_PREFIX = 5
/** So many words with one beginning are asked for one by one. */
const MOST_TERMS = 64

/**
 * The clause in the engine's query language. Every term is quoted, so that nothing typed is ever read as that
 * language. Not `exact`: what it finds must be verified.
 */
function matchOf(engine: Engine, clause: TextClause): { match: string; exact: boolean } {
  let exact = true
  const parts = termsOf(clause).map((term) => {
    const characters = Array.from(term.text)
    if (!term.prefix || characters.length <= LONGEST_PREFIX) return quoted(term)
    // Without an index the engine merges all words with that beginning before it answers: 60 ms for a common one.
    const words = termsFrom(engine, term.text)
    if (words) return words.length === 0 ? quoted({ ...term, prefix: false }) : `(${words.join(' OR ')})`
    exact = false
    return quoted({ text: characters.slice(0, LONGEST_PREFIX).join(''), prefix: true })
  })
  return { match: parts.join(' AND '), exact }
}

/** The words of the index with this beginning, quoted; null when there are too many. */
function termsFrom(engine: Engine, beginning: string): string[] | null {
  const from = engine.sql<{ term: string }>('select term from terms where term >= ? limit 1')
  const found: string[] = []
  let at = beginning
  for (;;) {
    const term = from.get(at)?.term
    if (!term?.startsWith(beginning)) return found
    if (found.length === MOST_TERMS) return null
    found.push(quoted({ text: term, prefix: false }))
    // No term holds this character, so it leaps over the word's many instances.
    at = `${term}\u0001`
  }
}

function quoted(term: Term): string {
  return `"${term.text}"${term.prefix ? '*' : ''}`
}

/** One message's stored text says what the index says, and is cheaper to ask for one row than the index is. */
function wordStream(engine: Engine, match: string, low: number, has: (row: number) => boolean): RowStream {
  return rowStream(engine, { table: 'words', row: 'rowid', condition: 'words match ?' }, [match], low, has)
}

function messageStream(
  engine: Engine,
  condition: string,
  parameters: readonly unknown[],
  low: number,
): RowStream {
  return rowStream(engine, { table: 'interactions', row: 'row', condition }, parameters, low)
}

/** Asks the stored text of a message; several questions about one message read it once. */
function lastRead(engine: Engine): (row: number, proves: (fields: SearchableFields) => boolean) => boolean {
  let at: number | null = null
  let fields: SearchableFields | null = null
  return (row, proves) => {
    if (row !== at) {
      fields = searchableFields(engine, row)
      at = row
    }
    return fields !== null && proves(fields)
  }
}

/** Whether a message's stored fields hold the clause, negated or not. */
function proof(clause: TextClause): (fields: SearchableFields) => boolean {
  const standsIn = phrase(clause)
  const { field } = clause
  const key = fold(clause.key)
  if (field === 'udata')
    return (fields) =>
      fields.udata.some(
        ({ path, text }) =>
          path.some((_, i) => fold(path.slice(0, i + 1).join('.')) === key) && standsIn(text),
      )
  if (field !== 'any') return (fields) => fields[field].some(standsIn)
  return (fields) =>
    fields.text.some(standsIn) ||
    fields.subject.some(standsIn) ||
    fields.from.some(standsIn) ||
    fields.to.some(standsIn) ||
    fields.file.some(standsIn) ||
    fields.udata.some((leaf) => standsIn(leaf.text))
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
    anyOf(values.map((value) => messageStream(engine, `${name} = ?`, [value], low)))
  switch (filter.kind) {
    case 'status':
      return { stream: column('status', [filter.status]), complement: false }
    case 'unread':
      return { stream: messageStream(engine, 'unread = 1', [], low), complement: false }
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
        return { stream: messageStream(engine, 'owner_id is not null', [], low), complement: true }
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
