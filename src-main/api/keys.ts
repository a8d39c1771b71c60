import { createHash, timingSafeEqual } from 'node:crypto'
import type { ApiCall, Caller } from './api.ts'
import type { ServedKey } from './desk.ts'

/** SHA-256 in hex, as keys are kept. */
export function keyHash(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Whether two SHA-256 in hex are the same, in a time that doesn't say where they differ. */
export function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')]
  return left.length === right.length && left.length > 0 && timingSafeEqual(left, right)
}

/** The key that a request carries: the first of the places that holds one. */
export function presentedKey(
  places: ApiCall['keyIn'],
  header: (name: string) => string | null,
): string | null {
  for (const place of places) {
    const value = place === 'bearer' ? bearer(header('authorization')) : header(place)
    if (value !== null && value !== '') return value
  }
  return null
}

function bearer(authorization: string | null): string | null {
  return authorization === null ? null : (/^bearer +([^\s]+) *$/i.exec(authorization)?.[1] ?? null)
}

/** Whose key it is; every key is compared, so that the time says nothing about which one nearly fits. */
export function callerOf(key: string, keys: readonly ServedKey[]): Caller | null {
  const hash = Buffer.from(keyHash(key), 'hex')
  let found: ServedKey | null = null
  for (const known of keys) {
    const sha256 = Buffer.from(known.sha256, 'hex')
    if (sha256.length === hash.length && timingSafeEqual(sha256, hash) && found === null) found = known
  }
  if (found === null) return null
  const { id, name, scopes, tenants, customer } = found
  return { id, name, scopes, tenants, customer }
}
