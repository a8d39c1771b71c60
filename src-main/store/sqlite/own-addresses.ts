import type { Engine } from './engine.ts'
import { readJson } from './stored-json.ts'

/** Lower-case addresses that are ours: never customers, never kept as recipients of reply all. */
export function ownAddresses(engine: Engine): ReadonlySet<string> {
  const row = engine.sql<{ value: string }>("select value from meta where key = 'own_addresses'").get()
  return new Set(row ? readJson<string[]>(row.value) : [])
}

/** Replaces the addresses that are ours. */
export function saveOwnAddresses(engine: Engine, addresses: readonly string[]): void {
  const value = JSON.stringify([...new Set(addresses.map((address) => address.toLowerCase()))].sort())
  engine
    .sql(
      `insert into meta (key, value) values ('own_addresses', ?)
       on conflict (key) do update set value = excluded.value`,
    )
    .run(value)
}
