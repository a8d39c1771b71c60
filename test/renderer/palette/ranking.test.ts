import { expect, it } from 'vitest'
import { fold, rank } from '../../../src-renderer/palette/ranking.ts'

it('every typed word must be in the text', () => {
  expect(rank('Move to Billing', 'bil mo')).not.toBe(null)
  expect(rank('Move to Billing', 'bil x')).toBe(null)
  expect(rank('Anything', '  ')).toBe(0)
})

it('the beginning of a word beats its middle', () => {
  expect(rank('Reply all', 'al')).toBeLessThan(rank('Signal', 'al') ?? 0)
})

it('case and accents don’t matter', () => {
  expect(rank('Réclamations', 'RECL')).toBe(0)
  expect(fold('Ünïcode')).toBe('unicode')
})
