import type { Requests } from '../../src-main/contract/core.ts'
import type { RemoteKind, RemoteState } from '../../src-main/contract/domain.ts'
import { remoteOptionsSchemas } from '../../src-main/contract/settings.ts'
import { t } from '../texts/texts.ts'
import type { Faults } from './account-form.ts'
import { newRow, type Row } from './api-form.ts'
import { isLoopback } from './server-guess.ts'

export const REMOTE_KINDS = [
  'gms-email',
  'interactions',
  'contacts-email',
  'secure-mail',
  'activity-response',
] as const satisfies readonly RemoteKind[]

/** The form of a remote: every field as it is typed. */
export interface RemoteForm {
  /** False for a new one, whose name can still be chosen. */
  readonly stored: boolean
  kind: RemoteKind
  id: string
  url: string
  /** Empty keeps the stored one. */
  key: string
  readonly hasKey: boolean
  /** Empty keeps the stored one. */
  trustedCertificate: string
  /** The stored one is forgotten. */
  forgetCertificate: boolean
  /** The agent agreed that the key travels in the clear. */
  insecure: boolean
  /** Of its kind, by name. */
  options: Record<string, string | boolean>
  queues: string[]
  /** Metadata key there, user data key here. */
  metadata: Row[]
  /** It takes files (activity responses). */
  uploads: boolean
}

/** An empty form. */
export function newRemoteForm(): RemoteForm {
  return {
    stored: false,
    kind: 'gms-email',
    id: '',
    url: '',
    key: '',
    hasKey: false,
    trustedCertificate: '',
    forgetCertificate: false,
    insecure: false,
    options: typed(defaultsOf('gms-email')),
    queues: [],
    metadata: [],
    uploads: true,
  }
}

/** Another kind has other options; what is common stays. */
export function chooseKind(form: RemoteForm, kind: RemoteKind): void {
  form.kind = kind
  form.options = typed(defaultsOf(kind))
  form.uploads = true
}

export function remoteForm(remote: RemoteState): RemoteForm {
  const options = { ...defaultsOf(remote.kind), ...remote.options }
  const metadata: unknown = options.metadata
  return {
    ...newRemoteForm(),
    stored: true,
    kind: remote.kind,
    id: remote.id,
    url: remote.url,
    hasKey: remote.has_key,
    // It could not have been stored otherwise.
    insecure: remote.has_key && isPlain(remote.url),
    options: typed(options),
    queues: Array.isArray(options.queues) ? options.queues.map(String) : [],
    metadata:
      typeof metadata === 'object' && metadata !== null
        ? Object.entries(metadata).map(([theirs, ours]) => newRow({ theirs, ours: String(ours) }))
        : [],
    uploads: options.uploadPath !== null,
  }
}

/** Consent is needed to send the key in the clear to another computer. */
export function asksConsent(form: RemoteForm): boolean {
  return isPlain(form.url.trim()) && (form.key !== '' || form.hasKey)
}

function isPlain(url: string): boolean {
  return URL.canParse(url) && new URL(url).protocol === 'http:' && !isLoopback(new URL(url).hostname)
}

