import { z } from 'zod'
import {
  type AccountState,
  type Address,
  API_SCOPES,
  type ApiKey,
  type ApisState,
  type Attachment,
  type ConnectionTest,
  type Contact,
  type Delivery,
  type Disposition,
  type Done,
  type Draft,
  type HistoryEntry,
  type Instant,
  type InteractionId,
  type Job,
  type ListPage,
  type MessageBody,
  type Overview,
  type Queue,
  type RemoteMail,
  type RemoteMailHead,
  type RemoteState,
  type RemoteTest,
  type RenderedResponse,
  type ResponseTree,
  type SearchPage,
  type StandardResponse,
  type ThreadDetail,
  type ThreadId,
  type UserData,
  type Uuid,
} from './domain.ts'
import {
  accountSchema,
  addressSchema,
  agentSchema,
  apiSettingsSchema,
  type ApiSettings,
  preferencesSchema,
  queueNameSchema,
  remoteSchema,
  type Settings,
} from './settings.ts'

/**
 * The one door between the page and the core: what may be asked (schemas, checked where a request comes in)
 * and what comes back (types). Queries change nothing; commands answer after their commit is durable.
 */

const none = z.strictObject({})
const uuid = z.uuid()
const interactionId = z.string().regex(/^[0-9A-Za-z]{16}$/)
const threadId = interactionId
const threads = z.array(threadId).min(1).max(500)
const pageKey = z.string().max(200).nullish()
const limit = z.int().min(1).max(200)
const line = (max: number) => z.string().max(max)

export const viewSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('queue'), queue_id: uuid }),
  z.strictObject({
    kind: z.literal('workbin'),
    workbin: z.enum(['in-progress', 'review', 'drafts']),
    team: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('outbox') }),
  z.strictObject({ kind: z.literal('held-back') }),
  z.strictObject({ kind: z.literal('done') }),
  z.strictObject({ kind: z.literal('all') }),
])

/** Recipients may be half typed in a draft; they are checked when it is sent. */
const draftAddress = z.strictObject({ address: line(320), personal: line(320).optional() })
const userDataValue = z.json()

export const draftPatchSchema = z.strictObject({
  account_id: line(64).nullable().optional(),
  to: z.array(draftAddress).max(500).optional(),
  cc: z.array(draftAddress).max(500).optional(),
  bcc: z.array(draftAddress).max(500).optional(),
  subject: line(2000).optional(),
  format: z.enum(['rich', 'plain']).optional(),
  html: line(5_000_000).optional(),
  text: line(5_000_000).optional(),
  quote: z
    .strictObject({ attribution: line(4000), text: line(5_000_000), html: line(5_000_000).nullable() })
    .nullable()
    .optional(),
  standard_response_ids: z.array(uuid).max(100).optional(),
})
export type DraftPatch = z.output<typeof draftPatchSchema>

const responseInput = z.strictObject({
  id: uuid.nullable(),
  category_id: uuid.nullable(),
  name: z.string().trim().min(1).max(200),
  language: line(35),
  status: z.enum(['draft', 'approved']),
  subject: line(998),
  html: line(1_000_000),
  text: line(1_000_000),
})
export type StandardResponseInput = z.output<typeof responseInput>

const contactInput = z.strictObject({
  id: line(64),
  title: line(64),
  first_name: line(256),
  last_name: line(256),
  phone: line(64),
  note: line(10_000),
  addresses: z.array(addressSchema).min(1).max(50),
})
export type ContactInput = z.output<typeof contactInput>

const accountInput = z.strictObject({
  account: accountSchema,
  /** Absent: keep the one that is stored. */
  imapPassword: line(4096).optional(),
  smtpPassword: line(4096).optional(),
})
export type AccountInput = z.output<typeof accountInput>

const remoteId = line(64)
const remoteTarget = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('gms-email') }),
  z.strictObject({
    kind: z.literal('secure-mail'),
    address: addressSchema,
    box: line(16),
    parent_id: line(256).nullable(),
  }),
  z.strictObject({
    kind: z.literal('activity-response'),
    activity_id: z.string().trim().min(1).max(64),
    customer: line(64).nullable(),
  }),
])
const remoteMailbox = { remote_id: remoteId, address: addressSchema, box: line(16) }

