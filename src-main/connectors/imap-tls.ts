import { X509Certificate } from 'node:crypto'
import { isIP, connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { ImapTransport, ImapTransportSocket } from 'imapflow'
import { CoreError } from '../contract/errors.ts'
import type { ImapSettings } from '../contract/settings.ts'

/** A server's certificate as the agent is asked about it. */
export interface ShownCertificate {
  readonly subject: string
  readonly issuer: string
  /** ISO date-time at which it runs out. */
  readonly valid_to: string
  /** `AB:CD:…` */
  readonly fingerprint256: string
}

/** The certificate can't be verified, or isn't the one that was trusted. Nothing was sent to the server. */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused'
  readonly certificate: ShownCertificate
  /** Node's or OpenSSL's reason (`DEPTH_ZERO_SELF_SIGNED_CERT`, …), or `PIN`. */
  readonly reason: string

  constructor(certificate: ShownCertificate, reason: string) {
    super(`certificate refused: ${reason}`)
    this.certificate = certificate
    this.reason = reason
  }
}

/** The name led to another computer, so an unencrypted login was not begun. */
export class NotLoopback extends Error {
  override readonly name = 'NotLoopback'
}

/** How far a connection came, for whoever has to explain why it came no further. */
export type Stage = 'tcp' | 'tls'

/**
 * The SHA-256 fingerprint that is trusted, as `AB:CD:…`: of a PEM text (its first certificate) or as given, with or
 * without colons. Null where none is. Throws `invalid` when it is neither.
 */
export function readPin(trusted: string | null): string | null {
  if (trusted === null || trusted.trim() === '') return null
  const hex = trusted
    .trim()
    .replace(/^sha-?256[:=\s]*/i, '')
    .replace(/[:\s]/g, '')
  if (/^[0-9a-f]{64}$/i.test(hex)) return (hex.toUpperCase().match(/../g) ?? []).join(':')
  try {
    return new X509Certificate(trusted).fingerprint256
  } catch (cause) {
    throw new CoreError(
      'invalid',
      'The trusted certificate is neither a PEM text nor a SHA-256 fingerprint. Correct it under Settings, or clear it.',
      { cause },
    )
  }
}

/** Whether a host can only be this computer. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || isLoopbackAddress(name)
}

function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '')
  return isIP(plain) === 4 ? plain.startsWith('127.') : plain === '::1'
}

/**
 * Opens the connection for imapflow, so that a certificate is judged before a single byte of the session: by the
 * pin alone where there is one (its name and date don't matter then), else by the system's authorities and the
 * host's name. A refused connection fails with `CertificateRefused`.
 */
export function verifiedTransport(
  settings: ImapSettings,
  pin: string | null,
  reached: (stage: Stage, socket: Socket) => void,
): ImapTransport {
  function secured(socket: TLSSocket, done: () => void): ImapTransportSocket {
    socket.once('secureConnect', () => {
      const refused = judgeCertificate(socket, pin)
      if (refused) return void socket.destroy(refused)
      reached('tls', socket)
      done()
    })
    return socket
  }
  function tlsOptions(servername: string | undefined): ConnectionOptions {
    return {
      host: settings.host,
      minVersion: 'TLSv1.2',
      // Not lax: `judgeCertificate` refuses what Node would, but only after the certificate could be read.
      rejectUnauthorized: false,
      ...(servername === undefined ? {} : { servername }),
    }
  }

  return {
    connect({ host, port, servername, secure }, onConnect) {
      if (secure) {
        const socket = connectTls({ ...tlsOptions(servername), host, port })
        socket.once('connect', () => reached('tcp', socket))
        return secured(socket, onConnect)
      }
      const socket = connectTcp({ host, port })
      socket.once('connect', () => {
        const inClear = settings.tls === 'none' && settings.insecure !== true
        if (inClear && !isLoopbackAddress(socket.remoteAddress ?? ''))
          return void socket.destroy(new NotLoopback('the name leads to another computer'))
        reached('tcp', socket)
        onConnect()
      })
      return socket
    },
    upgrade(socket, { servername }, onSecure) {
      return secured(connectTls({ ...tlsOptions(servername), socket }), onSecure)
    },
  }
}

/** Why the certificate may not be trusted: by the pin alone where there is one, else as Node judges it; null where it may. */
export function judgeCertificate(socket: TLSSocket, pin: string | null): CertificateRefused | null {
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return new CertificateRefused(NO_CERTIFICATE, 'NONE')
  if (pin !== null)
    return certificate.fingerprint256 === pin ? null : new CertificateRefused(shown(certificate), 'PIN')
  if (socket.authorized) return null
  return new CertificateRefused(shown(certificate), reasonOf(socket.authorizationError))
}

function reasonOf(error: unknown): string {
  if (typeof error === 'string') return error
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message
  return 'unknown'
}

const NO_CERTIFICATE: ShownCertificate = { subject: '', issuer: '', valid_to: '', fingerprint256: '' }

/** What the agent is shown of a certificate. */
export function shown(certificate: X509Certificate): ShownCertificate {
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    valid_to: certificate.validToDate.toISOString(),
    fingerprint256: certificate.fingerprint256,
  }
}

/** The common name where there is one; OpenSSL writes one attribute to a line. */
function nameOf(distinguished: string): string {
  const common = /^CN=(.*)$/m.exec(distinguished)?.[1]
  return common ?? distinguished.split('\n').join(', ')
}
