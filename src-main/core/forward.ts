import { CoreError } from '../contract/errors.ts'

/**
 * An object with `shape`'s functions, each handed on to whatever `current` gives at the time of the call;
 * `around`, where given, stands around every call.
 */
export function forward<T extends object>(
  current: () => T,
  shape: T,
  around: (call: () => unknown) => unknown = (call) => call(),
): T {
  const handed: Record<string, unknown> = {}
  for (const name of Object.keys(shape))
    handed[name] = (...args: unknown[]): unknown =>
      around(() => {
        const target: object = current()
        const work: unknown = Reflect.get(target, name)
        if (typeof work !== 'function') throw new CoreError('internal', `Workbin has no ${name}.`)
        return Reflect.apply(work, target, args)
      })
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- built member by member from T's own keys
  return handed as T
}
