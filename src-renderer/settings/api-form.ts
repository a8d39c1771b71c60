import { type ApiSettings, apiSettingsSchema } from '../../src-main/contract/settings.ts'
import { t } from '../texts/texts.ts'
import type { Faults } from './account-form.ts'

/** The forms of Settings → APIs: every field as it is typed, and what is stored of it. Pure. */

/** One line of a table that is edited. */
export interface Row {
  readonly key: number
  cells: Record<string, string | boolean>
}
export interface ListenerForm {
  enabled: boolean
  listen: string
  port: string
  publicUrl: string
  cert: string
  /** Empty keeps the stored one. */
  key: string
}
export interface ServiceForm {
  readonly key: number
  /** Null: what holds for all services. */
  name: string | null
  max_files: string
  max_size: string
  file_types: string
  mailbox: string
  tenant: string
  /** Empty keeps the stored one. */
  apikey: string
  /** A key is stored. */
  readonly hasKey: boolean
  removeKey: boolean
  strict: boolean
  origins: string
  queue: string
}
export interface EmailForm {
  defaultMailbox: string
  services: ServiceForm[]
}
export interface ContactsForm {
  entities: Row[]
  languages: string
  registerUnknown: boolean
  restricted: string
  queue: string
}
export interface ActivityForm {
  path: string
  departments: boolean
  queue: string
  aliases: Row[]
  centers: Row[]
  attributes: Row[]
  customers: Row[]
}

/** A part as it is to be stored, put into the whole as it stands then; or what is wrong with which field. */
export type Reading =
  | { readonly change: (current: ApiSettings) => ApiSettings; readonly faults: Faults }
  | { readonly change: null; readonly faults: Faults }

type Service = NonNullable<ApiSettings['email']>
const serviceSchema = apiSettingsSchema.shape.email.unwrap()
const ANSWER_PATH = '/core/casemgr/v3/activity/{ids}/response'

// Whoever is told an address wants to find it after a restart; seldom taken, free for everyone to use.
const USUAL_PORT = 40124

let lastKey = 0
export function newRow(cells: Row['cells']): Row {
  return { key: ++lastKey, cells }
}

// --- from what is stored ----------------------------------------------------------------------------------

/** `on`: whether it listens or should, where the settings don't say. */
export function listenerForm(settings: ApiSettings, on: boolean): ListenerForm {
  return {
    enabled: settings.enabled ?? on,
    listen: settings.listen ?? '127.0.0.1',
    port: String(settings.port ?? (on ? 0 : USUAL_PORT)),
    publicUrl: settings.publicUrl ?? '',
    cert: settings.tls?.cert ?? '',
    key: '',
  }
}

export function emailForm(settings: ApiSettings): EmailForm {
  const named = Object.keys(settings)
    .filter((name) => name.startsWith('email.'))
    .map((name) =>
      serviceForm(name.slice('email.'.length), serviceSchema.safeParse(settings[name]).data ?? {}),
    )
  return {
    defaultMailbox: settings.defaultMailbox ?? '',
    services: [serviceForm(null, settings.email ?? {}), ...named],
  }
}

export function serviceForm(name: string | null, service: Service, isNew = false): ServiceForm {
  return {
    key: ++lastKey,
    name,
    max_files: service.max_files === undefined ? '' : String(service.max_files),
    max_size: service.max_size === undefined ? '' : String(service.max_size),
    file_types: service.file_types ?? '',
    mailbox: service.mailbox ?? '',
    tenant: service.tenant ?? '',
    apikey: '',
    hasKey: !isNew && service.apikey !== null,
    removeKey: false,
    strict: service.strict_services ?? false,
    origins: (service.origins ?? []).join('\n'),
    queue: service.queue ?? '',
  }
}

export function contactsForm(settings: ApiSettings): ContactsForm {
  const contacts = settings.contacts ?? {}
  return {
    entities: (contacts.entities ?? []).map((entity) => newRow({ ...entity })),
    languages: (contacts.languages ?? []).join(', '),
    registerUnknown: contacts.registerUnknown ?? false,
    restricted: (contacts.restrictedMetadata ?? []).join(', '),
    queue: contacts.queue ?? '',
  }
}

export function activityForm(settings: ApiSettings): ActivityForm {
  const activity = settings.activity ?? {}
  return {
    path: activity.path ?? ANSWER_PATH,
    departments: activity.departments ?? false,
    queue: activity.queue ?? '',
    aliases: (activity.aliases ?? []).map(({ address, active, department = '' }) =>
      newRow({ address, active, department }),
    ),
    centers: (activity.messageCenters ?? []).map(({ id, active, department = '', issueTypes = [] }) =>
      newRow({ id, active, department, issueTypes: issueTypes.join(', ') }),
    ),
    attributes: (activity.customAttributes ?? []).map(({ name, values = [] }) =>
      newRow({ name, values: values.join(', ') }),
    ),
    customers: (activity.customers ?? []).map(({ id, addresses, department = '', grantsTo = [] }) =>
      newRow({ id, addresses: addresses.join(', '), department, grantsTo: grantsTo.join(', ') }),
    ),
  }
}

