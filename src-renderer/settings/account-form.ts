import type { AccountInput } from '../../src-main/contract/core.ts'
import type { Account, Settings } from '../../src-main/contract/settings.ts'
import { isAddress } from '../compose/addresses.ts'
import { t } from '../texts/texts.ts'
import { guessServers, isLoopback, usualPort } from './server-guess.ts'

export type Tls = NonNullable<Account['imap']>['tls']
export type ServerKind = 'imap' | 'smtp'

export interface ServerForm {
  on: boolean
  host: string
  port: string
  tls: Tls
  user: string
  password: string
  insecure: boolean
  /** A password is stored already; empty means to keep it. */
  readonly hasPassword: boolean
  /** Host, port and encryption follow the address until they are changed by hand. */
  guessed: boolean
}

/** The account form: every field as it is typed. */
export interface AccountForm {
  /** Null for a new account. */
  readonly id: string | null
  address: string
  personal: string
  imap: ServerForm
  smtp: ServerForm
  sameLogin: boolean
  folders: string[]
  /** `auto`, `none`, or `=` and a folder's name. */
  sent: string
  queue: string
  since: string
  trustedCertificate: string | null
  /** Name of the remote that its mail leaves through; empty: SMTP. */
  through: string
  /** What is stored of SMTP stays while mail leaves through a remote. */
  readonly storedSmtp: Account['smtp']
}

export type Faults = Readonly<Partial<Record<string, string>>>

/** An empty form. */
export function newAccountForm(address = '', personal = ''): AccountForm {
  const server = (kind: ServerKind): ServerForm => ({
    on: true,
    host: '',
    port: String(usualPort[kind].implicit),
    tls: 'implicit',
    user: '',
    password: '',
    insecure: false,
    hasPassword: false,
    guessed: true,
  })
  const form: AccountForm = {
    id: null,
    address,
    personal,
    imap: server('imap'),
    smtp: server('smtp'),
    sameLogin: true,
    folders: ['INBOX'],
    sent: 'auto',
    queue: '',
    since: '',
    trustedCertificate: null,
    through: '',
    storedSmtp: null,
  }
  applyGuess(form)
  return form
}

export function formOf(account: Settings['accounts'][number]): AccountForm {
  const server = (kind: ServerKind): ServerForm => {
    const stored = account[kind]
    return {
      on: stored !== null,
      host: stored?.host ?? '',
      port: String(stored?.port ?? usualPort[kind].implicit),
      tls: stored?.tls ?? 'implicit',
      user: stored?.user ?? '',
      password: '',
      insecure: stored?.insecure ?? false,
      hasPassword: account.has_password[kind],
      guessed: stored === null,
    }
  }
  const sent = account.imap?.sent ?? 'auto'
  const smtp = server('smtp')
  return {
    id: account.id,
    address: account.address,
    personal: account.personal,
    imap: server('imap'),
    smtp: { ...smtp, on: smtp.on || Boolean(account.through) },
    sameLogin: false,
    folders: [...(account.imap?.folders ?? ['INBOX'])],
    sent: account.imap?.sent === null ? 'none' : sent === 'auto' ? 'auto' : `=${sent}`,
    queue: account.queue ?? '',
    since: account.since ?? '',
    trustedCertificate: account.trustedCertificate,
    through: account.through ?? '',
    storedSmtp: account.smtp,
  }
}

/** Fills in servers and user names that weren't changed by hand, from the address. */
export function applyGuess(form: AccountForm): void {
  const guess = guessServers(form.address)
  for (const kind of ['imap', 'smtp'] as const) {
    const server = form[kind]
    if (!server.guessed) continue
    server.host = guess?.[kind].host ?? ''
    server.tls = guess?.[kind].tls ?? 'implicit'
    server.port = String(guess?.[kind].port ?? usualPort[kind].implicit)
    server.user = form.address.trim()
  }
}

