import { fireEvent, screen, waitFor } from '@testing-library/svelte'
import { expect, it, vi } from 'vitest'
import type { RemoteState } from '../../../src-main/contract/domain.ts'
import ActivityDialog from '../../../src-renderer/mailbox/ActivityDialog.svelte'
import { commandsOf } from '../../../src-renderer/palette/commands.ts'
import { draft } from '../core-in-memory.ts'
import { renderPart } from '../desk-in-memory.ts'
import { remote } from '../other-systems.ts'

const act = { focusSearch() {}, toggleSide() {}, back() {} }

async function deskWith(remotes: readonly RemoteState[]) {
  const onclose = vi.fn()
  const page = renderPart(
    ActivityDialog,
    {
      remotes: async () => remotes,
      startRemoteDraft: async ({ remote_id, target }) =>
        draft({
          kind: 'new',
          thread_id: null,
          parent_id: null,
          account_id: `remote:${remote_id}`,
          remote: target,
        }),
    },
    { onclose },
  )
  await waitFor(() => expect(page.desk.remotes.known && page.desk.overview !== null).toBe(true))
  return { ...page, onclose }
}
const labels = (page: Awaited<ReturnType<typeof deskWith>>) =>
  commandsOf(page.desk, act).map(({ label }) => label)

it('without remote systems nothing is offered that needs one', async () => {
  const page = await deskWith([])
  expect(labels(page).filter((label) => /Secure mailbox|activity|web form/u.test(label))).toEqual([])
})

it('each remote adds what it can do, by its name where there are several', async () => {
  const page = await deskWith([
    remote('portal', 'secure-mail'),
    remote('form-a', 'gms-email'),
    remote('form-b', 'gms-email'),
    remote('cases', 'activity-response'),
    remote('crm', 'interactions'),
  ])
  expect(labels(page).filter((label) => /Secure mailbox|activity|web form/u.test(label))).toEqual([
    'Answer an activity…',
    'Write by web form: form-a…',
    'Write by web form: form-b…',
    'Secure mailbox…',
  ])
})

it('a mail by web form begins from wherever the desk is', async () => {
  const page = await deskWith([remote('webform', 'gms-email')])
  page.desk.openSettings()
  commandsOf(page.desk, act)
    .find(({ id }) => id === 'webform-webform')
    ?.run()
  await waitFor(() => expect(page.desk.compose.current?.remote?.id).toBe('webform'))
  expect(page.desk.screen).toBe('desk')
})

it('an activity is answered by its number, for a customer where one is named', async () => {
  const page = await deskWith([remote('cases', 'activity-response')])
  const write = await screen.findByRole('button', { name: 'Write the answer', hidden: true })
  await fireEvent.click(write)
  await screen.findByText('Enter the number of the activity.')
  await fireEvent.input(screen.getByLabelText('Number of the activity'), { target: { value: ' 1001 ' } })
  await fireEvent.input(screen.getByLabelText('On behalf of customer'), { target: { value: '1000' } })
  await fireEvent.click(write)
  await waitFor(() =>
    expect(page.asked.find(({ method }) => method === 'startRemoteDraft')?.request).toEqual({
      remote_id: 'cases',
      target: { kind: 'activity-response', activity_id: '1001', customer: '1000' },
      to: [],
      subject: '',
    }),
  )
  await waitFor(() => expect(page.onclose).toHaveBeenCalledOnce())
})
