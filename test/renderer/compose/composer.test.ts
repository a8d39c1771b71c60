import { fireEvent, screen, waitFor } from '@testing-library/svelte'
import { beforeEach, expect, it } from 'vitest'
import { CoreError } from '../../../src-main/contract/errors.ts'
import ComposerDock from '../../../src-renderer/compose/ComposerDock.svelte'
import { DRAFT, draft, draftStore, message, overview, THREAD, thread } from '../core-in-memory.ts'
import { renderPart } from '../desk-in-memory.ts'

const OUTBOX = '01890000-0000-7000-8000-0000000000ff'
const RESPONSE = '01890000-0000-7000-8000-0000000000aa'

beforeEach(() => localStorage.clear())

function composer(first = draft({ format: 'plain' }), given: Parameters<typeof renderPart>[1] = {}) {
  const store = draftStore(first)
  const page = renderPart(ComposerDock, {
    draft: store.draft,
    saveDraft: (request) => store.saveDraft(request),
    startDraft: store.draft,
    thread: async () => thread(),
    messageBody: async () => ({
      interaction_id: THREAD,
      text: 'Hello',
      html: null,
      quote_at: null,
      inline: [],
    }),
    send: async () => ({
      outbox_id: OUTBOX,
      interaction_id: '0aB3dE5fG7hJ9kL9',
      thread_id: THREAD,
      due_at: Date.now() + 10_000,
      undo_id: null,
    }),
    ...given,
  })
  return { ...page, store }
}

async function openReply(page: ReturnType<typeof composer>) {
  page.desk.openThread(THREAD)
  await page.desk.compose.open('reply', THREAD)
  await waitFor(() => expect(page.desk.thread.detail).not.toBeNull())
  return await screen.findByRole('textbox', { name: 'Message text' })
}

const asked = (page: ReturnType<typeof composer>, method: string) =>
  page.asked.filter((call) => call.method === method)

it('what is written is saved, and sent with the revision it was saved as', async () => {
  const page = composer()
  const body = await openReply(page)
  await fireEvent.input(body, { target: { value: 'Dear Ann, it is on its way.' } })
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await waitFor(() => expect(asked(page, 'send')).toHaveLength(1))
  expect(asked(page, 'send')[0]?.request).toEqual({ draft_id: DRAFT, revision: 2, done: null, seen: THREAD })
  expect(page.store.held.text).toBe('Dear Ann, it is on its way.')
  await waitFor(() => expect(screen.queryByRole('region', { name: 'Composer' })).toBeNull())
})

it('Ctrl+Shift+Enter sends and marks done in one step', async () => {
  const page = composer()
  const body = await openReply(page)
  await fireEvent.input(body, { target: { value: 'Done.' } })
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true, shiftKey: true })
  await waitFor(() =>
    expect(asked(page, 'send')[0]?.request).toMatchObject({ done: { disposition_id: null } }),
  )
})

it('a subject of the customer promises no file', async () => {
  const page = composer(draft({ format: 'plain', subject: 'Re: The attachment of the poles' }))
  const body = await openReply(page)
  await fireEvent.input(body, { target: { value: 'They fit.' } })
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await waitFor(() => expect(asked(page, 'send')).toHaveLength(1))
})

it('a file that is announced and missing is asked about once', async () => {
  const page = composer()
  const body = await openReply(page)
  await fireEvent.input(body, { target: { value: 'The invoice is attached.' } })
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await screen.findByText('You wrote “attached”, but nothing is attached.')
  expect(asked(page, 'send')).toHaveLength(0)
  await fireEvent.click(screen.getByRole('button', { name: 'Send without' }))
  await waitFor(() => expect(asked(page, 'send')).toHaveLength(1))
})

it('an empty subject is asked about, nobody to send to is not sent', async () => {
  const page = composer(draft({ format: 'plain', subject: '', to: [] }))
  const body = await openReply(page)
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await screen.findByText('Nobody to send it to. Add a recipient.')
  const to = screen.getByRole('combobox', { name: 'To' })
  await fireEvent.input(to, { target: { value: 'ann@x.test' } })
  await fireEvent.keyDown(to, { key: 'Enter' })
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await screen.findByText('The subject is empty.')
  expect(asked(page, 'send')).toHaveLength(0)
})

it('a wrong address is marked and stops the send', async () => {
  const page = composer(draft({ format: 'plain', to: [{ address: 'ann@x' }, { address: 'nobody' }] }))
  const body = await openReply(page)
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await screen.findByText('Not an e-mail address: nobody. Correct or remove it.')
  expect(screen.getByRole('button', { name: 'nobody: not an e-mail address' })).toBeTruthy()
})

it('a field code without a value stops the send and can be selected', async () => {
  const page = composer(draft({ format: 'plain', text: 'Dear <$Contact.FirstName$>,' }))
  const body = await openReply(page)
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await fireEvent.click(
    await screen.findByRole('button', { name: 'Select <$Contact.FirstName$> in the text' }),
  )
  expect(body).toMatchObject({ selectionStart: 5, selectionEnd: 26 })
})

