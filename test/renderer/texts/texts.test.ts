import { expect, it } from 'vitest'
import { en } from '../../../src-renderer/texts/en.ts'
import { apis } from '../../../src-renderer/texts/en/apis.ts'
import { compose } from '../../../src-renderer/texts/en/compose.ts'
import { customer } from '../../../src-renderer/texts/en/customer.ts'
import { desk } from '../../../src-renderer/texts/en/desk.ts'
import { remotes } from '../../../src-renderer/texts/en/remotes.ts'
import { settings } from '../../../src-renderer/texts/en/settings.ts'
import { thread } from '../../../src-renderer/texts/en/thread.ts'
import { t } from '../../../src-renderer/texts/texts.ts'

it('holes are filled, numbers as the locale writes them', () => {
  expect(t('sync.progress', { folder: 'INBOX', done: 1_240, total: 5_000 })).toBe('INBOX 1,240 of 5,000')
})

it('the plural form follows the count', () => {
  expect(t('list.count', { count: 1 })).toBe('1 thread')
  expect(t('list.count', { count: 2 })).toBe('2 threads')
})

it('no part of the desk overwrites another’s text', () => {
  const parts = [desk, thread, compose, customer, settings, apis, remotes].map(
    (part) => Object.keys(part).length,
  )
  expect(Object.keys(en).length).toBe(parts.reduce((sum, count) => sum + count, 0))
})
