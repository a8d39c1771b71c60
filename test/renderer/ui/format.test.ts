import { expect, it } from 'vitest'
import {
  formatAddress,
  formatAge,
  formatKeys,
  formatPerson,
  formatSize,
  initials,
} from '../../../src-renderer/ui/format.ts'

const now = Date.UTC(2026, 4, 20, 12)
const minute = 60_000

it('an age is as short as its column', () => {
  expect(formatAge(now - 20_000, now)).toBe('now')
  expect(formatAge(now - 4 * minute, now)).toBe('4m')
  expect(formatAge(now - 3 * 60 * minute, now)).toBe('3h')
  expect(formatAge(now - 5 * 24 * 60 * minute, now)).toBe('5d')
  expect(formatAge(Date.UTC(2026, 4, 3, 12), now)).toMatch(/3/)
  expect(formatAge(Date.UTC(2024, 4, 3, 12), now)).toMatch(/2024/)
})

it('a clock that is behind makes no negative age', () => {
  expect(formatAge(now + 5_000, now)).toBe('now')
})

it('sizes are told in the unit that suits them', () => {
  expect(formatSize(812)).toMatch(/^812 byte/)
  expect(formatSize(14_200)).toMatch(/^14 kB$/)
  expect(formatSize(2_300_000)).toMatch(/^2\.3 MB$/)
})

it('people are called by name, else by address', () => {
  expect(formatPerson({ address: 'ann@x.test', personal: ' Ann Lee ' })).toBe('Ann Lee')
  expect(formatPerson({ address: 'ann@x.test', personal: '  ' })).toBe('ann@x.test')
  expect(formatPerson(null, 'nobody')).toBe('nobody')
  expect(formatAddress({ address: 'ann@x.test', personal: 'Ann' })).toBe('Ann <ann@x.test>')
})

it('initials are one or two letters of any script', () => {
  expect(initials('Ada Moss')).toBe('AM')
  expect(initials('Ada van der Moss')).toBe('AM')
  expect(initials('ada@desk.test')).toBe('A')
  expect(initials('山田 太郎')).toBe('山太')
  expect(initials('')).toBe('?')
})

it('keys are shown as printed on the keyboard', () => {
  expect(formatKeys('$mod+k')).toBe('Ctrl+K')
  expect(formatKeys('g i')).toBe('G I')
  expect(formatKeys('[Shift]+?')).toBe('?')
  expect(formatKeys('Shift+p')).toBe('Shift+P')
})
