import { CoreError } from '../contract/errors.ts'
import type { ImapSettings } from '../contract/settings.ts'
import { CertificateRefused, NotLoopback } from './imap-tls.ts'

/** A fault of the line in the agent's words. */
export interface ImapFault {
  /** Only the agent can end it: trying again would change nothing. */
  readonly lasting: boolean
  /** One sentence: what was seen and what to do. */
  readonly problem: string
  readonly cause: unknown
}

/** A connection that ended without an error of its own. */
export class LineLost extends Error {
  override readonly name = 'LineLost'
  /** What the server said as it closed; null where it said nothing. */
  readonly reason: string | null

  constructor(reason: string | null = null) {
    super('the connection was lost')
    this.reason = reason
  }
}

/** Translates whatever went wrong on the way to, or on, an IMAP server. */
export function explain(error: unknown, { host, port, user }: ImapSettings): ImapFault {
  const lasting = (problem: string): ImapFault => ({ lasting: true, problem, cause: error })
  const passing = (problem: string): ImapFault => ({ lasting: false, problem, cause: error })

  if (error instanceof CoreError) {
    return error.code === 'invalid' || error.code === 'refused'
      ? lasting(error.message)
      : passing(error.message)
  }
  if (error instanceof CertificateRefused) return lasting(certificateProblem(error, host))
  if (error instanceof NotLoopback) return lasting(unencryptedProblem(host))

  const code = textOf(error, 'code')
  const said = textOf(error, 'responseText') || textOf(error, 'reason')
  const quoted = said ? ` It said: “${short(said)}”.` : ''

  if (isTooMany(error)) {
    return passing(
      `${host} allows no more connections for ${user} now.${quoted} Close other mail programs; Workbin tries again by itself.`,
    )
  }
  if (flag(error, 'authenticationFailed')) {
    const answer = textOf(error, 'serverResponseCode')
    if (answer === 'UNAVAILABLE' || answer === 'INUSE' || answer === 'SERVERBUG')
      return passing(`${host} can't check the password now.${quoted} Workbin tries again by itself.`)
    if (messageOf(error) === 'Login is disabled')
      return lasting(
        `${host} takes no password on an unencrypted connection. Choose TLS or STARTTLS under Settings.`,
      )
    if (messageOf(error) === 'No matching authentication method')
      return lasting(
        `${host} offers no way to log in with a password. Ask its administrator to allow IMAP with a password.`,
      )
    return lasting(
      `The mail server refused the password for ${user}.${quoted} Enter it again under Settings.`,
    )
  }
  if (code === 'STARTTLS_INJECTION')
    return lasting(
      `Somebody between here and ${host} tampers with the connection; nothing was sent. Use another network, or TLS on port 993.`,
    )
  if (flag(error, 'tlsFailed') && messageOf(error).includes('STARTTLS'))
    return lasting(
      `${host} offers no STARTTLS on port ${port}, so no password was sent. Choose TLS (port 993) under Settings.`,
    )
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS'))
    return lasting(
      `${host} doesn't speak TLS on port ${port}. Choose STARTTLS, or the port for TLS (993), under Settings.`,
    )

  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return passing(
        `The mail server ${host} can't be found. Check the network, and its name under Settings; Workbin tries again by itself.`,
      )
    case 'ECONNREFUSED':
      return passing(
        `${host} refuses connections on port ${port}. Check the port under Settings; Workbin tries again by itself.`,
      )
    case 'CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return passing(
        `${host} doesn't answer on port ${port}. Check the network and the port; Workbin tries again by itself.`,
      )
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
      return passing(`There is no way to ${host}. Check the network; Workbin tries again by itself.`)
    case 'GREETING_TIMEOUT':
      return passing(
        `${host} says nothing on port ${port}. Perhaps the port wants TLS: check it under Settings; Workbin tries again by itself.`,
      )
    case 'ETIMEOUT':
      return passing(`${host} stopped answering. Workbin connects again by itself.`)
    case 'ETHROTTLE':
      return passing(`${host} asks for a pause.${quoted} Workbin goes on by itself.`)
    case 'LiteralTooLarge':
    case 'ResponseTooLarge':
    case 'LineTooLarge':
    case 'TooManyTokens':
      return passing(
        `${host} sent more than it announced, so the connection was closed. Workbin connects again by itself.`,
      )
  }
  if (textOf(error, 'responseStatus') !== '')
    return passing(`${host} refused a request.${quoted} Workbin tries again by itself.`)
  if (error instanceof LineLost || isLost(code))
    return passing(`The connection to ${host} was lost.${quoted} Workbin connects again by itself.`)
  return passing(
    `The connection to ${host} failed: ${short(messageOf(error)) || 'no reason given'}. Workbin connects again by itself.`,
  )
}

/** Why a password may not leave unencrypted. */
export function unencryptedProblem(host: string): string {
  return `${host} is another computer, and without TLS the password would cross the network readable. Choose TLS or STARTTLS under Settings, or allow it there explicitly.`
}

/** Whether a server answered one command with NO or BAD: the line is sound, the next command may work. */
export function isRefusal(error: unknown): error is Error {
  const status = textOf(error, 'responseStatus')
  return (
    error instanceof Error && (status === 'NO' || status === 'BAD') && !flag(error, 'authenticationFailed')
  )
}

/** Whether a server turned a connection away because there are too many. */
export function isTooMany(error: unknown): boolean {
  if (textOf(error, 'serverResponseCode') === 'LIMIT') return true
  const said = `${textOf(error, 'responseText')} ${textOf(error, 'reason')}`
  return /too many (simultaneous |concurrent )?(connections|logins|sessions)|maximum number of connections|connection limit/i.test(
    said,
  )
}

/** Why a certificate was refused, and what to do. */
export function certificateProblem({ reason, certificate }: CertificateRefused, host: string): string {
  const shown = `It is for “${short(certificate.subject)}”, by “${short(certificate.issuer)}”.`
  const unless =
    'No password was sent. Ask its administrator, or trust this certificate under Settings if its fingerprint is right.'
  switch (reason) {
    case 'PIN':
      return `${host} shows another certificate than the one you trusted. No password was sent. Compare its fingerprint under Settings before you trust it.`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `The certificate of ${host} was signed by nobody but itself. ${shown} ${unless}`
    case 'CERT_HAS_EXPIRED':
      return `The certificate of ${host} ran out on ${certificate.valid_to.slice(0, 10)}. ${unless}`
    case 'CERT_NOT_YET_VALID':
      return `The certificate of ${host} isn't valid yet. Check this computer's clock. ${unless}`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `The certificate of ${host} is for another name. ${shown} Check the server's name. ${unless}`
    case 'NONE':
      return `${host} showed no certificate. No password was sent. Ask its administrator.`
    default:
      return `The certificate of ${host} can't be verified (${reason}). ${shown} ${unless}`
  }
}

function isLost(code: string): boolean {
  return [
    'NoConnection',
    'EConnectionClosed',
    'StateLogout',
    'ClosedAfterConnectTLS',
    'ClosedAfterConnectText',
    'ECONNRESET',
    'EPIPE',
    'ECONNABORTED',
  ].includes(code)
}

function short(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .replace(/[.\s]+$/, '')
  return line.length > 200 ? `${line.slice(0, 199)}…` : line
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function textOf(error: unknown, name: string): string {
  const value = fieldOf(error, name)
  return typeof value === 'string' ? value : ''
}

function flag(error: unknown, name: string): boolean {
  return fieldOf(error, name) === true
}

function fieldOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
}
