import { expect, it } from 'vitest'
import { type ApiSettings, apiSettingsSchema } from '../../../src-main/contract/settings.ts'
import {
  activityForm,
  contactsForm,
  emailForm,
  faultAt,
  filled,
  listenerForm,
  newRow,
  parts,
  readActivity,
  readContacts,
  readEmail,
  readListener,
  readSecureMail,
  serviceForm,
} from '../../../src-renderer/settings/api-form.ts'

const stored: ApiSettings = apiSettingsSchema.parse({
  enabled: true,
  listen: '127.0.0.1',
  port: 4100,
  publicUrl: 'https://desk.example/api',
  paused: true,
  tls: { cert: '/etc/desk.crt', key: null },
  defaultMailbox: 'default@desk.test',
  email: {
    max_files: 3,
    max_size: '2MB',
    file_types: 'pdf',
    strict_services: true,
    origins: ['https://a.test'],
  },
  'email.sales': { mailbox: 'sales@desk.test', tenant: 'Acme', queue: 'Billing' },
  contacts: {
    entities: [{ tenantName: 'Acme', orgName: 'Sales', catName: 'Leads' }],
    languages: ['us-en'],
    registerUnknown: true,
    restrictedMetadata: ['secret'],
    queue: null,
  },
  activity: {
    path: '/a/{ids}/response',
    departments: true,
    queue: 'Support',
    aliases: [{ address: 'help@desk.test', active: false, department: 'Service' }],
    messageCenters: [{ id: '5', active: true, issueTypes: ['51', '52'] }],
    customAttributes: [{ name: 'tier', values: ['gold', 'silver'] }, { name: 'note' }],
    customers: [{ id: '1000', addresses: ['ann@x.test', 'ann2@x.test'], grantsTo: ['1001'] }],
  },
  securemail: { queue: 'Support' },
})

const faultsOf = (reading: { faults: object }) => Object.keys(reading.faults).sort()

it('what is stored and not touched is stored again as it was', () => {
  const email = readEmail(emailForm(stored)).change?.(stored)
  expect(email).toEqual({
    ...stored,
    email: { ...stored.email, mailbox: null, tenant: null, queue: null },
    'email.sales': {
      mailbox: 'sales@desk.test',
      tenant: 'Acme',
      queue: 'Billing',
      file_types: null,
      origins: [],
    },
  })
  expect(readContacts(contactsForm(stored), stored).change?.(stored)).toEqual(stored)
  expect(readActivity(activityForm(stored)).change?.(stored)).toEqual(stored)
  expect(readListener(listenerForm(stored, true)).change?.(stored)).toEqual(stored)
  expect(readSecureMail('Support').change?.(stored)).toEqual(stored)
})

it('whatever a form makes of the settings is what the contract allows', () => {
  for (const reading of [
    readEmail(emailForm(stored)),
    readContacts(contactsForm({}), {}),
    readActivity(activityForm({})),
    readListener(listenerForm({}, false)),
  ])
    expect(apiSettingsSchema.safeParse(reading.change?.({})).success).toBe(true)
})

it('a listener that the settings don’t mention is on where one listens', () => {
  expect([listenerForm({}, true).enabled, listenerForm({}, false).enabled]).toEqual([true, false])
  expect(listenerForm({ enabled: false }, true).enabled).toBe(false)
  // A port that stays is offered to whoever switches it on; one that was left to chance isn't changed unasked.
  expect([listenerForm({}, false).port, listenerForm({}, true).port]).toEqual(['40124', '0'])
})

it('each wrong field of the listener is named', () => {
  const form = {
    ...listenerForm({}, true),
    listen: '',
    port: '70000',
    publicUrl: 'desk.example',
    cert: '',
    key: '/k',
  }
  expect(faultsOf(readListener(form))).toEqual(['cert', 'listen', 'port', 'publicUrl'])
  expect(
    faultsOf(readListener({ ...form, listen: '::1', port: 'x', publicUrl: 'ftp://a', key: '' })),
  ).toEqual(['port', 'publicUrl'])
})

