/** The few causes the desk tells apart. The code is for programs; the message tells the agent what to do. */
export type CoreErrorCode =
  | 'not-found'
  | 'invalid' // a request the schema or a rule refuses
  | 'conflict' // somebody else changed it first
  | 'stale-reply' // a newer customer message stands in the thread
  | 'unresolved-code' // a field code would leave the desk unrendered
  | 'recipients' // no recipient, or one that can't be reached
  | 'too-late' // an undo after its time
  | 'attachment-missing' // a blob that should be there isn't
  | 'refused' // a server's certain no: password, certificate, address
  | 'unreachable' // host, port, network
  | 'disk' // full, read-only, corrupt
  | 'sample' // not on the sample desk
  | 'busy' // the store didn't come to it in time; nothing was done
  | 'locked' // a second desk on the same data
  | 'newer-database' // written by a newer Workbin
  | 'closed'
  | 'internal'

/** The only error that crosses the contract. `detail` is plain data for the page, by code. */
export class CoreError extends Error {
  override readonly name = 'CoreError'
  readonly code: CoreErrorCode
  readonly detail: unknown

  constructor(code: CoreErrorCode, message: string, options: { cause?: unknown; detail?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.detail = options.detail ?? null
  }
}

/** For the default of a switch over a union: a member that was forgotten is a type error. */
export function assertNever(value: never): never {
  throw new CoreError('internal', `Workbin met a case it doesn't know: ${JSON.stringify(value)}`)
}
