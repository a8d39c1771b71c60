import { createHash } from 'node:crypto'
import { z } from 'zod'
import { API_SCOPES, type Uuid } from '../contract/domain.ts'

/** The id of a key that came by a file: the same file gives the same id, so a second start changes nothing. */
export function keyId(name: string, sha256: string): Uuid {
  const bytes = createHash('sha256').update(`${sha256} ${name}`).digest().subarray(0, 16)
  // UUID version 8 (RFC 9562, 5.8): made by a rule of our own.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A key of another system as it is stored: never itself, only its SHA-256. */
export interface StoredKey {
  readonly id: Uuid
  readonly name: string
  readonly scopes: readonly (typeof API_SCOPES)[number][]
  /** contacts/email: only these tenants; null: all. */
  readonly tenants: readonly string[] | null
  /** Activity responses: the customer it stands for. */
  readonly customer: string | null
  readonly sha256: string
  /** Null where it came by a settings file. */
  readonly made: number | null
}

const SHA256 = /^[0-9a-f]{64}$/

/** Keys that were stored before they had an id get theirs as they are read. */
export const storedKeySchema = z
  .object({
    id: z.uuid().optional(),
    name: z.string(),
    scopes: z.array(z.enum(API_SCOPES)),
    tenants: z.array(z.string()).nullable().default(null),
    customer: z.string().nullable().default(null),
    sha256: z.string().regex(SHA256),
    made: z.int().nullable().default(null),
  })
  .transform(({ id, ...key }): StoredKey => ({ id: id ?? keyId(key.name, key.sha256), ...key }))
