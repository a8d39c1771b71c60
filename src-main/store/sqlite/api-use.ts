import type { ApiName, ApiRefusal, Instant, Uuid } from '../../contract/domain.ts'
import type { ApiStore } from '../api-store.ts'
import type { Engine } from './engine.ts'
import { readJson } from './stored-json.ts'

/** Settings shows so many of each API. */
const LAST_REFUSALS = 20
/** Counts of older days are nobody's question. */
const DAYS_KEPT = 31
const DAY = 24 * 60 * 60 * 1000

/** What Settings shows of the served APIs: counts of a day, the last refusals, when keys were used. */
export function apiUse(engine: Engine): Pick<ApiStore, 'recordApiUse' | 'apiUse'> {
  return {
    async recordApiUse({ day, counts, refusals, keys }) {
      if (counts.length + refusals.length + keys.length === 0) return
      engine.write((touched) => {
        for (const count of counts) addCounts(engine, day, count)
        for (const refusal of refusals) addRefusal(engine, refusal)
        for (const api of new Set(refusals.map((refusal) => refusal.api))) dropOldRefusals(engine, api)
        for (const { id, at } of keys)
          engine
            .sql(
              `insert into api_key_use (key_id, at) values (?, ?)
               on conflict do update set at = max(at, excluded.at)`,
            )
            .run(id, at)
        engine.sql('delete from api_days where day < ?').run(dayBefore(day))
        touched.kind('apis')
      })
    },

    async apiUse(day) {
      return {
        apis: API_NAMES.map((api) => ({
          api,
          ...countsOf(engine, day, api),
          last: lastRefusals(engine, api),
        })),
        keys: engine
          .sql<{ id: Uuid; at: Instant }>('select key_id as id, at from api_key_use order by key_id')
          .all(),
      }
    },
  }
}

const API_NAMES = [
  'email',
  'interactions',
  'contacts',
  'securemail',
  'activity',
] as const satisfies readonly ApiName[]

function addCounts(
  engine: Engine,
  day: string,
  { api, requests, refusals }: { api: ApiName; requests: number; refusals: number },
): void {
  engine
    .sql(
      `insert into api_days (day, api, requests, refusals) values (?, ?, ?, ?)
       on conflict do update set requests = requests + excluded.requests, refusals = refusals + excluded.refusals`,
    )
    .run(day, api, requests, refusals)
}

function addRefusal(engine: Engine, { api, ...refusal }: ApiRefusal & { api: ApiName }): void {
  engine
    .sql('insert or ignore into api_refusals (id, api, at, refusal) values (?, ?, ?, ?)')
    .run(refusal.id, api, refusal.at, JSON.stringify(refusal))
}

function dropOldRefusals(engine: Engine, api: ApiName): void {
  engine
    .sql(
      `delete from api_refusals
        where id in (select id from api_refusals where api = ? order by at desc, id desc limit -1 offset ?)`,
    )
    .run(api, LAST_REFUSALS)
}

function countsOf(engine: Engine, day: string, api: ApiName): { requests: number; refusals: number } {
  return (
    engine
      .sql<{ requests: number; refusals: number }>(
        'select requests, refusals from api_days where day = ? and api = ?',
      )
      .get(day, api) ?? { requests: 0, refusals: 0 }
  )
}

function lastRefusals(engine: Engine, api: ApiName): readonly ApiRefusal[] {
  return engine
    .sql<{ refusal: string }>(
      'select refusal from api_refusals where api = ? order by at desc, id desc limit ?',
    )
    .all(api, LAST_REFUSALS)
    .map(({ refusal }) => readJson<ApiRefusal>(refusal))
}

function dayBefore(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - DAYS_KEPT * DAY).toISOString().slice(0, 10)
}
