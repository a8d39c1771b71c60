import type { Engine } from './engine.ts'

/** A set of row ids that is walked from the newest down, without ever being held whole. */
export interface RowStream {
  /** The greatest row id in the set that isn't above `bound`; null when there is none. Bounds only go down. */
  at(bound: number): number | null
}

const FIRST_CHUNK = 64
const SMALL_CHUNK = 16
const LARGE_CHUNK = 2048

/**
 * A stream from a statement whose last three parameters are the lower bound, the upper bound and the limit, and whose
 * rows come newest first. Chunks grow while they are used up and shrink after a jump, so that neither a long walk
 * nor a leap over a million rows costs more than it must.
 */
export function rowStream(
  engine: Engine,
  sql: string,
  parameters: readonly unknown[],
  low: number,
): RowStream {
  const statement = engine.sql<{ row: number }>(sql)
  let chunk: number[] = []
  let next = 0
  let size = FIRST_CHUNK
  /** No row of the set lies between the chunk's last one and this. */
  let ended = false
  let started = false

  return {
    at(bound) {
      while (next < chunk.length && (chunk[next] ?? 0) > bound) next++
      const found = chunk[next]
      if (found !== undefined) return found
      if (started && ended) return null
      const last = chunk.at(-1)
      // Used up row by row: go on with more. Jumped over: the other side is the rare one, take little.
      if (started)
        size = last !== undefined && bound >= last - 1 ? Math.min(size * 4, LARGE_CHUNK) : SMALL_CHUNK
      started = true
      chunk = statement.all(...parameters, low, bound, size).map((each) => each.row)
      ended = chunk.length < size
      next = 0
      return chunk[0] ?? null
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
  }
}

/** The greatest row id at or below `bound` that all the streams hold; null when there is none. */
export function inAll(streams: readonly RowStream[], bound: number): number | null {
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
