import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refused } from './api.ts'
import { clearAfter } from './clear-memory.ts'

/** In any `idleMs` a body must come on by so many bytes or end; less is somebody who holds a connection. */
const LEAST_PROGRESS = 16_384
/** What of a body each request may hold in memory without asking. */
const FREE_BYTES = 65_536

/** The client went away: nobody waits for an answer. */
export class Gone extends Error {
  override readonly name = 'Gone'
}

/** Memory that the bodies of all requests share, bytes. */
export interface BodyMemory {
  /** For what comes bit by bit, by who holds `own` already. Throws `Refused` `busy` where all together would hold too much. */
  take(bytes: number, own: number): void
  /** For what is known before: waits its turn for `ms`, then throws `busy`. */
  wait(bytes: number, ms: number): Promise<void>
  give(bytes: number): void
}

export function shareMemory(limit: number): BodyMemory {
  let taken = 0
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = []
  const busy = () => new Refused({ kind: 'busy', message: 'Too many large requests at once. Try again.' })
  return {
    take(bytes, own) {
      // Who is alone is within the limits of the API, which may be larger: to come again would not help.
      if (taken > own && taken + bytes > limit) throw busy()
      taken += bytes
    },
    async wait(bytes, ms) {
      if (waiting.length > 0 || (taken > 0 && taken + bytes > limit))
        await new Promise<void>((resolve, reject) => {
          const entry = {
            bytes,
            begin() {
              clearTimeout(timer)
              resolve()
            },
          }
          const timer = setTimeout(() => {
            waiting.splice(waiting.indexOf(entry), 1)
            reject(busy())
          }, ms)
          waiting.push(entry)
        })
      else taken += bytes
    },
    give(bytes) {
      taken -= bytes
      // In their order; a large one isn't overtaken by small ones without end.
      for (let next = waiting[0]; next && (taken === 0 || taken + next.bytes <= limit); next = waiting[0]) {
        waiting.shift()
        taken += next.bytes
        next.begin()
      }
    },
  }
}

/** What one request holds of the shared memory, given back with `free`. */
export interface MemoryShare {
  hold(bytes: number): void
  /** All at once, before the first byte is read. */
  reserve(bytes: number, ms: number): Promise<void>
  free(): void
}

export function memoryShare(memory: BodyMemory): MemoryShare {
  let held = 0
  let taken = 0
  return {
    hold(bytes) {
      held += bytes
      const over = held - FREE_BYTES - taken
      if (over <= 0) return
      memory.take(over, taken)
      taken += over
    },
    async reserve(bytes, ms) {
      if (bytes <= FREE_BYTES) return
      await memory.wait(bytes, ms)
      taken += bytes
      held += bytes
    },
    free() {
      clearAfter(taken)
      if (taken > 0) memory.give(taken)
      taken = 0
      held = 0
    },
  }
}

/**
 * Hands a body over chunk by chunk as it comes; while a promise is pending nothing more is read. Throws `Gone` where
 * the client left, `Refused` where the body doesn't come on, and what `take` throws: then nothing more is read.
 */
export async function readChunks(
  request: IncomingMessage,
  response: ServerResponse,
  idleMs: number,
  take: (chunk: Buffer) => Promise<void> | void,
): Promise<void> {
  // Who asked first whether a body is wanted is told only now, after all checks.
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue()
  await new Promise<void>((resolve, reject) => {
    let progress = 0
    let working: Promise<void> | null = null
    let ended = false
    let over = false

    const watch = setInterval(() => {
      if (working === null && progress < LEAST_PROGRESS)
        end(new Refused({ kind: 'malformed', message: 'The body stopped coming.' }))
      progress = 0
    }, idleMs)

    function end(error: Error | null): void {
      if (over) return
      over = true
      clearInterval(watch)
      request.off('data', onData)
      request.off('end', onEnd)
      request.off('error', onGone)
      request.off('close', onGone)
      if (!error) return resolve()
      request.pause()
      // Without a listener a connection that breaks later would end the process.
      request.on('error', () => undefined)
      // What is being written ends first, so that whoever cleans up finds all of it.
      const rejected = () => reject(error)
      if (working) working.then(rejected, rejected)
      else rejected()
    }
    function onData(chunk: Buffer): void {
      progress += chunk.length
      try {
        const work = take(chunk)
        if (!work) return
        request.pause()
        working = work.then(
          () => {
            working = null
            if (ended) end(null)
            else if (!over) request.resume()
          },
          (error: unknown) => end(asError(error)),
        )
      } catch (error) {
        end(asError(error))
      }
    }
    // A paused request whose last chunk was handed over ends all the same, while that chunk is still worked on.
    function onEnd(): void {
      ended = true
      if (working === null) end(null)
    }
    function onGone(): void {
      if (!ended) end(new Gone('The client left before its body was there.'))
    }
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onGone)
    request.on('close', onGone)
  })
}

/** A body as text: UTF-8, a byte order mark is left out; `sha256` is of its bytes. Null where none came. */
export async function readText(
  request: IncomingMessage,
  response: ServerResponse,
  options: {
    readonly limit: number
    readonly idleMs: number
    readonly busyMs: number
    readonly memory: MemoryShare
  },
): Promise<{ readonly text: string; readonly sha256: string } | null> {
  if (!mayHaveBody(request)) return null
  // One large body at a time: as text and parsed each takes several times its size.
  const announced = request.headers['content-length']
  await options.memory.reserve(announced === undefined ? options.limit : Number(announced), options.busyMs)
  const hash = createHash('sha256')
  // Decoded while it comes: 16 MB would otherwise lie in memory as bytes and as text.
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (chunk?: Buffer) => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()
    } catch {
      throw new Refused({ kind: 'malformed', message: 'The body is not valid UTF-8.' })
    }
  }
  let text = ''
  let size = 0
  await readChunks(request, response, options.idleMs, (chunk) => {
    size += chunk.length
    if (size > options.limit) throw tooLarge(options.limit)
    hash.update(chunk)
    text += decode(chunk)
  })
  text += decode()
  return size === 0 ? null : { text, sha256: hash.digest('hex') }
}

export function mayHaveBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    (headers['content-length'] !== undefined && headers['content-length'] !== '0')
  )
}

export function tooLarge(limit: number): Refused {
  return new Refused({ kind: 'too-large', message: `The body is larger than ${limit} bytes.` })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
