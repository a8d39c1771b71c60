import { fireEvent, screen, waitFor } from '@testing-library/svelte'
import { expect, it } from 'vitest'
import type { Core } from '../../../src-main/contract/core.ts'
import type { RemoteState } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import ContactCard from '../../../src-renderer/contacts/ContactCard.svelte'
import { THREAD, thread } from '../core-in-memory.ts'
import { renderPart } from '../desk-in-memory.ts'
import { remote } from '../other-systems.ts'

const head = { id: '1000', first_name: 'Ann', last_name: 'Lee', name: 'Ann Lee', address: 'ann@x.test' }

async function card(remotes: readonly RemoteState[], pullCustomer?: Core['pullCustomer']) {
  const page = renderPart(ContactCard, {
    remotes: async () => remotes,
    thread: async () => thread({ contact: head }),
    contact: async () => ({ ...head, title: '', phone: '', note: '', addresses: ['ann@x.test'], threads: 1 }),
    contactHistory: async () => ({ rows: [], next: null, total: 0 }),
    ...(pullCustomer ? { pullCustomer } : {}),
  })
  page.desk.openThread(THREAD)
  await screen.findByRole('button', { name: 'Write e-mail' })
  return page
}
const button = async (name: string) => await screen.findByRole('button', { name, hidden: true })

it('a history is offered only where a remote store of interactions is set up', async () => {
  await card([remote('portal', 'secure-mail')])
  expect(screen.queryByRole('button', { name: /Take over history/u })).toBeNull()
})

it('a customer’s history is taken over, by the number there', async () => {
  const page = await card([remote('crm', 'interactions')], async () => ({ stored: 12, changed: 1 }))
  await fireEvent.click(await button('Take over history from crm…'))
  const number = screen.getByLabelText('Customer’s number there')
  expect(number).toHaveProperty('value', '1000')
  await fireEvent.input(number, { target: { value: 'c-77' } })
  await fireEvent.click(await button('Take over'))
  await screen.findByText('12 taken over, 1 brought up to date.')
  expect(page.asked.find(({ method }) => method === 'pullCustomer')?.request).toEqual({
    remote_id: 'crm',
    customer_id: 'c-77',
  })
})

it('why it could not be taken over is said beside the question', async () => {
  const page = await card([remote('crm', 'interactions')], () =>
    Promise.reject(new CoreError('unreachable', 'Nothing listens at crm.test.')),
  )
  await fireEvent.click(await button('Take over history from crm…'))
  await fireEvent.click(await button('Take over'))
  await screen.findByText('Nothing listens at crm.test.')
  await waitFor(() => expect(page.desk.problem).toBeNull())
})
