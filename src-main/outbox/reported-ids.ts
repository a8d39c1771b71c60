import { createHash } from 'node:crypto'
import type { InteractionId, Uuid } from '../contract/domain.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether a text is a UUID of any version and case (contract 03, 3.1). */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** UUID version 8 (RFC 9562, 5.8) of a name, the same for the same name everywhere. */
export function stableUuid(name: string): Uuid {
  const bytes = createHash('sha256').update(`workbin:${name}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The id under which a message is reported: its own, where it came with one; else always the same. */
export function reportedId(message: {
  readonly interaction_id: InteractionId
  readonly external_id?: string | null
}): Uuid {
  const { external_id, interaction_id } = message
  return external_id && isUuid(external_id) ? external_id : stableUuid(`interaction:${interaction_id}`)
}
