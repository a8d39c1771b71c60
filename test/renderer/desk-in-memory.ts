import { cleanup, render } from '@testing-library/svelte'
import type { Component } from 'svelte'
import { onTestFinished, vi } from 'vitest'
import type { Core } from '../../src-main/contract/core.ts'
import { Desk } from '../../src-renderer/state/desk.svelte.ts'
import { coreInMemory } from './core-in-memory.ts'
import WithDesk from './WithDesk.svelte'

/** A part of the page in jsdom, its desk over a core that answers what is given. */
export function renderPart<P extends Record<string, unknown>>(
  part: Component<P>,
  given: Partial<Core>,
  props?: P,
) {
  fillIn()
  const memory = coreInMemory(given)
  const desk = new Desk(memory.line)
  const view = render(WithDesk, { desk, part, ...(props ? { given: props } : {}) })
  onTestFinished(() => {
    cleanup()
    desk.close()
  })
  return { ...memory, desk, view }
}

/** What jsdom leaves out and the page uses: media queries, the top layer, scrolling, measuring. Nothing has a size. */
function fillIn(): void {
  vi.stubGlobal('matchMedia', (media: string) => ({
    media,
    matches: true,
    addEventListener: () => {},
    removeEventListener: () => {},
  }))
  const none = () => {}
  for (const name of ['showPopover', 'scrollIntoView', 'scrollTo', 'showModal'])
    if (!(name in HTMLElement.prototype)) Object.defineProperty(HTMLElement.prototype, name, { value: none })
  const rects = () => Object.assign([], { item: () => null })
  for (const owner of [Range.prototype, HTMLElement.prototype, Text.prototype])
    Object.defineProperty(owner, 'getClientRects', { value: rects, configurable: true })
  Object.defineProperty(Range.prototype, 'getBoundingClientRect', {
    value: () => new DOMRect(),
    configurable: true,
  })
  vi.stubGlobal(
    'DOMRect',
    class {
      left = 0
      top = 0
      right = 0
      bottom = 0
      width = 0
      height = 0
    },
  )
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  )
  document.elementFromPoint = () => null
}
