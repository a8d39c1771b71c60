import { fireEvent, screen } from '@testing-library/svelte'
import { expect, it } from 'vitest'
import Settings from '../../../src-renderer/settings/Settings.svelte'
import { renderPart } from '../desk-in-memory.ts'
import { apiKey, apisState } from '../other-systems.ts'

function settings(section: string) {
  const page = renderPart(Settings, {
    apis: async () => apisState({ keys: [apiKey(1, { name: 'CRM' })] }),
    apiSettings: async () => ({ enabled: true }),
  })
  page.desk.openSettings(section)
  return page
}

it.each([
  ['apis', 'APIs'],
  ['remotes', 'Remotes'],
])('Settings opens where it is asked to: %s', async (section, title) => {
  settings(section)
  await screen.findByRole('heading', { level: 2, name: title })
})

it('Escape leaves Settings, but in a dialog only the dialog', async () => {
  const { desk } = settings('apis')
  await fireEvent.click(await screen.findByRole('button', { name: 'Revoke the key CRM' }))
  await fireEvent.keyDown(screen.getByText('Revoke key'), { key: 'Escape' })
  expect(desk.screen).toBe('settings')
  await fireEvent.keyDown(screen.getByRole('button', { name: 'Make a key' }), { key: 'Escape' })
  expect(desk.screen).toBe('desk')
})
