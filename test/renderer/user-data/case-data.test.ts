import { fireEvent, screen, waitFor } from '@testing-library/svelte'
import { expect, it } from 'vitest'
import type { UserData } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import CaseData from '../../../src-renderer/user-data/CaseData.svelte'
import { textOfValue, valueOfText } from '../../../src-renderer/user-data/value.ts'
import { THREAD, thread } from '../core-in-memory.ts'
import { renderPart } from '../desk-in-memory.ts'

async function caseData(first: UserData, given: Parameters<typeof renderPart>[1] = {}) {
  let udata: UserData = first
  const page = renderPart(CaseData, {
    thread: async () => thread({ udata }),
    setUserData: async ({ set, remove }) => {
      udata = Object.fromEntries(
        Object.entries({ ...udata, ...set }).filter(([key]) => !remove.includes(key)),
      )
      return { undo_id: null, udata }
    },
    ...given,
  })
  page.desk.openThread(THREAD)
  await waitFor(() => expect(page.desk.thread.detail).not.toBeNull())
  return page
}
const changes = (page: Awaited<ReturnType<typeof caseData>>) =>
  page.asked.filter(({ method }) => method === 'setUserData').map(({ request }) => request)

it('a value is edited in place with the keyboard and keeps its type', async () => {
  const page = await caseData({ plan: 'gold', seats: 4 })
  await fireEvent.click(await screen.findByRole('button', { name: 'Edit seats: 4' }))
  const field = screen.getByRole('textbox', { name: 'Value of seats' })
  await fireEvent.input(field, { target: { value: '5' } })
  await fireEvent.keyDown(field, { key: 'Enter' })
  await screen.findByRole('button', { name: 'Edit seats: 5' })
  expect(changes(page)).toEqual([{ interaction_id: THREAD, set: { seats: 5 }, remove: [] }])
})

it('Escape takes an edit back, and an unchanged value isn’t saved', async () => {
  const page = await caseData({ plan: 'gold' })
  await fireEvent.click(await screen.findByRole('button', { name: 'Edit plan: gold' }))
  const field = screen.getByRole('textbox', { name: 'Value of plan' })
  await fireEvent.input(field, { target: { value: 'silver' } })
  await fireEvent.keyDown(field, { key: 'Escape' })
  await fireEvent.click(await screen.findByRole('button', { name: 'Edit plan: gold' }))
  await fireEvent.keyDown(screen.getByRole('textbox', { name: 'Value of plan' }), { key: 'Enter' })
  await screen.findByRole('button', { name: 'Edit plan: gold' })
  expect(changes(page)).toEqual([])
})

it('a key is added with its value, and not twice', async () => {
  const page = await caseData({ plan: 'gold' })
  await fireEvent.click(await screen.findByRole('button', { name: 'Add a value' }))
  const key = screen.getByRole('textbox', { name: 'Key' })
  await fireEvent.input(key, { target: { value: 'plan' } })
  await fireEvent.click(screen.getByRole('button', { name: 'Add' }))
  await screen.findByText('There is a key plan already. Change its value above.')
  await fireEvent.input(key, { target: { value: 'vip' } })
  await fireEvent.input(screen.getByRole('textbox', { name: 'Value' }), { target: { value: 'true' } })
  await fireEvent.click(screen.getByRole('button', { name: 'Add' }))
  await screen.findByRole('button', { name: 'Edit vip: yes' })
  expect(changes(page)).toEqual([{ interaction_id: THREAD, set: { vip: true }, remove: [] }])
})

it('a key is removed', async () => {
  const page = await caseData({ plan: 'gold' })
  await fireEvent.click(await screen.findByRole('button', { name: 'Remove plan' }))
  await waitFor(() => expect(screen.queryByRole('button', { name: /Edit plan/ })).toBeNull())
  expect(changes(page)).toEqual([{ interaction_id: THREAD, set: {}, remove: ['plan'] }])
})

it('a nested value is edited as JSON, and faulty JSON stays in the field', async () => {
  const page = await caseData({ address: { city: 'Bonn' } })
  await fireEvent.click(await screen.findByRole('button', { name: /Edit address/ }))
  const field = screen.getByRole('textbox', { name: 'Value of address' })
  await fireEvent.input(field, { target: { value: '{"city":' } })
  await fireEvent.keyDown(field, { key: 'Enter', ctrlKey: true })
  await screen.findByText(/This is not valid JSON/)
  await fireEvent.input(field, { target: { value: '{"city":"Köln"}' } })
  await fireEvent.keyDown(field, { key: 'Enter', ctrlKey: true })
  await waitFor(() =>
    expect(changes(page)).toEqual([
      { interaction_id: THREAD, set: { address: { city: 'Köln' } }, remove: [] },
    ]),
  )
})

it('what the core refuses is said beside the value, which stays in the field', async () => {
  await caseData(
    { plan: 'gold' },
    {
      setUserData: () => Promise.reject(new CoreError('invalid', 'User data may be 64 KB at most.')),
    },
  )
  await fireEvent.click(await screen.findByRole('button', { name: 'Edit plan: gold' }))
  const field = screen.getByRole('textbox', { name: 'Value of plan' })
  await fireEvent.input(field, { target: { value: 'x' } })
  await fireEvent.keyDown(field, { key: 'Enter' })
  await screen.findByText('User data may be 64 KB at most.')
  expect(screen.getByRole('textbox', { name: 'Value of plan' })).toHaveProperty('value', 'x')
})

it('a thread that doesn’t allow it shows its data and no way to change it', async () => {
  const page = renderPart(CaseData, { thread: async () => thread({ udata: { plan: 'gold' }, actions: [] }) })
  page.desk.openThread(THREAD)
  await screen.findByText('gold')
  expect(screen.queryByRole('button', { name: /Edit plan|Add a value|Remove/ })).toBeNull()
})

it.each([
  ['12', undefined, 12],
  ['-1.5', undefined, -1.5],
  ['007', undefined, '007'],
  ['+49 228', undefined, '+49 228'],
  ['1e5', undefined, '1e5'],
  ['12345678901234567890', undefined, '12345678901234567890'],
  ['true', undefined, true],
  ['gold', undefined, 'gold'],
  ['12', 'text', '12'],
  ['twelve', 12, 'twelve'],
  ['false', true, false],
  ['', null, null],
  ['x', null, 'x'],
  ['[1]', [2], [1]],
])('%j typed over %j means %j', (text, before, value) => {
  expect(valueOfText(text, before)).toEqual(value)
})
it('what is shown for editing reads back as the same value', () => {
  for (const value of ['x', '007', 12, 0.5, true, false, null, [1, 'a'], { a: { b: null } }])
    expect(valueOfText(textOfValue(value), value)).toEqual(value)
})
