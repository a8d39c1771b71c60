import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Arrival } from '../../../src-main/store/store.ts'
import { activityApi } from '../../../src-main/api/activity.ts'
import type { SettingsFile } from '../../../src-main/contract/settings.ts'
import type { ApiDesk } from '../../../src-main/api/desk.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'
import { arrival, person, sentArrival } from '../../support/open-store.ts'

/** A desk whose customers answer: Ann (1000) and Bob (1001, who granted Ann to answer for him); Carl (1002) granted nobody. */
export interface AnsweringDesk extends ServedApis {
  /** Activity ids of mails of Ann to help@desk.test, of the desk to Ann's second address, of Bob, and of Carl. */
  readonly fromAnn: string
  readonly toAnn: string
  readonly fromBob: string
  readonly fromCarl: string
  /** An activity of Ann's that is no e-mail. */
  readonly chat: string
  /** Their interaction ids. */
  readonly ids: Readonly<Record<string, string>>
  respond(ask: Ask): Promise<Told>
  /** Files a mail; answers its activity id. */
  file(mail: Arrival): Promise<string>
  upload(file: {
    bytes?: string | Uint8Array<ArrayBuffer>
    name?: string
    type?: string
    key?: string
  }): Promise<string>
  /** How much is stored: interactions and blobs. */
  stored(): Promise<{ interactions: number; blobs: number; tmp: readonly string[] }>
}

export interface Ask {
  readonly activity?: string
  readonly path?: string
  readonly query?: string
  readonly key?: string | null
  readonly headers?: Readonly<Record<string, string>>
  /** JSON, unless it is text or bytes; null: none. */
  readonly body?: unknown
}

export interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Of a JSON answer. */
  readonly json: unknown
}

export const SETTINGS = {
  defaultMailbox: 'default@desk.test',
  activity: {
    departments: true,
    queue: 'Answers',
    aliases: [
      { address: 'old@desk.test', active: false, department: 'Service' },
      { address: 'help@desk.test', active: true, department: 'Service' },
      { address: 'help2@desk.test', active: true, department: 'Service' },
      { address: 'sales@desk.test', active: true, department: 'Sales' },
      { address: 'plain@desk.test', active: true },
    ],
    messageCenters: [
      { id: '5', active: true, department: 'Service', issueTypes: ['51', '52'] },
      { id: '6', active: false, department: 'Service', issueTypes: ['61'] },
      { id: '7', active: true, department: 'Sales', issueTypes: ['71'] },
      { id: '8', active: true },
    ],
    customAttributes: [
      { name: 'tier', values: ['gold', 'silver', 'a+b'] },
      { name: 'note' },
      { name: '__proto__' },
      { name: 'constructor' },
    ],
    customers: [
      { id: '1000', addresses: ['ann@x.test', 'ann2@x.test'], department: 'Service' },
      { id: '1001', addresses: ['bob@x.test'], department: 'Service', grantsTo: ['1000'] },
      { id: '1002', addresses: ['carl@x.test'], department: 'Service', grantsTo: [] },
      { id: '1003', addresses: ['dora@x.test'], department: 'Sales', grantsTo: ['1000'] },
      { id: 'vip', addresses: ['eve@x.test'], grantsTo: ['1000'] },
    ],
  },
  keys: [
    { key: 'k-ann', name: 'Ann', scopes: ['activity:respond'], customer: '1000' },
    { key: 'k-bob', name: 'Bob', scopes: ['activity:respond'], customer: '1001' },
    { key: 'k-dora', name: 'Dora', scopes: ['activity:respond'], customer: '1003' },
    { key: 'k-weak', name: 'Weak', scopes: ['contacts:write'], customer: '1000' },
    { key: 'k-nobody', name: 'Nobody', scopes: ['activity:respond'] },
  ],
} satisfies NonNullable<SettingsFile['api']>