export const requests = {
  // --- the frame
  overview: none,
  // --- lists, threads, bodies
  listPage: z.strictObject({
    view: viewSchema,
    order: z.enum(['newest', 'oldest']),
    after: pageKey,
    limit,
  }),
  search: z.strictObject({ query: line(1000), after: pageKey, limit }),
  thread: z.strictObject({ thread_id: threadId }),
  messageBody: z.strictObject({ interaction_id: interactionId }),
  history: z.strictObject({ interaction_id: interactionId }),
  // --- triage
  accept: z.strictObject({ threads }),
  release: z.strictObject({ threads }),
  moveToQueue: z.strictObject({ threads, queue_id: uuid }),
  moveToWorkbin: z.strictObject({ threads, workbin: z.enum(['in-progress', 'review']) }),
  markDone: z.strictObject({ threads, disposition_id: uuid.nullable() }),
  setRead: z.strictObject({ threads, read: z.boolean() }),
  undo: z.strictObject({ undo_id: uuid }),
  // --- user data
  setUserData: z.strictObject({
    interaction_id: interactionId,
    set: z.record(z.string().min(1).max(255), userDataValue),
    remove: z.array(z.string().max(255)).max(200),
  }),
  // --- drafts and sending
  startDraft: z.strictObject({
    kind: z.enum(['new', 'reply', 'reply-all', 'forward']),
    parent_id: interactionId.nullable(),
    to: z.array(draftAddress).max(500).optional(),
  }),
  draft: z.strictObject({ draft_id: uuid }),
  saveDraft: z.strictObject({ draft_id: uuid, revision: z.int().min(0), patch: draftPatchSchema }),
  removeDraftAttachment: z.strictObject({ draft_id: uuid, attachment_id: uuid }),
  discardDraft: z.strictObject({ draft_id: uuid }),
  send: z.strictObject({
    draft_id: uuid,
    revision: z.int().min(0),
    /** Marks the thread Done in the same step. */
    done: z.strictObject({ disposition_id: uuid.nullable() }).nullable(),
    /** The newest message of the thread that the agent has seen; a newer customer message stops the send. */
    seen: interactionId.nullable(),
  }),
  undoSend: z.strictObject({ outbox_id: uuid }),
  delivery: z.strictObject({ outbox_id: uuid }),
  retrySend: z.strictObject({ outbox_id: uuid }),
  resolveUnknown: z.strictObject({ outbox_id: uuid, answer: z.enum(['was-sent', 'send-again']) }),
  /** A rejected mail becomes a draft again. */
  takeBack: z.strictObject({ outbox_id: uuid }),
  // --- standard responses
  responses: none,
  response: z.strictObject({ id: uuid }),
  searchResponses: z.strictObject({ text: line(200) }),
  renderResponse: z.strictObject({ id: uuid, draft_id: uuid }),
  saveResponse: responseInput,
  deleteResponse: z.strictObject({ id: uuid }),
  saveResponseCategory: z.strictObject({
    id: uuid.nullable(),
    parent_id: uuid.nullable(),
    name: z.string().trim().min(1).max(200),
  }),
  deleteResponseCategory: z.strictObject({ id: uuid }),
  // --- contacts
  completeContacts: z.strictObject({ text: line(320), limit }),
  contact: z.strictObject({ contact_id: line(255) }),
  contactHistory: z.strictObject({ contact_id: line(255), after: pageKey, limit }),
  saveContact: contactInput,
  // --- settings
  settings: none,
  saveAgent: agentSchema,
  saveAccount: accountInput,
  removeAccount: z.strictObject({ account_id: line(64) }),
  testAccount: accountInput,
  saveQueue: z.strictObject({ id: uuid.nullable(), name: queueNameSchema }),
  deleteQueue: z.strictObject({ id: uuid, move_to: uuid }),
  dispositions: none,
  saveDisposition: z.strictObject({ id: uuid.nullable(), name: z.string().trim().min(1).max(128) }),
  deleteDisposition: z.strictObject({ id: uuid }),
  setUndoSendSeconds: z.strictObject({ seconds: z.int().min(0).max(120) }),
  savePreferences: preferencesSchema,
  // --- the APIs that Workbin serves
  apis: none,
  apiSettings: none,
  /** The whole of it, without keys. Secrets: absent keeps the stored one, null removes it. */
  saveApiSettings: apiSettingsSchema,
  setApisPaused: z.strictObject({ paused: z.boolean() }),
  makeApiKey: z.strictObject({
    name: z.string().trim().min(1).max(128),
    scopes: z.array(z.enum(API_SCOPES)).min(1),
    tenants: z.array(z.string().min(1).max(128)).nullable(),
    customer: z.string().trim().min(1).max(64).nullable(),
  }),
  revokeApiKey: z.strictObject({ id: uuid }),
  // --- remote systems
  remotes: none,
  /** A key that is absent stays as it is stored. */
  saveRemote: remoteSchema,
  removeRemote: z.strictObject({ id: remoteId }),
  testRemote: remoteSchema,
  /** Looks at it now, and tries again what failed. */
  syncRemote: z.strictObject({ id: remoteId }),
  /** Takes over a customer's history from a remote store of interactions. */
  pullCustomer: z.strictObject({ remote_id: remoteId, customer_id: z.string().min(1).max(255) }),
  startRemoteDraft: z.strictObject({
    remote_id: remoteId,
    target: remoteTarget,
    to: z.array(draftAddress).max(1),
    subject: line(998),
  }),
  remoteMails: z.strictObject({
    ...remoteMailbox,
    status: z.enum(['read', 'unread', 'all']),
    index: z.int().min(0),
    count: z.int().min(1).max(100),
  }),
  countRemoteMails: z.strictObject({ ...remoteMailbox, status: z.enum(['read', 'unread', 'all']) }),
  /** `open`: the agent opened it, so it is marked read there where the remote's options say so. */
  remoteMail: z.strictObject({ remote_id: remoteId, id: line(256), open: z.boolean() }),
  remoteMailUserData: z.strictObject({ remote_id: remoteId, id: line(256) }),
  removeRemoteMail: z.strictObject({
    remote_id: remoteId,
    id: line(256),
    how: z.enum(['read', 'delete', 'purge']),
  }),
  // --- accounts at work
  syncNow: z.strictObject({ account_id: line(64) }),
  stopSync: z.strictObject({ account_id: line(64) }),
  resumeSync: z.strictObject({ account_id: line(64) }),
  // --- import and sample
  startImport: z.strictObject({ uploads: z.array(uuid).min(1).max(10_000), queue_id: uuid.nullable() }),
  stopJob: z.strictObject({ job_id: uuid }),
  dismissJob: z.strictObject({ job_id: uuid }),
  openSample: none,
  leaveSample: none,
  // --- through the host
  /** Opens http, https or mailto outside; only after the agent has seen the target and agreed. */
  openLink: z.strictObject({ url: line(8192) }),
} as const satisfies Record<string, z.ZodType>

