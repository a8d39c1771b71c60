import { type Changes, type Core, type Method, NO_CHANGES, requests } from '../../src-main/contract/core.ts'
import type { Draft, Interaction, Message, Overview, ThreadDetail } from '../../src-main/contract/domain.ts'
import { CoreError } from '../../src-main/contract/errors.ts'
import { preferencesSchema } from '../../src-main/contract/settings.ts'
import type { Line, LineState } from '../../src-renderer/port.ts'

/** A core for the page's tests: what is given answers, everything else refuses, so that nothing is asked unseen. */
export interface CoreInMemory {
  readonly core: Core
  readonly line: Line
  /** What was asked, in order. */
  readonly asked: readonly { readonly method: Method; readonly request: unknown }[]
  /** Tells the page that something changed. */
  tell(changes: Partial<Changes>): void
  /** Takes the line down or brings it back. */
  become(state: LineState): void
}

export function coreInMemory(given: Partial<Core>): CoreInMemory {
  const listeners = new Set<(changes: Changes) => void>()
  const stateListeners = new Set<(state: LineState) => void>()
  const asked: { method: Method; request: unknown }[] = []
  let state: LineState = 'online'
  const answers: Record<string, unknown> = {
    overview: () => Promise.resolve(overview()),
    settings: () =>
      Promise.resolve({
        agent: overview().agent,
        accounts: [],
        undoSendSeconds: 10,
        preferences: preferencesSchema.parse({}),
      }),
    dispositions: () => Promise.resolve([]),
    remotes: () => Promise.resolve([]),
    listPage: () => Promise.resolve({ rows: [], next: null, total: 0 }),
    ...given,
  }
  const methods: Record<string, unknown> = {
    onChanges: (listener: (changes: Changes) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  for (const method of Object.keys(requests).filter(isMethod))
    methods[method] = (request: unknown) => {
      asked.push({ method, request })
      if (state === 'offline') return Promise.reject(new CoreError('closed', 'The desk was disconnected.'))
      const answer = answers[method]
      return typeof answer === 'function'
        ? Promise.resolve(Reflect.apply(answer, undefined, [request]))
        : Promise.reject(new CoreError('internal', `Nobody answers ${method} in this test.`))
    }
  // The loop above gave every method of the contract; a type can't follow it there.
  const core = methods as unknown as Core
  return {
    core,
    asked,
    tell: (changes) => {
      for (const listener of listeners) listener({ ...NO_CHANGES, ...changes })
    },
    become: (next) => {
      state = next
      for (const listener of stateListeners) listener(next)
    },
    line: {
      core,
      get state() {
        return state
      },
      onState: (listener) => {
        stateListeners.add(listener)
        return () => stateListeners.delete(listener)
      },
      onOpen: () => () => {},
      close: () => {},
    },
  }
}

function isMethod(name: string): name is Method {
  return Object.hasOwn(requests, name)
}

export function overview(part: Partial<Overview> = {}): Overview {
  const nothing = { total: 0, unread: 0 }
  return {
    version: '0.1.0',
    agent: {
      id: 7,
      firstName: 'Ada',
      lastName: 'Moss',
      email: 'ada@desk.test',
      signature: { text: '', html: null },
    },
    first_run: false,
    sample: false,
    queues: [{ id: '01890000-0000-7000-8000-000000000001', name: 'Support', total: 1, unread: 1 }],
    workbins: [],
    done: nothing,
    all: nothing,
    outbox: { waiting: 0, trouble: 0 },
    held_back: 0,
    accounts: [],
    jobs: [],
    host: 'browser',
    secrets_warning: null,
    store_problem: null,
    ...part,
  }
}

export const THREAD = '0aB3dE5fG7hJ9kL1'

export function message(
  id: string,
  part: Partial<Interaction> = {},
  direction: 'in' | 'out' = 'in',
): Message {
  return {
    interaction: {
      interaction_id: id,
      customer_id: 'c1',
      status: 2,
      entity_type: direction === 'in' ? 0 : 1,
      type: direction === 'in' ? 'Inbound' : 'Outbound',
      media_type: 'email',
      thread_id: THREAD,
      creator_app_id: 1,
      start_date: '2026-05-04T09:00:00.000Z',
      allow_children: true,
      subject: 'My order',
      from: { address: 'ann@x.test', personal: 'Ann Lee' },
      ...part,
    },
    direction,
    snippet: `Text of ${id}`,
    unread: false,
    message_id: `${id}@x.test`,
    thread_reason: 'new',
    attachments: [],
    delivery: null,
    machine: null,
    held_back: null,
    disposition: null,
    account_id: null,
    folder: null,
    from_as_written: null,
    secure: null,
    came_by_api: null,
  }
}

export function thread(part: Partial<ThreadDetail> = {}): ThreadDetail {
  return {
    thread_id: THREAD,
    subject: 'My order',
    status: 2,
    place: { kind: 'workbin', workbin: 'in-progress', owner_id: 7 },
    owner_id: 7,
    owner_name: 'Ada Moss',
    messages: [message(THREAD)],
    drafts: [],
    actions: ['reply', 'reply-all', 'forward', 'mark-done', 'edit-user-data'],
    case_interaction_id: THREAD,
    udata: {},
    contact: null,
    ...part,
  }
}

export const DRAFT = '01890000-0000-7000-8000-00000000000d'

export function draft(part: Partial<Draft> = {}): Draft {
  return {
    id: DRAFT,
    kind: 'reply',
    owner_id: 7,
    thread_id: THREAD,
    parent_id: THREAD,
    revision: 1,
    saved_at: Date.UTC(2026, 4, 4, 9),
    attachments: [],
    returned: null,
    secure: null,
    account_id: 'support',
    to: [{ address: 'ann@x.test', personal: 'Ann Lee' }],
    cc: [],
    bcc: [],
    subject: 'Re: My order',
    format: 'rich',
    html: '<p></p>',
    text: '',
    quote: null,
    standard_response_ids: [],
    ...part,
  }
}

/** One draft as the core keeps it: revisions count up, a save that names an older one is refused. */
export function draftStore(first: Draft = draft()) {
  const store = {
    held: first,
    saves: 0,
    /** Does this before the next save is answered, e.g. takes the line down after the commit. */
    afterCommit: null as (() => void) | null,
    draft: async (): Promise<Draft> => store.held,
    saveDraft: async ({ revision, patch }: Parameters<Core['saveDraft']>[0]) => {
      if (revision !== store.held.revision)
        throw new CoreError('conflict', 'Somebody else changed this draft first.')
      const { to, cc, bcc, ...others } = patch
      const plain = { ...(to && { to }), ...(cc && { cc }), ...(bcc && { bcc }) }
      // The patch has the draft's own members; only their absence is spelled in another way.
      store.held = Object.assign({}, store.held, others, plain, { revision: revision + 1 })
      store.saves++
      const after = store.afterCommit
      store.afterCommit = null
      after?.()
      return { revision: store.held.revision, saved_at: store.held.saved_at + store.saves }
    },
  }
  return store
}

/** localStorage that outlives a page. */
export function storageInMemory(): Storage {
  const held = new Map<string, string>()
  return {
    get length() {
      return held.size
    },
    key: (index) => [...held.keys()][index] ?? null,
    getItem: (key) => held.get(key) ?? null,
    setItem: (key, value) => void held.set(key, value),
    removeItem: (key) => void held.delete(key),
    clear: () => held.clear(),
  }
}
