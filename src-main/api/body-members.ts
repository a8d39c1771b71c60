/** What the members of a body are checked with. */

/** Words for a missing and for a wrong member, as a parameter of its schema. */
export function takes(what: string) {
  return {
    error: ({ input }: { input?: unknown }) => (input === undefined ? 'is required' : `takes ${what}`),
  }
}

/** A JSON object, whatever its keys. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `type/subtype` with parameters or without (RFC 9110, 8.3.1), fit to stand in a header. */
export function isMediaType(value: string): boolean {
  return value.length <= 255 && /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?$/.test(value)
}
