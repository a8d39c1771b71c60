/** Asks again until `fact` gives something other than undefined, null or false. Throws with `what` at the deadline. */
export async function until<T>(
  what: string,
  fact: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  deadline = 20_000,
): Promise<T> {
  const end = performance.now() + deadline
  let last: unknown = null
  while (performance.now() < end) {
    try {
      const found = await fact()
      if (found !== undefined && found !== null && found !== false) return found
      last = null
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`Not within ${deadline} ms: ${what}`, { cause: last })
}
