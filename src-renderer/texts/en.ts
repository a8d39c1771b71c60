import { apis } from './en/apis.ts'
import { compose } from './en/compose.ts'
import { customer } from './en/customer.ts'
import { desk } from './en/desk.ts'
import { remotes } from './en/remotes.ts'
import { settings } from './en/settings.ts'
import { thread } from './en/thread.ts'

/** Every text of the page, in English. One file per part of the desk. */
export const en = { ...desk, ...thread, ...compose, ...customer, ...settings, ...apis, ...remotes } as const
