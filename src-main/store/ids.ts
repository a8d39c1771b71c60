import { randomInt, randomUUID } from 'node:crypto'
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
  const time = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0')
  // Random bytes of its own for each cost 40 times as much as the ones that Node keeps for version 4.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
