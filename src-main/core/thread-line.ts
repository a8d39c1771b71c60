import { fromPlain, type PlainError, toPlain } from '../contract/rpc.ts'
import { CoreError } from '../contract/errors.ts'

/** One end of a line between two threads: a Worker, its parentPort or a MessagePort. */
export interface ThreadEnd {
  postMessage(message: unknown, transfer?: readonly never[]): void
  on(event: 'message', listener: (message: unknown) => void): unknown
}

type Calls = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>

/** Asks the far thread, where `T` is what it answers to. */
export interface Far<T extends Calls> {
  call<K extends keyof T & string>(name: K, ...args: Parameters<T[K]>): ReturnType<T[K]>
  /** Fails everything under way: the far thread is gone. */
  cut(reason: string): void
}

interface Message {
  readonly line: 'call' | 'value' | 'error'
  readonly id: number
  readonly name?: string
  readonly args?: readonly unknown[]
  readonly value?: unknown
  readonly error?: PlainError
}

/**
 * Joins two threads of this program: each side answers its own calls and asks the other's. Both ends are ours,
 * so arguments aren't checked against schemas here; what comes from the page is, in contract/rpc.ts.
 */
export function joinThreads<Theirs extends Calls>(end: ThreadEnd, ours: Calls): Far<Theirs> {
  let lastId = 0
  const waiting = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (e: Error) => void }
  >()

  end.on('message', (message) => {
    if (!isMessage(message)) return
    if (message.line === 'call') {
      const { id } = message
      const work = ours[message.name ?? '']
      const answer = work
        ? Promise.resolve().then((): unknown => Reflect.apply(work, null, [...(message.args ?? [])]))
        : Promise.reject(new CoreError('internal', `No call named ${message.name ?? ''}.`))
      answer.then(
        (value: unknown) => end.postMessage({ line: 'value', id, value }),
        (error: unknown) => end.postMessage({ line: 'error', id, error: toPlain(error) }),
      )
      return
    }
    const call = waiting.get(message.id)
    if (!call) return
    waiting.delete(message.id)
    if (message.error) call.reject(fromPlain(message.error))
    else call.resolve(message.value)
  })

  return {
    call<K extends keyof Theirs & string>(name: K, ...args: Parameters<Theirs[K]>): ReturnType<Theirs[K]> {
      const answer = new Promise<unknown>((resolve, reject) => {
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        end.postMessage({ line: 'call', id, name, args })
      })
      // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the far thread runs the same build, so its table's type holds
      return answer as ReturnType<Theirs[K]>
    },
    cut(reason) {
      const calls = [...waiting.values()]
      waiting.clear()
      for (const { reject } of calls) reject(new CoreError('closed', reason))
    },
  }
}

function isMessage(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'line' in message && 'id' in message
}
