import type { Account, SmtpSettings } from '../contract/settings.ts'
import { certificateProblem, unencryptedProblem } from './imap-errors.ts'
import { CertificateRefused, type ShownCertificate } from './imap-tls.ts'

/** How far the way to an SMTP server was gone when something stopped it. */
export type SmtpStep = 'resolve' | 'connect' | 'certificate' | 'greeting' | 'login' | 'ready'

/** What stopped the way to an SMTP server, in the agent's words. Nothing of a mail had left. */
export class SmtpFault extends Error {
  override readonly name = 'SmtpFault'
  readonly step: SmtpStep
  /** Only a person can end it. */
  readonly lasting: boolean
  /** The certificate that was refused. */
  readonly certificate: ShownCertificate | null

  constructor(
    step: SmtpStep,
    lasting: boolean,
    problem: string,
    options: { readonly cause?: unknown; readonly certificate?: ShownCertificate } = {},
  ) {
    super(problem, { cause: options.cause })
    this.step = step
    this.lasting = lasting
    this.certificate = options.certificate ?? null
  }
}

const CERTIFICATE_CODES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** OpenSSL's or Node's reason for refusing a certificate; null where the error is another one. */
export function certificateReason(error: unknown): string | null {
  const code = textOf(error, 'originalCode') || textOf(error, 'code')
  return CERTIFICATE_CODES.has(code) ? code : null
}

/** A certificate that may not be trusted. Nothing but the greeting was exchanged. */
export function certificateFault(
  account: Account,
  { host }: SmtpSettings,
  reason: string,
  certificate: ShownCertificate,
): SmtpFault {
  const problem = certificateProblem(new CertificateRefused(certificate, reason), host)
  return new SmtpFault('certificate', true, `${problem} (Account ${account.address}.)`, { certificate })
}

/** Why the password of this account stays here. */
export function unencryptedFault(account: Account, { host }: SmtpSettings): SmtpFault {
  return new SmtpFault('certificate', true, `${unencryptedProblem(host)} (Account ${account.address}.)`)
}

/** Translates what nodemailer, TLS or the network said before a mail was begun. */
export function smtpFault(error: unknown, account: Account, settings: SmtpSettings): SmtpFault {
  if (error instanceof SmtpFault) return error
  const { host, port, tls } = settings
  const { address } = account
  const code = textOf(error, 'code')
  const original = textOf(error, 'originalCode')
  const said = replyOf(error)
  const quoted = said === '' ? '' : ` It said: “${said}”.`
  const again = 'Workbin tries again by itself.'
  const lasting = (step: SmtpStep, problem: string) => new SmtpFault(step, true, problem, { cause: error })
  const passing = (step: SmtpStep, problem: string) => new SmtpFault(step, false, problem, { cause: error })

  if (code === 'EAUTH') return loginFault(error, account, settings)
  if (code === 'EDNS' || ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'].includes(original))
    return passing(
      'resolve',
      `The outgoing mail server ${host} of ${address} can’t be found. Check the network, and its name under Settings. ${again}`,
    )
  if (code === 'ETLS' && textOf(error, 'command') === 'STARTTLS')
    return lasting(
      'certificate',
      `${host} offers no STARTTLS on port ${port}, so nothing of ${address} was sent in the clear.${quoted} Choose TLS (port 465) under Settings.`,
    )
  if (/^ERR_SSL|^EPROTO$|^ERR_TLS/.test(original))
    return lasting(
      'certificate',
      `${host} doesn’t speak TLS on port ${port}, or not one that is safe. Choose STARTTLS (port 587) or another port for ${address} under Settings.`,
    )
  switch (original) {
    case 'ECONNREFUSED':
      return passing(
        'connect',
        `${host} refuses connections on port ${port}. Check the port of ${address} under Settings. ${again}`,
      )
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
      return passing(
        'connect',
        `There is no way to ${host}, the server of ${address}. Check the network. ${again}`,
      )
  }
  switch (textOf(error, 'timeoutType')) {
    case 'CONNECT_TIMEOUT':
      return passing(
        'connect',
        `${host} doesn’t answer on port ${port}. Check the network, and the port of ${address} under Settings. ${again}`,
      )
    case 'GREETING_TIMEOUT':
      return passing(
        'greeting',
        tls === 'implicit'
          ? `${host} says nothing on port ${port}. Check the port of ${address} under Settings. ${again}`
          : `${host} says nothing on port ${port}. Perhaps the port wants TLS at once: check ${address} under Settings. ${again}`,
      )
  }
  if (code === 'ETIMEDOUT' || original === 'ETIMEDOUT')
    return passing('greeting', `${host} stopped answering while ${address} was being served. ${again}`)
  if (code === 'EPROTOCOL' && statusOf(error) === 0)
    return lasting(
      'greeting',
      `What answers on port ${port} of ${host} is no mail server. Check ${address} under Settings.`,
    )
  if (said !== '')
    return statusOf(error) >= 500
      ? lasting('greeting', `${host} refuses to serve ${address}.${quoted} Ask its administrator.`)
      : passing('greeting', `${host} can’t serve ${address} now.${quoted} ${again}`)
  return passing('greeting', `The connection to ${host}, the server of ${address}, was lost. ${again}`)
}

function loginFault(error: unknown, { address }: Account, { host }: SmtpSettings): SmtpFault {
  const said = replyOf(error)
  const quoted = said === '' ? '' : ` It said: “${said}”.`
  const status = statusOf(error)
  if (status >= 400 && status < 500)
    return new SmtpFault(
      'login',
      false,
      `${host} can’t check the password of ${address} now.${quoted} Workbin tries again by itself.`,
      { cause: error },
    )
  return new SmtpFault(
    'login',
    true,
    `The mail server refused the password for ${address}.${quoted} Enter it again under Settings.`,
    { cause: error },
  )
}

/** The server's reply on one line, without what could pass for something else. */
export function replyOf(error: unknown): string {
  return oneReply(textOf(error, 'response'))
}

export function oneReply(reply: string): string {
  return reply
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()
    .slice(0, 500)
}

/** The reply's three digits; 0 where there was no reply. */
export function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('responseCode' in error)) return 0
  return typeof error.responseCode === 'number' ? error.responseCode : 0
}

export function textOf(error: unknown, property: string): string {
  if (typeof error !== 'object' || error === null) return ''
  const value: unknown = Reflect.get(error, property)
  return typeof value === 'string' ? value : ''
}
