import { onTestFinished, expect, it, vi } from 'vitest'
import { openLine, type PreloadPipe } from '../../src-renderer/port.ts'
import { Desk } from '../../src-renderer/state/desk.svelte.ts'
import { THREAD } from './core-in-memory.ts'

/** The desk over a host's pipe; `say` is the host speaking. */
function deskOverPipe() {
  vi.stubGlobal('matchMedia', () => ({ matches: true, addEventListener() {}, removeEventListener() {} }))
  const listeners: ((message: unknown) => void)[] = []
  const workbin: PreloadPipe = {
    post() {},
    onMessage: (listener) => void listeners.push(listener),
  }
  vi.stubGlobal('workbin', workbin)
  const desk = new Desk(openLine(window))
  onTestFinished(() => {
    desk.close()
    vi.unstubAllGlobals()
  })
  return {
    desk,
    say(message: unknown) {
      for (const listener of listeners) listener(message)
    },
  }
}

it('a click on a notification opens its thread, from wherever the desk is', () => {
  const { desk, say } = deskOverPipe()
  desk.openSettings()
  say({ open: { thread: THREAD } })
  expect(desk.thread.id).toBe(THREAD)
  expect(desk.screen).toBe('desk')
  expect(desk.pane).toBe('thread')
})

it.each([{ open: THREAD }, { open: { thread: 7 } }, { open: { thread: THREAD, more: 1 } }, 'open', null])(
  'what is no request to open a thread opens nothing: %j',
  (message) => {
    const { desk, say } = deskOverPipe()
    say(message)
    expect(desk.thread.id).toBeNull()
  },
)

it('a closed desk opens nothing any more', () => {
  const { desk, say } = deskOverPipe()
  desk.close()
  say({ open: { thread: THREAD } })
  expect(desk.thread.id).toBeNull()
})
