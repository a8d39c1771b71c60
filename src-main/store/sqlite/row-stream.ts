import type { Engine } from './engine.ts'

/** A set of row ids that is walked from the newest down, without ever being held whole. */
export interface RowStream {
  /** The greatest row id in the set that isn't above `bound`; null when there is none. Bounds only go down. */
  at(bound: number): number | null
  has(row: number): boolean
  /** All of the set that isn't above `bound`, newest first; null when that is more than `most`. Asked first, once. */
  few(bound: number, most: number): readonly number[] | null
}

const FIRST_CHUNK = 64
const SMALL_CHUNK = 16
const LARGE_CHUNK = 2048
/** A chunk that answered so often was worth its price. */
const WELL_USED = 4

/**
 * A stream over what a condition holds for. `table` and `condition` are SQL, `row` names the row id in it. Chunks
 * grow while they are used up and shrink after a jump, so that neither a long walk nor a leap over a million rows
 * costs more than it must. `has`: a cheaper way to ask for one row than the condition itself.
 */
export function rowStream(
  engine: Engine,
  { table, row, condition }: { table: string; row: string; condition: string },
  parameters: readonly unknown[],
  low: number,
  has?: (row: number) => boolean,
): RowStream {
  // Cast, since the driver binds large numbers as reals and FTS5 doesn't take those for row ids: it walked over
  // every posting, 7 ms instead of 0.03 for a common word at 200,000 messages.
  const below = engine.sql<{ row: number }>(
    `select ${row} as row from ${table}
      where ${condition} and ${row} >= cast(? as integer) and ${row} <= cast(? as integer)
      order by ${row} desc limit ?`,
  )
  const one = () => engine.sql(`select 1 from ${table} where ${condition} and ${row} = cast(? as integer)`)
  let chunk: readonly number[] = []
  let next = 0
  let size = FIRST_CHUNK
  /** Nothing of the set lies below the chunk. */
  let ended = false
  let started = false
  let answered = 0

  function read(bound: number): void {
    started = true
    chunk = below.all(...parameters, low, bound, size).map((each) => each.row)
    ended = chunk.length < size
    next = 0
    answered = 0
  }

  return {
    at(bound) {
      while (next < chunk.length && (chunk[next] ?? 0) > bound) next++
      if (next === chunk.length) {
        if (started && ended) return null
        if (started) size = answered >= WELL_USED ? Math.min(size * 4, LARGE_CHUNK) : SMALL_CHUNK
        read(bound)
      }
      answered++
      return chunk[next] ?? null
    },
    has: has ?? ((row) => one().get(...parameters, row) !== undefined),
    few(bound, most) {
      size = most + 1
      read(bound)
      return ended ? chunk : null
    },
  }
}

/** The union of streams. */
export function anyOf(streams: readonly RowStream[]): RowStream {
  return {
    at(bound) {
      let best: number | null = null
      for (const stream of streams) {
        const row = stream.at(bound)
        if (row !== null && (best === null || row > best)) best = row
      }
      return best
    },
    has: (row) => streams.some((stream) => stream.has(row)),
    few(bound, most) {
      const all = new Set<number>()
      for (const stream of streams) {
        const rows = stream.few(bound, most)
        if (rows === null) return null
        for (const row of rows) all.add(row)
      }
      return all.size > most ? null : [...all].sort((a, b) => b - a)
    },
  }
}

/**
 * Below this a set is taken whole and the others are asked about each of its rows: 0.03 ms where that means looking at
 * the stored text. Above, the others are dense enough in it to be walked.
 */
const FEW = 1000

/**
 * What all of `streams` hold and none of `without`, newest first. The rarest decides what it costs: where one is
 * small, the others are asked row by row; where all are large they leap over each other.
 */
export function* intersection(
  streams: readonly RowStream[],
  without: readonly RowStream[],
  bound: number,
): Generator<number> {
  const small = streams.length + without.length > 1 ? smallest(streams, bound) : null
  if (small) {
    const others = streams.filter((stream) => stream !== small.stream)
    for (const row of small.rows)
      if (others.every((stream) => stream.has(row)) && !without.some((stream) => stream.has(row))) yield row
    return
  }
  for (let row = inAll(streams, bound); row !== null; row = inAll(streams, row - 1))
    if (!without.some((stream) => stream.at(row) === row)) yield row
}

function smallest(
  streams: readonly RowStream[],
  bound: number,
): { stream: RowStream; rows: readonly number[] } | null {
  let best: { stream: RowStream; rows: readonly number[] } | null = null
  for (const stream of streams) {
    const rows = stream.few(bound, FEW)
    if (rows !== null && rows.length < (best?.rows.length ?? Infinity)) best = { stream, rows }
  }
  return best
}

/** The greatest row id at or below `bound` that all the streams hold; null when there is none. */
function inAll(streams: readonly RowStream[], bound: number): number | null {
  let row = bound
  let agreed = 0
  for (let i = 0; agreed < streams.length; i = (i + 1) % streams.length) {
    const at = streams[i]?.at(row) ?? null
    if (at === null) return null
    agreed = at === row ? agreed + 1 : 1
    row = at
  }
  return row
}
