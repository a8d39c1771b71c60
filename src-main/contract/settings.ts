import { z } from 'zod'
import { API_SCOPES } from './domain.ts'

/**
 * The settings file, line by line (contracts: settings file and start command), and what Settings edits.
 * Unknown keys, wrong types and impossible values are refused with the JSON path.
 */

const text = (max: number) => z.string().max(max)
const port = z.int().min(1).max(65535)
const host = z.string().trim().min(1).max(253)

/** One `local@domain`, at most 254 characters, no display name, comma, white space or control characters. */
export const addressSchema = z
  .string()
  .max(254)
  .regex(/^[^\s@,<>\p{Cc}]+@[^\s@,<>\p{Cc}]+$/u, 'is not an e-mail address')

const tls = z.enum(['implicit', 'starttls', 'none'])

const server = {
  host,
  port,
  tls,
  user: text(320),
  password: text(4096).optional(),
  /** Consents to sending the password in the clear to a host that isn't this computer. */
  insecure: z.boolean().optional(),
}

export const imapSettingsSchema = z.strictObject({
  ...server,
  /** Taken in as inbound. */
  folders: z.array(z.string().min(1).max(1000)).max(200).default(['INBOX']),
  /** Taken in as outbound: by special use, by name, or none. */
  sent: z.union([z.literal('auto'), z.string().min(1).max(1000), z.null()]).default('auto'),
})
export const smtpSettingsSchema = z.strictObject(server)

const accountId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'takes 1 to 64 of letters, digits, . _ -')

export const accountSchema = z.strictObject({
  // Answers to secure mail are queued under that name and never leave this computer.
  id: accountId.refine((id) => id !== 'secure-mail', 'is the name of the secure mailboxes'),
  address: addressSchema,
  personal: text(256).default(''),
  imap: imapSettingsSchema.nullable().default(null),
  smtp: smtpSettingsSchema.nullable().default(null),
  /** PEM text or SHA-256 fingerprint of the server's own certificate. */
  trustedCertificate: z.string().max(20_000).nullable().default(null),
  /** Name of the queue that its mail is filed in; null: the first one. */
  queue: text(128).nullable().default(null),
  /** Only mail that arrived at or after this day is taken in; null: all. */
  since: z.iso.date().nullable().default(null),
  /** Its mail leaves through this remote (of kind gms-email) instead of SMTP. */
  through: accountId.nullable().optional(),
})

export const agentSchema = z.strictObject({
  id: z.int().min(1),
  firstName: text(256),
  lastName: text(256),
  email: z.union([addressSchema, z.literal('')]),
  signature: z.strictObject({ text: text(20_000), html: text(200_000).nullable().default(null) }).default({
    text: '',
    html: null,
  }),
})

const size = z.union([
  z.int().min(0),
  z.string().regex(/^\d+\s*(KB|MB)?$/i, 'takes bytes, or a number with KB or MB'),
])
/** One service of the GMS API: `email` is the catch-all, `email.<serviceName>` completes or replaces its options. */
export const emailServiceSchema = z.strictObject({
  max_files: z.int().min(0).optional(),
  max_size: size.optional(),
  file_types: text(2000).nullable().optional(),
  mailbox: addressSchema.nullable().optional(),
  tenant: text(128).nullable().optional(),
  apikey: text(512).nullable().optional(),
  strict_services: z.boolean().optional(),
  origins: z.array(z.url()).optional(),
  /** Queue of what comes in by it; without one that of the account whose address it was sent to, else the first. */
  queue: text(128).nullable().optional(),
})

