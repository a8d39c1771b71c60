import type { Instant } from '../contract/domain.ts'

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/i

/**
 * An RFC 3339 date-time with Z or an offset, cut to milliseconds; null for anything else: no zone, a date alone, a
 * date that no calendar has, or a moment outside the four-digit years of UTC (contract 02, 2.2).
 */
export function readDateTime(text: string): Instant | null {
  const match = DATE_TIME.exec(text)
  if (!match) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const ms = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)]
  if (offsetHours > 23 || offsetMinutes > 59 || hour > 23 || minute > 59 || second > 60) return null
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  const offset = (match[8] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes)
  date.setUTCHours(hour, minute - offset, second, ms)
  if (second === 60 && !isLeapSecond(date)) return null
  const at = date.getTime()
  return at >= EARLIEST && at <= LATEST ? at : null
}

const EARLIEST: Instant = Date.parse('0000-01-01T00:00:00.000Z')
const LATEST: Instant = Date.parse('9999-12-31T23:59:59.999Z')

/** Leap seconds end a month of UTC (RFC 3339, 5.7); counted on, they are the first second of the next one. */
function isLeapSecond(next: Date): boolean {
  return next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0
}
