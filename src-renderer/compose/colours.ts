const NAMED: Readonly<Record<string, string>> = {
  black: '000000',
  white: 'ffffff',
  red: 'ff0000',
  lime: '00ff00',
  blue: '0000ff',
  yellow: 'ffff00',
  cyan: '00ffff',
  aqua: '00ffff',
  magenta: 'ff00ff',
  fuchsia: 'ff00ff',
  gray: '808080',
  grey: '808080',
  silver: 'c0c0c0',
  maroon: '800000',
  olive: '808000',
  green: '008000',
  purple: '800080',
  teal: '008080',
  navy: '000080',
  orange: 'ffa500',
  snow: 'fffafa',
  ivory: 'fffff0',
  whitesmoke: 'f5f5f5',
  ghostwhite: 'f8f8ff',
  azure: 'f0ffff',
  mintcream: 'f5fffa',
  floralwhite: 'fffaf0',
  seashell: 'fff5ee',
  linen: 'faf0e6',
  beige: 'f5f5dc',
  aliceblue: 'f0f8ff',
  honeydew: 'f0fff0',
  lavender: 'e6e6fa',
  lightgray: 'd3d3d3',
  lightgrey: 'd3d3d3',
  gainsboro: 'dcdcdc',
  darkgray: 'a9a9a9',
  dimgray: '696969',
  pink: 'ffc0cb',
}

type Rgba = readonly [red: number, green: number, blue: number, alpha: number]

/** Nothing of it can be seen. */
export function transparent(colour: string): boolean {
  if (colour === 'transparent') return true
  const rgba = parse(colour)
  return rgba !== null && rgba[3] < 0.05
}

/** So close that text in the one can't be read on the other: contrast below 1.15 (WCAG 2.2). */
export function sameColour(a: string, b: string): boolean {
  const [one, other] = [parse(a), parse(b)]
  if (one === null || other === null) return a === b
  const [light, dark] = [luminance(one), luminance(other)].sort((x, y) => y - x)
  const distance = Math.max(...[0, 1, 2].map((i) => Math.abs((one[i] ?? 0) - (other[i] ?? 0))))
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05) < 1.15 && distance < 40
}

function parse(colour: string): Rgba | null {
  const named = NAMED[colour]
  const hex = named ?? /^#?(?<hex>[0-9a-f]{3,8})$/u.exec(colour)?.groups?.hex
  if (hex !== undefined) return fromHex(hex)
  const rgb = /^rgba?\((?<parts>[^)]*)\)$/u.exec(colour)?.groups?.parts
  if (rgb !== undefined) {
    const [r, g, b, a] = rgb.split(/[\s,/]+/u).filter((part) => part !== '')
    return [
      channel(r),
      channel(g),
      channel(b),
      a === undefined ? 1 : a.endsWith('%') ? parseFloat(a) / 100 : parseFloat(a),
    ]
  }
  const hsl = /^hsla?\((?<parts>[^)]*)\)$/u.exec(colour)?.groups?.parts
  return hsl === undefined ? null : fromHsl(hsl.split(/[\s,/]+/u).filter((part) => part !== ''))
}

function channel(part: string | undefined): number {
  if (part === undefined) return 0
  return part.endsWith('%') ? parseFloat(part) * 2.55 : parseFloat(part)
}

function fromHex(hex: string): Rgba | null {
  const long = hex.length <= 4 ? hex.replace(/./gu, '$&$&') : hex
  if (long.length !== 6 && long.length !== 8) return null
  const byte = (at: number) => parseInt(long.slice(at, at + 2), 16)
  return [byte(0), byte(2), byte(4), long.length === 8 ? byte(6) / 255 : 1]
}

function fromHsl(parts: readonly string[]): Rgba {
  const h = (((parseFloat(parts[0] ?? '0') % 360) + 360) % 360) / 30
  const s = parseFloat(parts[1] ?? '0') / 100
  const l = parseFloat(parts[2] ?? '0') / 100
  const part = (n: number) => {
    const k = (n + h) % 12
    return 255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1)))
  }
  const alpha = parts[3]
  return [
    part(0),
    part(8),
    part(4),
    alpha === undefined ? 1 : alpha.endsWith('%') ? parseFloat(alpha) / 100 : parseFloat(alpha),
  ]
}

function luminance([r, g, b]: Rgba): number {
  const linear = (value: number) => {
    const v = value / 255
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}