export const apiSettingsSchema = z
  .looseObject({
    /** False keeps the settings and closes the listener. */
    enabled: z.boolean().optional(),
    listen: z.string().min(1).optional(),
    /** 0: any free one. `--api-port` goes before it. */
    port: z.int().min(0).max(65535).optional(),
    publicUrl: z.url().nullable().optional(),
    paused: z.boolean().optional(),
    tls: z.strictObject({ cert: z.string().nullable(), key: z.string().nullable() }).optional(),
    defaultMailbox: addressSchema.optional(),
    email: emailServiceSchema.optional(),
    contacts: z
      .strictObject({
        entities: z
          .array(
            z.strictObject({
              tenantName: z.string().min(1).max(128),
              orgName: z.string().min(1).max(128),
              catName: z.string().min(1).max(128),
            }),
          )
          .optional(),
        languages: z.array(z.string().min(1).max(5)).optional(),
        registerUnknown: z.boolean().optional(),
        restrictedMetadata: z.array(z.string().min(1)).nullable().optional(),
        queue: text(128).nullable().optional(),
      })
      .optional(),
    activity: z
      .strictObject({
        path: z
          .string()
          // What a router takes for more than a path would keep all APIs from listening, and this one not be found.
          .regex(
            /^\/(?!genesys\/)[^*?#()\s{}]*\{ids\}(?:[-./][^*?#()\s{}]*)?$/,
            'starts with / and holds {ids} once, without * ? # ( ) or blanks, and not under /genesys',
          )
          .optional(),
        departments: z.boolean().optional(),
        queue: text(128).nullable().optional(),
        aliases: z
          .array(
            z.strictObject({ address: addressSchema, active: z.boolean(), department: text(128).optional() }),
          )
          .optional(),
        messageCenters: z
          .array(
            z.strictObject({
              id: z.string().min(1),
              active: z.boolean(),
              department: text(128).optional(),
              issueTypes: z.array(z.string()).optional(),
            }),
          )
          .optional(),
        customAttributes: z
          .array(z.strictObject({ name: z.string().min(1), values: z.array(z.string()).optional() }))
          .optional(),
        customers: z
          .array(
            z.strictObject({
              id: z.string().min(1),
              addresses: z.array(addressSchema).min(1),
              department: text(128).optional(),
              grantsTo: z.array(z.string()).max(75).optional(),
            }),
          )
          .optional(),
      })
      .optional(),
    securemail: z.strictObject({ queue: text(128).nullable().optional() }).optional(),
    keys: z
      .array(
        z.strictObject({
          key: z.string().min(1).max(512),
          name: z.string().min(1).max(128),
          scopes: z.array(z.enum(API_SCOPES)),
          tenants: z.array(z.string().min(1)).optional(),
          customer: z.string().min(1).optional(),
        }),
      )
      .optional(),
  })
  // Services of the GMS API stand beside the other keys as `email.<serviceName>`; nothing else may.
  .superRefine((api, context) => {
    for (const [key, value] of Object.entries(api)) {
      if (key in KNOWN_API_KEYS) continue
      if (!/^email\.[A-Za-z0-9._-]{1,64}$/.test(key)) {
        context.addIssue({ code: 'unrecognized_keys', keys: [key], path: [] })
        continue
      }
      const service = emailServiceSchema.safeParse(value)
      if (!service.success)
        for (const issue of service.error.issues)
          context.addIssue({ code: 'custom', message: issue.message, path: [key, ...issue.path] })
    }
  })

const KNOWN_API_KEYS = {
  enabled: 1,
  port: 1,
  securemail: 1,
  listen: 1,
  publicUrl: 1,
  paused: 1,
  tls: 1,
  defaultMailbox: 1,
  email: 1,
  contacts: 1,
  activity: 1,
  keys: 1,
} as const

const uint = (max: number) => z.int().min(0).max(max)

/** What each kind of remote takes as `options`; every member is optional. */
export const remoteOptionsSchemas = {
  'gms-email': z.strictObject({
    /** Name of the service in the path. */
    service: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/)
      .default('desk'),
    max_files: uint(1000).default(10),
    max_size: size.default('10MB'),
    file_types: text(2000).default('pdf,doc,txt,jpg,png,gif,bmp,zip'),
  }),
  interactions: z.strictObject({
    /** `/genesys/1/cs` where the remote answers there. */
    basePath: z
      .string()
      .regex(/^(?:|\/.*[^/])$/)
      .default(''),
    auth: z.enum(['x-api-key', 'bearer']).default('x-api-key'),
    /** Only interactions of this status are looked for by themselves; null: of all. */
    status: z
      .union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)])
      .nullable()
      .default(null),
    /** Seconds between looks; 0: only when asked. */
    every: uint(86_400).default(60),
    /** Status, owner, category and user data that change here are written back there. */
    writeBack: z.boolean().default(true),
    queue: text(128).nullable().default(null),
  }),
  'contacts-email': z.strictObject({
    tenantName: text(128).default(''),
    orgName: text(128).default(''),
    catName: text(128).default(''),
    language: text(5).default('us-en'),
    agentId: text(50).default(''),
    /** Names of queues whose messages are reported; empty: all. */
    queues: z.array(text(128)).default([]),
    /** Metadata key there -> user data key here. */
    metadata: z.record(z.string().min(1).max(128), z.string().min(1).max(255)).default({}),
    /** Subjects over 78 characters are shortened; otherwise their messages are not reported, and Settings says so. */
    shortenSubjects: z.boolean().default(false),
  }),
  'secure-mail': z.strictObject({
    basePath: z
      .string()
      .regex(/^(?:|\/.*[^/])$/)
      .default('/nexus/v3'),
    securebox: z
      .string()
      .regex(/^(?:[A-Za-z0-9]{3,16})?$/)
      .default(''),
    /** Opening a mail marks it read there; looking at a list never does. */
    markRead: z.boolean().default(false),
  }),
  'activity-response': z.strictObject({
    path: z
      .string()
      .regex(/^\/.*\{ids\}/, 'starts with / and holds {ids}')
      .default('/core/casemgr/v3/activity/{ids}/response'),
    auth: z.enum(['bearer', 'x-egain-session']).default('bearer'),
    /** Null: the remote takes no files. */
    uploadPath: z.string().regex(/^\//).nullable().default('/core/casemgr/v3/attachment'),
  }),
} as const
export type RemoteOptions = {
  [K in keyof typeof remoteOptionsSchemas]: z.output<(typeof remoteOptionsSchemas)[K]>
}

