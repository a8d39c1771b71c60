import { expect, it, vi } from 'vitest'
import type { Core } from '../../../src-main/contract/core.ts'
import type { RemoteMailHead } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { Desk } from '../../../src-renderer/state/desk.svelte.ts'
import { coreInMemory } from '../core-in-memory.ts'
import { remoteHead, remoteMail } from '../other-systems.ts'

const place = { remoteId: 'portal', address: 'ann@x.test', box: '' }

/** A mailbox there, with what was done to it. */
function mailboxOf(count: number, given: Partial<Core> = {}) {
  vi.stubGlobal('matchMedia', () => ({ matches: true, addEventListener() {}, removeEventListener() {} }))
  const there = {
    mails: Array.from<unknown, RemoteMailHead>({ length: count }, (_, number) => remoteHead(number)),
  }
  const memory = coreInMemory({
    remoteMails: async ({ index, count: many, status }) => {
      const found = there.mails.filter(({ read }) => status === 'all' || read === (status === 'read'))
      return { mails: found.slice(index, index + many), more: found.length > index + many }
    },
    countRemoteMails: async () => ({ count: there.mails.length }),
    remoteMail: async ({ id, open }) => remoteMail(Number(id.slice(5)), { id, read: open }),
    remoteMailUserData: async ({ id }) => ({ udata: { of: id } }),
    removeRemoteMail: async ({ id, how }) => {
      if (how !== 'read') there.mails = there.mails.filter((mail) => mail.id !== id)
      return null
    },
    ...given,
  })
  const desk = new Desk(memory.line)
  const opens = () =>
    memory.asked.flatMap(({ method, request }) =>
      method === 'remoteMail' ? [(request as { open: boolean }).open] : [],
    )
  return { ...memory, desk, mailbox: desk.mailbox, there, opens }
}

const settled = () => new Promise((resolve) => setTimeout(resolve))

it('the mailbox is asked for page by page, as far as it is looked at', async () => {
  const { mailbox, asked } = mailboxOf(120)
  mailbox.show(place)
  await settled()
  expect([mailbox.mails.length, mailbox.more, mailbox.count]).toEqual([50, true, 120])
  mailbox.see(20)
  await settled()
  expect(mailbox.mails).toHaveLength(50)
  mailbox.see(45)
  mailbox.see(48)
  await settled()
  mailbox.see(99)
  await settled()
  expect([mailbox.mails.length, mailbox.more]).toEqual([120, false])
  expect(asked.filter(({ method }) => method === 'remoteMails').map(({ request }) => request)).toEqual(
    [0, 50, 100].map((index) => ({
      remote_id: 'portal',
      address: 'ann@x.test',
      box: '',
      status: 'all',
      index,
      count: 50,
    })),
  )
})

it('a mail that comes while pages are read is not shown twice', async () => {
  const { mailbox, there } = mailboxOf(60)
  mailbox.show(place)
  await settled()
  there.mails = [remoteHead(999), ...there.mails]
  mailbox.see(50)
  await settled()
  const ids = mailbox.mails.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

it('looking never opens, opening does and shows it read', async () => {
  const { mailbox, opens } = mailboxOf(3)
  mailbox.show(place)
  await settled()
  mailbox.look('mail-1')
  await settled()
  mailbox.look('mail-1')
  mailbox.look('mail-2')
  await settled()
  expect(opens()).toEqual([false, false])
  expect(mailbox.head?.read).toBe(false)
  await mailbox.openMail('mail-2')
  expect(opens()).toEqual([false, false, true])
  expect([mailbox.head?.id, mailbox.head?.read]).toEqual(['mail-2', true])
})

it('under “unread” a mail that is marked read stays in sight and is counted off', async () => {
  const { mailbox } = mailboxOf(3)
  mailbox.setFilter('unread')
  mailbox.show(place)
  await settled()
  mailbox.look('mail-0')
  await settled()
  await mailbox.remove('mail-0', 'read')
  expect([mailbox.mails.length, mailbox.count, mailbox.head?.read]).toEqual([3, 2, true])
})

it('what is deleted or purged leaves the list, and the next mail is looked at', async () => {
  const { mailbox, opens } = mailboxOf(3)
  mailbox.show(place)
  await settled()
  mailbox.look('mail-1')
  await settled()
  expect(await mailbox.remove('mail-1', 'purge')).toBe(true)
  await settled()
  expect([mailbox.mails.map(({ id }) => id), mailbox.chosen, mailbox.count]).toEqual([
    ['mail-0', 'mail-2'],
    'mail-2',
    2,
  ])
  expect(opens()).toEqual([false, false])
})

it('a deed that fails changes nothing here and says why', async () => {
  const { mailbox, desk } = mailboxOf(2, {
    removeRemoteMail: () => Promise.reject(new CoreError('refused', 'The key may not purge.')),
  })
  mailbox.show(place)
  await settled()
  mailbox.look('mail-1')
  await settled()
  expect(await mailbox.remove('mail-1', 'purge')).toBe(false)
  expect([mailbox.mails.length, mailbox.chosen, desk.problem]).toEqual([
    2,
    'mail-1',
    'The key may not purge.',
  ])
})

it('an error stands where the list is, and trying again goes on', async () => {
  let down = true
  const { mailbox } = mailboxOf(1, {
    remoteMails: async () => {
      if (down) throw new CoreError('unreachable', 'Nothing listens at remote.test.')
      return { mails: [remoteHead(1)], more: false }
    },
  })
  mailbox.show(place)
  await settled()
  expect([mailbox.problem, mailbox.asking, mailbox.known]).toEqual([
    'Nothing listens at remote.test.',
    false,
    false,
  ])
  down = false
  mailbox.goOn()
  await settled()
  expect([mailbox.problem, mailbox.mails.length]).toEqual([null, 1])
})

it('user data is asked for when it is wanted, and forgotten with its mail', async () => {
  const { mailbox, asked } = mailboxOf(2)
  mailbox.show(place)
  await settled()
  mailbox.look('mail-0')
  await settled()
  expect(asked.some(({ method }) => method === 'remoteMailUserData')).toBe(false)
  mailbox.loadUserData()
  await settled()
  expect(mailbox.userData).toEqual({ of: 'mail-0' })
  mailbox.look('mail-1')
  expect(mailbox.userData).toBeNull()
})

it('an answer goes into the same mailbox, below the mail that it answers', async () => {
  const { mailbox, desk, asked } = mailboxOf(2)
  desk.openMailbox('portal')
  mailbox.show({ ...place, box: 'Vault1' })
  await settled()
  mailbox.look('mail-1')
  await settled()
  await mailbox.answer()
  expect(asked.find(({ method }) => method === 'startRemoteDraft')?.request).toEqual({
    remote_id: 'portal',
    target: { kind: 'secure-mail', address: 'ann@x.test', box: 'Vault1', parent_id: 'mail-1' },
    to: [{ address: 'ann@x.test' }],
    subject: 'Re: Statement 1',
  })
  // Nobody answered in this test, so the agent stays where the mail is.
  expect(desk.screen).toBe('mailbox')
})
