import { untrack } from 'svelte'

/** Acts once now and each time `read` gives something else; only what `read` reads counts. For component setup. */
export function whenChanged(read: () => unknown, act: () => void): void {
  $effect(() => {
    read()
    untrack(act)
  })
}
