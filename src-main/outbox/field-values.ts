import type { AgentSettings } from '../contract/settings.ts'
import type { Contact, Instant, Interaction, UserDataValue } from '../contract/domain.ts'
import { type Comparison, type Formula, FormulaError } from './formula.ts'

/** What field codes can name; null where there is none (a new mail answers nothing and has no contact yet). */
export interface FieldContext {
  readonly interaction: Interaction | null
  readonly contact: Pick<
    Contact,
    'id' | 'title' | 'first_name' | 'last_name' | 'name' | 'phone' | 'addresses'
  > | null
  readonly agent: Pick<AgentSettings, 'firstName' | 'lastName' | 'signature'>
  readonly now: Instant
  /** BCP 47, for dates and case; '' for English. */
  readonly language: string
  /** IANA name; null for this computer's. */
  readonly timeZone: string | null
}

/** A formula's value. `null` is a value that isn't there; `''` is one that is meant to be empty. */
export type Value =
  | string
  | number
  | boolean
  | null
  | { readonly date: Instant; readonly style?: DateStyle }
  | { readonly text: string; readonly html: string }

type Field = (context: FieldContext, args: readonly Value[]) => Value

const some = (text: string | undefined): Value => (text?.trim() ? text : null)
const names = (...parts: string[]): Value => some(parts.filter((part) => part.trim()).join(' '))

const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  interaction: {
    id: ({ interaction }) => some(interaction?.interaction_id),
    datecreated: ({ interaction }) => (interaction ? { date: Date.parse(interaction.start_date) } : null),
    subject: ({ interaction }) => some(interaction?.subject),
    toaddress: ({ interaction }) => some(interaction?.to?.[0]?.address),
    fromaddress: ({ interaction }) => some(interaction?.from?.address),
    timezone: ({ interaction }) => timeZoneOf(interaction),
    attacheddata: ({ interaction }, [key]) => attachedData(interaction, key),
  },
  contact: {
    id: ({ contact }) => some(contact?.id),
    title: ({ contact }) => some(contact?.title),
    firstname: ({ contact }) => some(contact?.first_name),
    lastname: ({ contact }) => some(contact?.last_name),
    fullname: ({ contact }) =>
      contact ? (names(contact.first_name, contact.last_name) ?? displayName(contact)) : null,
    primaryphonenumber: ({ contact }) => some(contact?.phone),
    primaryemailaddress: ({ contact }) => some(contact?.addresses[0]),
  },
  agent: {
    firstname: ({ agent }) => some(agent.firstName),
    lastname: ({ agent }) => some(agent.lastName),
    fullname: ({ agent }) => names(agent.firstName, agent.lastName),
    signature: ({ agent: { signature } }) => {
      if (signature.html?.trim()) return { text: signature.text, html: signature.html }
      return some(signature.text)
    },
  },
}

/** The name that came with a mail, where no agent entered one; never the address. */
function displayName({ name, addresses }: NonNullable<FieldContext['contact']>): Value {
  return addresses.some((address) => address.toLowerCase() === name.toLowerCase()) ? null : some(name)
}

/** Least and most arguments of each function. */
const FUNCTIONS: Readonly<Record<string, readonly [number, number]>> = {
  length: [1, 1],
  date: [0, 2],
  time: [0, 1],
  weekdayname: [0, 1],
  upper: [1, 1],
  lower: [1, 1],
  if: [2, 3],
  default: [2, 2],
}

const DATE_STYLES = ['short', 'medium', 'long', 'full'] as const
type DateStyle = (typeof DATE_STYLES)[number]

/** Works a formula out. Throws FormulaError where it names what doesn't exist or gives a function what it can't take. */
export function evaluate(formula: Formula, context: FieldContext): Value {
  const value = (part: Formula) => evaluate(part, context)
  switch (formula.kind) {
    case 'text':
      return formula.text
    case 'number':
      return formula.number
    case 'choice': {
      let last: Value = null
      for (const part of formula.parts) {
        last = value(part)
        if (!isEmpty(last)) return last
      }
      return last
    }
    case 'joined': {
      const parts = formula.parts.map(value)
      return parts.some((part) => part === null) ? null : parts.map((part) => asText(part, context)).join('')
    }
    case 'compared':
      return compare(formula.sign, value(formula.left), value(formula.right), context)
    case 'field':
      return field(formula, context)
    case 'call':
      return call(formula, context)
  }
}

/** A value as text, dates in the reader's way. */
export function asText(value: Value, context: FieldContext): string {
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  if ('date' in value) return formatter(context, { dateStyle: value.style ?? 'long' }).format(value.date)
  return value.text
}

/** Whether a value gives nothing to read. */
export function isEmpty(value: Value): boolean {
  return value === null || (typeof value === 'string' && value.trim() === '')
}

