import { z } from 'zod'

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
  id: accountId,
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
const emailService = z.strictObject({
  max_files: z.int().min(0).optional(),
  max_size: size.optional(),
  file_types: text(2000).nullable().optional(),
  mailbox: addressSchema.nullable().optional(),
  tenant: text(128).nullable().optional(),
  apikey: text(512).nullable().optional(),
  strict_services: z.boolean().optional(),
  origins: z.array(z.url()).optional(),
})

const apiSchema = z
  .looseObject({
    listen: z.string().min(1).optional(),
    publicUrl: z.url().nullable().optional(),
    paused: z.boolean().optional(),
    tls: z.strictObject({ cert: z.string().nullable(), key: z.string().nullable() }).optional(),
    defaultMailbox: addressSchema.optional(),
    email: emailService.optional(),
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
      })
      .optional(),
    activity: z
      .strictObject({
        path: z
          .string()
          .regex(/^\/.*\{ids\}/, 'starts with / and holds {ids}')
          .optional(),
        departments: z.boolean().optional(),
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
    keys: z
      .array(
        z.strictObject({
          key: z.string().min(1).max(512),
          name: z.string().min(1).max(128),
          scopes: z.array(
            z.enum([
              'interactions:read',
              'interactions:write',
              'contacts:write',
              'securemail:read',
              'securemail:write',
              'securemail:purge',
              'activity:respond',
            ]),
          ),
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
      const service = emailService.safeParse(value)
      if (!service.success)
        for (const issue of service.error.issues)
          context.addIssue({ code: 'custom', message: issue.message, path: [key, ...issue.path] })
    }
  })

const KNOWN_API_KEYS = {
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

export const remoteSchema = z.strictObject({
  id: accountId,
  kind: z.enum(['gms-email', 'interactions', 'contacts-email', 'secure-mail', 'activity-response']),
  url: z.url({ protocol: /^https?$/ }),
  key: text(4096).optional(),
  options: z.record(z.string(), z.json()).default({}),
})

export const queueNameSchema = z.string().trim().min(1).max(128)

/** The whole file. Every part is optional. */
export const settingsFileSchema = z.strictObject({
  agent: agentSchema.optional(),
  accounts: z.array(accountSchema).max(50).optional(),
  queues: z.array(queueNameSchema).max(500).optional(),
  undoSendSeconds: z.int().min(0).max(120).optional(),
  api: apiSchema.optional(),
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
