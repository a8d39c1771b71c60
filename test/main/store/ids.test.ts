import { describe, expect, it } from 'vitest'
import { newInteractionId, newUuid } from '../../../src-main/store/ids.ts'

const NOW = Date.UTC(2026, 4, 4, 9)

describe('a UUID', () => {
  it('is of version 7, with its milliseconds in front', () => {
    expect(newUuid(NOW)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(newUuid(NOW).replaceAll('-', '').slice(0, 12), 16)).toBe(NOW)
    expect(newUuid(0)).toMatch(/^00000000-0000-7/)
    expect(newUuid(-1)).toMatch(/^00000000-0000-7/)
  })

  it('sorts by time and is never the same twice', () => {
    const later = Array.from({ length: 1_000 }, (_, i) => newUuid(NOW + i))
    expect(later.toSorted()).toEqual(later)
    expect(new Set(Array.from({ length: 10_000 }, () => newUuid(NOW))).size).toBe(10_000)
  })
})

describe('the id of an interaction', () => {
  it('has 16 letters and digits, sorts by time and is never the same twice', () => {
    expect(newInteractionId(NOW)).toMatch(/^[0-9A-Za-z]{16}$/)
    const later = Array.from({ length: 1_000 }, (_, i) => newInteractionId(NOW + i))
    expect(later.toSorted()).toEqual(later)
    expect(new Set(Array.from({ length: 10_000 }, () => newInteractionId(NOW))).size).toBe(10_000)
  })
})
