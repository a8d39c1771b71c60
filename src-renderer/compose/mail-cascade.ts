/** Declarations that hold for one element, by property, in lower case. Inheritance is the asker's. */
export type Look = ReadonlyMap<string, string>

const MAX_ELEMENTS = 20_000
const MAX_RULES = 3_000

interface Declaration {
  readonly property: string
  readonly value: string
  readonly important: boolean
}
interface Rule {
  readonly selector: string
  readonly specificity: number
  readonly order: number
  readonly declarations: readonly Declaration[]
}

/**
 * The styles that an inert document's own sheets, style attributes and the old presentational attributes give its
 * elements, as the cascade of CSS orders them. Null where there are too many to work out in good time.
 */
export function cascade(
  document: Document,
  media: (query: string) => boolean,
): ((element: Element) => Look) | null {
  const elements = document.querySelectorAll('*').length
  const rules = rulesOf(document, media)
  // Each rule is matched against the whole document once.
  if (elements > MAX_ELEMENTS || rules.length > MAX_RULES || elements * rules.length > 10_000_000) return null

  const matched = new Map<Element, Rule[]>()
  for (const rule of rules)
    for (const element of select(document, rule.selector)) {
      const list = matched.get(element)
      if (list) list.push(rule)
      else matched.set(element, [rule])
    }

  return (element) => {
    const look = new Map<string, { value: string; weight: number }>()
    const put = (declaration: Declaration, weight: number) => {
      const total = weight + (declaration.important ? 1e12 : 0)
      for (const [property, value] of expand(declaration)) {
        const current = look.get(property)
        if (!current || total >= current.weight) look.set(property, { value, weight: total })
      }
    }
    for (const declaration of presentational(element)) put(declaration, -1)
    for (const rule of matched.get(element) ?? [])
      for (const declaration of rule.declarations) put(declaration, rule.specificity * 1e5 + rule.order)
    for (const declaration of declarationsOf(element.getAttribute('style') ?? '')) put(declaration, 1e11)
    return new Map([...look].map(([property, { value }]) => [property, value]))
  }
}

function select(document: Document, selector: string): readonly Element[] {
  try {
    return [...document.querySelectorAll(selector)]
  } catch {
    // Pseudo-elements and what browsers don't know match nothing.
    return []
  }
}

function rulesOf(document: Document, media: (query: string) => boolean): Rule[] {
  const rules: Rule[] = []
  for (const style of document.querySelectorAll('style')) {
    const query = style.getAttribute('media')
    if (query && !media(query)) continue
    addRules(withoutComments(style.textContent), media, rules)
  }
  return rules
}

function withoutComments(css: string): string {
  return css.replace(/\/\*[\s\S]*?(?:\*\/|$)/gu, ' ').replace(/<!--|-->/gu, ' ')
}

/** Reads blocks by their braces: enough for rules and media queries, and the same in every host. */
function addRules(css: string, media: (query: string) => boolean, rules: Rule[]): void {
  let at = 0
  while (at < css.length && rules.length <= MAX_RULES) {
    const open = css.indexOf('{', at)
    if (open < 0) return
    const close = closing(css, open)
    const head = css
      .slice(css.lastIndexOf(';', open) >= at ? css.lastIndexOf(';', open) + 1 : at, open)
      .trim()
    const body = css.slice(open + 1, close)
    at = close + 1
    if (/^@media/iu.test(head)) {
      if (media(head.slice(6).trim())) addRules(body, media, rules)
    } else if (/^@(?:supports|layer|container)/iu.test(head)) addRules(body, media, rules)
    else if (!head.startsWith('@')) {
      const declarations = declarationsOf(body)
      if (declarations.length > 0)
        for (const selector of selectors(head))
          rules.push({ selector, specificity: specificity(selector), order: rules.length, declarations })
    }
  }
}

function closing(css: string, open: number): number {
  let depth = 0
  for (let i = open; i < css.length; i++) {
    const char = css.charAt(i)
    if (char === '{') depth++
    else if (char === '}' && --depth === 0) return i
  }
  return css.length
}

function selectors(head: string): string[] {
  return head
    .split(/,(?![^(]*\))/u)
    .map((selector) => selector.trim())
    .filter((selector) => selector !== '')
}

/** (ids, classes, types) of a selector as one number (Selectors Level 4, section 17). */
function specificity(selector: string): number {
  const plain = selector.replace(/:(?:is|not|where|has)\(/giu, ' ').replace(/\)/gu, ' ')
  const ids = plain.match(/#[\w-]+/gu)?.length ?? 0
  const classes = plain.match(/\.[\w-]+|\[[^\]]*\]|(?<!:):[\w-]+/gu)?.length ?? 0
  const types = plain.match(/(?:^|[\s>+~])[a-z][\w-]*/giu)?.length ?? 0
  return ids * 1000 + classes * 30 + types
}

function declarationsOf(body: string): Declaration[] {
  return withoutComments(body)
    .split(/;(?![^(]*\))/u)
    .flatMap((part) => {
      const colon = part.indexOf(':')
      if (colon < 0) return []
      const property = unescape(part.slice(0, colon)).trim().toLowerCase()
      const raw = unescape(part.slice(colon + 1))
        .trim()
        .toLowerCase()
      const important = /!\s*important$/u.test(raw)
      const value = raw.replace(/\s*!\s*important$/u, '')
      return property === '' || value === '' ? [] : [{ property, value, important }]
    })
}

/** `displa\79` is `display` (CSS Syntax Level 3, section 4.3.7). */
function unescape(text: string): string {
  return text.replace(/\\(?:(?<hex>[0-9a-f]{1,6})\s?|(?<char>.))/giu, (_all, hex?: string, char?: string) => {
    if (hex === undefined) return char ?? ''
    const code = parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
  })
}

function expand({ property, value }: Declaration): readonly (readonly [string, string])[] {
  if (property === 'all')
    return [
      ['display', ''],
      ['color', ''],
    ]
  if (property === 'inset') {
    const sides = value.split(/\s+/u)
    return [
      ['top', sides[0] ?? ''],
      ['right', sides[1] ?? sides[0] ?? ''],
      ['left', sides[3] ?? sides[1] ?? sides[0] ?? ''],
    ]
  }
  if (property === 'margin') {
    const sides = value.split(/\s+/u)
    return [
      ['margin-top', sides[0] ?? ''],
      ['margin-left', sides[3] ?? sides[1] ?? sides[0] ?? ''],
    ]
  }
  return [[property, value]]
}

function presentational(element: Element): Declaration[] {
  const given: Declaration[] = []
  const add = (property: string, value: string | null) => {
    if (value !== null) given.push({ property, value: value.trim().toLowerCase(), important: false })
  }
  if (element.tagName === 'FONT') {
    add('color', element.getAttribute('color'))
    if (element.getAttribute('size') === '0') add('font-size', '10px')
  }
  if (element.tagName === 'BODY') add('color', element.getAttribute('text'))
  add('background-color', element.getAttribute('bgcolor'))
  return given
}
