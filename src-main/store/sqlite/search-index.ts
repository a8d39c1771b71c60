import type { Engine } from './engine.ts'
import { HAS_ATTACHMENT, keyTerm, leaves, MARK, marked, terms } from './search-text.ts'

/** What of a message is searched, field by field, as it is stored. */
export interface SearchableFields {
  readonly from: readonly string[]
  readonly to: readonly string[]
  readonly subject: readonly string[]
  readonly file: readonly string[]
  readonly text: readonly string[]
  readonly udata: readonly { readonly path: readonly string[]; readonly text: string }[]
  readonly hasAttachment: boolean
}

interface MessageRow {
  subject: string | null
  sender: string | null
  from_as_written: string | null
  reply_to: string | null
  recipients: string | null
  cc: string | null
  bcc: string | null
  udata: string | null
  text: string | null
}

/**
 * Puts one message into the search index, in place of what the index held for it. Part of the caller's transaction.
 * `fields`: given where the caller has just stored them; reading them back cost a tenth of filing a mail.
 */
export function indexMessage(
  engine: Engine,
  row: number,
  fields: SearchableFields | null = searchableFields(engine, row),
): void {
  if (!fields) return
  engine
    .sql('insert or replace into words (rowid, text) values (cast(? as integer), ?)')
    .run(row, indexText(fields))
}

/** Takes one message out of the search index. Part of the caller's transaction. */
export function unindexMessage(engine: Engine, row: number): void {
  // The driver binds large numbers as reals, which FTS5 doesn't take for a row id: it would look at every row.
  engine.sql('delete from words where rowid = cast(? as integer)').run(row)
}

/** The searched fields of a message that is about to be stored, as they will be read. */
export function fieldsOf(message: {
  readonly from: unknown
  readonly from_as_written: string | null
  readonly reply_to: unknown
  readonly recipients: readonly unknown[]
  readonly subject: string | null
  readonly text: string
  readonly udata: unknown
  readonly files: readonly { readonly name: string | null; readonly inline: boolean }[]
}): SearchableFields {
  const words = (value: unknown) => [...leaves(value)].map((leaf) => leaf.text)
  return {
    from: [...words(message.from), ...words(message.reply_to), ...given(message.from_as_written)],
    to: words(message.recipients),
    subject: given(message.subject),
    file: message.files.flatMap((file) => given(file.name)),
    text: given(message.text),
    udata: [...leaves(message.udata)],
    hasAttachment: message.files.some((file) => !file.inline),
  }
}

/** The searched fields of a message; null when there is no such row. */
export function searchableFields(engine: Engine, row: number): SearchableFields | null {
  const message = engine
    .sql<MessageRow>(
      `select i.subject, i."from" as sender, i.from_as_written, i.reply_to, i."to" as recipients, i.cc, i.bcc,
              i.udata, b.text
         from interactions i left join bodies b on b.row = i.row
        where i.row = ?`,
    )
    .get(row)
  if (!message) return null
  const files = engine
    .sql<{ name: string | null; inline: number }>(
      'select name, inline from attachments where row = ? order by position',
    )
    .all(row)
  return {
    from: [...people(message.sender), ...people(message.reply_to), ...given(message.from_as_written)],
    to: [...people(message.recipients), ...people(message.cc), ...people(message.bcc)],
    subject: given(message.subject),
    file: files.flatMap((file) => given(file.name)),
    text: given(message.text),
    udata: [...leaves(json(message.udata))],
    hasAttachment: files.some((file) => file.inline === 0),
  }
}

/** What is wrong with the search index: one sentence for each kind of fault. For `check`. */
export function searchProblems(engine: Engine): string[] {
  const problems: string[] = []
  const missing = engine
    .sql<{ n: number }>(
      'select count(*) as n from interactions i where not exists (select 1 from words_docsize d where d.id = i.row)',
    )
    .get()
  if (missing && missing.n > 0) problems.push(`${missing.n} messages are missing from the search index.`)
  const extra = engine
    .sql<{ n: number }>(
      'select count(*) as n from words_docsize d where not exists (select 1 from interactions i where i.row = d.id)',
    )
    .get()
  if (extra && extra.n > 0) problems.push(`The search index holds ${extra.n} messages that are gone.`)
  try {
    engine.sql("insert into words (words) values ('integrity-check')").run()
  } catch (error) {
    problems.push(`The search index is damaged (${error instanceof Error ? error.message : String(error)}).`)
  }
  return problems
}

function indexText(fields: SearchableFields): string {
  const parts: string[] = []
  const special = new Set<string>()
  for (const field of ['subject', 'from', 'to', 'file', 'text'] as const)
    for (const text of fields[field]) {
      parts.push(terms(text))
      if (field !== 'text') for (const term of marked(MARK[field], text)) special.add(term)
    }
  for (const { path, text } of fields.udata) {
    parts.push(terms(text))
    for (const key of keys(path)) {
      special.add(keyTerm(key))
      for (const term of marked(keyTerm(key), text)) special.add(term)
    }
  }
  if (fields.hasAttachment) special.add(HAS_ATTACHMENT)
  return [...parts, ...special].join(' ')
}

/** A nested value is found under its whole path and under each key above it. */
function keys(path: readonly string[]): string[] {
  return path.map((_, i) => path.slice(0, i + 1).join('.'))
}

function people(text: string | null): string[] {
  return [...leaves(json(text))].map((leaf) => leaf.text)
}

function given(text: string | null): string[] {
  return text === null || text === '' ? [] : [text]
}

function json(text: string | null): unknown {
  return text === null ? null : JSON.parse(text)
}
