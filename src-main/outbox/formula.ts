/**
 * The formula inside a field code, as data. Grammar (names without regard to case):
 *
 *     formula    = choice
 *     choice     = joined { "|" joined }                 the first that isn't empty: Contact.FirstName | "customer"
 *     joined     = compared { "&" compared }             texts put together
 *     compared   = value [ ("=" | "<>" | "<" | "<=" | ">" | ">=") value ]
 *     value      = text | number | "(" choice ")" | name "(" [ choice { "," choice } ] ")"
 *                | name "." name [ "(" choice { "," choice } ")" ]
 *     text       = '"' … '"' | "'" … "'"                 doubled quotes stand for one; “curly” ones will do
 */
export type Formula =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  | {
      readonly kind: 'field'
      readonly object: string
      readonly field: string
      readonly args: Args
      readonly at: number
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: Args; readonly at: number }
  | { readonly kind: 'choice' | 'joined'; readonly parts: Args }
  | {
      readonly kind: 'compared'
      readonly sign: Comparison
      readonly left: Formula
      readonly right: Formula
      readonly at: number
    }
type Args = readonly Formula[]
export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>='

/** What is wrong with a formula, and where: an index into its text. */
export class FormulaError extends Error {
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

type Token =
  | { readonly kind: 'text' | 'name' | 'sign'; readonly value: string; readonly at: number }
  | { readonly kind: 'number'; readonly value: string; readonly number: number; readonly at: number }
  | { readonly kind: 'end'; readonly value: ''; readonly at: number }

const CLOSING: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '“': '”',
  '„': '“',
  '‘': '’',
  '”': '”',
}
const COMPARISONS: readonly Comparison[] = ['=', '<>', '<', '<=', '>', '>=']
/** Deeper nesting than this is no formula that a person wrote. */
const MAX_DEPTH = 50

/** Reads a formula. Throws FormulaError with the place of the first fault. */
export function parseFormula(source: string): Formula {
  const tokens = tokenize(source)
  let next = 0
  let depth = 0

  const peek = (): Token => tokens[next] ?? { kind: 'end', value: '', at: source.length }
  const isSign = (...values: string[]) => peek().kind === 'sign' && values.includes(peek().value)

  function expectSign(value: string): void {
    if (!isSign(value)) throw new FormulaError(`“${value}” is missing`, peek().at)
    next += 1
  }
  function series(sign: string, kind: 'choice' | 'joined', part: () => Formula): Formula {
    const parts = [part()]
    while (isSign(sign)) {
      next += 1
      parts.push(part())
    }
    return parts.length === 1 && parts[0] ? parts[0] : { kind, parts }
  }
  function choice(): Formula {
    depth += 1
    if (depth > MAX_DEPTH) throw new FormulaError('It is nested too deeply', peek().at)
    const formula = series('|', 'choice', () => series('&', 'joined', compared))
    depth -= 1
    return formula
  }
  function compared(): Formula {
    const left = value()
    const token = peek()
    const sign = token.kind === 'sign' ? COMPARISONS.find((known) => known === token.value) : undefined
    if (!sign) return left
    next += 1
    return { kind: 'compared', sign, left, right: value(), at: token.at }
  }
  function argumentList(): Formula[] {
    expectSign('(')
    const args: Formula[] = []
    if (!isSign(')')) {
      args.push(choice())
      while (isSign(',', ';')) {
        next += 1
        args.push(choice())
      }
    }
    expectSign(')')
    return args
  }
  function value(): Formula {
    const token = peek()
    next += 1
    switch (token.kind) {
      case 'text':
        return { kind: 'text', text: token.value }
      case 'number':
        return { kind: 'number', number: token.number }
      case 'name': {
        if (isSign('(')) return { kind: 'call', name: token.value, args: argumentList(), at: token.at }
        if (!isSign('.')) throw new FormulaError(`“.” is missing after ${token.value}`, peek().at)
        next += 1
        const field = peek()
        if (field.kind !== 'name')
          throw new FormulaError(`A field is missing after ${token.value}.`, field.at)
        next += 1
        return {
          kind: 'field',
          object: token.value,
          field: field.value,
          args: isSign('(') ? argumentList() : [],
          at: token.at,
        }
      }
      case 'sign':
        if (token.value === '(') {
          const inner = choice()
          expectSign(')')
          return inner
        }
        throw new FormulaError(`“${token.value}” is out of place`, token.at)
      case 'end':
        throw new FormulaError(source.trim() === '' ? 'It is empty' : 'It ends too early', token.at)
    }
  }

  const formula = choice()
  const rest = peek()
  if (rest.kind !== 'end') throw new FormulaError(`“${rest.value}” is out of place`, rest.at)
  return formula
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < source.length) {
    const rest = source.slice(at)
    const [space = ''] = /^\s+/u.exec(rest) ?? []
    if (space) {
      at += space.length
      continue
    }
    const first = source.charAt(at)
    const closing = CLOSING[first]
    if (closing !== undefined) {
      const { text, length } = quoted(source, at, first, closing)
      tokens.push({ kind: 'text', value: text, at })
      at += length
      continue
    }
    const [number = ''] = /^\d+(?:\.\d+)?/.exec(rest) ?? []
    const [name = ''] = /^[\p{L}_][\p{L}\p{N}_]*/u.exec(rest) ?? []
    const [sign = ''] = /^(?:<>|<=|>=|[().,;|&=<>])/.exec(rest) ?? []
    if (number) tokens.push({ kind: 'number', value: number, number: Number(number), at })
    else if (name) tokens.push({ kind: 'name', value: name, at })
    else if (sign) tokens.push({ kind: 'sign', value: sign, at })
    else throw new FormulaError(`“${String.fromCodePoint(source.codePointAt(at) ?? 0)}” is out of place`, at)
    at += (number || name || sign).length
  }
  return tokens
}

function quoted(source: string, from: number, open: string, close: string): { text: string; length: number } {
  let text = ''
  for (let i = from + 1; i < source.length; i++) {
    const char = source.charAt(i)
    if (char !== close) text += char
    else if (open === close && source.charAt(i + 1) === close) {
      text += close
      i += 1
    } else return { text, length: i + 1 - from }
  }
  throw new FormulaError(`The closing ${close} is missing`, from)
}
