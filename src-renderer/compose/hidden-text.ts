import { cascade, type Look } from './mail-cascade.ts'
import { sameColour, transparent } from './colours.ts'

/**
 * The text nodes and elements of a mail that its styles hide from the reader. `null` where there are too many
 * styles or elements to tell in good time.
 */
export function hiddenIn(document: Document, media: (query: string) => boolean): readonly ChildNode[] | null {
  const lookOf = cascade(document, media)
  if (lookOf === null) return null
  const hidden: ChildNode[] = []
  const page: Seen = { visible: true, fontSize: 16, colour: '#000000', background: '#ffffff', clipped: false }

  const walk = (element: Element, around: Seen) => {
    const look = lookOf(element)
    if (goneWithAll(element, look)) {
      hidden.push(element)
      return
    }
    const seen = inherit(around, look)
    for (const node of [...element.childNodes]) {
      if (node instanceof Element) walk(node, seen)
      else if (node.nodeType === Node.TEXT_NODE && !showsText(seen) && node.textContent?.trim())
        hidden.push(node)
    }
  }
  walk(document.body, page)
  return hidden
}

/** What a text node gets from the elements around it. */
interface Seen {
  readonly visible: boolean
  /** CSS pixels. */
  readonly fontSize: number
  readonly colour: string
  readonly background: string
  readonly clipped: boolean
}

function inherit(around: Seen, look: Look): Seen {
  const background = look.get('background-color') ?? backgroundOf(look.get('background'))
  const visibility = look.get('visibility')
  return {
    visible: visibility === undefined || visibility === 'inherit' ? around.visible : visibility === 'visible',
    fontSize: fontSize(look.get('font-size') ?? sizeInFont(look.get('font')), around.fontSize),
    colour: colourOf(look, around),
    background: background === undefined || transparent(background) ? around.background : background,
    clipped: around.clipped,
  }
}

function colourOf(look: Look, around: Seen): string {
  const fill = look.get('-webkit-text-fill-color')
  const colour = fill ?? look.get('color')
  return colour === undefined || colour === 'inherit' || colour === 'currentcolor' ? around.colour : colour
}

/** Smaller than two pixels can't be read, nor can text in the colour it stands on. */
function showsText(seen: Seen): boolean {
  return (
    seen.visible &&
    seen.fontSize >= 2 &&
    !transparent(seen.colour) &&
    !sameColour(seen.colour, seen.background)
  )
}

const FAR = 900

/** Hidden whatever its children say. */
function goneWithAll(element: Element, look: Look): boolean {
  if (element.hasAttribute('hidden') && !look.has('display')) return true
  if (look.get('display') === 'none' || look.get('content-visibility') === 'hidden') return true
  if (number(look.get('opacity')) < 0.05 || /opacity\(\s*0*\.?0*%?\s*\)/u.test(look.get('filter') ?? ''))
    return true
  const overflow = `${look.get('overflow') ?? ''} ${look.get('overflow-x') ?? ''} ${look.get('overflow-y') ?? ''}`
  const clips = /hidden|clip/u.test(overflow)
  if (clips && ['height', 'max-height', 'width', 'max-width'].some((side) => pixels(look.get(side)) < 2))
    return true
  if (clips && pixels(look.get('text-indent')) < -FAR) return true
  if (pixels(look.get('text-indent')) < -FAR) return true
  const position = look.get('position')
  if (position === 'absolute' || position === 'fixed' || position === 'relative')
    for (const side of ['left', 'top', 'right', 'bottom'])
      if (Math.abs(pixels(look.get(side)) || 0) > FAR) return true
  if (['margin-left', 'margin-top'].some((side) => pixels(look.get(side)) < -FAR)) return true
  if (position === 'absolute' && /rect\(\s*(?:0|1px)[\s,]/u.test(look.get('clip') ?? '')) return true
  const clipPath = look.get('clip-path') ?? ''
  if (/inset\(\s*(?:[5-9]\d|100)%|circle\(\s*0/u.test(clipPath)) return true
  return /scale[xy]?\(\s*0(?:\.0\d*)?\s*[,)]|translate[xy]?\([^)]*-\d{4,}px/iu.test(
    look.get('transform') ?? '',
  )
}

function backgroundOf(background: string | undefined): string | undefined {
  // Over a picture nobody can tell what is read, so it counts as no colour.
  if (background === undefined || /url\(|gradient\(/u.test(background)) return undefined
  return /#[0-9a-f]{3,8}|(?:rgb|hsl)a?\([^)]*\)|\b[a-z]+\b/u.exec(background)?.[0]
}

function sizeInFont(font: string | undefined): string | undefined {
  return font === undefined ? undefined : /(?<size>[\d.]+(?:px|pt|em|rem|%))/u.exec(font)?.groups?.size
}

const UNITS: Readonly<Record<string, number>> = {
  px: 1,
  pt: 4 / 3,
  pc: 16,
  in: 96,
  cm: 37.8,
  mm: 3.78,
  rem: 16,
  vw: 12,
  vh: 8,
}

function fontSize(value: string | undefined, around: number): number {
  if (value === undefined || value === 'inherit') return around
  const size = /^(?<n>[\d.]+)(?<unit>[a-z%]*)$/u.exec(value)
  if (!size?.groups) return value === 'smaller' ? around / 1.2 : value === 'larger' ? around * 1.2 : 16
  const n = Number(size.groups.n)
  const unit = size.groups.unit ?? ''
  if (unit === 'em') return n * around
  if (unit === '%') return (n / 100) * around
  return n * (UNITS[unit] ?? 1)
}

/** Pixels of a length; NaN, which compares false with everything, where it says nothing of use. */
function pixels(value: string | undefined): number {
  const length = /^(?<n>-?[\d.]+)(?<unit>[a-z%]*)$/u.exec(value ?? '')
  if (!length?.groups) return Number.NaN
  const n = Number(length.groups.n)
  const unit = length.groups.unit ?? ''
  if (n === 0) return 0
  if (unit === '%') return n <= -100 || n >= 1000 ? n * 10 : Number.NaN
  if (unit === 'em') return n * 16
  return n * (UNITS[unit] ?? 1)
}

function number(value: string | undefined): number {
  if (value === undefined) return Number.NaN
  return value.endsWith('%') ? Number(value.slice(0, -1)) / 100 : Number(value)
}
