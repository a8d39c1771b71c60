import type { Account } from '../../src-main/contract/settings.ts'

type Tls = NonNullable<Account['imap']>['tls']
export interface ServerGuess {
  readonly imap: { readonly host: string; readonly port: number; readonly tls: Tls }
  readonly smtp: { readonly host: string; readonly port: number; readonly tls: Tls }
  /** The provider takes app passwords only, or may take no password at all. */
  readonly note: 'app' | 'oauth' | null
}

interface Provider {
  readonly domains: readonly string[]
  readonly imap: string
  readonly smtp: string
  readonly starttls?: boolean
  readonly note?: 'app' | 'oauth'
}

const providers: readonly Provider[] = [
  { domains: ['gmail.com', 'googlemail.com'], imap: 'imap.gmail.com', smtp: 'smtp.gmail.com', note: 'app' },
  {
    domains: ['outlook.com', 'hotmail.com', 'live.com', 'msn.com', 'office365.com', 'onmicrosoft.com'],
    imap: 'outlook.office365.com',
    smtp: 'smtp.office365.com',
    starttls: true,
    note: 'oauth',
  },
  {
    domains: ['yahoo.com', 'ymail.com'],
    imap: 'imap.mail.yahoo.com',
    smtp: 'smtp.mail.yahoo.com',
    note: 'app',
  },
  { domains: ['aol.com'], imap: 'imap.aol.com', smtp: 'smtp.aol.com', note: 'app' },
  {
    domains: ['icloud.com', 'me.com', 'mac.com'],
    imap: 'imap.mail.me.com',
    smtp: 'smtp.mail.me.com',
    starttls: true,
    note: 'app',
  },
  {
    domains: ['fastmail.com', 'fastmail.fm'],
    imap: 'imap.fastmail.com',
    smtp: 'smtp.fastmail.com',
    note: 'app',
  },
  { domains: ['gmx.de', 'gmx.net', 'gmx.at', 'gmx.ch'], imap: 'imap.gmx.net', smtp: 'mail.gmx.net' },
  { domains: ['gmx.com'], imap: 'imap.gmx.com', smtp: 'mail.gmx.com' },
  { domains: ['web.de'], imap: 'imap.web.de', smtp: 'smtp.web.de', starttls: true },
  { domains: ['t-online.de', 'magenta.de'], imap: 'secureimap.t-online.de', smtp: 'securesmtp.t-online.de' },
  { domains: ['posteo.de', 'posteo.net'], imap: 'posteo.de', smtp: 'posteo.de' },
  { domains: ['mailbox.org'], imap: 'imap.mailbox.org', smtp: 'smtp.mailbox.org' },
  { domains: ['zoho.com'], imap: 'imap.zoho.com', smtp: 'smtp.zoho.com' },
  { domains: ['orange.fr', 'wanadoo.fr'], imap: 'imap.orange.fr', smtp: 'smtp.orange.fr' },
  { domains: ['yandex.com', 'yandex.ru'], imap: 'imap.yandex.com', smtp: 'smtp.yandex.com', note: 'app' },
]

/** The ports that go with an encryption (RFC 8314; RFC 6409). */
export const usualPort = {
  imap: { implicit: 993, starttls: 143, none: 143 },
  smtp: { implicit: 465, starttls: 587, none: 25 },
} as const

/** Where the mail of `address` most likely lives; implicit TLS first (RFC 8314). Null without a domain. */
export function guessServers(address: string): ServerGuess | null {
  const domain = address.split('@')[1]?.trim().toLowerCase() ?? ''
  if (!/^[^\s@]+\.[^\s@.]+$|^localhost$/u.test(domain)) return null
  const provider = providers.find(({ domains }) =>
    domains.some((one) => domain === one || domain.endsWith(`.${one}`)),
  )
  const smtpTls = provider?.starttls ? 'starttls' : 'implicit'
  return {
    imap: { host: provider?.imap ?? `imap.${domain}`, port: usualPort.imap.implicit, tls: 'implicit' },
    smtp: { host: provider?.smtp ?? `smtp.${domain}`, port: usualPort.smtp[smtpTls], tls: smtpTls },
    note: provider?.note ?? null,
  }
}

/** This computer: no line on which anyone could listen. */
export function isLoopback(host: string): boolean {
  const name = host.trim().toLowerCase()
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    name === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/u.test(name)
  )
}
