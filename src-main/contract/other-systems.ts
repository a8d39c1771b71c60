import type { ConnectionTest, DateTime, Instant, UserDataValue, Uuid } from './domain.ts'

/** The nouns of the APIs that Workbin serves, and of the remote systems that it speaks with. No Node, no DOM. */

export type ApiName = 'email' | 'interactions' | 'contacts' | 'securemail' | 'activity'

/** One mailbox of the secure mail API. */
export interface SecureMailbox {
  readonly address: string
  /** '' is the unnamed one. */
  readonly box: string
}

export const API_SCOPES = [
  'interactions:read',
  'interactions:write',
  'contacts:write',
  'securemail:read',
  'securemail:write',
  'securemail:purge',
  'activity:respond',
] as const
export type ApiScope = (typeof API_SCOPES)[number]

/** A request that was refused, so that an integrator's mistake is found in a minute. Never a body, never a secret. */
export interface ApiRefusal {
  readonly id: Uuid
  readonly at: Instant
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly status: number
  /** Name of the key that was used; null where there was none or a wrong one. */
  readonly key: string | null
  /** In the words of the answer. */
  readonly reason: string
}

/** One of the five as Settings shows it. */
export interface ServedApi {
  readonly api: ApiName
  /** Method and absolute URL of each of its calls; empty while nothing listens. */
  readonly calls: readonly { readonly method: string; readonly url: string }[]
  readonly state: 'off' | 'open' | 'paused'
  /** Of today, by this computer's clock. */
  readonly requests_today: number
  readonly refusals_today: number
  /** Newest first, at most 20. */
  readonly last_refusals: readonly ApiRefusal[]
}

/** A key of another system; the key itself was shown once and is kept only as SHA-256. */
export interface ApiKey {
  readonly id: Uuid
  readonly name: string
  readonly scopes: readonly ApiScope[]
  /** contacts/email: only these tenants; null: all. */
  readonly tenants: readonly string[] | null
  /** Activity responses: the customer it stands for. */
  readonly customer: string | null
  readonly made: Instant | null
  readonly last_used: Instant | null
}

/** What listens, who may ask, and what came of it. */
export interface ApisState {
  /** Where it listens; null while it doesn't. */
  readonly url: string | null
  /** The readable page of all calls; null while nothing listens. */
  readonly docs: string | null
  /** One sentence: why it doesn't listen although it should. */
  readonly problem: string | null
  readonly apis: readonly ServedApi[]
  readonly keys: readonly ApiKey[]
}

export type RemoteKind = 'gms-email' | 'interactions' | 'contacts-email' | 'secure-mail' | 'activity-response'

/** What a remote can do; the page offers only that. */
export interface RemoteCapabilities {
  /** An agent can write a mail that leaves through it. */
  readonly send: boolean
  /** A customer's mailbox can be paged through. */
  readonly mailbox: boolean
  /** Interactions are taken over from it and changes written back. */
  readonly pull: boolean
  /** Messages are reported to it. */
  readonly report: boolean
}

export interface RemoteState {
  readonly id: string
  readonly kind: RemoteKind
  readonly url: string
  readonly options: { readonly [key: string]: UserDataValue }
  readonly has_key: boolean
  readonly capabilities: RemoteCapabilities
  readonly connection: 'idle' | 'working' | 'waiting' | 'failed'
  /** One sentence for the agent, with what to do; null while all is well. */
  readonly problem: string | null
  readonly last_contact: Instant | null
  /** Reports and changes that wait, and those that only a person can end. */
  readonly owed: { readonly waiting: number; readonly failed: number }
}

/** Step by step result of trying a remote; stops at the first step that fails. */
export interface RemoteTest {
  readonly ok: boolean
  readonly steps: readonly {
    readonly step: 'address' | 'connect' | 'certificate' | 'answer' | 'key' | 'ready'
    readonly ok: boolean
    /** One sentence: what was seen, and what to do. */
    readonly message: string
  }[]
  /** The certificate shown, when it can't be verified: the agent may trust its fingerprint. */
  readonly certificate?: Omit<NonNullable<ConnectionTest['certificate']>, 'server'> | null
}

/** Where in a remote system a mail goes that an agent writes. */
export type RemoteTarget =
  | { readonly kind: 'gms-email' }
  | {
      readonly kind: 'secure-mail'
      readonly address: string
      readonly box: string
      /** The secure mail that it answers there. */
      readonly parent_id: string | null
    }
  | {
      readonly kind: 'activity-response'
      readonly activity_id: string
      /** On behalf of this customer of the remote. */
      readonly customer: string | null
    }

/** A mail in a remote secure mailbox, as far as the remote tells. */
export interface RemoteMailHead {
  readonly id: string
  readonly direction: 'inbound' | 'outbound' | null
  readonly read: boolean | null
  readonly subject: string
  readonly from: string
  readonly to: readonly string[]
  readonly date: DateTime | null
  readonly has_attachments: boolean
}

export interface RemoteMail extends RemoteMailHead {
  readonly text: string
  /** As received: never shown but sanitised in the sandboxed frame. */
  readonly html: string | null
  readonly attachments: readonly {
    readonly name: string | null
    readonly content_type: string
    readonly size: number
  }[]
}
