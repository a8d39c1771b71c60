import type { UserData } from '../contract/domain.ts'
import { listOf, member, shown } from './activity-body.ts'
import { type ActivitySettings, broken } from './activity-fault.ts'
import { isObject } from './body-members.ts'

/** Allowed characters for custom attributes that are no enumeration. */
const ALLOWED = /^[a-zA-Z0-9@ :._\-&,()?#='"\u0080-\u{10ffff}]*$/u

/** Custom attributes as user data, flat keys (contract 05, 5.1 and 5.5). Throws 400-111. */
export function attributesOf(value: unknown, { customAttributes = [] }: ActivitySettings): UserData {
  const configured = new Map(customAttributes.map(({ name, values }) => [name, values]))
  const found = new Map<string, string>()
  for (const [name, attribute] of namedValues(value)) {
    if (typeof name !== 'string' || !configured.has(name))
      throw broken('400-111', `There is no custom attribute “${shown(String(name))}”.`)
    if (found.has(name)) throw broken('400-111', `The custom attribute ${name} is given twice.`)
    const words = wordsOf(attribute)
    if (words === null) throw broken('400-111', `The value of the custom attribute ${name} is no text.`)
    const values = configured.get(name)
    if (values ? !values.includes(words) : !ALLOWED.test(words))
      throw broken(
        '400-111',
        values
          ? `The custom attribute ${name} takes one of: ${values.join(', ')}.`
          : `The custom attribute ${name} holds a character that isn’t allowed.`,
      )
    found.set(name, words)
  }
  // Defines them as its own, whatever they are called.
  return Object.fromEntries(found)
}

function wordsOf(value: unknown): string | null {
  if (typeof value === 'string') return value.isWellFormed() ? value : null
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'number' ? JSON.stringify(value) : null
}

/** The three forms: a list in `customAttribute`, an array of those, a plain map. */
function namedValues(value: unknown): readonly (readonly [name: unknown, value: unknown])[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value.flatMap(namedValuesOfItem)
  if (!isObject(value)) throw broken('400-111', 'customAttributes is neither a list nor a map.')
  const list = member(value, 'customAttribute')
  if (isObject(list) || Array.isArray(list)) {
    if (Object.keys(value).length > 1) throw broken('400-111', 'customAttributes is both a list and a map.')
    return listOf(list).flatMap(namedValuesOfItem)
  }
  // Of one that stands twice, as XML can have it.
  return Object.entries(value).flatMap(([name, of]) => listOf(of).map((one) => [name, one] as const))
}

function namedValuesOfItem(item: unknown): readonly (readonly [name: unknown, value: unknown])[] {
  if (!isObject(item)) throw broken('400-111', 'A custom attribute is an object of name and value.')
  const nested = member(item, 'customAttribute')
  if (nested !== undefined) return listOf(nested).flatMap(namedValuesOfItem)
  return [[member(item, 'name'), member(item, 'value')]]
}