it('a newer message of the customer is shown beside the draft and must be seen before sending', async () => {
  let messages = [message(THREAD)]
  const page = composer(draft({ format: 'plain' }), { thread: async () => thread({ messages }) })
  const body = await openReply(page)
  await fireEvent.input(body, { target: { value: 'On its way.' } })
  const newer = '0aB3dE5fG7hJ9kL2'
  messages = [...messages, message(newer)]
  page.tell({ threads: [THREAD] })
  await screen.findByText(`Ann Lee wrote again: “Text of ${newer}”`)
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  expect(asked(page, 'send')).toHaveLength(0)
  await fireEvent.click(screen.getByRole('button', { name: 'Show it' }))
  await fireEvent.click(await screen.findByRole('button', { name: 'Send anyway' }))
  await waitFor(() => expect(asked(page, 'send')[0]?.request).toMatchObject({ seen: newer }))
})

it('what the core refuses is said beside the draft, which stays', async () => {
  const page = composer(draft({ format: 'plain' }), {
    send: () =>
      Promise.reject(new CoreError('attachment-missing', 'The file plan.pdf is gone. Attach it again.')),
  })
  const body = await openReply(page)
  await fireEvent.keyDown(body, { key: 'Enter', ctrlKey: true })
  await screen.findByText('The file plan.pdf is gone. Attach it again.')
  expect(screen.getByRole('region', { name: 'Composer' })).toBeTruthy()
})

it('a draft that was begun and never written in leaves nothing behind', async () => {
  const page = composer(undefined, { discardDraft: async () => ({ undo_id: null }) })
  await openReply(page)
  page.desk.compose.close()
  await waitFor(() => expect(asked(page, 'discardDraft')).toHaveLength(1))
})

it('a draft that was written in is kept when it is closed', async () => {
  const page = composer()
  const body = await openReply(page)
  await fireEvent.input(body, { target: { value: 'half a sen' } })
  await fireEvent.keyDown(body, { key: 'Escape' })
  await waitFor(() => expect(page.store.held.text).toBe('half a sen'))
  expect(asked(page, 'discardDraft')).toHaveLength(0)
})

it('what was written while the desk was cut off is saved when the line is back', async () => {
  const page = composer()
  const body = await openReply(page)
  page.become('offline')
  await fireEvent.input(body, { target: { value: 'written offline' } })
  await page.desk.compose.flush()
  await screen.findByText('Kept on this computer')
  page.become('online')
  await waitFor(() => expect(page.store.held.text).toBe('written offline'))
})

it('a draft can be taken up again after the page died', async () => {
  const dead = composer()
  const body = await openReply(dead)
  await fireEvent.input(body, { target: { value: 'before the crash' } })
  dead.become('offline')
  dead.view.unmount()

  const page = composer()
  await waitFor(() => expect(page.store.held.text).toBe('before the crash'))
})

it('a response is inserted at the cursor and kept with the draft', async () => {
  const page = composer(draft({ format: 'plain', subject: '', text: '\n\n-- \nAda' }), {
    responses: async () => ({
      categories: [],
      responses: [
        {
          id: RESPONSE,
          category_id: null,
          name: 'On its way',
          language: 'en',
          status: 'approved',
          position: 0,
          snippet: '',
          used: 0,
        },
      ],
    }),
    renderResponse: async () => ({
      id: RESPONSE,
      subject: 'Your parcel',
      html: '<p>It is on its way.</p>',
      text: 'It is on its way.',
      unresolved: [],
    }),
  })
  const body = await openReply(page)
  if (!(body instanceof HTMLTextAreaElement)) throw new Error('The plain body is a text area.')
  body.setSelectionRange(0, 0)
  await fireEvent.keyDown(body, { key: ';', ctrlKey: true })
  // jsdom knows no top layer and takes the list for hidden.
  const search = await screen.findByRole('combobox', { name: 'Search standard responses', hidden: true })
  await screen.findByRole('option', { name: /On its way/, hidden: true })
  await fireEvent.keyDown(search, { key: 'Enter' })
  await waitFor(() => expect(page.desk.compose.current?.text).toBe('It is on its way.\n\n-- \nAda'))
  await page.desk.compose.flush()
  expect(page.store.held).toMatchObject({ subject: 'Your parcel', standard_response_ids: [RESPONSE] })
})

it('the sender is offered only where there are several', async () => {
  const account = {
    connection: 'online',
    problem: null,
    syncing: null,
    last_sync: null,
    folders: [],
  } as const
  const page = composer(draft({ format: 'plain' }), {
    overview: async () =>
      overview({
        accounts: [
          { ...account, account_id: 'support', address: 'support@desk.test' },
          { ...account, account_id: 'sales', address: 'sales@desk.test' },
        ],
      }),
  })
  await openReply(page)
  await fireEvent.click(screen.getByRole('button', { name: /Edit recipients/ }))
  const from = screen.getByRole('combobox', { name: 'From' })
  await fireEvent.change(from, { target: { value: 'sales' } })
  await page.desk.compose.flush()
  expect(page.store.held.account_id).toBe('sales')
})

it('changing between rich and plain keeps every word', async () => {
  const page = composer(
    draft({
      format: 'rich',
      html: '<p>Dear <strong>Ann</strong>,</p><p>yes.</p>',
      text: 'Dear Ann,\n\nyes.',
    }),
  )
  await openReply(page)
  await fireEvent.click(screen.getByRole('button', { name: 'Change to plain text' }))
  expect(page.desk.compose.current).toMatchObject({ format: 'plain', text: 'Dear Ann,\n\nyes.' })
  await fireEvent.click(screen.getByRole('button', { name: 'Change to rich text' }))
  expect(page.desk.compose.current).toMatchObject({ format: 'rich', html: '<p>Dear Ann,</p><p>yes.</p>' })
})
