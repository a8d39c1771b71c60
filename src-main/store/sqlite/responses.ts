import type { ResponseCategory, StandardResponse, StandardResponseHead, Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { Store } from '../store.ts'
import type { Engine, Touched } from './engine.ts'
import { snippetOf } from './list-row.ts'
import { spaced, units } from './search-text.ts'
import { readJson } from './stored-json.ts'
import { saveUndo } from './undo.ts'

type ResponseRow = Omit<StandardResponse, 'snippet'>

/** What a standard response is found by, folded: its name, where it stands, what it says. */
interface Searchable {
  readonly id: Uuid
  readonly name: string
  readonly path: string
  readonly text: string
  readonly used: number
}

/** Standard responses in their tree of categories. */
export function responses(
  engine: Engine,
): Pick<
  Store,
  | 'responses'
  | 'response'
  | 'searchResponses'
  | 'saveResponse'
  | 'deleteResponse'
  | 'saveResponseCategory'
  | 'deleteResponseCategory'
> {
  // Kept folded: folding 2,000 responses took 60 ms, looking through them takes 2.
  let searchable: readonly Searchable[] | null = null
  engine.onChanges((changes) => {
    if (changes.responses || changes.everything) searchable = null
  })

  return {
    async responses() {
      return { categories: readCategories(engine), responses: readRows(engine).map(head) }
    },

    async response(id) {
      const row = engine.sql<ResponseRow>('select * from responses where id = ?').get(id)
      if (!row) throw gone()
      return {
        ...head(row),
        subject: row.subject,
        html: row.html,
        text: row.text,
        changed_at: row.changed_at,
      }
    },

    async searchResponses(text) {
      const wanted = units(text).map((unit) => unit.text)
      searchable ??= readSearchable(engine)
      return searchable
        .map((each) => ({ each, rank: rank(each, wanted) }))
        .filter(({ rank }) => rank > 0)
        .sort((a, b) => b.rank - a.rank || b.each.used - a.each.used || (a.each.name < b.each.name ? -1 : 1))
        .map(({ each }) => each.id)
    },

    async saveResponse(input) {
      return engine.write((touched) => {
        if (input.category_id !== null) categoryOf(engine, input.category_id)
        const now = engine.now()
        const { id, ...fields } = input
        const values = { ...fields, id: id ?? newUuid(now), now }
        if (id === null)
          engine
            .sql(
              `insert into responses (id, category_id, name, language, status, position, subject, html, text, changed_at)
               values (@id, @category_id, @name, @language, @status,
                       (select coalesce(max(position) + 1, 0) from responses where category_id is @category_id),
                       @subject, @html, @text, @now)`,
            )
            .run(values)
        else {
          const { changes } = engine
            .sql(
              `update responses
                  set category_id = @category_id, name = @name, language = @language, status = @status,
                      subject = @subject, html = @html, text = @text, changed_at = @now
                where id = @id`,
            )
            .run(values)
          if (changes === 0) throw gone()
        }
        touched.kind('responses')
        return { id: values.id }
      })
    },

    async deleteResponse(id) {
      return engine.write((touched) => {
        const row = engine.sql<ResponseRow>('delete from responses where id = ? returning *').get(id)
        if (!row) throw gone()
        touched.kind('responses')
        return { undo_id: saveUndo(engine, 'response', row) }
      })
    },

    async saveResponseCategory({ id, parent_id, name }) {
      return engine.write((touched) => {
        if (parent_id !== null) {
          categoryOf(engine, parent_id)
          if (id !== null && isWithin(engine, parent_id, id))
            throw new CoreError(
              'invalid',
              'A category can’t stand inside itself. Choose another place for it.',
            )
        }
        const values = { id: id ?? newUuid(engine.now()), parent_id, name }
        if (id === null)
          engine
            .sql(
              `insert into response_categories (id, parent_id, name, position)
               values (@id, @parent_id, @name,
                       (select coalesce(max(position) + 1, 0) from response_categories where parent_id is @parent_id))`,
            )
            .run(values)
        else {
          categoryOf(engine, id)
          engine
            .sql('update response_categories set parent_id = @parent_id, name = @name where id = @id')
            .run(values)
        }
        touched.kind('responses')
        return { id: values.id }
      })
    },

    async deleteResponseCategory(id) {
      engine.write((touched) => {
        categoryOf(engine, id)
        const held = engine
          .sql<{ n: number }>(
            `select (select count(*) from responses where category_id = @id)
                  + (select count(*) from response_categories where parent_id = @id) as n`,
          )
          .get({ id })
        if (held && held.n > 0)
          throw new CoreError('conflict', 'This category isn’t empty. Move or delete what it holds first.')
        engine.sql('delete from response_categories where id = ?').run(id)
        touched.kind('responses')
      })
    },
  }
}

/** Undo of deleting a standard response. Its category may be gone; then it stands at the top. */
export function restoreResponse(engine: Engine, touched: Touched, before: string): void {
  const row = readJson<ResponseRow>(before)
  const category = readCategories(engine).some((each) => each.id === row.category_id) ? row.category_id : null
  engine
    .sql(
      `insert into responses (id, category_id, name, language, status, position, subject, html, text, used, changed_at)
       values (@id, @category, @name, @language, @status, @position, @subject, @html, @text, @used, @changed_at)`,
    )
    .run({ ...row, category })
  touched.kind('responses')
}

function readCategories(engine: Engine): ResponseCategory[] {
  return engine
    .sql<ResponseCategory>(
      `select id, parent_id, name, position from response_categories
        order by parent_id is not null, position, name`,
    )
    .all()
}

function readRows(engine: Engine): ResponseRow[] {
  return engine.sql<ResponseRow>('select * from responses order by position, name').all()
}

function head(row: ResponseRow): StandardResponseHead {
  return {
    id: row.id,
    category_id: row.category_id,
    name: row.name,
    language: row.language,
    status: row.status,
    position: row.position,
    snippet: snippetOf(row.text),
    used: row.used,
  }
}

function categoryOf(engine: Engine, id: Uuid): ResponseCategory {
  const found = readCategories(engine).find((category) => category.id === id)
  if (!found) throw new CoreError('not-found', 'This category is not there any more.')
  return found
}

function isWithin(engine: Engine, id: Uuid, above: Uuid): boolean {
  const parents = new Map(readCategories(engine).map((category) => [category.id, category.parent_id]))
  for (let at: Uuid | null = id; at !== null; at = parents.get(at) ?? null) if (at === above) return true
  return false
}

function readSearchable(engine: Engine): Searchable[] {
  const categories = new Map(readCategories(engine).map((category) => [category.id, category]))
  const path = (id: Uuid | null): string => {
    const category = id === null ? undefined : categories.get(id)
    return category ? `${path(category.parent_id)} ${category.name}` : ''
  }
  return readRows(engine).map((row) => ({
    id: row.id,
    name: spaced(row.name),
    path: spaced(path(row.category_id)),
    text: spaced(`${row.subject}\n${row.text}`),
    used: row.used,
  }))
}

/** 0: not found. Each word must begin a word; in the name it counts more than in the path, there more than in the text. */
function rank(each: Searchable, wanted: readonly string[]): number {
  let sum = each.name.startsWith(` ${wanted.join(' ')}`) ? 4 : 0
  for (const word of wanted) {
    const found = ` ${word}`
    const points = each.name.includes(found)
      ? 3
      : each.path.includes(found)
        ? 2
        : each.text.includes(found)
          ? 1
          : 0
    if (points === 0) return 0
    sum += points
  }
  return wanted.length === 0 ? 0 : sum / wanted.length
}

function gone(): CoreError {
  return new CoreError('not-found', 'This standard response is not there any more.')
}
