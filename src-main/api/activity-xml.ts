import { Refused } from './api.ts'

/** An element as JSON would have it: words, or its members by local name; a name that stands twice is an array. */
export type XmlValue = string | readonly XmlValue[] | { readonly [name: string]: XmlValue }

/** Elements within elements (contract 00, 0.1.4). */
const DEEPEST = 32
/** Elements and attributes of one document: so many nobody needs, and each costs memory. */
const LARGEST = 10_000

const NAME_START =
  'A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f' +
  '\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd\\u{10000}-\\u{effff}'
const NAME = `[${NAME_START}][${NAME_START}\\-.0-9\\u00b7\\u0300-\\u036f\\u203f\\u2040]*`
const QUALIFIED = `(?:(?<prefix>${NAME}):)?(?<name>${NAME})`
const OPENING = new RegExp(`<${QUALIFIED}`, 'uy')
const ATTRIBUTE = new RegExp(
  `[ \\t\\n]+${QUALIFIED}[ \\t\\n]*=[ \\t\\n]*(?:"(?<double>[^<"]*)"|'(?<single>[^<']*)')`,
  'uy',
)
const OPENING_END = /[ \t\n]*(?<empty>\/?)>/uy
const CLOSING = new RegExp(`</${QUALIFIED}[ \\t\\n]*>`, 'uy')
const INSTRUCTION = new RegExp(`<\\?(?<target>${NAME})(?=[ \\t\\n]|\\?>)`, 'uy')
const DECLARATION =
  /^<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"1\.[01]"|'1\.[01]')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"(?<double>[\w.-]+)"|'(?<single>[\w.-]+)'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\n]*\?>/u
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
])

const AMPERSAND = 38
const HASH = 35
/** Of a reference, from its & to its semicolon. */
const LONGEST_REFERENCE = 12

/** An element whose end hasn't come yet. */
interface Open {
  /** As written, prefix and all: its end must say the same. */
  readonly written: string
  readonly name: string
  /** Pieces of text and CDATA. */
  text: string
  readonly members: Map<string, XmlValue[]>
  readonly attributes: Map<string, string>
}

/**
 * Reads a whole XML document, namespaces ignored: well-formed to the letter, and without what makes XML dangerous. A
 * DOCTYPE, an entity but the five of XML itself, more than 32 levels or 10,000 elements are refused. Comments and
 * processing instructions are passed over. Attributes without a prefix are members where no element has their name.
 * Text is trimmed but in the elements that `exact` names. One pass, and as fast as the text is long: the parser that
 * the desk could have had (fast-xml-parser 5.12.1) took 2.3 s and 320 MB for a text of 7 MB, which all other
 * requests would have waited for, and lets pass what isn't well-formed; tests hold this one against it.
 * Throws `Refused` `malformed`.
 */
