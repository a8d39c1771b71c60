import { fireEvent, screen, waitFor, within } from '@testing-library/svelte'
import { expect, it, vi } from 'vitest'
import type { ApisState } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import type { ApiSettings } from '../../../src-main/contract/settings.ts'
import ApisSection from '../../../src-renderer/settings/ApisSection.svelte'
import { renderPart } from '../desk-in-memory.ts'
import { apiKey, apisState, refusal, served } from '../other-systems.ts'

function section(first: ApisState = apisState(), settings: ApiSettings = { enabled: true }) {
  const store = { state: first, settings }
  const page = renderPart(ApisSection, {
    apis: async () => store.state,
    apiSettings: async () => store.settings,
    saveApiSettings: async (given) => {
      store.settings = given
      return null
    },
    setApisPaused: async ({ paused }) => {
      store.settings = { ...store.settings, paused }
      return null
    },
    makeApiKey: async (input) => ({ key: 'wb_secret', made: apiKey(77, { name: input.name }) }),
    revokeApiKey: async ({ id }) => {
      store.state = { ...store.state, keys: store.state.keys.filter((key) => key.id !== id) }
      return null
    },
  })
  return { ...page, store }
}
type Page = ReturnType<typeof section>
const asked = (page: Page, method: string) =>
  page.asked.filter((call) => call.method === method).map(({ request }) => request)

const unfold = async (name: RegExp) => await fireEvent.click(await screen.findByRole('button', { name }))

it('an integrator’s mistake is read without unfolding anything, and all of it when unfolded', async () => {
  const last = refusal({ reason: 'lastName is missing.', key: 'CRM' })
  section(
    apisState({
      apis: [served('email', { requests_today: 1_204, refusals_today: 3, last_refusals: [last] })],
    }),
  )
  const head = await screen.findByRole('button', { name: /web forms/u })
  expect(head.textContent).toContain('1,204 requests today')
  expect(head.textContent).toContain('3 refused')
  expect(head.textContent).toContain('400 POST /genesys/2/email/desk: lastName is missing.')
  await fireEvent.click(head)
  const refusals = within(screen.getByRole('region', { name: /Last refusals/u }))
  expect(refusals.getByRole('listitem').textContent).toMatch(
    /400.*POST \/genesys\/2\/email\/desk.*Key CRM.*lastName is missing\./su,
  )
})

it('a refusal shows by itself when the core tells of it', async () => {
  const page = section(apisState({ apis: [served('email')] }))
  await screen.findByText('No request today')
  page.store.state = apisState({
    apis: [
      served('email', {
        requests_today: 1,
        refusals_today: 1,
        last_refusals: [refusal({ reason: 'Too big.' })],
      }),
    ],
  })
  page.tell({ apis: true })
  await screen.findByText(/Too big\./u)
  // The settings didn't change, so nobody asks for them.
  expect(asked(page, 'apiSettings')).toHaveLength(1)
})

it('nothing is asked any more once the section is left', async () => {
  const page = section()
  await screen.findByText('http://127.0.0.1:4100')
  page.view.unmount()
  page.tell({ apis: true })
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(asked(page, 'apis')).toHaveLength(1)
})

it('each address can be copied', async () => {
  const writeText = vi.fn(async () => {})
  vi.stubGlobal('navigator', Object.assign(Object.create(navigator), { clipboard: { writeText } }))
  section()
  await unfold(/Secure mail/u)
  await fireEvent.click(screen.getByRole('button', { name: 'Copy POST http://127.0.0.1:4100/securemail' }))
  expect(writeText).toHaveBeenCalledExactlyOnceWith('http://127.0.0.1:4100/securemail')
  await screen.findByText('Copied')
  vi.unstubAllGlobals()
})

it('why it doesn’t listen is said, and its settings are open at once', async () => {
  section(apisState({ url: null, docs: null, problem: 'Port 80 is taken. Choose another one.', apis: [] }))
  expect((await screen.findByRole('alert')).textContent).toBe('Port 80 is taken. Choose another one.')
  expect(screen.getByRole('checkbox', { name: 'Serve the APIs' })).toHaveProperty('checked', true)
})

it('the intake is paused and taken up again with one button', async () => {
  const page = section()
  await fireEvent.click(await screen.findByRole('button', { name: 'Pause intake' }))
  page.tell({ settings: true })
  await fireEvent.click(await screen.findByRole('button', { name: 'Take in again' }))
  expect(asked(page, 'setApisPaused')).toEqual([{ paused: true }, { paused: false }])
})