// --- to what is stored ------------------------------------------------------------------------------------

export function readListener(form: ListenerForm): Reading {
  const url = form.publicUrl.trim()
  const part = {
    enabled: form.enabled,
    listen: form.listen.trim(),
    port: whole(form.port),
    publicUrl: url === '' ? null : url,
  }
  const faults = faultsOf(part)
  if (url !== '' && !/^https?:/iu.test(url)) faults.publicUrl = t('apis.fault.url')
  const cert = form.cert.trim()
  const key = form.key.trim()
  if (cert === '' && key !== '') faults.cert = t('apis.fault.tls')
  return reading(faults, (current) => {
    if (cert === '') return { ...current, ...part, tls: { cert: null, key: null } }
    return { ...current, ...part, tls: { cert, key: key === '' ? (current.tls?.key ?? null) : key } }
  })
}

export function readEmail(form: EmailForm): Reading {
  const mailbox = form.defaultMailbox.trim()
  const faults: Record<string, string> = {}
  const services: Record<string, Service> = {}
  form.services.forEach((service, index) => {
    const name = service.name?.trim() ?? null
    const section = name === null ? 'email' : `email.${name}`
    const place = (field: string) => `services.${String(index)}.${field}`
    if (name !== null && !/^[A-Za-z0-9._-]{1,64}$/u.test(name)) faults[place('name')] = t('apis.fault.name')
    else if (section in services) faults[place('name')] = t('apis.fault.nameTaken')
    const value: Service = {
      ...(service.max_files.trim() === '' ? {} : { max_files: whole(service.max_files) }),
      ...(service.max_size.trim() === '' ? {} : { max_size: service.max_size.trim() }),
      file_types: orNull(service.file_types),
      mailbox: orNull(service.mailbox),
      tenant: orNull(service.tenant),
      ...(service.removeKey
        ? { apikey: null }
        : service.apikey.trim() === ''
          ? {}
          : { apikey: service.apikey.trim() }),
      ...(name === null ? { strict_services: service.strict } : {}),
      origins: lines(service.origins),
      queue: orNull(service.queue),
    }
    services[section] = value
    for (const [path, fault] of Object.entries(faultsOf({ email: value })))
      faults[place(path.slice('email.'.length))] = fault
  })
  Object.assign(faults, mailbox === '' ? {} : faultsOf({ defaultMailbox: mailbox }))
  return reading(faults, (current) => {
    const others = Object.entries(current).filter(
      ([name]) => name !== 'defaultMailbox' && name !== 'email' && !name.startsWith('email.'),
    )
    return {
      ...Object.fromEntries(others),
      ...services,
      ...(mailbox === '' ? {} : { defaultMailbox: mailbox }),
    }
  })
}

/** `before`: what was stored when the form was opened; what the API registered meanwhile stays. */
export function readContacts(form: ContactsForm, before: ApiSettings): Reading {
  const entities = form.entities.map(({ cells }) => ({
    tenantName: text(cells, 'tenantName'),
    orgName: text(cells, 'orgName'),
    catName: text(cells, 'catName'),
  }))
  const languages = parts(form.languages)
  const restricted = parts(form.restricted)
  const contacts = {
    ...(languages.length > 0 ? { languages } : {}),
    registerUnknown: form.registerUnknown,
    restrictedMetadata: restricted.length > 0 ? restricted : null,
    queue: orNull(form.queue),
  }
  const faults = faultsOf({ contacts: { ...contacts, entities } })
  const same = (a: (typeof entities)[number], b: (typeof entities)[number]) =>
    a.tenantName === b.tenantName && a.orgName === b.orgName && a.catName === b.catName
  entities.forEach((entity, index) => {
    if (entities.findIndex((other) => same(entity, other)) < index)
      faults[`contacts.entities.${String(index)}.tenantName`] ??= t('apis.fault.taken')
  })
  return reading(faults, (current) => {
    const known = before.contacts?.entities ?? []
    const registered = (current.contacts?.entities ?? []).filter(
      (entity) => !known.some((one) => same(one, entity)) && !entities.some((one) => same(one, entity)),
    )
    return { ...current, contacts: { ...contacts, entities: [...entities, ...registered] } }
  })
}

export function readSecureMail(queue: string): Reading {
  return reading({}, (current) => ({ ...current, securemail: { queue: orNull(queue) } }))
}

