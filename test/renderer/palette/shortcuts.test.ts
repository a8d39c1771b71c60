import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Command, isTyping, listen } from '../../../src-renderer/palette/shortcuts.ts'

let ran: string[] = []
let stop = () => {}
const command = (id: string, keys: string[], more: Partial<Command> = {}): Command => ({
  id,
  label: id,
  group: 'work',
  keys,
  run: () => ran.push(id),
  ...more,
})
const commands = [
  command('reply', ['r']),
  command('in-progress', ['g i']),
  command('info', ['i']),
  command('never', ['n'], { enabled: () => false }),
  command('palette', ['$mod+k'], { whileTyping: true }),
  command('help', ['[Shift]+?']),
]

beforeEach(() => {
  ran = []
  document.body.innerHTML = `
    <button id="button">x</button><input id="input"><input id="check" type="checkbox">
    <div id="editor" contenteditable="true"><p id="inside">x</p></div>
    <div role="menu"><div id="item" tabindex="0">x</div></div><dialog open><p id="dialog" tabindex="0">x</p></dialog>`
  // jsdom has no isContentEditable.
  Object.defineProperty(document.getElementById('inside'), 'isContentEditable', { value: true })
  stop = listen(window, () => commands)
})
afterEach(() => stop())

function press(key: string, on = 'button', more: KeyboardEventInit = {}) {
  const event = new KeyboardEvent('keydown', {
    key,
    code: `Key${key.toUpperCase()}`,
    bubbles: true,
    cancelable: true,
    ...more,
  })
  document.getElementById(on)?.dispatchEvent(event)
  return event
}

it('a key runs its command', () => {
  expect(press('r').defaultPrevented).toBe(true)
  expect(ran).toEqual(['reply'])
})

it.each(['input', 'inside', 'item', 'dialog'])('typing in %s triggers nothing', (place) => {
  press('r', place)
  expect(ran).toEqual([])
})

it('a checkbox is no text field', () => {
  press('r', 'check')
  expect(ran).toEqual(['reply'])
})

it('Ctrl+K works while typing too', () => {
  press('k', 'input', { ctrlKey: true })
  press('k', 'inside', { ctrlKey: true })
  expect(ran).toEqual(['palette', 'palette'])
})

it('a sequence runs its own command, not that of its last key', () => {
  press('g')
  press('i')
  expect(ran).toEqual(['in-progress'])
  press('i')
  expect(ran).toEqual(['in-progress', 'info'])
})

it('a key with Ctrl is not the key alone', () => {
  press('r', 'button', { ctrlKey: true })
  expect(ran).toEqual([])
})

it('a command that can’t be done now leaves the key to others', () => {
  expect(press('n').defaultPrevented).toBe(false)
  expect(ran).toEqual([])
})

it('a character is found with and without Shift, as keyboards differ', () => {
  press('?', 'button', { shiftKey: true })
  press('?')
  expect(ran).toEqual(['help', 'help'])
})

it('nothing but elements can be typed into', () => {
  expect(isTyping(window)).toBe(false)
  expect(isTyping(null)).toBe(false)
})
