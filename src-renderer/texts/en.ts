import { compose } from './en/compose.ts'
import { customer } from './en/customer.ts'
import { desk } from './en/desk.ts'
import { settings } from './en/settings.ts'
import { thread } from './en/thread.ts'

/** Every text of the page, in English. One file per part of the desk. */
export const en = { ...desk, ...thread, ...compose, ...customer, ...settings } as const
