import { STATUS, type Instant, type SearchPage, type Status } from '../../contract/domain.ts'
import {
  fold,
  HAS_ATTACHMENT,
  isAscii,
  keyTerm,
  LONGEST_WORD,
  MARK,
  type Unit,
  units,
} from './search-text.ts'

export type TextField = 'any' | 'from' | 'to' | 'subject' | 'file' | 'udata'

/** Words that must stand in one field, next to each other. */
export interface TextClause {
  readonly field: TextField
  /** For udata the key as typed, else ''. */
  readonly key: string
  /** Empty only for udata: the key alone is asked for. */
  readonly units: readonly Unit[]
  /** The last word may go on: it is being typed, or ends in `*`. */
  readonly prefix: boolean
  readonly negated: boolean
}

/** A condition on a message's own state. Queue, owner and category are names that the store knows. */
export type Filter = { readonly negated: boolean; readonly from: number; readonly to: number } & (
  | { readonly kind: 'status'; readonly status: Status }
  | { readonly kind: 'unread' }
  | { readonly kind: 'attachment' }
  | { readonly kind: 'queue' | 'owner' | 'category'; readonly name: string }
)

export type Fault = NonNullable<SearchPage['fault']>

export interface SearchQuery {
  readonly clauses: readonly TextClause[]
  readonly filters: readonly Filter[]
  /** Received at or after this moment; null: no bound. */
  readonly since: Instant | null
  /** Received before this moment; null: no bound. */
  readonly before: Instant | null
  readonly fault: Fault | null
}

const OPERATOR =
  /^(from|to|subject|file|status|queue|owner|category|has|is|before|after|udata\.(?:"[^"]*"|[^\s:"]+)):/i
const GOES_ON = /[\p{L}\p{N}\p{M}]$/u
/** More words than anybody types; each costs the engine an iterator. */
const MOST_CLAUSES = 32

const STATUS_NAMES: Readonly<Record<string, Status>> = {
  new: STATUS.new,
  pending: STATUS.pending,
  'in-progress': STATUS.inProcess,
  done: STATUS.stopped,
}

/**
 * Reads what the agent typed. Anything is a query: what isn't an operator is text. An operator whose value can't be
 * understood is left out and told as `fault`, the first one only. Days are those of this computer's time zone.
 */
export function parseSearch(query: string, now: Instant): SearchQuery {
  const clauses: TextClause[] = []
  const filters: Filter[] = []
  const bounds: { since: Instant | null; before: Instant | null } = { since: null, before: null }
  let fault: Fault | null = null

  for (const part of parts(query)) {
    const { operator, value, negated, prefix, open, from, to } = part
    const wrong = (message: string) => (fault ??= { message, from, to })
    switch (operator.name) {
      case 'any':
      case 'from':
      case 'to':
      case 'subject':
      case 'file':
      case 'udata': {
        const words = units(value)
        if (clauses.length >= MOST_CLAUSES)
          wrong(`Workbin searches for at most ${MOST_CLAUSES} words at once.`)
        else if (words.length > 0 || (operator.name === 'udata' && operator.key !== ''))
          clauses.push({ field: operator.name, key: operator.key, units: words, prefix, negated })
        break
      }
      case 'status': {
        const name = fold(value).trim().replace(/\s+/g, '-')
        const names = Object.keys(STATUS_NAMES)
        const match = names.filter((known) => known === name || (open && known.startsWith(name)))
        const status = match[0] === undefined ? undefined : STATUS_NAMES[match[0]]
        if (name === '') break
        if (status === undefined)
          wrong(`“${value}” is no status. Write status: and one of ${names.join(', ')}.`)
        else filters.push({ kind: 'status', status, negated, from, to })
        break
      }
      case 'queue':
      case 'owner':
      case 'category':
        if (value.trim() !== '') filters.push({ kind: operator.name, name: value.trim(), negated, from, to })
        break
      case 'has': {
        const what = fold(value).trim()
        if (what === '') break
        if (what === 'attachments' || starts('attachment', what, open))
          filters.push({ kind: 'attachment', negated, from, to })
        else wrong(`Workbin doesn't know has:${value}. Write has:attachment.`)
        break
      }
      case 'is': {
        const what = fold(value).trim()
        if (what === '') break
        if (starts('unread', what, open)) filters.push({ kind: 'unread', negated, from, to })
        else if (starts('read', what, open)) filters.push({ kind: 'unread', negated: !negated, from, to })
        else wrong(`Workbin doesn't know is:${value}. Write is:unread or is:read.`)
        break
      }
      case 'before':
      case 'after': {
        if (value.trim() === '') break
        const day = startOf(value.trim(), now)
        if (day === null) {
          // Half a date isn't wrong while it is being typed.
          if (!(open && /^[\d-]*$/.test(value)))
            wrong(
              `“${value}” is no date. Write ${operator.name}:2026-05-31, ${operator.name}:2026-05 or ${operator.name}:7d.`,
            )
        } else if ((operator.name === 'before') !== negated)
          bounds.before = bounds.before === null ? day : Math.min(bounds.before, day)
        else bounds.since = bounds.since === null ? day : Math.max(bounds.since, day)
        break
      }
    }
  }
  return { clauses, filters, ...bounds, fault }
}