export const remoteSchema = z
  .strictObject({
    id: accountId,
    kind: z.enum(['gms-email', 'interactions', 'contacts-email', 'secure-mail', 'activity-response']),
    url: z.url({ protocol: /^https?$/ }),
    key: text(4096).optional(),
    options: z.record(z.string(), z.json()).default({}),
    /** PEM text or SHA-256 fingerprint of the server's own certificate. */
    trustedCertificate: z.string().max(20_000).nullable().optional(),
    /** Consents to sending the key in the clear (http) to a host that isn't this computer. */
    insecure: z.boolean().optional(),
  })
  .superRefine((remote, context) => {
    const options = remoteOptionsSchemas[remote.kind].safeParse(remote.options)
    for (const issue of options.error?.issues ?? [])
      context.addIssue({ code: 'custom', message: issue.message, path: ['options', ...issue.path] })
  })
export type RemoteSettings = z.output<typeof remoteSchema>

export const queueNameSchema = z.string().trim().min(1).max(128)

/** The whole file. Every part is optional. */
export const settingsFileSchema = z.strictObject({
  agent: agentSchema.optional(),
  accounts: z.array(accountSchema).max(50).optional(),
  queues: z.array(queueNameSchema).max(500).optional(),
  undoSendSeconds: z.int().min(0).max(120).optional(),
  api: apiSettingsSchema.optional(),
  remotes: z.array(remoteSchema).optional(),
})

export type Account = z.output<typeof accountSchema>
export type ImapSettings = z.output<typeof imapSettingsSchema>
export type SmtpSettings = z.output<typeof smtpSettingsSchema>
export type AgentSettings = z.output<typeof agentSchema>
export type SettingsFile = z.output<typeof settingsFileSchema>
export type ApiSettings = NonNullable<SettingsFile['api']>

/** What Settings shows: the same without secrets. */
export interface Settings {
  readonly agent: AgentSettings
  readonly accounts: readonly (Account & { readonly has_password: { imap: boolean; smtp: boolean } })[]
  readonly undoSendSeconds: number
  readonly preferences: Preferences
}

export const preferencesSchema = z.strictObject({
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  density: z.enum(['comfortable', 'compact']).default('comfortable'),
  /** Adds `[#<thread id>]` to the subject of outbound mail, so that answers find their thread without headers. */
  subjectToken: z.boolean().default(false),
  notifications: z.boolean().default(true),
  composeFormat: z.enum(['rich', 'plain']).default('rich'),
})
export type Preferences = z.output<typeof preferencesSchema>
