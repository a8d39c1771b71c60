/** Decodes one `xn--` label (RFC 3492); null where it is no valid Punycode. Browsers only encode. */
export function decodeLabel(label: string): string | null {
  if (!/^xn--/i.test(label)) return label
  const input = label.slice(4).toLowerCase()
  const base = 36
  const dash = input.lastIndexOf('-')
  const output = dash > 0 ? Array.from(input.slice(0, dash), (letter) => letter.codePointAt(0) ?? 0) : []
  let n = 128
  let i = 0
  let bias = 72
  let at = dash > 0 ? dash + 1 : 0
  while (at < input.length) {
    const before = i
    let weight = 1
    for (let k = base; ; k += base) {
      const code = input.charCodeAt(at++)
      const digit = code >= 48 && code <= 57 ? code - 22 : code >= 97 && code <= 122 ? code - 97 : base
      if (digit >= base) return null
      i += digit * weight
      if (i > 0x7fffffff) return null
      const threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias
      if (digit < threshold) break
      weight *= base - threshold
      if (at >= input.length) return null
    }
    const length = output.length + 1
    bias = adapt(i - before, length, before === 0)
    n += Math.floor(i / length)
    i %= length
    if (n > 0x10ffff) return null
    output.splice(i++, 0, n)
  }
  return String.fromCodePoint(...output)
}

function adapt(delta: number, length: number, first: boolean): number {
  let rest = first ? Math.floor(delta / 700) : Math.floor(delta / 2)
  rest += Math.floor(rest / length)
  let k = 0
  while (rest > 455) {
    rest = Math.floor(rest / 35)
    k += 36
  }
  return k + Math.floor((36 * rest) / (rest + 38))
}

/** A domain as people read it, `xn--` labels decoded where that is possible. */
export function readableDomain(domain: string): string {
  return domain
    .split('.')
    .map((label) => decodeLabel(label) ?? label)
    .join('.')
}