export function readActivity(form: ActivityForm): Reading {
  const department = (cells: Row['cells']) =>
    text(cells, 'department') === '' ? {} : { department: text(cells, 'department') }
  const list = <K extends string>(name: K, cells: Row['cells']): Partial<Record<K, string[]>> => {
    const found: Partial<Record<string, string[]>> = {}
    if (parts(text(cells, name)).length > 0) found[name] = parts(text(cells, name))
    return found
  }
  const activity = {
    path: form.path.trim(),
    departments: form.departments,
    queue: orNull(form.queue),
    aliases: form.aliases.map(({ cells }) => ({
      address: text(cells, 'address'),
      active: cells.active === true,
      ...department(cells),
    })),
    messageCenters: form.centers.map(({ cells }) => ({
      id: text(cells, 'id'),
      active: cells.active === true,
      ...department(cells),
      ...list('issueTypes', cells),
    })),
    customAttributes: form.attributes.map(({ cells }) => ({
      name: text(cells, 'name'),
      ...list('values', cells),
    })),
    customers: form.customers.map(({ cells }) => ({
      id: text(cells, 'id'),
      addresses: parts(text(cells, 'addresses')),
      ...department(cells),
      ...list('grantsTo', cells),
    })),
  }
  const faults = faultsOf({ activity })
  once(
    faults,
    'activity.aliases',
    'address',
    activity.aliases.map(({ address }) => address.toLowerCase()),
  )
  once(
    faults,
    'activity.messageCenters',
    'id',
    activity.messageCenters.map(({ id }) => id),
  )
  once(
    faults,
    'activity.customAttributes',
    'name',
    activity.customAttributes.map(({ name }) => name),
  )
  once(
    faults,
    'activity.customers',
    'id',
    activity.customers.map(({ id }) => id),
  )
  return reading(faults, (current) => ({ ...current, activity }))
}

/** Lines in which nothing was typed don't count. */
export function filled(rows: readonly Row[]): Row[] {
  return rows.filter(({ cells }) =>
    Object.values(cells).some((cell) => typeof cell === 'string' && cell.trim() !== ''),
  )
}

/** The fault of a field, or of something in it. */
export function faultAt(faults: Faults, path: string): string | undefined {
  return faults[path] ?? Object.entries(faults).find(([key]) => key.startsWith(`${path}.`))?.[1]
}

/** What stands between commas, without blanks and repetitions. */
export function parts(typed: string): string[] {
  return [...new Set(typed.split(',').map((part) => part.trim()))].filter((part) => part !== '')
}

function reading(faults: Faults, change: (current: ApiSettings) => ApiSettings): Reading {
  return Object.keys(faults).length > 0 ? { change: null, faults } : { change, faults }
}

function lines(typed: string): string[] {
  return typed
    .split(/\s+/u)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
function orNull(typed: string): string | null {
  return typed.trim() === '' ? null : typed.trim()
}
/** NaN where it is none, so that the schema refuses it. */
function whole(typed: string): number {
  return /^\d+$/u.test(typed.trim()) ? Number(typed.trim()) : Number.NaN
}
function text(cells: Row['cells'], name: string): string {
  const cell = cells[name]
  return typeof cell === 'string' ? cell.trim() : ''
}

function once(faults: Record<string, string>, path: string, field: string, values: readonly string[]): void {
  values.forEach((value, index) => {
    if (value !== '' && values.indexOf(value) < index)
      faults[`${path}.${String(index)}.${field}`] ??= t('apis.fault.taken')
  })
}

/** What the contract refuses, in the page's words, by the path of the field. */
function faultsOf(candidate: Record<string, unknown>): Record<string, string> {
  const faults: Record<string, string> = {}
  for (const issue of apiSettingsSchema.safeParse(candidate).error?.issues ?? []) {
    const path = issue.path.map(String)
    faults[path.join('.')] ??= sentence(
      path.findLast((part) => !/^\d+$/u.test(part)) ?? '',
      issue.code,
      issue.message,
    )
  }
  return faults
}

function sentence(field: string, code: string, message: string): string {
  switch (field) {
    case 'listen':
      return t('apis.fault.listen')
    case 'port':
      return t('apis.fault.port')
    case 'publicUrl':
      return t('apis.fault.url')
    case 'max_files':
      return t('apis.fault.number')
    case 'max_size':
      return t('apis.fault.size')
    case 'address':
    case 'addresses':
    case 'mailbox':
    case 'defaultMailbox':
      return t('apis.fault.address')
    case 'origins':
      return t('apis.fault.origin')
    case 'languages':
      return t('apis.fault.language')
    case 'grantsTo':
      return t('apis.fault.grants')
    case 'path':
      return t('apis.fault.path', { holes: '{ids}' })
    default:
      if (code === 'too_small') return t('apis.fault.missing')
      return code === 'too_big' ? t('apis.fault.long') : t('apis.fault.any', { problem: message })
  }
}