/** What the core is asked to store or test, or what is wrong with which field. */
export function readRemote(
  form: RemoteForm,
  taken: readonly string[],
): { readonly input: Requests['saveRemote'] | null; readonly faults: Faults } {
  const faults: Record<string, string> = {}
  const id = form.id.trim()
  if (!/^[A-Za-z0-9._-]{1,64}$/u.test(id)) faults.id = t('remote.fault.id')
  else if (!form.stored && taken.some((other) => other.toLowerCase() === id.toLowerCase()))
    faults.id = t('remote.fault.taken')
  const url = form.url.trim()
  if (!/^https?:\/\/[^\s/]/iu.test(url) || !URL.canParse(url)) faults.url = t('remote.fault.url')
  if (asksConsent(form) && !form.insecure) faults.insecure = t('remote.insecureMissing')
  const certificate = form.forgetCertificate ? '' : form.trustedCertificate.trim()
  if (
    certificate !== '' &&
    !certificate.includes('-----BEGIN CERTIFICATE-----') &&
    !/^[0-9a-f]{64}$/iu.test(certificate.replace(/[:\s]/gu, ''))
  )
    faults.trustedCertificate = t('remote.fault.certificate')

  const rows = form.metadata.map(({ cells }) => ({
    theirs: String(cells.theirs ?? '').trim(),
    ours: String(cells.ours ?? '').trim(),
  }))
  if (form.kind === 'contacts-email')
    rows.forEach(({ theirs, ours }, index) => {
      if (theirs === '') faults[`metadata.${String(index)}.theirs`] = t('remote.fault.row')
      else if (rows.findIndex((row) => row.theirs === theirs) < index)
        faults[`metadata.${String(index)}.theirs`] = t('apis.fault.taken')
      if (ours === '') faults[`metadata.${String(index)}.ours`] = t('remote.fault.row')
    })

  const options = optionsOf(form, rows)
  const checked = remoteOptionsSchemas[form.kind].safeParse(options)
  for (const issue of checked.error?.issues ?? []) {
    const field = String(issue.path[0] ?? '')
    if (field === 'metadata') faults['metadata.0.theirs'] ??= t('remote.fault.long')
    else faults[field] ??= sentence(field)
  }
  if (form.kind === 'contacts-email')
    for (const field of ['tenantName', 'orgName', 'catName'])
      if (options[field] === '') faults[field] ??= t('remote.fault.triple')
  if (Object.keys(faults).length > 0 || !checked.success) return { input: null, faults }
  return {
    input: {
      id,
      kind: form.kind,
      url,
      ...(form.key === '' ? {} : { key: form.key }),
      options,
      ...(form.forgetCertificate
        ? { trustedCertificate: null }
        : certificate === ''
          ? {}
          : { trustedCertificate: certificate }),
      insecure: asksConsent(form) && form.insecure,
    },
    faults,
  }
}

type Options = Requests['saveRemote']['options']

function defaultsOf(kind: RemoteKind): Record<string, unknown> {
  return remoteOptionsSchemas[kind].parse({})
}

/** Options as fields hold them. */
function typed(options: Record<string, unknown>): Record<string, string | boolean> {
  const fields: Record<string, string | boolean> = {}
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'boolean' || typeof value === 'string') fields[name] = value
    else if (typeof value === 'number') fields[name] = String(value)
    else if (value === null) fields[name] = ''
  }
  return fields
}

function optionsOf(
  form: RemoteForm,
  rows: readonly { readonly theirs: string; readonly ours: string }[],
): Options {
  const text = (name: string) => String(form.options[name] ?? '').trim()
  const whole = (name: string) => (/^\d+$/u.test(text(name)) ? Number(text(name)) : text(name))
  switch (form.kind) {
    case 'gms-email':
      return {
        service: text('service'),
        max_files: whole('max_files'),
        max_size: text('max_size'),
        file_types: text('file_types'),
      }
    case 'interactions':
      return {
        basePath: text('basePath'),
        auth: text('auth'),
        status: text('status') === '' ? null : Number(text('status')),
        every: whole('every'),
        writeBack: form.options.writeBack === true,
        queue: text('queue') === '' ? null : text('queue'),
      }
    case 'contacts-email':
      return {
        tenantName: text('tenantName'),
        orgName: text('orgName'),
        catName: text('catName'),
        language: text('language'),
        agentId: text('agentId'),
        queues: form.queues,
        metadata: Object.fromEntries(rows.map(({ theirs, ours }) => [theirs, ours])),
        shortenSubjects: form.options.shortenSubjects === true,
      }
    case 'secure-mail':
      return {
        basePath: text('basePath'),
        securebox: text('securebox'),
        markRead: form.options.markRead === true,
      }
    case 'activity-response':
      return {
        path: text('path'),
        auth: text('auth'),
        uploadPath: form.uploads ? text('uploadPath') : null,
      }
  }
}

function sentence(field: string): string {
  switch (field) {
    case 'service':
      return t('remote.fault.service')
    case 'max_files':
      return t('remote.fault.maxFiles')
    case 'max_size':
      return t('remote.fault.size')
    case 'every':
      return t('remote.fault.every')
    case 'basePath':
      return t('remote.fault.basePath')
    case 'path':
      return t('remote.fault.path', { holes: '{ids}' })
    case 'uploadPath':
      return t('remote.fault.uploadPath')
    case 'securebox':
      return t('remote.fault.securebox')
    default:
      return t('remote.fault.long')
  }
}
