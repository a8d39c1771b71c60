import { setFlagsFromString } from 'node:v8'
import { createContext, Script } from 'node:vm'

/** Below this a body is cleared with everything else, in time. */
const LARGE = 1_048_576

let collect: (() => void) | null = null

/**
 * After a large body, of so many bytes, clears this thread's memory with the next turn. V8 sees no hurry while its heap
 * is below its limit: 30 bodies of 16 MB, one after the other, left 145 MB behind; cleared at once they leave 85.
 */
export function clearAfter(bytes: number): void {
  if (bytes >= LARGE) setImmediate((collect ??= collector()))
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  // A context that is made after the flag was set has the function.
  const script = new Script('gc()')
  const context = createContext()
  return () => void script.runInContext(context)
}
