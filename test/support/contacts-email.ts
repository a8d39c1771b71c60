import { expect } from 'vitest'
import { z } from 'zod'
import { contactsEmailApi } from '../../src-main/api/contacts-email.ts'
import type { SettingsFile } from '../../src-main/contract/settings.ts'
import type { ApiInteraction } from '../../src-main/store/api-store.ts'
import { type ServedApis, serveApis } from './api.ts'
import { stored } from './gms.ts'

/** The document's own message (contract 03), as sent from the agent to two participants. */
export const SAMPLE = {
  metadata: { tenantName: 'Acme Corp', orgName: 'Sales', catName: 'Leads' },
  data: {
    convId: '0238ef3c-4252-11ea-b77f-2e728ce88125',
    msgId: '0238f22a-4252-11ea-b77f-2e728ce88125',
    lang: 'us-en',
    sub: 'Goods Delivary Status',
    ts: 1577836800000,
    body: "Hi John, I'm writing this email to enquire about the my delivary status",
    agentId: 'Agent1',
    psId: 'Participant1',
    agentEmailId: 'agent1@xyz.com',
    psEmailId: 'ps1@acmecorp.com',
    from: 'agent1@xyz.com',
    to: ['ps1@acmecorp.com', 'ps2@acmecorp.com'],
    journeyId: '02d8f01e-42b0-11ea-b77f-2e728ce88125',
  },
} as const
export const ACCEPTED = { status: 202, message: 'accepted' }

/** The sample with other members; undefined leaves one out. */
export function message(
  data: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {},
): { readonly metadata: Record<string, unknown>; readonly data: Record<string, unknown> } {
  return { metadata: { ...SAMPLE.metadata, ...metadata }, data: { ...SAMPLE.data, ...data } }
}

/** What the participant writes back. */
export const incoming = (data: Readonly<Record<string, unknown>> = {}) =>
  message({ from: 'ps1@acmecorp.com', to: ['agent1@xyz.com'], ...data })

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

const KEYS = [
  { key: 'k-all', name: 'Analytics', scopes: ['contacts:write'] },
  { key: 'k-acme', name: 'Acme', scopes: ['contacts:write'], tenants: ['Acme Corp'] },
  { key: 'k-other', name: 'Other', scopes: ['contacts:write'], tenants: ['Other Corp', 'Third'] },
  { key: 'k-none', name: 'None', scopes: ['contacts:write'], tenants: [] },
  { key: 'k-read', name: 'Reader', scopes: ['interactions:read'] },
] satisfies NonNullable<SettingsFile['api']>['keys']
const refusedSchema = z.object({ errors: z.tuple([z.object({ type: z.string(), title: z.string() })]) })

/** A desk that serves contacts/email with the sample's triple and five keys; each test starts its own. */
export function contactsDesk() {
  const open: ServedApis[] = []
  const current = (): ServedApis => {
    const [desk] = open
    if (!desk) throw new Error('Serve it first.')
    return desk
  }

  /** Sends it with the key of all tenants; a text or bytes go as they are. */
  function post(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return ask({
      method: 'POST',
      headers: { authorization: 'Bearer k-all', 'content-type': 'application/json', ...headers },
      body:
        typeof body === 'string'
          ? body
          : body instanceof Uint8Array
            ? new Uint8Array(body)
            : JSON.stringify(body),
    })
  }

  async function ask(request: RequestInit, path = '/contacts/email'): Promise<Reply> {
    // What comes later is newer.
    current().pass(1_000)
    const answer = await fetch(`${current().url}${path}`, request)
    return { status: answer.status, headers: answer.headers, body: await answer.json() }
  }

  return {
    get desk() {
      return current()
    },
    async serve(
      contacts: NonNullable<SettingsFile['api']>['contacts'] = {},
      more: Pick<NonNullable<Parameters<typeof serveApis>[0]>, 'desk' | 'busyMs'> = {},
    ): Promise<void> {
      open.unshift(
        await serveApis({
          apis: [contactsEmailApi],
          settings: {
            contacts: { entities: [SAMPLE.metadata], queue: 'Conversations', ...contacts },
            keys: KEYS,
          },
          file: { queues: ['First', 'Conversations'] },
          ...more,
        }),
      )
    },
    async close(): Promise<void> {
      for (const desk of open.splice(0)) await desk.close()
    },
    ask,
    post,
    /** The newest message on the desk after this one was accepted. */
    async accepted(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<ApiInteraction> {
      const reply = await post(body, headers)
      expect([reply.status, reply.body]).toEqual([202, ACCEPTED])
      const [mail] = await current().store.apiInteractions({}, { index: 0, count: 1 })
      if (!mail) throw new Error('Nothing was stored.')
      return mail
    },
    async count(): Promise<number> {
      return (await current().store.check()).interactions
    },
    /** Type and title of the only entry of a refusal, which must leave nothing behind. */
    async refused(status: number, send: () => Promise<Reply>): Promise<[type: string, title: string]> {
      const before = await stored(current())
      const reply = await send()
      const entry: unknown = {
        type: expect.any(String),
        title: expect.any(String),
        detail: expect.stringMatching(/./),
      }
      expect([reply.status, reply.body]).toEqual([status, { status, errors: [entry] }])
      expect(await stored(current())).toEqual(before)
      const [{ type, title }] = refusedSchema.parse(reply.body).errors
      return [type, title]
    },
  }
}
