import type { DateTime, Instant } from '../contract/domain.ts'

export interface MailDate {
  readonly at: Instant
  /** Minutes to add to UTC for the local time of the sender; null where it isn't said. */
  readonly timeshift: number | null
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
// prettier-ignore
const ZONES: Readonly<Record<string, number>> = {
  ut: 0, utc: 0, gmt: 0, z: 0, est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360, pst: -480,
  pdt: -420, wet: 0, west: 60, bst: 60, cet: 60, cest: 120, met: 60, mest: 120, eet: 120, eest: 180, msk: 180,
  ist: 330, jst: 540, kst: 540, hkt: 480, sgt: 480, aest: 600, aedt: 660, nzst: 720, nzdt: 780,
}

// "Mon, 26 Aug 2002 10:01:02 -0500 (EST)" and what is near to it.
const RFC_5322 =
  /^(?:[a-z]{3,9}\.?\s*,?\s*)?(\d{1,2})(?:\s+|-)([a-z]{3})[a-z]*\.?(?:\s*,?\s+|-)(\d{2,4})\s*,?\s+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:\.\d+)?)?(?:\s*(am|pm)\b)?\s*(\S+)?/i
// "Mon Aug 26 10:01:02 2002" with an optional zone before or behind the year (C's asctime, as date(1) writes it).
const ASCTIME =
  /^(?:[a-z]{3,9},?\s+)?([a-z]{3})[a-z]*\s+(\d{1,2}),?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s+(?:([a-z]{1,4}|[+-]\d{4})\s+)?(\d{4})(?:\s+([+-]\d{4}|[a-z]{1,4}))?/i
// "2002-08-26 10:01:02 +0200" and ISO 8601.
const ISO =
  /^(\d{4})[-/](\d{2})[-/](\d{2})[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(z|[+-]\d{2}:?\d{2})?/i

/** A Date field, leniently (RFC 5322, 3.3 and 4.3); null where no moment can be read from it. No guessing, no "now". */
export function readMailDate(field: string): MailDate | null {
  const text = field
    .slice(0, 200)
    .replace(/\([^()]*\)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  let match = RFC_5322.exec(text)
  if (match) {
    const [, day, month = '', year, hour, minute, second, half, zone] = match
    return moment(year, MONTHS.indexOf(month.toLowerCase()), day, hour, minute, second, zone, half)
  }
  match = ASCTIME.exec(text)
  if (match) {
    const [, month = '', day, hour, minute, second, before, year, behind] = match
    return moment(year, MONTHS.indexOf(month.toLowerCase()), day, hour, minute, second, before ?? behind)
  }
  match = ISO.exec(text)
  if (match) {
    const [, year, month, day, hour, minute, second, zone] = match
    return moment(year, Number(month) - 1, day, hour, minute, second, zone)
  }
  return null
}

function moment(
  yearText: string | undefined,
  month: number,
  dayText: string | undefined,
  hourText: string | undefined,
  minuteText: string | undefined,
  secondText: string | undefined,
  zone: string | undefined,
  half?: string,
): MailDate | null {
  let year = Number(yearText)
  if (yearText?.length === 2) year += year < 50 ? 2000 : 1900
  if (yearText?.length === 3) year += 1900
  const day = Number(dayText)
  let hour = Number(hourText)
  if (half) hour = (hour % 12) + (half.toLowerCase() === 'pm' ? 12 : 0)
  const minute = Number(minuteText)
  // A leap second is written as 60 and counts as the next minute's first.
  const second = Number(secondText ?? 0)
  if (month < 0 || month > 11 || hour > 23 || minute > 59 || second > 60 || day < 1) return null
  if (year < 1970 || year > 9999 || day > new Date(Date.UTC(year, month + 1, 0)).getUTCDate()) return null
  const timeshift = zoneShift(zone)
  const at = Date.UTC(year, month, day, hour, minute, second) - (timeshift ?? 0) * 60_000
  return at < 0 ? null : { at, timeshift }
}

/** Minutes; null for none, an unknown one, and `-0000`, which says that it isn't known. */
function zoneShift(zone: string | undefined): number | null {
  if (zone === undefined) return null
  const digits = /^(?:gmt|utc)?([+-])(\d{2}):?(\d{2})/i.exec(zone)
  if (digits) {
    const [whole = '', sign, hours, minutes] = digits
    const shift = Number(hours) * 60 + Number(minutes)
    if (whole.startsWith('-') && shift === 0) return null
    if (shift > 1440 || Number(minutes) > 59) return null
    return sign === '-' ? -shift : shift
  }
  const name = zone.toLowerCase().replace(/[^a-z]/g, '')
  return Object.hasOwn(ZONES, name) ? (ZONES[name] ?? null) : null
}

/** The data model's form: UTC with three digits. */
export function dateTime(at: Instant): DateTime {
  return new Date(at).toISOString()
}
