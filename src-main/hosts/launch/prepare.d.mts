/** What tests use of the launchers. */
export const root: string
export function ensureBuilt(): Promise<void>
export function ensureInstalled(): Promise<void>
export function isInstalled(): boolean
export function electronProgram(): string | null
export function findNode(): { program: string; env: Record<string, string> }