export interface Answers {
  overview: Overview
  listPage: ListPage
  search: SearchPage
  thread: ThreadDetail
  messageBody: MessageBody
  history: readonly HistoryEntry[]
  accept: Done
  release: Done
  moveToQueue: Done
  moveToWorkbin: Done
  markDone: Done
  setRead: Done
  undo: null
  setUserData: Done & { readonly udata: UserData }
  startDraft: Draft
  draft: Draft
  saveDraft: { readonly revision: number; readonly saved_at: Instant }
  removeDraftAttachment: { readonly revision: number; readonly attachments: readonly Attachment[] }
  discardDraft: Done
  send: {
    readonly outbox_id: Uuid
    readonly interaction_id: InteractionId
    readonly thread_id: ThreadId
    readonly due_at: Instant
    readonly undo_id: Uuid | null
  }
  undoSend: Draft
  delivery: Delivery
  retrySend: null
  resolveUnknown: null
  takeBack: Draft
  responses: ResponseTree
  response: StandardResponse
  searchResponses: { readonly ids: readonly Uuid[] }
  renderResponse: RenderedResponse
  saveResponse: { readonly id: Uuid }
  deleteResponse: Done
  saveResponseCategory: { readonly id: Uuid }
  deleteResponseCategory: null
  completeContacts: readonly (Address & { readonly contact_id: string })[]
  contact: Contact
  contactHistory: ListPage
  saveContact: null
  settings: Settings
  saveAgent: null
  saveAccount: null
  removeAccount: null
  testAccount: ConnectionTest
  saveQueue: Queue
  deleteQueue: null
  dispositions: readonly Disposition[]
  saveDisposition: Disposition
  deleteDisposition: null
  setUndoSendSeconds: null
  savePreferences: null
  apis: ApisState
  apiSettings: ApiSettings
  saveApiSettings: null
  setApisPaused: null
  /** The key itself: shown once. */
  makeApiKey: { readonly key: string; readonly made: ApiKey }
  revokeApiKey: null
  remotes: readonly RemoteState[]
  saveRemote: null
  removeRemote: null
  testRemote: RemoteTest
  syncRemote: null
  pullCustomer: { readonly stored: number; readonly changed: number }
  startRemoteDraft: Draft
  remoteMails: { readonly mails: readonly RemoteMailHead[]; readonly more: boolean }
  countRemoteMails: { readonly count: number }
  remoteMail: RemoteMail
  remoteMailUserData: { readonly udata: UserData }
  removeRemoteMail: null
  syncNow: AccountState
  stopSync: AccountState
  resumeSync: AccountState
  startImport: Job
  stopJob: null
  dismissJob: null
  openSample: Job
  leaveSample: null
  openLink: null
}

