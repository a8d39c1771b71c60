import { SvelteSet } from 'svelte/reactivity'
import type { Changes, StandardResponseInput } from '../../src-main/contract/core.ts'
import type {
  RenderedResponse,
  ResponseTree,
  StandardResponse,
  Uuid,
} from '../../src-main/contract/domain.ts'
import { type TreeRow, treeRows } from '../responses/response-tree.ts'
import { t } from '../texts/texts.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

/** What the preview shows: rendered for the open draft, or as it is kept. */
export type Preview =
  | { readonly kind: 'rendered'; readonly response: RenderedResponse }
  | { readonly kind: 'kept'; readonly response: StandardResponse }

const NOTHING: ResponseTree = { categories: [], responses: [] }

/** The standard responses: the tree, what is searched, what is previewed. */
export class Responses {
  readonly #desk: Desk
  readonly #askTree: Question<ResponseTree>
  readonly #askFound: Question<readonly Uuid[]>
  readonly #askPreview: Question<Preview>
  readonly folded = new SvelteSet<Uuid>()
  #asked = false
  #tree = $state.raw<ResponseTree | null>(null)
  #found = $state.raw<readonly Uuid[] | null>(null)
  #query = $state('')
  #chosen = $state<Uuid | null>(null)
  #preview = $state.raw<Preview | null>(null)
  #problem = $state<string | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
    const failed = (error: unknown) => (this.#problem = describe(error))
    this.#askTree = new Question((tree) => (this.#tree = tree), failed)
    this.#askFound = new Question((found) => (this.#found = found), failed)
    this.#askPreview = new Question((preview) => (this.#preview = preview), failed)
    desk.onChanges((changes) => this.#follow(changes))
  }

  /** Asks for the tree, once; from then on it is kept up to date. */
  load(): void {
    if (this.#asked) return
    this.#asked = true
    void this.#askTree.ask(() => this.#desk.core.responses({}))
  }

  get loaded(): boolean {
    return this.#tree !== null
  }
  get tree(): ResponseTree {
    return this.#tree ?? NOTHING
  }
  get query(): string {
    return this.#query
  }
  get chosen(): Uuid | null {
    return this.#chosen
  }
  get preview(): Preview | null {
    return this.#preview
  }
  get problem(): string | null {
    return this.#problem
  }
  readonly rows: readonly TreeRow[] = $derived.by(() =>
    treeRows(this.tree, { folded: this.folded, found: this.#found, empty: false }),
  )

  search(text: string): void {
    this.#query = text
    if (text.trim() === '') {
      this.#askFound.stop()
      this.#found = null
      return
    }
    void this.#askFound.ask(async () => (await this.#desk.core.searchResponses({ text })).ids)
  }

  /** Moves the cursor; a response is previewed, against the open draft where there is one. */
  choose(id: Uuid | null): void {
    this.#chosen = id
    this.refreshPreview()
  }
  refreshPreview(): void {
    const id = this.#chosen
    this.#problem = null
    if (id === null || !this.tree.responses.some((response) => response.id === id)) {
      this.#askPreview.stop()
      this.#preview = null
      return
    }
    const draft = this.#desk.compose.current
    const { core } = this.#desk
    void this.#askPreview.ask(async () =>
      draft
        ? { kind: 'rendered', response: await core.renderResponse({ id, draft_id: draft.id }) }
        : { kind: 'kept', response: await core.response({ id }) },
    )
  }

  /** Ids in the order of the core's search. */
  async find(text: string): Promise<readonly Uuid[]> {
    return (await this.#desk.core.searchResponses({ text })).ids
  }

  // --- editing (Settings) ---------------------------------------------------------------------------------

  async read(id: Uuid): Promise<StandardResponse> {
    return await this.#desk.core.response({ id })
  }
  /** Rendered for an existing draft, as a preview while editing; null without one. */
  async renderForDraft(id: Uuid): Promise<RenderedResponse | null> {
    const draft = this.#desk.compose.current
    return draft ? await this.#desk.core.renderResponse({ id, draft_id: draft.id }) : null
  }
  /** Throws CoreError, to be shown beside the form. */
  async save(input: StandardResponseInput): Promise<Uuid> {
    return (await this.#desk.core.saveResponse(input)).id
  }
  async remove(id: Uuid): Promise<boolean> {
    return (
      (await this.#desk.run(this.#desk.core.deleteResponse({ id }), t('responseEditor.deleted'))) !== null
    )
  }
  async saveCategory(id: Uuid | null, parent: Uuid | null, name: string): Promise<Uuid> {
    return (await this.#desk.core.saveResponseCategory({ id, parent_id: parent, name })).id
  }
  async removeCategory(id: Uuid): Promise<void> {
    await this.#desk.core.deleteResponseCategory({ id })
  }

  #follow(changes: Changes): void {
    if (!this.#asked || (!changes.everything && !changes.responses)) return
    void this.#askTree.again()
    void this.#askFound.again()
    this.refreshPreview()
  }
}

const ofDesk = new WeakMap<Desk, Responses>()

/** The one of this desk. */
export function responsesOf(desk: Desk): Responses {
  const known = ofDesk.get(desk)
  if (known) return known
  const made = new Responses(desk)
  ofDesk.set(desk, made)
  return made
}
