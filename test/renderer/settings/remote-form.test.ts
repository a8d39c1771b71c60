import { expect, it } from 'vitest'
import { remoteSchema } from '../../../src-main/contract/settings.ts'
import { newRow } from '../../../src-renderer/settings/api-form.ts'
import {
  asksConsent,
  chooseKind,
  newRemoteForm,
  readRemote,
  REMOTE_KINDS,
  remoteForm,
} from '../../../src-renderer/settings/remote-form.ts'
import { remote } from '../other-systems.ts'

it.each(REMOTE_KINDS)(
  'a new remote of kind %s is made from a name, an address and the usual options',
  (kind) => {
    const form = newRemoteForm()
    chooseKind(form, kind)
    Object.assign(form, { id: 'portal', url: ' https://remote.test ', key: 'k' })
    if (kind === 'contacts-email')
      Object.assign(form.options, { tenantName: 'A', orgName: 'B', catName: 'C' })
    const { input, faults } = readRemote(form, [])
    expect(faults).toEqual({})
    expect(input).toMatchObject({ id: 'portal', kind, url: 'https://remote.test', key: 'k' })
    expect(remoteSchema.safeParse(input).success).toBe(true)
  },
)

it('what is stored and not touched is stored again as it was, its key and certificate untold', () => {
  const options = {
    tenantName: 'Acme',
    orgName: 'Sales',
    catName: 'Leads',
    language: 'gb-en',
    agentId: '7',
    queues: ['Support'],
    metadata: { plan: 'tariff' },
    shortenSubjects: true,
  }
  const { input } = readRemote(remoteForm(remote('analytics', 'contacts-email', { options })), ['analytics'])
  expect(input).toEqual({
    id: 'analytics',
    kind: 'contacts-email',
    url: 'https://remote.test',
    options,
    insecure: false,
  })
})

it('numbers, choices and empty queues keep their types', () => {
  const form = remoteForm(
    remote('crm', 'interactions', { options: { status: 2, every: 0, writeBack: false } }),
  )
  expect(readRemote(form, []).input?.options).toEqual({
    basePath: '',
    auth: 'x-api-key',
    status: 2,
    every: 0,
    writeBack: false,
    queue: null,
  })
})

it('a remote that takes no files says so', () => {
  const form = remoteForm(remote('cases', 'activity-response', { options: { uploadPath: null } }))
  expect(form.uploads).toBe(false)
  expect(readRemote(form, []).input?.options).toMatchObject({ uploadPath: null })
  form.uploads = true
  expect(faultsOf(form)).toEqual(['uploadPath'])
})

it('each wrong field is named', () => {
  const form = newRemoteForm()
  Object.assign(form, { id: 'a b', url: 'remote.test', trustedCertificate: 'nonsense' })
  Object.assign(form.options, { service: '', max_files: 'x', max_size: 'big' })
  expect(faultsOf(form)).toEqual(['id', 'max_files', 'max_size', 'service', 'trustedCertificate', 'url'])
  chooseKind(form, 'contacts-email')
  form.metadata = [newRow({ theirs: 'plan', ours: '' }), newRow({ theirs: 'plan', ours: 'x' })]
  Object.assign(form, { id: 'Portal', url: 'https://remote.test', trustedCertificate: '' })
  expect(Object.keys(readRemote(form, ['portal']).faults).sort()).toEqual([
    'catName',
    'id',
    'metadata.0.ours',
    'metadata.1.theirs',
    'orgName',
    'tenantName',
  ])
  chooseKind(form, 'secure-mail')
  Object.assign(form.options, { basePath: '/nexus/', securebox: 'x' })
  form.id = 'portal'
  expect(faultsOf(form)).toEqual(['basePath', 'securebox'])
  chooseKind(form, 'interactions')
  form.options.every = '86401'
  expect(faultsOf(form)).toEqual(['every'])
})

it('a key leaves this computer in the clear only where the agent agreed', () => {
  const form = newRemoteForm()
  Object.assign(form, { id: 'portal', url: 'http://127.0.0.1:4100', key: 'k' })
  expect(asksConsent(form)).toBe(false)
  form.url = 'http://remote.test'
  expect(faultsOf(form)).toEqual(['insecure'])
  form.insecure = true
  expect(readRemote(form, []).input).toMatchObject({ insecure: true })
  form.url = 'https://remote.test'
  expect(readRemote(form, []).input).toMatchObject({ insecure: false })
})

it('a certificate is given, kept or forgotten', () => {
  const form = remoteForm(remote('portal', 'secure-mail'))
  expect(readRemote(form, []).input).not.toHaveProperty('trustedCertificate')
  form.trustedCertificate = 'AB:'.repeat(31) + 'AB'
  expect(readRemote(form, []).input?.trustedCertificate).toBe(form.trustedCertificate)
  form.forgetCertificate = true
  expect(readRemote(form, []).input?.trustedCertificate).toBeNull()
})

function faultsOf(form: Parameters<typeof readRemote>[0]): string[] {
  return Object.keys(readRemote(form, []).faults).sort()
}