it('a TLS key that isn’t typed stays, and goes with its certificate', () => {
  const form = listenerForm(stored, true)
  expect(readListener({ ...form, key: '/new.key' }).change?.(stored).tls).toEqual({
    cert: '/etc/desk.crt',
    key: '/new.key',
  })
  expect(readListener(form).change?.(stored).tls).toEqual({ cert: '/etc/desk.crt', key: null })
  expect(readListener({ ...form, cert: '' }).change?.(stored).tls).toEqual({ cert: null, key: null })
})

it('a service’s key is sent only when it is typed, and null takes it away', () => {
  const form = emailForm(stored)
  const [all, sales] = form.services
  if (!all || !sales) throw new Error('There are two services.')
  expect(readEmail(form).change?.({})['email.sales']).not.toHaveProperty('apikey')
  sales.apikey = ' k-sales '
  all.removeKey = true
  all.apikey = 'typed before'
  const change = readEmail(form).change?.({})
  expect(change?.['email.sales']).toMatchObject({ apikey: 'k-sales' })
  expect(change?.email).toMatchObject({ apikey: null })
})

it('a service that was taken out is gone, one with a wrong or taken name is refused', () => {
  const form = emailForm(stored)
  form.services = form.services.slice(0, 1)
  expect(readEmail(form).change?.(stored)).not.toHaveProperty('email.sales')
  form.services.push(
    serviceForm('no spaces', {}, true),
    serviceForm('web', { max_files: 1, mailbox: 'x', origins: ['nothing'], max_size: 'big' }, true),
    serviceForm('web', {}, true),
  )
  const reading = readEmail({ ...form, defaultMailbox: 'a b@c' })
  expect(faultsOf(reading)).toEqual([
    'defaultMailbox',
    'services.1.name',
    'services.2.mailbox',
    'services.2.max_size',
    'services.2.origins.0',
    'services.3.name',
  ])
  expect(faultAt(reading.faults, 'services.2.origins')).toBe(
    'Enter origins such as https://www.example.com, one a line.',
  )
})

it('triples that the API registered while the form was open are kept, those taken out here are not', () => {
  const before = stored
  const form = contactsForm(before)
  form.entities = [newRow({ tenantName: 'Globex', orgName: 'Sales', catName: 'Leads' })]
  const registered = { tenantName: 'Initech', orgName: 'Ops', catName: 'TPS' }
  const now: ApiSettings = {
    ...before,
    contacts: { ...before.contacts, entities: [...(before.contacts?.entities ?? []), registered] },
  }
  expect(readContacts(form, before).change?.(now).contacts?.entities).toEqual([
    { tenantName: 'Globex', orgName: 'Sales', catName: 'Leads' },
    registered,
  ])
})

it('a line with a gap, a repetition and a long language are named where they stand', () => {
  const form = contactsForm({})
  form.entities = [
    newRow({ tenantName: 'Acme', orgName: 'Sales', catName: 'Leads' }),
    newRow({ tenantName: 'Acme', orgName: '', catName: 'Leads' }),
    newRow({ tenantName: ' Acme', orgName: 'Sales', catName: 'Leads ' }),
  ]
  form.languages = 'us-en, english'
  expect(faultsOf(readContacts(form, {}))).toEqual([
    'contacts.entities.1.orgName',
    'contacts.entities.2.tenantName',
    'contacts.languages.1',
  ])
})

it('what is wrong with answers to activities is named line by line', () => {
  const form = activityForm(stored)
  form.path = '/nowhere'
  form.aliases.push(newRow({ address: 'HELP@desk.test', active: true, department: '' }))
  form.aliases.push(newRow({ address: 'nobody', active: true, department: '' }))
  form.customers.push(newRow({ id: '', addresses: '', department: '', grantsTo: '' }))
  form.customers.push(newRow({ id: '1000', addresses: 'ann@x.test, wrong', department: '', grantsTo: '' }))
  expect(faultsOf(readActivity(form))).toEqual([
    'activity.aliases.1.address',
    'activity.aliases.2.address',
    'activity.customers.1.addresses',
    'activity.customers.1.id',
    'activity.customers.2.addresses.1',
    'activity.customers.2.id',
    'activity.path',
  ])
})

it('lines in which nothing was typed are dropped, words between commas are taken once', () => {
  const rows = [newRow({ address: ' ', active: true }), newRow({ address: 'a@b.c', active: false })]
  expect(filled(rows)).toEqual([rows[1]])
  expect(parts(' gold, silver ,,gold')).toEqual(['gold', 'silver'])
})
