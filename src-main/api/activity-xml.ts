import { setImmediate as breathe } from 'node:timers/promises'
import { SaxesParser } from 'saxes'
import { Refused } from './api.ts'

/** An element as JSON would have it: words, or its members by local name; a name that stands twice is an array. */
export type XmlValue = string | readonly XmlValue[] | { readonly [name: string]: XmlValue }

/** Elements within elements (contract 00, 0.1.4). */
const DEEPEST = 32
/** Elements and attributes of one document: so many nobody needs, and each costs memory. */
const LARGEST = 10_000
/** Characters read at a time (about 20 ms): in between the thread serves its other requests. */
const PIECE = 131_072

/** An element whose end hasn't come yet. */
interface Open {
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
 * Text is trimmed but in the elements that `exact` names. By saxes, which is strict and reads piece by piece, so that
 * no document holds up the other requests of its thread; fast-xml-parser reads the whole at once (7 MB: 2.3 s and
 * 320 MB) and lets pass what isn't well-formed. Tests hold the two against each other. Throws `Refused` `malformed`.
 */
export async function readXml(
  document: string,
  exact: (name: string, parent: string | null) => boolean = () => false,
): Promise<{ readonly root: string; readonly value: XmlValue }> {
  const parser = new SaxesParser()
  const open: Open[] = []
  const attributes = new Map<string, string>()
  const written = new Set<string>()
  const roots: { root: string; value: XmlValue }[] = []
  let count = 0

  function enough(): void {
    count += 1
    if (count > LARGEST) throw malformed(`It has more than ${LARGEST} elements and attributes.`)
  }

  function text(piece: string): void {
    const element = open.at(-1)
    if (element) element.text += piece
  }

  parser.on('error', (error) => {
    throw malformed(`At ${error.message}`)
  })
  parser.on('xmldecl', ({ encoding, version }) => {
    if (version !== undefined && version !== '1.0' && version !== '1.1')
      throw malformed('It is of an XML version that isn’t known.')
    if (!/^(?:utf-?8|us-ascii)$/i.test(encoding ?? 'utf-8')) throw malformed('It is not declared as UTF-8.')
  })
  parser.on('doctype', () => {
    throw malformed('A DOCTYPE isn’t taken.')
  })
  parser.on('opentagstart', () => {
    if (open.length === DEEPEST) throw malformed(`It is nested deeper than ${DEEPEST} levels.`)
    attributes.clear()
    written.clear()
  })
  parser.on('attribute', ({ name, value }) => {
    enough()
    if (written.has(name)) throw malformed(`The attribute ${name} stands twice.`)
    written.add(name)
    // With a prefix they are XML's own or another vocabulary's; xmlns declares what is ignored.
    if (localName(name) === name && name !== 'xmlns') attributes.set(name, value.trim())
  })
  parser.on('opentag', ({ name }) => {
    enough()
    open.push({ name: localName(name), text: '', members: new Map(), attributes: new Map(attributes) })
  })
  parser.on('text', text)
  parser.on('cdata', (piece) => {
    if (open.length === 0) throw malformed('There is text outside the root element.')
    text(piece)
  })
  parser.on('closetag', () => {
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
  })
  for (let at = 0; at < document.length; at += PIECE) {
    parser.write(document.slice(at, at + PIECE))
    await breathe()
  }
  parser.close()
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

/** `c` of `n:c`; a name that is none (`:c`, `n:`, `a:b:c`) is refused. */
function localName(name: string): string {
  const [first = '', second, ...more] = name.split(':')
  if (first === '' || second === '' || more.length > 0) throw malformed(`“${name}” is no name.`)
  return second ?? first
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

function malformed(message: string): Refused {
  return new Refused({ kind: 'malformed', message: `The XML can’t be read. ${message}` })
}
