import type { Component } from 'svelte'
import type { LucideProps } from '@lucide/svelte'

/** One line of a menu, or a line between groups, or a group's heading. */
export type MenuItem =
  | {
      readonly label: string
      readonly onselect: () => void
      readonly icon?: Component<LucideProps>
      /** As shown, e.g. `Ctrl+K`. */
      readonly shortcut?: string
      readonly danger?: boolean
      readonly disabled?: boolean
      /** Present: the item is one of several choices; true is the one that holds. */
      readonly checked?: boolean
    }
  | 'separator'
  | { readonly heading: string }
