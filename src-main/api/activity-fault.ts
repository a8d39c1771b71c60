import type { ApiSettings } from '../contract/settings.ts'
import { Refused } from './api.ts'

export type ActivitySettings = NonNullable<ApiSettings['activity']>
/** What each code means stands in contract 05, 5.2. */
export type ActivityCode =
  | `400-1${'01' | '02' | '03' | '04' | '05' | '06' | '07' | '08' | '09' | '10' | '11' | '12' | '13' | '14' | '15'}`
  | '403-101'

/** A rule of this API that a request breaks; the code is part of its answer. */
export function broken(code: ActivityCode, message: string): Refused {
  return new Refused({ kind: 'invalid', message, detail: { code } })
}
