import { type KeybindingsMap, tinykeys } from 'tinykeys'
import type { Component } from 'svelte'
import type { LucideProps } from '@lucide/svelte'

/** One thing the desk can do, wherever it is asked for: by key, in the palette, in the help. */
export interface Command {
  readonly id: string
  readonly label: string
  readonly group: 'work' | 'write' | 'go' | 'desk'
  readonly icon?: Component<LucideProps>
  /** In tinykeys' notation; the first one is shown. A sequence has a space: `g i`. */
  readonly keys?: readonly string[]
  /** Works while typing in a field too; for keys with Ctrl only. */
  readonly whileTyping?: boolean
  /** Not in the palette: it makes sense only as a key. */
  readonly keyOnly?: boolean
  /** Whether it can be done now; left out: always. */
  readonly enabled?: () => boolean
  run(): void
}

/** Whether keys typed at `target` are text, or belong to a menu or dialog that is open. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false
  if (target.closest('[role="menu"], [role="combobox"], dialog')) return true
  if (target instanceof HTMLElement && target.isContentEditable) return true
  const field = target.closest('input, textarea, select, [contenteditable]')
  if (!field) return false
  if (field.getAttribute('contenteditable') === 'false') return false
  return !(
    field instanceof HTMLInputElement && ['checkbox', 'radio', 'button', 'submit'].includes(field.type)
  )
}

/**
 * The keys of all commands as one map for tinykeys. Sequences come first: tinykeys stops at the first that is
 * complete, so that the `i` of `g i` isn't taken for a command of its own.
 */
export function bindings(commands: () => readonly Command[]): KeybindingsMap {
  const entries = commands().flatMap(({ id, keys = [] }) => keys.map((key) => ({ id, key })))
  entries.sort((a, b) => b.key.split(' ').length - a.key.split(' ').length)
  return Object.fromEntries(
    entries.map(({ id, key }) => [
      key,
      (event: KeyboardEvent) => {
        const command = commands().find((candidate) => candidate.id === id)
        if (!command || event.defaultPrevented || event.isComposing) return
        if (isTyping(event.target) && !command.whileTyping) return
        if (command.enabled && !command.enabled()) return
        event.preventDefault()
        command.run()
      },
    ]),
  )
}

/** Listens for the commands' keys until the returned function is called. */
export function listen(target: Window | HTMLElement, commands: () => readonly Command[]): () => void {
  // tinykeys' own filter would swallow Ctrl+K inside the composer; bindings() knows which keys are text.
  return tinykeys(target, bindings(commands), { ignore: () => false })
}
