import { fireEvent, screen } from '@testing-library/svelte'
import { expect, it } from 'vitest'
import type { Message } from '../../../src-main/contract/domain.ts'
import { cameBy } from '../../../src-renderer/thread/came-by.ts'
import ThreadPane from '../../../src-renderer/thread/ThreadPane.svelte'
import { message, THREAD, thread } from '../core-in-memory.ts'
import { renderPart } from '../desk-in-memory.ts'

async function shown(part: Partial<Message>) {
  const page = renderPart(ThreadPane, {
    thread: async () => thread({ messages: [{ ...message(THREAD), ...part }] }),
    messageBody: async () => ({
      interaction_id: THREAD,
      text: 'Hello',
      html: null,
      quote_at: null,
      inline: [],
    }),
  })
  page.desk.openThread(THREAD)
  await screen.findByText('Hello')
  return page
}

it.each([
  ['in', { read: false, deleted: false }, 'Secure mail'],
  ['in', { read: true, deleted: false }, 'Secure mail, read by the customer'],
  ['out', { read: false, deleted: false }, 'Secure mail, not read by the customer'],
  ['out', { read: true, deleted: false }, 'Secure mail, read by the customer'],
  ['out', { read: true, deleted: true }, 'Secure mail, deleted by the customer'],
] as const)(
  'a secure mail says so, and what the customer did with it: %s %j',
  async (direction, state, words) => {
    await shown({ direction, secure: { address: 'ann@x.test', box: 'Vault1', ...state } })
    expect(screen.getByText(words).parentElement?.title).toBe('Box Vault1')
  },
)

it('ordinary mail carries no such mark', async () => {
  await shown({})
  expect(screen.queryByText(/Secure mail/u)).toBeNull()
})

it('the details say which API or remote a message came by', async () => {
  await shown({
    came_by_api: 'api:email/sales',
    secure: { address: 'ann@x.test', box: '', read: false, deleted: false },
  })
  await fireEvent.click(screen.getByTitle('Addresses and details'))
  screen.getByText('Web form (GMS), service sales')
  screen.getByText('Secure mailbox of ann@x.test')
})

it('every way in has its words, and one that nobody knows stands as it is', () => {
  expect(
    [
      'api:email',
      'api:contacts',
      'api:securemail',
      'api:activity',
      'api:interactions',
      'remote:crm',
      'x',
    ].map(cameBy),
  ).toEqual([
    'Web form (GMS)',
    'Conversations (contacts/email)',
    'Secure mail API',
    'Activity response',
    'Interactions API',
    'Remote crm',
    'x',
  ])
})
