import { en } from './en.ts'

/** A sentence with `{holes}`, or one per plural form, chosen by the hole `count`. */
export type Message = string | { readonly one: string; readonly other: string }

type Texts = typeof en
export type TextKey = keyof Texts
type Holes<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Holes<Rest> : never
type HolesOf<M> = M extends { readonly one: infer One; readonly other: infer Other }
  ? Holes<One> | Holes<Other> | 'count'
  : Holes<M>
type Values<K extends TextKey> = [HolesOf<Texts[K]>] extends [never]
  ? []
  : [values: { readonly [Name in HolesOf<Texts[K]>]: string | number }]

const messages: Readonly<Record<string, Message>> = en
const plural = new Intl.PluralRules('en')
const number = new Intl.NumberFormat()

/** The text for `key` with its holes filled; numbers are written as the reader's locale does. */
export function t<K extends TextKey>(key: K, ...[values]: Values<K>): string {
  const message = messages[key] ?? key
  const given: Readonly<Record<string, string | number>> = values ?? {}
  const pattern =
    typeof message === 'string'
      ? message
      : plural.select(Number(given.count)) === 'one'
        ? message.one
        : message.other
  return pattern.replace(/\{(\w+)\}/g, (hole: string, name: string) => {
    const value = given[name]
    if (value === undefined) return hole
    return typeof value === 'number' ? number.format(value) : value
  })
}
