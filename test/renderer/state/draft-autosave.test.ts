import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { DraftPatch } from '../../../src-main/contract/core.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { DraftAutosave, type SaveState } from '../../../src-renderer/state/draft-autosave.ts'
import { journalIn } from '../../../src-renderer/state/draft-journal.ts'
import { draft, DRAFT, draftStore, storageInMemory } from '../core-in-memory.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function page(store: ReturnType<typeof draftStore>, storage = storageInMemory(), opened = store.held) {
  const states: SaveState['kind'][] = []
  const adopted: DraftPatch[] = []
  const autosave = new DraftAutosave(opened, {
    core: store,
    journal: journalIn(storage),
    onState: ({ kind }) => states.push(kind),
    onAdopt: (patch) => {
      if (Object.keys(patch).length > 0) adopted.push(patch)
    },
  })
  return { autosave, states, adopted, storage }
}

it('what is typed is saved once, after a pause', async () => {
  const store = draftStore()
  const { autosave, states, storage } = page(store)
  for (const text of ['H', 'He', 'Hel']) {
    autosave.change({ text })
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(store.saves).toBe(0)
  await vi.advanceTimersByTimeAsync(400)
  expect({ saves: store.saves, text: store.held.text, left: storage.length }).toEqual({
    saves: 1,
    text: 'Hel',
    left: 0,
  })
  expect(states.at(-1)).toBe('saved')
})

it('typing without a pause is saved all the same', async () => {
  const store = draftStore()
  const { autosave } = page(store)
  for (let i = 0; i < 30; i++) {
    autosave.change({ text: `word ${String(i)}` })
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(store.saves).toBeGreaterThan(0)
})

it('a flush saves at once, with the revision that the send needs', async () => {
  const store = draftStore()
  const { autosave } = page(store)
  autosave.change({ subject: 'Your order' })
  expect(await autosave.flush()).toBe(true)
  expect([store.held.subject, autosave.revision]).toEqual(['Your order', 2])
})

it('what is typed while a save is under way is saved by the next one', async () => {
  const store = draftStore()
  const { autosave } = page(store)
  autosave.change({ text: 'one' })
  const saving = autosave.flush()
  autosave.change({ text: 'one two' })
  await saving
  await vi.advanceTimersByTimeAsync(400)
  expect([store.held.text, store.held.revision]).toEqual(['one two', 3])
})

it('a page that dies before its save leaves every word to the next page', async () => {
  const store = draftStore()
  const storage = storageInMemory()
  const first = page(store, storage)
  first.autosave.change({ text: 'Dear Ann' })
  first.autosave.stop(false)

  const second = page(store, storage)
  expect(second.autosave.recover(store.held)).toEqual({ text: 'Dear Ann' })
  await vi.advanceTimersByTimeAsync(0)
  expect({ text: store.held.text, left: storage.length }).toEqual({ text: 'Dear Ann', left: 0 })
})

it('text written while the line is down is kept, and saved when it is back', async () => {
  const store = draftStore()
  const { autosave, states, storage } = page(store)
  const { saveDraft } = store
  store.saveDraft = () => Promise.reject(new CoreError('closed', 'The desk was disconnected.'))
  autosave.change({ text: 'offline' })
  expect(await autosave.flush()).toBe(false)
  expect([states.at(-1), storage.length]).toEqual(['waiting', 1])
  store.saveDraft = saveDraft
  await vi.advanceTimersByTimeAsync(1_000)
  expect([store.held.text, states.at(-1), storage.length]).toEqual(['offline', 'saved', 0])
})

it('a save whose answer got lost is recognised and is no conflict', async () => {
  const store = draftStore()
  const { autosave, states } = page(store)
  store.afterCommit = () => {
    throw new CoreError('closed', 'The line broke after the commit.')
  }
  autosave.change({ text: 'first', html: '<p>first</p>' })
  await autosave.flush()
  autosave.change({ text: 'first and more', html: '<p>first and more</p>' })
  await autosave.flush()
  expect([store.held.text, states.at(-1)]).toEqual(['first and more', 'saved'])
  expect(states).not.toContain('conflict')
})

it('a save whose answer was lost with its page is recognised by the next page', async () => {
  const store = draftStore()
  const storage = storageInMemory()
  const first = page(store, storage)
  store.afterCommit = () => {
    throw new CoreError('closed', 'Killed.')
  }
  first.autosave.change({ text: 'one' })
  await first.autosave.flush()
  first.autosave.change({ text: 'one two' })
  first.autosave.stop(false)

  const second = page(store, storage)
  second.autosave.recover(store.held)
  await vi.advanceTimersByTimeAsync(0)
  expect([store.held.text, second.states.at(-1)]).toEqual(['one two', 'saved'])
})

it('an attachment that came meanwhile is no conflict', async () => {
  const store = draftStore()
  const { autosave, states } = page(store)
  store.held = { ...store.held, revision: 2 }
  autosave.change({ text: 'see the file' })
  await autosave.flush()
  expect([store.held.text, store.held.revision, states.at(-1)]).toEqual(['see the file', 3, 'saved'])
})

it('another window’s subject and this window’s text both stay', async () => {
  const store = draftStore()
  const { autosave, adopted } = page(store)
  store.held = { ...store.held, subject: 'From the other window', revision: 2 }
  autosave.change({ text: 'from this one' })
  await autosave.flush()
  expect([store.held.subject, store.held.text]).toEqual(['From the other window', 'from this one'])
  expect(adopted).toEqual([{ subject: 'From the other window' }])
})

it('the same text changed in two windows asks, and keeps both until the answer', async () => {
  const store = draftStore()
  const { autosave, states, storage } = page(store)
  store.held = { ...store.held, text: 'theirs', revision: 2 }
  autosave.change({ text: 'mine' })
  expect(await autosave.flush()).toBe(false)
  expect([states.at(-1), store.held.text, storage.length]).toEqual(['conflict', 'theirs', 1])
  await autosave.keepMine()
  expect([store.held.text, autosave.state.kind]).toEqual(['mine', 'saved'])
})

it('in a conflict the other text can be taken', async () => {
  const store = draftStore()
  const { autosave, adopted, storage } = page(store)
  store.held = { ...store.held, text: 'theirs', revision: 2 }
  autosave.change({ text: 'mine' })
  await autosave.flush()
  autosave.takeTheirs()
  expect([adopted.at(-1)?.text, autosave.state.kind, storage.length]).toEqual(['theirs', 'saved', 0])
})

it('a draft that is gone is said to be gone, and its text stays', async () => {
  const store = draftStore()
  const { autosave, states, storage } = page(store)
  store.saveDraft = () => Promise.reject(new CoreError('not-found', 'There is no such draft.'))
  autosave.change({ text: 'last words' })
  expect(await autosave.flush()).toBe(false)
  expect([states.at(-1), journalIn(storage).read(DRAFT)?.patch]).toEqual(['gone', { text: 'last words' }])
})

it('a sent draft leaves nothing behind', () => {
  const store = draftStore()
  const { autosave, storage } = page(store)
  autosave.change({ text: 'sent' })
  autosave.stop(true)
  expect(storage.length).toBe(0)
})

it('a journal that is older than what the core holds isn’t applied over it', () => {
  const store = draftStore()
  const storage = storageInMemory()
  const first = page(store, storage)
  first.autosave.change({ text: 'old words' })
  first.autosave.stop(false)
  store.held = draft({ text: 'newer words of another window', revision: 4 })

  const second = page(store, storage)
  second.autosave.recover(store.held)
  expect([second.states.at(-1), store.held.text]).toEqual(['conflict', 'newer words of another window'])
})