function field(formula: Formula & { kind: 'field' }, context: FieldContext): Value {
  const { object, field, args, at } = formula
  const fields = own(FIELDS, object.toLowerCase())
  if (!fields) throw new FormulaError(`There is no ${object}; there are Interaction, Contact and Agent`, at)
  const read = own(fields, field.toLowerCase())
  if (!read) throw new FormulaError(`${object} has no field ${field}`, at)
  const wanted = field.toLowerCase() === 'attacheddata' ? 1 : 0
  if (args.length !== wanted)
    throw new FormulaError(
      wanted === 1
        ? 'AttachedData takes the key in quotes: Interaction.AttachedData("plan")'
        : `${object}.${field} takes nothing in brackets`,
      at,
    )
  return read(
    context,
    args.map((arg) => evaluate(arg, context)),
  )
}

function call(formula: Formula & { kind: 'call' }, context: FieldContext): Value {
  const { name, args, at } = formula
  const known = name.toLowerCase()
  const bounds = own(FUNCTIONS, known)
  if (!bounds) throw new FormulaError(`There is no function ${name}`, at)
  if (args.length < bounds[0] || args.length > bounds[1])
    throw new FormulaError(
      `${name} takes ${bounds[0] === bounds[1] ? bounds[0] : `${bounds[0]} to ${bounds[1]}`} ${bounds[1] === 1 ? 'value' : 'values'}, not ${args.length}`,
      at,
    )
  const argument = (i: number): Value => {
    const arg = args[i]
    return arg ? evaluate(arg, context) : null
  }
  const onText = (change: (text: string, locale: string) => string): Value => {
    const value = argument(0)
    return value === null ? null : change(asText(value, context), localeOf(context))
  }

  switch (known) {
    case 'upper':
      return onText((text, locale) => text.toLocaleUpperCase(locale))
    case 'lower':
      return onText((text, locale) => text.toLocaleLowerCase(locale))
    case 'length':
      return Array.from(asText(argument(0), context)).length
    case 'if': {
      if (isTrue(argument(0))) return argument(1)
      return args.length === 3 ? argument(2) : ''
    }
    case 'default': {
      const value = argument(0)
      return isEmpty(value) ? argument(1) : value
    }
    default: {
      const moment = args.length === 0 ? context.now : instantOf(argument(0), name, at)
      if (moment === null) return null
      if (known === 'time') return formatter(context, { timeStyle: 'short' }).format(moment)
      if (known === 'weekdayname') return formatter(context, { weekday: 'long' }).format(moment)
      const wanted = args.length === 2 ? asText(argument(1), context).toLowerCase() : 'long'
      const style = DATE_STYLES.find((style) => style === wanted)
      if (!style)
        throw new FormulaError(`Date knows the styles ${DATE_STYLES.join(', ')}, not “${wanted}”`, at)
      return { date: moment, style }
    }
  }
}

function instantOf(value: Value, name: string, at: number): Instant | null {
  if (isEmpty(value)) return null
  if (typeof value === 'object' && value !== null && 'date' in value) return value.date
  // A day alone stands for that day everywhere: read as noon, no zone moves it to its neighbour.
  const text = typeof value === 'string' ? value.trim() : ''
  const moment = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T12:00:00` : text)
  if (!/^\d{4}-/.test(text) || Number.isNaN(moment))
    throw new FormulaError(
      `${name} can’t read “${typeof value === 'object' ? '' : String(value)}” as a date`,
      at,
    )
  return moment
}

function compare(sign: Comparison, left: Value, right: Value, context: FieldContext): boolean {
  const [a, b] = [asText(left, context), asText(right, context)]
  const numbers = [left, right].map((value) =>
    typeof value === 'string' && value.trim() === '' ? NaN : typeof value === 'object' ? NaN : Number(value),
  )
  const [x = NaN, y = NaN] = numbers
  const order =
    Number.isNaN(x) || Number.isNaN(y)
      ? a.localeCompare(b, localeOf(context), { sensitivity: 'accent' })
      : Math.sign(x - y)
  switch (sign) {
    case '=':
      return order === 0
    case '<>':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

function isTrue(value: Value): boolean {
  return !isEmpty(value) && value !== false && value !== 0
}

function attachedData(interaction: Interaction | null, key: Value | undefined): Value {
  if (typeof key !== 'string' || !interaction?.udata) return null
  const value: UserDataValue | undefined = own(interaction.udata, key)
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'object') return value
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item !== 'object'))
    return value.join(', ')
  return null
}

function timeZoneOf(interaction: Interaction | null): Value {
  const shift = interaction?.timeshift
  if (shift === undefined) return null
  const minutes = Math.abs(shift)
  const two = (number: number) => String(number).padStart(2, '0')
  return `UTC${shift < 0 ? '−' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function formatter(context: FieldContext, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(localeOf(context), {
    ...options,
    ...(context.timeZone === null ? {} : { timeZone: context.timeZone }),
  })
}

function localeOf({ language }: FieldContext): string {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(language)[0] ?? 'en'
  } catch {
    // Not a language tag at all: the response was saved with something else in its language field.
    return 'en'
  }
}

/** Only what is the record's own: `constructor` and its kin are names like any other. */
function own<Item>(record: Readonly<Record<string, Item>>, key: string): Item | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}
