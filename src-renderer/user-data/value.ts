import { z } from 'zod'
import type { UserDataValue } from '../../src-main/contract/domain.ts'

/** How a value is shown and edited: one line of text, or JSON for what is nested. */
export function isNested(value: UserDataValue): boolean {
  return typeof value === 'object' && value !== null
}

/** The text that stands in the field while a value is edited. */
export function textOfValue(value: UserDataValue): string {
  if (value === null) return ''
  if (typeof value === 'object') return JSON.stringify(value, null, 2)
  return String(value)
}

/**
 * What `text` means where `before` stood: a text stays a text, even one of digits (order numbers keep their
 * zeros); a number or a boolean stays one where it can. Throws SyntaxError where JSON was meant and isn't.
 */
export function valueOfText(text: string, before: UserDataValue | undefined): UserDataValue {
  if (before !== undefined && isNested(before)) return z.json().parse(JSON.parse(text))
  if (typeof before === 'string') return text
  if (before === null && text === '') return null
  return guess(text)
}

/** The likeliest meaning of a value that is typed anew. */
function guess(text: string): UserDataValue {
  const trimmed = text.trim()
  if (trimmed === 'true') return true
  if (trimmed === 'false') return false
  // No leading zeros or plus signs: those are telephone and order numbers.
  if (/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?$/u.test(trimmed)) {
    const number = Number(trimmed)
    if (String(number) === trimmed) return number
  }
  return text
}
