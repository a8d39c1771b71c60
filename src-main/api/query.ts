import { z } from 'zod'
import { type Asked, Refused } from './api.ts'

/** The query as an object: of a parameter sent twice the first one counts. */
export function queryOf(asked: Pick<Asked, 'query'>): Readonly<Record<string, string>> {
  return Object.fromEntries(asked.query.toReversed())
}

/** The same, where an empty parameter asks for nothing: `?status=&index=0`. */
export function filledQueryOf(asked: Pick<Asked, 'query'>): Readonly<Record<string, string>> {
  return queryOf({ query: asked.query.filter(([, value]) => value !== '') })
}

/** Faults of a schema in words, each beginning with its place: `to.0.address: is not one e-mail address`. */
export function faultsOf(error: z.ZodError, within = ''): readonly string[] {
  return error.issues.map(({ path, message }) => {
    const place = [...(within === '' ? [] : [within]), ...path.map(String)].join('.')
    return place === '' ? message : `${place}: ${message}`
  })
}

/** So many are told at once; who sends thousands needn't be answered them all. */
const MOST_FAULTS = 20

/** Input of a schema, or `invalid` with its faults. */
export function checked<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw new Refused({ kind: 'invalid', message: faultsOf(result.error).slice(0, MOST_FAULTS).join('; ') })
}

/** Whole number in a query. Beyond what a computer counts it is the largest one. */
export function wholeNumber(otherwise: number) {
  return (
    z
      .string()
      .regex(/^\d+$/, 'takes a whole number of 0 or more')
      .transform((digits) => Math.min(Number(digits), Number.MAX_SAFE_INTEGER))
      .pipe(z.int().min(0))
      .default(otherwise)
      // In words of the documents, where it is no string.
      .meta({
        type: 'integer',
        minimum: 0,
        pattern: undefined,
        description: `${otherwise} where none is given.`,
      })
  )
}
