/** Media type of a Content-Type header in lower case, with its parameters; null where it is none. */
export interface MediaType {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Reads a media type (RFC 9110, 8.3.1). Null where it isn't one. */
export function readMediaType(header: string): MediaType | null {
  const [type = '', ...rest] = splitOutsideQuotes(header, ';')
  const [main, sub, ...more] = type.trim().toLowerCase().split('/')
  if (!main || !sub || more.length > 0 || !TOKEN.test(main) || !TOKEN.test(sub)) return null
  const parameters = new Map<string, string>()
  for (const part of rest) {
    const text = part.trim()
    if (text === '') continue
    const equals = text.indexOf('=')
    const name = text.slice(0, equals).toLowerCase()
    const value = equals === -1 ? null : unquoted(text.slice(equals + 1))
    // Twice the same parameter is a trick: two readers may read two boundaries.
    if (value === null || !TOKEN.test(name) || parameters.has(name)) return null
    parameters.set(name, value)
  }
  return { type: `${main}/${sub}`, parameters }
}

/** A token or a quoted string; null where it is neither. */
export function unquoted(value: string): string | null {
  if (TOKEN.test(value)) return value
  const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(value)
  return quoted?.[1] === undefined ? null : quoted[1].replace(/\\(.)/gs, '$1')
}

export function splitOutsideQuotes(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator)
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (quoted && character === '\\') i++
    else if (character === '"') quoted = !quoted
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/**
 * Which of `offered` an Accept header wants most (RFC 9110, 12.5.1): the first where it has no wish; null where it
 * wants none of them.
 */
export function chooseType(accept: string | null, offered: readonly string[]): string | null {
  if (accept === null || accept.trim() === '') return offered[0] ?? null
  const wishes = splitOutsideQuotes(accept, ',').flatMap((part) => {
    const wish = readMediaType(part.trim())
    if (!wish) return []
    const q = Number(wish.parameters.get('q') ?? '1')
    return [{ type: wish.type, q: q >= 0 && q <= 1 ? q : 0 }]
  })
  let best: { type: string; q: number } | null = null
  for (const type of offered) {
    const [main] = type.split('/')
    // The most specific wish that fits says how much.
    const wish =
      wishes.find((w) => w.type === type) ??
      wishes.find((w) => w.type === `${main}/*`) ??
      wishes.find((w) => w.type === '*/*')
    if (wish && wish.q > 0 && wish.q > (best?.q ?? 0)) best = { type, q: wish.q }
  }
  return best?.type ?? null
}