it('a wrong port is said at its field and nothing is saved; a right one is, without losing the rest', async () => {
  const page = section(apisState({ url: null, docs: null }), {
    enabled: true,
    securemail: { queue: 'Support' },
  })
  const port = await screen.findByRole('textbox', { name: 'Port' })
  await fireEvent.input(port, { target: { value: '99999' } })
  const save = screen.getAllByRole('button', { name: 'Save' })[0]
  if (!save) throw new Error('There is no button to save.')
  await fireEvent.click(save)
  expect(port.getAttribute('aria-invalid')).toBe('true')
  expect(document.getElementById(port.getAttribute('aria-describedby') ?? '')?.textContent).toBe(
    'A port is a number from 0 to 65535.',
  )
  expect(asked(page, 'saveApiSettings')).toEqual([])
  // Somebody else changed another part meanwhile.
  page.store.settings = { ...page.store.settings, securemail: { queue: 'Billing' } }
  await fireEvent.input(port, { target: { value: '4100' } })
  await fireEvent.click(save)
  await screen.findByText('Saved')
  expect(asked(page, 'saveApiSettings')).toMatchObject([{ port: 4100, securemail: { queue: 'Billing' } }])
})

it('a line is added with the keyboard in it, and an alias that is no address is said there', async () => {
  const page = section(apisState(), {
    enabled: true,
    activity: { aliases: [{ address: 'old@desk.test', active: false }] },
  })
  await unfold(/Activity responses/u)
  await fireEvent.click(screen.getByRole('button', { name: 'Add an alias' }))
  const address = screen.getByRole('textbox', { name: 'Address, line 2' })
  await waitFor(() => expect(document.activeElement).toBe(address))
  await fireEvent.input(address, { target: { value: 'nobody' } })
  const save = screen.getAllByRole('button', { name: 'Save' }).at(-1)
  if (!save) throw new Error('There is no button to save.')
  await fireEvent.click(save)
  await screen.findByText('This is not an e-mail address.')
  await fireEvent.input(address, { target: { value: 'help@desk.test' } })
  await fireEvent.click(save)
  await waitFor(() =>
    expect(asked(page, 'saveApiSettings')).toMatchObject([
      {
        activity: {
          aliases: [
            { address: 'old@desk.test', active: false },
            { address: 'help@desk.test', active: true },
          ],
        },
      },
    ]),
  )
})

it('a key is asked for with its rights, shown once, and not put away by a slip', async () => {
  const page = section(apisState({ keys: [apiKey(1)] }))
  await fireEvent.click(await screen.findByRole('button', { name: 'Make a key' }))
  const make = screen.getByRole('button', { name: 'Make key', hidden: true })
  await fireEvent.click(make)
  screen.getByText('Choose at least one right.')
  await fireEvent.input(screen.getByLabelText('Name'), { target: { value: ' Portal ' } })
  await fireEvent.click(screen.getByLabelText('Answer activities as a customer'))
  await fireEvent.click(make)
  screen.getByText('An answer needs a customer. Enter the customer’s number.')
  expect(asked(page, 'makeApiKey')).toEqual([])
  await fireEvent.input(screen.getByLabelText('Customer that it stands for'), { target: { value: '1000' } })
  await fireEvent.click(make)
  await waitFor(() => expect(screen.getByLabelText('Key')).toHaveProperty('value', 'wb_secret'))
  expect(asked(page, 'makeApiKey')).toEqual([
    { name: 'Portal', scopes: ['activity:respond'], tenants: null, customer: '1000' },
  ])
  await fireEvent.click(screen.getByRole('button', { name: 'Close', hidden: true }))
  screen.getByText(/It was not copied yet/u)
  await fireEvent.click(screen.getByRole('button', { name: 'I have copied it', hidden: true }))
  await waitFor(() => expect(screen.queryByDisplayValue('wb_secret')).toBeNull())
})

it('a key is revoked after a question', async () => {
  const page = section(apisState({ keys: [apiKey(1, { name: 'CRM', last_used: Date.now() }), apiKey(2)] }))
  await fireEvent.click(await screen.findByRole('button', { name: 'Revoke the key CRM' }))
  expect(asked(page, 'revokeApiKey')).toEqual([])
  await fireEvent.click(screen.getByRole('button', { name: 'Revoke key', hidden: true }))
  await waitFor(() => expect(asked(page, 'revokeApiKey')).toEqual([{ id: apiKey(1).id }]))
  await waitFor(() => expect(screen.queryByText('CRM')).toBeNull())
})

it('among many keys one is found by its name', async () => {
  section(apisState({ keys: Array.from({ length: 40 }, (_, number) => apiKey(number)) }))
  const find = await screen.findByRole('searchbox', { name: 'Find a key' })
  await fireEvent.input(find, { target: { value: 'key 17' } })
  expect(screen.getAllByRole('button', { name: /Revoke the key/u })).toHaveLength(1)
  await fireEvent.input(find, { target: { value: 'nothing' } })
  screen.getByText('No key is called so.')
})

it('a refused save is said beside the button', async () => {
  renderPart(ApisSection, {
    apis: async () => apisState(),
    apiSettings: async () => ({ enabled: true }),
    saveApiSettings: () =>
      Promise.reject(new CoreError('invalid', 'api.tls needs both cert and key, or neither.')),
  })
  await unfold(/Secure mail/u)
  const save = screen.getAllByRole('button', { name: 'Save' }).at(-1)
  if (save) await fireEvent.click(save)
  await screen.findByText('api.tls needs both cert and key, or neither.')
})
