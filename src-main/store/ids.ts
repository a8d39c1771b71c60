import { randomBytes, randomInt } from 'node:crypto'
import type { Instant, InteractionId, Uuid } from '../contract/domain.ts'

// In ASCII order, so that ids compare as their times do.
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** 16 characters of `[0-9A-Za-z]`: eight for the milliseconds, eight at random (contracts, common rules 0.4). */
export function newInteractionId(at: Instant): InteractionId {
  let time = Math.max(0, Math.floor(at))
  let id = ''
  for (let i = 0; i < 8; i++) {
    id = ALPHABET.charAt(time % 62) + id
    time = Math.floor(time / 62)
  }
  for (let i = 0; i < 8; i++) id += ALPHABET.charAt(randomInt(62))
  return id
}

/** UUID version 7 (RFC 9562, 5.7): sorts by time. */
export function newUuid(at: Instant): Uuid {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Math.max(0, Math.floor(at)), 0, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
