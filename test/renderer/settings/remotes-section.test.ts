import { fireEvent, screen, waitFor } from '@testing-library/svelte'
import { expect, it } from 'vitest'
import type { RemoteState, RemoteTest } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import RemotesSection from '../../../src-renderer/settings/RemotesSection.svelte'
import { renderPart } from '../desk-in-memory.ts'
import { remote } from '../other-systems.ts'

function section(first: readonly RemoteState[], test: RemoteTest = { ok: true, steps: [] }) {
  const store = { remotes: first }
  const page = renderPart(RemotesSection, {
    remotes: async () => store.remotes,
    testRemote: async () => test,
    saveRemote: async () => null,
    syncRemote: async () => null,
    removeRemote: async ({ id }) => {
      store.remotes = store.remotes.filter((one) => one.id !== id)
      return null
    },
  })
  return { ...page, store }
}
type Page = ReturnType<typeof section>
const asked = (page: Page, method: string) =>
  page.asked.filter((call) => call.method === method).map(({ request }) => request)
const click = async (name: string) =>
  await fireEvent.click(await screen.findByRole('button', { name, hidden: true }))

it('each remote says how it is, what it is owed and what is wrong', async () => {
  section([
    remote('crm', 'interactions', { connection: 'waiting', problem: 'Nothing listens there.' }),
    remote('analytics', 'contacts-email', { owed: { waiting: 1_200, failed: 2 }, connection: 'failed' }),
  ])
  await screen.findByText('Nothing listens there.')
  expect(screen.getByText(/Not reached, tried again by itself/u)).toBeTruthy()
  expect(screen.getByText(/1,200 owed/u)).toBeTruthy()
  expect(screen.getByText('2 refused')).toBeTruthy()
})

it('only what a remote can do is offered', async () => {
  const page = section([
    remote('crm', 'interactions'),
    remote('portal', 'secure-mail'),
    remote('webform', 'gms-email'),
  ])
  await click('Look now: crm')
  expect(asked(page, 'syncRemote')).toEqual([{ id: 'crm' }])
  expect(screen.queryByRole('button', { name: 'Look now: portal' })).toBeNull()
  expect(screen.queryByRole('button', { name: 'Open a mailbox: crm' })).toBeNull()
  await click('Open a mailbox: portal')
  expect([page.desk.screen, page.desk.mailboxRemote]).toEqual(['mailbox', 'portal'])
})

it('a test says step by step what was seen, and offers to trust a certificate', async () => {
  const page = section([remote('portal', 'secure-mail')], {
    ok: false,
    steps: [
      { step: 'address', ok: true, message: 'The address names remote.test.' },
      { step: 'certificate', ok: false, message: 'Nobody known vouches for it.' },
    ],
    certificate: {
      subject: 'remote.test',
      issuer: 'remote.test',
      valid_to: '2027-01-01',
      fingerprint256: 'AA:BB',
    },
  })
  await click('Edit portal')
  await click('Test')
  await screen.findByText('Nobody known vouches for it.')
  expect(screen.getByText('Certificate', { selector: '.server' })).toBeTruthy()
  await click('Trust this certificate')
  // The fingerprint is in its field; it isn't one that can be, so the field says so.
  await screen.findByText('Enter PEM text, or a fingerprint of 64 hexadecimal digits.')
  expect(asked(page, 'testRemote')).toHaveLength(1)
})

it('a key that isn’t typed is not sent, one that is typed is', async () => {
  const page = section([remote('portal', 'secure-mail')])
  await click('Edit portal')
  await click('Save remote')
  await waitFor(() => expect(asked(page, 'saveRemote')).toHaveLength(1))
  expect(asked(page, 'saveRemote')[0]).not.toHaveProperty('key')
  await click('Edit portal')
  await fireEvent.input(screen.getByLabelText('Key or token'), { target: { value: 'new' } })
  await click('Save remote')
  await waitFor(() => expect(asked(page, 'saveRemote')[1]).toMatchObject({ id: 'portal', key: 'new' }))
})

it('a new remote is asked for what its kind needs, at the fields', async () => {
  const page = section([])
  await screen.findByText('No remote system is set up.')
  await click('Add a remote')
  await fireEvent.change(screen.getByLabelText('Kind'), { target: { value: 'contacts-email' } })
  await click('Save remote')
  expect(screen.getAllByText('Tenant, organisation and category are needed.')).toHaveLength(3)
  expect(screen.getByLabelText('Name').getAttribute('aria-invalid')).toBe('true')
  expect(asked(page, 'saveRemote')).toEqual([])
  for (const [label, value] of [
    ['Name', 'analytics'],
    ['Address', 'https://remote.test'],
    ['Tenant', 'Acme'],
    ['Organisation', 'Sales'],
    ['Category', 'Leads'],
  ] as const)
    await fireEvent.input(screen.getByLabelText(label), { target: { value } })
  await fireEvent.click(screen.getByLabelText('Support'))
  await click('Save remote')
  await waitFor(() =>
    expect(asked(page, 'saveRemote')).toMatchObject([
      { id: 'analytics', kind: 'contacts-email', options: { tenantName: 'Acme', queues: ['Support'] } },
    ]),
  )
})

it('a remote is removed after a question', async () => {
  const page = section([remote('portal', 'secure-mail')])
  await click('Edit portal')
  await click('Remove remote…')
  expect(asked(page, 'removeRemote')).toEqual([])
  await click('Remove remote')
  await waitFor(() => expect(asked(page, 'removeRemote')).toEqual([{ id: 'portal' }]))
  await screen.findByText('No remote system is set up.')
})

it('a list that can’t be read says why, here and nowhere else', async () => {
  const page = renderPart(RemotesSection, {
    remotes: () => Promise.reject(new CoreError('internal', 'The stored settings can’t be read.')),
  })
  await screen.findByText('The stored settings can’t be read.')
  expect(page.desk.problem).toBeNull()
})
