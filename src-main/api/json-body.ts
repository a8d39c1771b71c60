import { Refused } from './api.ts'

/** Containers within containers (contract 00, 0.1.4). */
const DEEPEST = 32
/** Objects, lists and their items; 16 MB of `{},` would take half a gigabyte. What the contracts allow has 1,000. */
const MOST_VALUES = 100_000

/**
 * JSON as data that can't touch an object's prototype: null-prototype objects, in which `__proto__` is a key as any
 * other; of a key that stands twice the last counts. Throws `Refused` `malformed`, also beyond 32 levels and 100,000
 * values.
 */
export function parseJson(text: string): unknown {
  // Before the parser sees it: a deep text costs its stack.
  measure(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('The body is not valid JSON.')
  }
  withoutPrototypes(value)
  return value
}

const QUOTE = 34
const BACKSLASH = 92

/** Throws where the text is too deep or holds too much, before a parser takes memory for it. */
function measure(text: string): void {
  let depth = 0
  let values = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        // To the quote that ends the string: one that no backslash stands before, or an even number of them.
        let end = text.indexOf('"', i + 1)
        while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
        if (end === -1) return
        i = end
        break
      }
      case 91: // [
      case 123: // {
        if (++depth > DEEPEST) throw malformed(`The JSON is nested deeper than ${DEEPEST} levels.`)
        values++
        break
      case 44: // ,
        values++
        break
      case 93: // ]
      case 125: // }
        depth--
        break
    }
    if (values > MOST_VALUES) throw malformed(`The JSON holds more than ${MOST_VALUES} values.`)
  }
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1
  while (text.charCodeAt(before) === BACKSLASH) before--
  return (at - before) % 2 === 0
}

function withoutPrototypes(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) withoutPrototypes(item)
    return
  }
  Object.setPrototypeOf(value, null)
  for (const item of Object.values(value)) withoutPrototypes(item)
}

function malformed(message: string): Refused {
  return new Refused({ kind: 'malformed', message })
}
