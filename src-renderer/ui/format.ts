import type { Address, Instant } from '../../src-main/contract/domain.ts'

/** Numbers, sizes, ages and dates as the reader's locale writes them; pure, `now` is given. */

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const numbers = new Intl.NumberFormat()
const time = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const weekdayTime = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  hour: 'numeric',
  minute: '2-digit',
})
const dayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const monthYear = new Intl.DateTimeFormat(undefined, { month: 'short', year: 'numeric' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' })
const dayTime = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: 'numeric',
  minute: '2-digit',
})
const dayYearTime = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
})

function sizeIn(unit: 'byte' | 'kilobyte' | 'megabyte' | 'gigabyte', digits: number) {
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit,
    unitDisplay: unit === 'byte' ? 'long' : 'short',
    maximumFractionDigits: digits,
  })
}
const bytes = sizeIn('byte', 0)
const kilobytes = sizeIn('kilobyte', 0)
const megabytes = sizeIn('megabyte', 1)
const gigabytes = sizeIn('gigabyte', 1)

/** `1,240`. */
export function formatNumber(value: number): string {
  return numbers.format(value)
}

/** `812 bytes`, `14 kB`, `2.3 MB`; decimal units. */
export function formatSize(size: number): string {
  if (size < 1_000) return bytes.format(size)
  if (size < 1_000_000) return kilobytes.format(size / 1_000)
  if (size < 1_000_000_000) return megabytes.format(size / 1_000_000)
  return gigabytes.format(size / 1_000_000_000)
}

/** How long ago, in as few characters as a column of ages can carry: `now`, `4m`, `3h`, `5d`, then the date, then the month. */
export function formatAge(at: Instant, now: Instant): string {
  const age = now - at
  if (age < minute) return 'now'
  if (age < hour) return `${Math.floor(age / minute)}m`
  if (age < day) return `${Math.floor(age / hour)}h`
  if (age < 7 * day) return `${Math.floor(age / day)}d`
  return sameYear(at, now) ? dayMonth.format(at) : monthYear.format(at)
}

/** The moment as a message's head shows it: the time today, weekday and time this week, else the date too. */
export function formatMoment(at: Instant, now: Instant): string {
  if (new Date(at).toDateString() === new Date(now).toDateString()) return time.format(at)
  if (now - at < 6 * day && at <= now) return weekdayTime.format(at)
  return sameYear(at, now) ? dayTime.format(at) : dayYearTime.format(at)
}

/** The whole date with weekday and time, for tooltips and details. */
export function formatFull(at: Instant): string {
  return full.format(at)
}

function sameYear(a: Instant, b: Instant): boolean {
  return new Date(a).getFullYear() === new Date(b).getFullYear()
}

/** What to call the other side: the display name, else the address, else the given words. */
export function formatPerson(address: Address | null | undefined, nobody = ''): string {
  const name = address?.personal?.trim()
  return name || address?.address || nobody
}

/** `Ann Lee <ann@x.test>`, or the address alone. */
export function formatAddress({ address, personal }: Address): string {
  return personal?.trim() ? `${personal.trim()} <${address}>` : address
}

/** One or two letters for a person; never empty. */
export function initials(name: string): string {
  const words = name
    .replace(/@.*$/, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
  const first = words[0]
  const last = words.length > 1 ? words[words.length - 1] : undefined
  const letters = [first, last].map((word) => (word ? Array.from(word)[0] : '')).join('')
  return letters.toLocaleUpperCase() || '?'
}

const isApple = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform)

/** A key as printed on this keyboard: `$mod+k` is `Ctrl+K`, or `⌘K` on a Mac. */
export function formatKeys(keys: string): string {
  return keys
    .split(' ')
    .map((press) =>
      press
        // An optional modifier is how the character is typed on some keyboards, not part of its name.
        .replace(/\[\w+\]\+/g, '')
        .split('+')
        .map((key) => keyNames[key] ?? (key.length === 1 ? key.toUpperCase() : key))
        .join(isApple ? '' : '+'),
    )
    .join(' ')
}
const keyNames: Readonly<Record<string, string>> = {
  $mod: isApple ? '⌘' : 'Ctrl',
  Shift: isApple ? '⇧' : 'Shift',
  Alt: isApple ? '⌥' : 'Alt',
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
}
