import { fireEvent, screen, waitFor } from '@testing-library/svelte'
import { beforeEach, expect, it } from 'vitest'
import type { Draft } from '../../../src-main/contract/domain.ts'
import ComposerDock from '../../../src-renderer/compose/ComposerDock.svelte'
import { DRAFT, draft, draftStore, thread, THREAD } from '../core-in-memory.ts'
import { renderPart } from '../desk-in-memory.ts'

beforeEach(() => localStorage.clear())

const OUTBOX = '01890000-0000-7000-8000-0000000000ff'

async function composer(part: Partial<Draft>) {
  const store = draftStore(draft({ format: 'plain', ...part }))
  const page = renderPart(ComposerDock, {
    draft: store.draft,
    saveDraft: (request) => store.saveDraft(request),
    startDraft: store.draft,
    startRemoteDraft: store.draft,
    thread: async () => thread(),
    messageBody: async () => ({ interaction_id: THREAD, text: '', html: null, quote_at: null, inline: [] }),
    send: async () => ({
      outbox_id: OUTBOX,
      interaction_id: '0aB3dE5fG7hJ9kL9',
      thread_id: THREAD,
      due_at: Date.now() + 10_000,
      undo_id: null,
    }),
  })
  await page.desk.compose.openDraft(DRAFT)
  const body = await screen.findByRole('textbox', { name: 'Message text' })
  return { ...page, store, body }
}
type Page = Awaited<ReturnType<typeof composer>>
const sends = (page: Page) => page.asked.filter(({ method }) => method === 'send')

async function openHead() {
  await fireEvent.click(screen.getByRole('button', { name: /Edit recipients/u }))
}
async function sendIt(page: Page) {
  await fireEvent.keyDown(page.body, { key: 'Enter', ctrlKey: true })
}
const through = (target: NonNullable<Draft['remote']>, part: Partial<Draft> = {}): Partial<Draft> => ({
  kind: 'new',
  thread_id: null,
  parent_id: null,
  account_id: 'remote:portal',
  remote: target,
  to: [],
  subject: 'Your statement',
  ...part,
})

it('an answer to a secure mail names the mailbox, not an address to send to', async () => {
  const page = await composer({ secure: { address: 'ann@x.test', box: 'Vault1' } })
  screen.getByText('This goes to the secure mailbox of ann@x.test, box Vault1, and not by e-mail.')
  screen.getByText('Secure answer')
  await openHead()
  screen.getByText('Secure mailbox of ann@x.test, box Vault1')
  expect(screen.queryByRole('combobox')).toBeNull()
  for (const name of ['Add Cc', 'Add Bcc']) expect(screen.queryByRole('button', { name })).toBeNull()
  await sendIt(page)
  await waitFor(() => expect(sends(page)).toHaveLength(1))
})

it('an answer to an activity needs no recipient', async () => {
  const page = await composer(through({ kind: 'activity-response', activity_id: '1001', customer: '1000' }))
  screen.getByText('This answers activity 1001 at portal and does not go by e-mail.')
  await openHead()
  screen.getByText('Activity 1001, for customer 1000')
  screen.getByText('portal')
  await sendIt(page)
  await waitFor(() => expect(sends(page)).toHaveLength(1))
})

it('a mail into a remote mailbox says where it goes', async () => {
  await composer(through({ kind: 'secure-mail', address: 'ann@x.test', box: '', parent_id: null }))
  screen.getByText('New secure mail')
  screen.getByText('This goes to a secure mailbox at portal and not by e-mail.')
  screen.getByText('to Secure mailbox of ann@x.test at portal')
})

it('a web form has one recipient, and is sent once it has', async () => {
  const page = await composer(
    through({ kind: 'gms-email' }, { to: [{ address: 'a@x.test' }, { address: 'b@x.test' }] }),
  )
  await sendIt(page)
  await screen.findByText('A web form has one recipient. Remove the others.')
  expect(sends(page)).toEqual([])
  await fireEvent.click(screen.getByRole('button', { name: 'Remove b@x.test' }))
  await sendIt(page)
  await waitFor(() => expect(sends(page)).toHaveLength(1))
})

it('a web form without a recipient is not sent', async () => {
  const page = await composer(through({ kind: 'gms-email' }))
  await sendIt(page)
  await screen.findByText('Nobody to send it to. Add a recipient.')
  expect(sends(page)).toEqual([])
})

it('ordinary mail says nothing of the kind', async () => {
  await composer({})
  expect(screen.queryByText(/not by e-mail/u)).toBeNull()
  screen.getByText('Reply')
})

it('a remote draft that was discarded elsewhere is kept as a new one for the same place', async () => {
  const target = { kind: 'activity-response', activity_id: '1001', customer: null } as const
  const page = await composer(through(target))
  await page.desk.compose.keepAsNew()
  expect(page.asked.find(({ method }) => method === 'startRemoteDraft')?.request).toEqual({
    remote_id: 'portal',
    target,
    to: [],
    subject: 'Your statement',
  })
})