/** The words to mark in what is found, folded; characters of a script without spaces stay together as typed. */
export function wordsToMark(query: SearchQuery): string[] {
  const words = new Set<string>()
  for (const clause of query.clauses) {
    if (clause.negated || clause.field === 'udata') continue
    let run = ''
    for (const unit of clause.units) {
      if (unit.run && unit.joined) {
        run += unit.text
        continue
      }
      if (run !== '') words.add(run)
      run = unit.text
    }
    if (run !== '') words.add(run)
  }
  return [...words]
}

/** One term to look up in the index, with its field's mark. */
export interface Term {
  readonly text: string
  readonly prefix: boolean
}

/** The terms that every message with this clause has in the index. */
export function termsOf(clause: TextClause): Term[] {
  const mark =
    clause.field === 'any' ? '' : clause.field === 'udata' ? keyTerm(clause.key) : MARK[clause.field]
  if (clause.units.length === 0) return [{ text: mark, prefix: false }]
  const found: Term[] = []
  for (const [i, unit] of clause.units.entries()) {
    const last = i === clause.units.length - 1
    const next = clause.units[i + 1]
    if (!unit.run) found.push({ text: mark + unit.text, prefix: last && clause.prefix })
    else if (next?.run && next.joined)
      found.push({
        text: mark + unit.text + next.text,
        prefix: i === clause.units.length - 2 && clause.prefix,
      })
    // The second of a pair was asked for with the first; alone it is the beginning of a pair, or the end of a run.
    else if (!(unit.joined && clause.units[i - 1]?.run)) found.push({ text: mark + unit.text, prefix: true })
  }
  return found
}

/** Whether the terms alone don't prove the clause: the index knows no positions. */
export function needsVerification(clause: TextClause): boolean {
  const [first, second] = clause.units
  if (clause.units.length < 2) return false
  return !(clause.units.length === 2 && first?.run && second?.run && second.joined)
}

const WORD =
  '[[\\p{L}\\p{N}\\p{M}]--[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Hangul}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}\\u30fc]]'

/**
 * Tells whether the clause's words stand next to each other in a text. It looks through the folded text in one pass:
 * taking 10,000 candidates apart into words again took 0.4 s.
 */