/** The usual port of the new encryption, where the port is the usual one of another. */
export function chooseTls(kind: ServerKind, server: ServerForm, tls: Tls): void {
  const usual = Object.values(usualPort[kind]).map(String)
  server.tls = tls
  if (server.port.trim() === '' || usual.includes(server.port.trim()))
    server.port = String(usualPort[kind][tls])
}

/** Consent is needed to send a password in the clear to another computer. */
export function needsConsent(server: ServerForm): boolean {
  return server.on && server.tls === 'none' && server.host.trim() !== '' && !isLoopback(server.host)
}

/** What the core is asked to store or test, or what is wrong with which field. */
export function readForm(
  form: AccountForm,
  taken: readonly { readonly id: string; readonly address: string }[],
): { readonly input: AccountInput | null; readonly faults: Faults } {
  const faults: Record<string, string> = {}
  const address = form.address.trim()
  if (!isAddress(address)) faults.address = t('account.fault.address')
  else if (taken.some((one) => one.id !== form.id && one.address.toLowerCase() === address.toLowerCase()))
    faults.address = t('account.fault.taken')
  if (!form.imap.on && !form.smtp.on) faults.servers = t('account.fault.nothing')
  if (form.since !== '' && !/^\d{4}-\d{2}-\d{2}$/u.test(form.since)) faults.since = t('account.fault.since')
  const folders = form.folders.map((folder) => folder.trim()).filter((folder) => folder !== '')
  if (form.imap.on && folders.length === 0) faults.folders = t('account.fault.folders')

  const shared = form.sameLogin && form.imap.on
  const read = (kind: ServerKind) => {
    const server = form[kind]
    if (!server.on) return null
    const login = kind === 'smtp' && shared ? form.imap : server
    const port = Number(server.port.trim())
    if (server.host.trim() === '') faults[`${kind}.host`] = t('account.fault.host')
    if (!/^\d+$/u.test(server.port.trim()) || port < 1 || port > 65535)
      faults[`${kind}.port`] = t('account.fault.port')
    if (kind === 'imap' && login.user.trim() === '') faults[`${kind}.user`] = t('account.fault.user')
    if (login === server && server.user.trim() !== '' && server.password === '' && !server.hasPassword)
      faults[`${kind}.password`] = t('account.fault.password')
    if (needsConsent(server) && !server.insecure) faults[`${kind}.insecure`] = t('account.insecureMissing')
    return {
      host: server.host.trim(),
      port,
      tls: server.tls,
      user: login.user.trim(),
      ...(needsConsent(server) && server.insecure ? { insecure: true } : {}),
    }
  }
  const imap = read('imap')
  const through = form.smtp.on ? form.through : ''
  const smtp = through === '' ? read('smtp') : form.storedSmtp
  if (Object.keys(faults).length > 0) return { input: null, faults }

  const sent = form.sent === 'auto' ? ('auto' as const) : form.sent === 'none' ? null : form.sent.slice(1)
  const password = (kind: ServerKind) =>
    kind === 'smtp' && shared ? form.imap.password : form[kind].password
  const input: AccountInput = {
    account: {
      id:
        form.id ??
        accountId(
          address,
          taken.map(({ id }) => id),
        ),
      address,
      personal: form.personal.trim(),
      imap: imap && { ...imap, folders, sent },
      smtp,
      trustedCertificate: form.trustedCertificate,
      queue: form.queue === '' ? null : form.queue,
      since: form.since === '' ? null : form.since,
      ...(through === '' ? {} : { through }),
    },
    ...(imap && password('imap') !== '' ? { imapPassword: password('imap') } : {}),
    ...(smtp && through === '' && password('smtp') !== '' ? { smtpPassword: password('smtp') } : {}),
  }
  return { input, faults }
}

/** A readable id of the settings file's alphabet that no other account has. */
export function accountId(address: string, taken: readonly string[]): string {
  const base =
    address
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/gu, '-')
      .slice(0, 56) || 'account'
  let id = base
  for (let i = 2; taken.includes(id); i++) id = `${base}-${String(i)}`
  return id
}
