import { randomUUID } from 'node:crypto'
import type { ApiName, ApiRefusal, Instant, Uuid } from '../contract/domain.ts'
import type { ApiStore } from '../store/api-store.ts'

export type ApiUse = Parameters<ApiStore['recordApiUse']>[0]

/** So many refusals of an API are kept to be told; Settings shows no more. */
const LAST_REFUSALS = 20

/** What was asked since it was last told, for Settings. */
export interface UseCounter {
  count(request: {
    readonly api: ApiName
    readonly refusal: Omit<ApiRefusal, 'id' | 'at'> | null
    readonly keyId: Uuid | null
  }): void
  /** What is to be told, by day; empties the counter. */
  take(): readonly ApiUse[]
}

export function countUse(now: () => Instant): UseCounter {
  interface Day {
    readonly counts: Map<ApiName, { requests: number; refusals: number }>
    readonly refusals: Map<ApiName, ApiRefusal[]>
    readonly keys: Map<Uuid, Instant>
  }
  let days = new Map<string, Day>()
  return {
    count({ api, refusal, keyId }) {
      const at = now()
      const name = localDay(at)
      let day = days.get(name)
      if (!day) {
        day = { counts: new Map(), refusals: new Map(), keys: new Map() }
        days.set(name, day)
      }
      let counts = day.counts.get(api)
      if (!counts) {
        counts = { requests: 0, refusals: 0 }
        day.counts.set(api, counts)
      }
      counts.requests++
      if (keyId !== null) day.keys.set(keyId, at)
      if (refusal === null) return
      counts.refusals++
      let last = day.refusals.get(api)
      if (!last) {
        last = []
        day.refusals.set(api, last)
      }
      last.push({ ...refusal, id: randomUUID(), at })
      if (last.length > LAST_REFUSALS) last.shift()
    },
    take() {
      const told = [...days].map(([day, { counts, refusals, keys }]) => ({
        day,
        counts: [...counts].map(([api, count]) => ({ api, ...count })),
        refusals: [...refusals].flatMap(([api, last]) => last.map((refusal) => ({ ...refusal, api }))),
        keys: [...keys].map(([id, at]) => ({ id, at })),
      }))
      days = new Map()
      return told
    },
  }
}

/** `YYYY-MM-DD` by this computer's clock. */
export function localDay(at: Instant): string {
  const date = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
