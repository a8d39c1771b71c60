import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { placeWindow, readWindowState, writeWindowState } from '../../../src-main/hosts/window-state.ts'

const dir = mkdtempSync(join(tmpdir(), 'window-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const main = { x: 0, y: 25, width: 1920, height: 1055 }
const left = { x: -1280, y: 0, width: 1280, height: 1024 }
const at = (x: number, y: number, width = 1000, height = 700) => ({
  bounds: { x, y, width, height },
  maximized: false,
})
const centred = { x: 320, y: 123, width: 1280, height: 860 }

describe('where the window opens', () => {
  it('is the middle of the main screen the first time', () => {
    expect(placeWindow(null, [main])).toEqual(centred)
  })

  it('fits a small screen', () => {
    expect(placeWindow(null, [{ x: 0, y: 0, width: 1024, height: 600 }])).toEqual({
      x: 0,
      y: 0,
      width: 1024,
      height: 600,
    })
  })

  it.each([
    ['where it was', at(100, 100), { x: 100, y: 100, width: 1000, height: 700 }],
    ['where it was on the other screen', at(-1200, 50), { x: -1200, y: 50, width: 1000, height: 700 }],
    ['half out to the right', at(1500, 300), { x: 1500, y: 300, width: 1000, height: 700 }],
    ['the middle where its screen is gone', at(5000, 100), centred],
    ['the middle where only an edge would show', at(1900, 100), centred],
    ['the middle where its title bar would be above', at(100, -200), centred],
    ['the middle where it would be below', at(100, 1060), centred],
    [
      'where it was, but no smaller than it works',
      at(10, 30, 200, 150),
      { x: 10, y: 30, width: 320, height: 400 },
    ],
  ])('is %s', (_what, state, bounds) => {
    expect(placeWindow(state, [main, left])).toEqual(bounds)
  })
})

describe('the file that keeps it', () => {
  it('gives back what was written, and nothing for nonsense', () => {
    const file = join(dir, 'window.json')
    expect(readWindowState(file)).toBeNull()
    writeWindowState(file, at(1, 2))
    expect(readWindowState(file)).toEqual(at(1, 2))
    for (const text of [
      '',
      '{',
      '{"bounds":{"x":"a"}}',
      '{"bounds":{"x":0,"y":0,"width":0,"height":5},"maximized":false}',
    ]) {
      writeFileSync(file, text)
      expect(readWindowState(file)).toBeNull()
    }
  })

  it('that can’t be written is done without', () => {
    expect(() => writeWindowState(join(dir, 'no/such/window.json'), at(1, 2))).not.toThrow()
  })
})
