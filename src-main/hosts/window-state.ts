import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

export interface Bounds {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const boundsSchema = z.object({ x: z.int(), y: z.int(), width: z.int().min(1), height: z.int().min(1) })
const stateSchema = z.object({ bounds: boundsSchema, maximized: z.boolean() })
export type WindowState = z.output<typeof stateSchema>

/** The smallest window in which the desk works, in pixels. */
export const SMALLEST = { width: 320, height: 400 } as const
const USUAL = { width: 1280, height: 860 } as const
/** So much of the window must be on a screen for its owner to find and move it. */
const VISIBLE = 120

/** Where the window was when it was closed last; null where that isn't known. */
export function readWindowState(file: string): WindowState | null {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}

/** Keeps where the window is. A disk that is full costs only this. */
export function writeWindowState(file: string, state: WindowState): void {
  try {
    writeFileSync(file, `${JSON.stringify(state)}\n`, { mode: 0o600 })
  } catch {
    // The window opens in its usual place next time.
  }
}

/** Where to open the window on the screens there are now (work areas, the main one first). */
export function placeWindow(state: WindowState | null, screens: readonly Bounds[]): Bounds {
  const [main] = screens
  if (state && screens.some((screen) => showsEnough(state.bounds, screen)))
    return {
      ...state.bounds,
      width: Math.max(state.bounds.width, SMALLEST.width),
      height: Math.max(state.bounds.height, SMALLEST.height),
    }
  if (!main) return { x: 0, y: 0, ...USUAL }
  const width = Math.min(USUAL.width, main.width)
  const height = Math.min(USUAL.height, main.height)
  return {
    x: main.x + Math.round((main.width - width) / 2),
    y: main.y + Math.round((main.height - height) / 2),
    width,
    height,
  }
}

function showsEnough(window: Bounds, screen: Bounds): boolean {
  const across = Math.min(window.x + window.width, screen.x + screen.width) - Math.max(window.x, screen.x)
  const down = Math.min(window.y + window.height, screen.y + screen.height) - Math.max(window.y, screen.y)
  // The title bar is at the top: it must be there too.
  return across >= VISIBLE && down >= VISIBLE && window.y >= screen.y - 8
}
