import { z } from 'zod'
import { type Changes, type Core, type Method, requests } from './core.ts'
import { CoreError, type CoreErrorCode } from './errors.ts'

/** One line between two sides: a MessagePort, the preload pipe, a WebSocket. Messages arrive in order. */
export interface Port {
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
}

const callSchema = z.strictObject({ id: z.int().min(0), method: z.string().max(64), request: z.unknown() })

const answerSchema = z.union([
  z.strictObject({ id: z.int(), value: z.unknown() }),
  z.strictObject({
    id: z.int(),
    error: z.strictObject({ code: z.string(), message: z.string(), detail: z.unknown() }),
  }),
  z.strictObject({ changes: z.custom<Changes>((value) => typeof value === 'object' && value !== null) }),
])

function isMethod(name: string): name is Method {
  return Object.hasOwn(requests, name)
}

/**
 * Answers the calls that come over `port` with `core`, each request checked against its schema first.
 * A message that is no call is dropped: it has no id to answer. Returns the way to stop sending changes.
 */
export function serve(core: Core, port: Port): () => void {
  port.onMessage((message) => {
    const call = callSchema.safeParse(message)
    if (!call.success) return
    const { id, method } = call.data
    answer(core, method, call.data.request).then(
      (value) => port.post({ id, value }),
      (error: unknown) => port.post({ id, error: toPlain(error) }),
    )
  })
  return core.onChanges((changes) => port.post({ changes }))
}

async function answer(core: Core, method: string, request: unknown): Promise<unknown> {
  if (!isMethod(method)) throw new CoreError('invalid', `Workbin has no request named “${method}”.`)
  return await dispatch(core, method, request)
}

async function dispatch<M extends Method>(core: Core, method: M, request: unknown): Promise<unknown> {
  const parsed = z.safeParse(requests[method], request)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new CoreError(
      'invalid',
      `${method}.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`,
    )
  }
  // The table pairs each schema with its method; TypeScript can't follow a union through an index.
  const call: (request: never) => Promise<unknown> = core[method]
  return await Reflect.apply(call, core, [parsed.data])
}

/** An error as plain data for any line; what isn't a CoreError keeps its secrets. */
export function toPlain(error: unknown): PlainError {
  if (error instanceof CoreError) return { code: error.code, message: error.message, detail: error.detail }
  return {
    code: 'internal',
    message: 'Something went wrong inside Workbin. What you did was not saved; the log says more.',
    detail: null,
  }
}

export interface PlainError {
  readonly code: string
  readonly message: string
  readonly detail: unknown
}

/** The far side's error, made whole again. */
export function fromPlain({ code, message, detail }: PlainError): CoreError {
  return new CoreError(isCode(code) ? code : 'internal', message, { detail })
}

const codes: ReadonlySet<string> = new Set<CoreErrorCode>([
  'not-found',
  'invalid',
  'conflict',
  'stale-reply',
  'unresolved-code',
  'recipients',
  'too-late',
  'attachment-missing',
  'refused',
  'unreachable',
  'disk',
  'sample',
  'locked',
  'newer-database',
  'closed',
  'internal',
])
function isCode(code: string): code is CoreErrorCode {
  return codes.has(code)
}

/** The far side's core over `port`. A call whose line was cut rejects with `closed` when `cut` is called. */
export interface Connection {
  readonly core: Core
  /** Fails what is under way: the line is gone. New calls work again as soon as the port does. */
  cut(): void
}

export function connect(port: Port): Connection {
  let lastId = 0
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: CoreError) => void }>()
  const listeners = new Set<(changes: Changes) => void>()

  port.onMessage((message) => {
    const parsed = answerSchema.safeParse(message)
    if (!parsed.success) return
    const answer = parsed.data
    if ('changes' in answer) {
      for (const listener of listeners) listener(answer.changes)
      return
    }
    const call = waiting.get(answer.id)
    if (!call) return
    waiting.delete(answer.id)
    if ('error' in answer) call.reject(fromPlain(answer.error))
    else call.resolve(answer.value)
  })

  const call = (method: Method, request: unknown) =>
    new Promise<unknown>((resolve, reject) => {
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      port.post({ id, method, request })
    })

  const methods: Record<string, unknown> = {
    onChanges: (listener: (changes: Changes) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  for (const method of Object.keys(requests))
    if (isMethod(method)) methods[method] = (request: unknown) => call(method, request)

  return {
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- made from the table of requests itself
    core: methods as unknown as Core,
    cut() {
      const calls = [...waiting.values()]
      waiting.clear()
      for (const { reject } of calls)
        reject(new CoreError('closed', 'The desk was disconnected. It reconnects by itself; try again then.'))
    },
  }
}