export function phrase(clause: TextClause): (text: string) => boolean {
  const pattern = (word: string, between: string) =>
    clause.units
      .map((unit, i) => {
        const last = i === clause.units.length - 1
        // Longer words were cut, in the index and in the query.
        const rest = unit.text.length >= LONGEST_WORD ? `${word}*` : ''
        const end = unit.run || (last && clause.prefix) ? '' : `(?!${word})`
        const gap = i === 0 ? '' : unit.run || clause.units[i - 1]?.run ? `${between}*` : `${between}+`
        const start = i === 0 && !unit.run ? `(?<!${word})` : ''
        return gap + start + unit.text + rest + end
      })
      .join('')
  const plain = clause.units.every((unit) => isAscii(unit.text))
    ? new RegExp(pattern('[a-z0-9]', '[^a-z0-9]'))
    : null
  let full: RegExp | null = null
  return (text) => {
    const folded = fold(text)
    if (isAscii(folded)) return plain?.test(folded) ?? false
    full ??= new RegExp(pattern(WORD, '[^\\p{L}\\p{N}\\p{M}]'), 'v')
    return full.test(folded)
  }
}

/** The index's term for has:attachment. */
export const attachmentTerm: Term = { text: HAS_ATTACHMENT, prefix: false }

interface Part {
  readonly operator: {
    readonly name: TextField | 'status' | 'queue' | 'owner' | 'category' | 'has' | 'is' | 'before' | 'after'
    readonly key: string
  }
  readonly value: string
  readonly negated: boolean
  readonly prefix: boolean
  /** Ends where the query ends: it may be half typed. */
  readonly open: boolean
  readonly from: number
  readonly to: number
}

function* parts(query: string): Generator<Part> {
  let at = 0
  for (;;) {
    while (at < query.length && /\s/.test(query.charAt(at))) at++
    if (at >= query.length) return
    const from = at
    const negated = query.charAt(at) === '-' && /\S/.test(query.charAt(at + 1))
    if (negated) at++
    const operator = OPERATOR.exec(query.slice(at))
    if (operator) at += operator[0].length
    let value: string
    let closed = false
    if (query.charAt(at) === '"') {
      const end = query.indexOf('"', at + 1)
      closed = end >= 0
      value = query.slice(at + 1, closed ? end : query.length)
      at = closed ? end + 1 : query.length
    } else {
      const start = at
      while (at < query.length && !/\s/.test(query.charAt(at))) at++
      value = query.slice(start, at)
    }
    const open = at >= query.length && !closed
    const prefix = value.endsWith('*') || (open && GOES_ON.test(value))
    yield { operator: operatorOf(operator?.[1]), value, negated, prefix, open, from, to: at }
  }
}

function operatorOf(name: string | undefined): Part['operator'] {
  const lower = name?.toLowerCase()
  switch (lower) {
    case undefined:
      return { name: 'any', key: '' }
    case 'from':
    case 'to':
    case 'subject':
    case 'file':
    case 'status':
    case 'queue':
    case 'owner':
    case 'category':
    case 'has':
    case 'is':
    case 'before':
    case 'after':
      return { name: lower, key: '' }
    default:
      return { name: 'udata', key: (name ?? '').slice('udata.'.length).replaceAll('"', '') }
  }
}

function starts(word: string, typed: string, open: boolean): boolean {
  return word === typed || (open && word.startsWith(typed))
}

/** The first moment of a day, month or year in local time, or so many days ago; null where it is none. */
function startOf(text: string, now: Instant): Instant | null {
  const ago = /^(\d{1,5})d$/i.exec(text)
  const today = new Date(now)
  const day = (daysAgo: number) =>
    new Date(today.getFullYear(), today.getMonth(), today.getDate() - daysAgo).getTime()
  if (ago) return day(Number(ago[1]))
  if (/^today$/i.test(text)) return day(0)
  if (/^yesterday$/i.test(text)) return day(1)
  const date = /^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?$/.exec(text)
  if (!date) return null
  const [year, month, dayOfMonth] = [Number(date[1]), Number(date[2] ?? 1), Number(date[3] ?? 1)]
  const start = new Date(year, month - 1, dayOfMonth)
  // Day 31 of a month with 30 would silently be the next month's first; years below 100 would become 19xx.
  if (start.getFullYear() !== year || start.getMonth() !== month - 1 || start.getDate() !== dayOfMonth)
    return null
  return start.getTime()
}