export type Method = keyof typeof requests
export type Requests = { [M in Method]: z.output<(typeof requests)[M]> }

/** Everything the page may ask. Each method throws only CoreError. */
export type Core = { readonly [M in Method]: (request: Requests[M]) => Promise<Answers[M]> } & {
  /** Calls back after each commit, with ids, never values; the page re-asks what it shows. Returns the way to stop. */
  onChanges(listener: (changes: Changes) => void): () => void
}

/** What a commit touched. An empty list: nothing of that kind. */
export interface Changes {
  /** Everything may have changed (sample opened or left, many rows imported, reconnected). */
  readonly everything: boolean
  readonly threads: readonly ThreadId[]
  readonly contacts: readonly string[]
  readonly drafts: readonly Uuid[]
  /** Lists and counts: some thread moved, came or was read. */
  readonly lists: boolean
  readonly outbox: boolean
  readonly responses: boolean
  readonly settings: boolean
  readonly accounts: boolean
  readonly jobs: boolean
  /** Served APIs: what listens, keys, counts, refusals. */
  readonly apis: boolean
  readonly remotes: boolean
}

export const NO_CHANGES: Changes = {
  everything: false,
  threads: [],
  contacts: [],
  drafts: [],
  lists: false,
  outbox: false,
  responses: false,
  settings: false,
  accounts: false,
  jobs: false,
  apis: false,
  remotes: false,
}

/** Two changes as one: what both touched. */
export function joinChanges(a: Changes, b: Changes): Changes {
  return {
    everything: a.everything || b.everything,
    threads: [...new Set([...a.threads, ...b.threads])],
    contacts: [...new Set([...a.contacts, ...b.contacts])],
    drafts: [...new Set([...a.drafts, ...b.drafts])],
    lists: a.lists || b.lists,
    outbox: a.outbox || b.outbox,
    responses: a.responses || b.responses,
    settings: a.settings || b.settings,
    accounts: a.accounts || b.accounts,
    jobs: a.jobs || b.jobs,
    apis: a.apis || b.apis,
    remotes: a.remotes || b.remotes,
  }
}

/**
 * Bytes never go through the contract; they have URLs on the page's own origin, the same in every host:
 *   GET  /attachments/<attachment id>            the bytes; `?save=1` as a download under the cleaned name
 *   GET  /messages/<interaction id>.eml          the raw mail
 *   GET  /remote-images/<interaction id>?url=…   one remote image, fetched by the core on the agent's request
 *   POST /drafts/<draft id>/attachments?name=…&type=…&inline=0|1   body: the bytes; answers UploadAnswer
 *   POST /uploads?name=…                         body: the bytes of a file to import; answers { id }
 */
export interface UploadAnswer {
  readonly revision: number
  readonly attachment: Attachment
}
