import { sql as interactions } from './001-interactions.ts'

/** In order; the number of a migration is its place in the list, from 1. Never change one that was released. */
export const migrations: readonly { readonly name: string; readonly sql: string }[] = [
  { name: 'interactions', sql: interactions },
]
