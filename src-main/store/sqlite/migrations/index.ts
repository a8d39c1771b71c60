import { sql as interactions } from './001-interactions.ts'
import { sql as apis } from './002-apis.ts'

/** One step of the schema, run whole in one transaction. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

/** In order; the number of a migration is its place in the list, from 1. Never change one that was released. */
export const migrations: readonly Migration[] = [
  { name: 'interactions', sql: interactions },
  { name: 'apis', sql: apis },
]
