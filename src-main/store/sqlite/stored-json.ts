/** Reads a JSON column that only this engine writes, so its shape is known without checking it again. */
export function readJson<T>(text: string): T {
  // The one cast of the engine's own documents; everything from outside is checked before it is stored.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as T
}

/** The same for a column that may be empty. */
export function readJsonOr<T>(text: string | null, otherwise: T): T {
  return text === null ? otherwise : readJson<T>(text)
}
