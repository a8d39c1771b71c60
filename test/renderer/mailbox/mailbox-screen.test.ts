import { fireEvent, screen, waitFor } from '@testing-library/svelte'
import { expect, it, vi } from 'vitest'
import type { Core } from '../../../src-main/contract/core.ts'
import type { RemoteMail } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import MailboxScreen from '../../../src-renderer/mailbox/MailboxScreen.svelte'
import { draft } from '../core-in-memory.ts'
import { renderPart } from '../desk-in-memory.ts'
import { remote, remoteHead, remoteMail } from '../other-systems.ts'

function shown(
  options: { markRead?: boolean } = {},
  mail: Partial<RemoteMail> = {},
  given: Partial<Core> = {},
) {
  return renderPart(MailboxScreen, {
    remotes: async () => [remote('portal', 'secure-mail', { options: { securebox: 'Vault1', ...options } })],
    remoteMails: async () => ({ mails: [remoteHead(0), remoteHead(1, { read: true })], more: false }),
    countRemoteMails: async () => ({ count: 2 }),
    remoteMail: async ({ id, open }) => remoteMail(Number(id.slice(5)), { read: open, ...mail }),
    remoteMailUserData: async () => ({ udata: { plan: 'gold', tags: ['a', 1] } }),
    removeRemoteMail: async () => null,
    startRemoteDraft: async ({ remote_id, target, subject }) =>
      draft({
        kind: 'new',
        thread_id: null,
        parent_id: null,
        account_id: `remote:${remote_id}`,
        remote: target,
        subject,
      }),
    ...given,
  })
}
type Page = ReturnType<typeof shown>
const asked = (page: Page, method: string) =>
  page.asked.filter((call) => call.method === method).map(({ request }) => request)
const button = async (name: string | RegExp) => await screen.findByRole('button', { name, hidden: true })

async function open(page: Page, address = 'ann@x.test') {
  await waitFor(() => expect(page.desk.remotes.known).toBe(true))
  await fireEvent.input(screen.getByLabelText('Customer’s address'), { target: { value: address } })
  await fireEvent.click(await button('Show'))
}
async function look(page: Page) {
  await open(page)
  const list = await screen.findByRole('listbox', { name: 'Mails in the mailbox' })
  await screen.findAllByRole('option')
  await fireEvent.keyDown(list, { key: 'ArrowDown' })
  await screen.findByText('Text of 0')
  return list
}

it('an address is looked into with its box, and what is no address isn’t', async () => {
  const page = shown()
  await open(page, 'nobody')
  await screen.findByText('This is not an e-mail address.')
  expect(asked(page, 'remoteMails')).toEqual([])
  await fireEvent.input(screen.getByLabelText('Box'), { target: { value: 'Vault1' } })
  await open(page)
  await screen.findByText('2 mails')
  expect(asked(page, 'remoteMails')).toMatchObject([{ address: 'ann@x.test', box: 'Vault1', status: 'all' }])
})

it('moving through the list looks at mails and opens none', async () => {
  const page = shown({ markRead: true })
  const list = await look(page)
  await fireEvent.keyDown(list, { key: 'j' })
  await screen.findByText('Text of 1')
  await fireEvent.keyDown(list, { key: 'Enter' })
  expect(asked(page, 'remoteMail')).toEqual([
    { remote_id: 'portal', id: 'mail-0', open: false },
    { remote_id: 'portal', id: 'mail-1', open: false },
  ])
})

it('a mail is opened by its button, where opening marks it read there', async () => {
  const page = shown({ markRead: true })
  await look(page)
  await fireEvent.click(await button('Open and mark read'))
  await waitFor(() =>
    expect(asked(page, 'remoteMail')).toContainEqual({ remote_id: 'portal', id: 'mail-0', open: true }),
  )
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Open and mark read' })).toBeNull())
})

it('elsewhere it is marked read by a deed of its own', async () => {
  const page = shown()
  await look(page)
  expect(screen.queryByRole('button', { name: 'Open and mark read' })).toBeNull()
  await fireEvent.click(await button('Mark read'))
  await waitFor(() =>
    expect(asked(page, 'removeRemoteMail')).toEqual([{ remote_id: 'portal', id: 'mail-0', how: 'read' }]),
  )
})

it.each([
  ['Delete…', 'Delete', 'delete'],
  ['Purge…', 'Purge for ever', 'purge'],
])('%s asks first', async (ask, act, how) => {
  const page = shown()
  await look(page)
  await fireEvent.click(await button(ask))
  expect(asked(page, 'removeRemoteMail')).toEqual([])
  await fireEvent.click(await button(act))
  await waitFor(() =>
    expect(asked(page, 'removeRemoteMail')).toEqual([{ remote_id: 'portal', id: 'mail-0', how }]),
  )
})

it('user data is shown when it is asked for', async () => {
  const page = shown()
  await look(page)
  expect(asked(page, 'remoteMailUserData')).toEqual([])
  const details = screen.getByText('User data').closest('details')
  if (!details) throw new Error('User data is folded.')
  details.open = true
  await fireEvent(details, new Event('toggle'))
  await screen.findByText('gold')
  screen.getByText('["a",1]')
})

it('r answers, and the composer has the mail', async () => {
  const page = shown()
  const list = await look(page)
  await fireEvent.keyDown(list, { key: 'r' })
  await waitFor(() => expect(page.desk.screen).toBe('desk'))
  expect(page.desk.compose.current?.subject).toBe('Re: Statement 0')
  expect(page.desk.compose.current?.remote).toEqual({
    id: 'portal',
    target: { kind: 'secure-mail', address: 'ann@x.test', box: '', parent_id: 'mail-0' },
  })
})

it('HTML is shown sanitised in its frame, and its remote pictures can’t be loaded', async () => {
  const html = '<p onclick="x()">Hello</p><script>bad()</script><img src="https://spy.test/x.png">'
  const page = shown({}, { html })
  await open(page)
  const list = await screen.findByRole('listbox', { name: 'Mails in the mailbox' })
  await screen.findAllByRole('option')
  await fireEvent.keyDown(list, { key: 'ArrowDown' })
  const frame = await screen.findByTitle('Text of the mail from ann@x.test')
  expect(frame.getAttribute('sandbox')).toBe('allow-same-origin')
  const source = frame.getAttribute('srcdoc') ?? ''
  expect(source).toContain('Hello')
  expect(source).not.toMatch(/<script|onclick|src="https:/u)
  screen.getByText('1 remote image is not loaded.')
  expect(screen.queryByRole('button', { name: 'Load' })).toBeNull()
})

it('what a remote refuses is said in its place, with the way out', async () => {
  const answer = vi
    .fn<Core['remoteMails']>()
    .mockRejectedValueOnce(
      new CoreError('refused', 'The remote refused the key. Enter it again under Settings.'),
    )
    .mockResolvedValueOnce({ mails: [remoteHead(0)], more: false })
  const page = shown({}, {}, { remoteMails: answer })
  await open(page)
  await screen.findByText('The remote refused the key. Enter it again under Settings.')
  await fireEvent.click(await button('Try again'))
  await screen.findByRole('option')
  expect(page.desk.problem).toBeNull()
})

it('an empty mailbox and a remote that is gone say so', async () => {
  const page = shown({}, {}, { remoteMails: async () => ({ mails: [], more: false }) })
  await open(page)
  await screen.findByText('There is no mail in this mailbox.')
  await fireEvent.click(await button('Unread'))
  await screen.findByText('There is no unread mail in this mailbox.')
  page.view.unmount()
  shown({}, {}, { remotes: async () => [] })
  await screen.findByText('This remote is no longer set up.')
})