export function readXml(
  document: string,
  exact: (name: string, parent: string | null) => boolean = () => false,
): { readonly root: string; readonly value: XmlValue } {
  const bad = FORBIDDEN.exec(document)
  if (bad) throw malformed('It holds a character that XML has not.')
  const xml = document.replace(/\r\n?/g, '\n')
  const open: Open[] = []
  const roots: { root: string; value: XmlValue }[] = []
  let count = 0
  let at = pastDeclaration(xml)

  function text(piece: string): void {
    const element = open.at(-1)
    if (element) element.text += piece
    else if (/[^ \t\n]/.test(piece)) throw malformed('There is text outside the root element.')
  }

  function begin(): void {
    OPENING.lastIndex = at
    const opening = OPENING.exec(xml)
    const name = opening?.groups?.name
    if (!opening || name === undefined)
      throw malformed('A “<” begins no element; in text it is written &lt;.')
    if (open.length === 0 && roots.length > 0) throw malformed('There are two root elements.')
    if (open.length === DEEPEST) throw malformed(`It is nested deeper than ${DEEPEST} levels.`)
    at = OPENING.lastIndex
    const attributes = readAttributes()
    OPENING_END.lastIndex = at
    const end = OPENING_END.exec(xml)
    if (!end) throw malformed(`The element <${name}> isn’t written as XML has it.`)
    at = OPENING_END.lastIndex
    enough(1)
    open.push({ written: opening[0].slice(1), name, text: '', members: new Map(), attributes })
    if (end.groups?.empty) finish()
  }

  function readAttributes(): Map<string, string> {
    const written = new Set<string>()
    const kept = new Map<string, string>()
    for (;;) {
      ATTRIBUTE.lastIndex = at
      const attribute = ATTRIBUTE.exec(xml)
      if (!attribute) return kept
      at = ATTRIBUTE.lastIndex
      enough(1)
      const { prefix, name = '', double, single = '' } = attribute.groups ?? {}
      const whole = prefix === undefined ? name : `${prefix}:${name}`
      if (written.has(whole)) throw malformed(`The attribute ${whole} stands twice.`)
      written.add(whole)
      const value = decoded((double ?? single).replace(/[\t\n]/g, ' '))
      // With a prefix they are XML's own or another vocabulary's; xmlns declares what is ignored.
      if (prefix === undefined && name !== 'xmlns') kept.set(name, value.trim())
    }
  }

  function close(): void {
    CLOSING.lastIndex = at
    const closing = CLOSING.exec(xml)
    const element = open.at(-1)
    if (!element) throw malformed('An end tag has no beginning.')
    if (closing?.[0].slice(2, -1).trimEnd() !== element.written)
      throw malformed(`The element <${element.written}> isn’t closed.`)
    at = CLOSING.lastIndex
    finish()
  }

  function finish(): void {
    const element = open.pop()
    if (!element) return
    const parent = open.at(-1)
    const value = valueOf(element, exact(element.name, parent?.name ?? null))
    if (!parent) roots.push({ root: element.name, value })
    else {
      const same = parent.members.get(element.name)
      if (same) same.push(value)
      else parent.members.set(element.name, [value])
    }
  }

  function enough(more: number): void {
    count += more
    if (count > LARGEST) throw malformed(`It has more than ${LARGEST} elements and attributes.`)
  }

  /** Where what begins at `from` is over. */
  function after(end: string, from: number, what: string): number {
    const found = xml.indexOf(end, from)
    if (found < 0) throw malformed(`${what} never ends.`)
    return found + end.length
  }

  while (at < xml.length) {
    const next = xml.indexOf('<', at)
    const until = next < 0 ? xml.length : next
    if (until > at) {
      const piece = xml.slice(at, until)
      if (piece.includes(']]>')) throw malformed('“]]>” stands in a text.')
      text(decoded(piece))
      at = until
    } else if (xml.startsWith('<!--', at)) {
      const dashes = after('--', at + 4, 'A comment')
      if (xml.charAt(dashes) !== '>') throw malformed('“--” stands in a comment.')
      at = dashes + 1
    } else if (xml.startsWith('<![CDATA[', at)) {
      if (open.length === 0) throw malformed('There is text outside the root element.')
      const end = after(']]>', at + 9, 'A CDATA section')
      text(xml.slice(at + 9, end - 3))
      at = end
    } else if (xml.startsWith('<?', at)) {
      INSTRUCTION.lastIndex = at
      const target = INSTRUCTION.exec(xml)?.groups?.target
      if (target === undefined || target.toLowerCase() === 'xml')
        throw malformed(
          'A processing instruction has no name, or the XML declaration isn’t at the beginning.',
        )
      at = after('?>', INSTRUCTION.lastIndex, 'A processing instruction')
    } else if (xml.startsWith('<!', at)) throw malformed('A DOCTYPE or another declaration isn’t taken.')
    else if (xml.startsWith('</', at)) close()
    else begin()
  }
  const unclosed = open.at(-1)
  if (unclosed) throw malformed(`The element <${unclosed.written}> isn’t closed.`)
  const [root] = roots
  if (!root) throw malformed('There is no root element.')
  return root
}

/** Text for an element or an attribute in double quotes; what XML has no character for is left out. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function pastDeclaration(xml: string): number {
  if (!/^<\?xml[ \t\n]/.test(xml)) return 0
  const declaration = DECLARATION.exec(xml)
  if (!declaration) throw malformed('The XML declaration isn’t written as XML has it.')
  const { double, single } = declaration.groups ?? {}
  if (!/^(?:utf-?8|us-ascii)$/i.test(double ?? single ?? 'utf-8'))
    throw malformed('It is not declared as UTF-8.')
  return declaration[0].length
}

function valueOf({ name, text, members, attributes }: Open, exact: boolean): XmlValue {
  const words = exact ? text : text.trim()
  if (members.size > 0) {
    if (text.trim() !== '')
      throw malformed(`The element <${name}> holds text beside elements; HTML is escaped or stands in CDATA.`)
  } else if (words !== '' || attributes.size === 0) return words
  const value: { [name: string]: XmlValue } = {}
  // A name means nothing to an object without a prototype.
  Object.setPrototypeOf(value, null)
  for (const [key, attribute] of attributes) value[key] = attribute
  for (const [key, [first = '', ...more]] of members)
    value[key] = more.length === 0 ? first : [first, ...more]
  return value
}

/** References resolved, by code units: a text that is full of them would cost a replacing RegExp seconds. */
function decoded(text: string): string {
  if (!text.includes('&')) return text
  // What a reference stands for is never longer than itself.
  const units = new Uint16Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit !== AMPERSAND) {
      units[length++] = unit
      continue
    }
    const end = text.indexOf(';', i)
    const character = end < 0 || end - i > LONGEST_REFERENCE ? undefined : referredTo(text.slice(i + 1, end))
    if (character === undefined)
      throw malformed(
        'An “&” begins no character reference; entities aren’t taken, and in text it is written &amp;.',
      )
    for (let j = 0; j < character.length; j++) units[length++] = character.charCodeAt(j)
    i = end
  }
  // Little-endian, as every machine is that Electron and our Node run on.
  return Buffer.from(units.buffer, 0, length * 2).toString('utf16le')
}

function referredTo(reference: string): string | undefined {
  return reference.charCodeAt(0) === HASH ? numbered(reference) : PREDEFINED.get(reference)
}

function numbered(reference: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([0-9A-Fa-f]+)|([0-9]+))$/.exec(reference) ?? []
  const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
  if (!(point >= 1 && point <= 0x10ffff)) return undefined
  const character = String.fromCodePoint(point)
  return FORBIDDEN.test(character) ? undefined : character
}

function malformed(message: string): Refused {
  return new Refused({ kind: 'malformed', message: `The XML can’t be read. ${message}` })
}
