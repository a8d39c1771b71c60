/** What this computer remembers about the desk's looks; never anything from a mail. */

const prefix = 'workbin.'

/** The remembered choice, where it is still one of `choices`. */
export function recall<T extends string>(name: string, choices: readonly T[], otherwise: T): T {
  const value = read(name)
  return choices.find((choice) => choice === value) ?? otherwise
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(prefix + name, value)
  } catch {
    // Storage can be full or forbidden; looks that aren't remembered are no loss.
  }
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name)
  } catch {
    return null
  }
}