export async function openAnsweringDesk(
  special: {
    readonly settings?: NonNullable<SettingsFile['api']>
    readonly desk?: (desk: ApiDesk) => Partial<ApiDesk>
    readonly busyMs?: number
  } = {},
): Promise<AnsweringDesk> {
  const served = await serveApis({
    apis: [activityApi],
    settings: { ...SETTINGS, ...special.settings },
    ...(special.desk ? { desk: special.desk } : {}),
    ...(special.busyMs === undefined ? {} : { busyMs: special.busyMs }),
  })
  const { store } = served
  for (const { id, addresses } of SETTINGS.activity.customers) await store.nameCustomer(id, addresses)
  const ids = new Map<string, string>()
  for (const [name, mail] of [
    ['fromAnn', arrival({ from: person('ann@x.test', 'Ann Lee'), to: [person('help@desk.test', 'Help')] })],
    ['toAnn', sentArrival({ from: person('help@desk.test'), to: [person('ANN2@x.test', 'Ann')] })],
    ['fromBob', arrival({ from: person('bob@x.test'), to: [person('elsewhere@desk.test')] })],
    ['fromCarl', arrival({ from: person('carl@x.test'), to: [person('help@desk.test')] })],
  ] as const) {
    ids.set(name, await file(mail))
  }
  const chat = await store.createInteraction(
    {
      customer_id: '1000',
      status: 0,
      entity_type: 2,
      type: 'Inbound',
      media_type: 'chat',
      creator_app_id: 1,
      allow_children: true,
      start_date: served.now(),
      came_by: 'api:interactions',
    },
    { once: null },
  )
  ids.set('chat', chat.interaction_id)
  const activity = new Map<string, string>()
  for (const [name, id] of ids) activity.set(name, String((await store.apiInteraction(id)).activity_id))
  const activityOf = (name: string) => activity.get(name) ?? ''

  async function file(mail: Arrival): Promise<string> {
    const [outcome] = await store.ingest([mail], null)
    if (outcome?.outcome !== 'stored') throw new Error('The mail was not stored.')
    return outcome.interaction_id
  }
  async function respond(ask: Ask): Promise<Told> {
    const path =
      ask.path ??
      `/core/casemgr/v3/activity/${ask.activity ?? activityOf('fromAnn')}/response${ask.query ?? ''}`
    const { body = answer() } = ask
    const raw = body === null || typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(`${served.url}${path}`, {
      method: 'POST',
      headers: {
        ...(ask.key === null ? {} : { authorization: `Bearer ${ask.key ?? 'k-ann'}` }),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
        ...ask.headers,
      },
      body: raw ? (body as string | null) : JSON.stringify(body),
    })
    return await told(response)
  }

  return {
    ...served,
    fromAnn: activityOf('fromAnn'),
    toAnn: activityOf('toAnn'),
    fromBob: activityOf('fromBob'),
    fromCarl: activityOf('fromCarl'),
    chat: activityOf('chat'),
    ids: Object.fromEntries(ids),
    respond,
    file: async (mail) => String((await store.apiInteraction(await file(mail))).activity_id),
    async upload({ bytes = 'words', name = 'words.txt', type = 'text/plain', key = 'k-ann' }) {
      const form = new FormData()
      form.append('file', new Blob([bytes], { type }), name)
      const { json } = await told(
        await fetch(`${served.url}/core/casemgr/v3/attachment`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body: form,
        }),
      )
      return (json as { altId: string }).altId
    },
    async stored() {
      return {
        interactions: (await store.apiInteractions({}, { index: 0, count: 200 })).length,
        blobs: filesUnder(join(served.dataDir, 'blobs')),
        tmp: served.uploadsLeft(),
      }
    },
  }
}

export async function told(response: Response): Promise<Told> {
  const text = await response.text()
  const json: unknown = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, json }
}

/** A body that is taken; say what is special about it. */
export function answer(special: object = {}, email: object = {}): Readonly<Record<string, unknown>> {
  return {
    type: { value: 'email', subtype: { value: 'general' } },
    subject: 'It works again',
    payload: { email: { content: { text: 'Thank you.' }, ...email } },
    ...special,
  }
}

/** The same in XML; `inner` stands in the root, `email` in payload.email. */
export function xmlAnswer(inner = '', email = '<content><text>Thank you.</text></content>'): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<activity xmlns="http://bindings.test/ws">
  <type><value>email</value><subtype><value>general</value></subtype></type>
  <payload><email>${email}</email></payload>${inner}
</activity>`
}

export const XML = { 'content-type': 'application/xml' }

function filesUnder(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .length
}
