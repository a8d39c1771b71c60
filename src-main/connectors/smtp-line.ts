import { TLSSocket } from 'node:tls'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { Account, SmtpSettings } from '../contract/settings.ts'
import { CoreError } from '../contract/errors.ts'
import { isLoopbackHost, readPin, shown, type ShownCertificate } from './imap-tls.ts'
import { certificateFault, certificateReason, SmtpFault, smtpFault, unencryptedFault } from './smtp-fault.ts'

/** Waits in ms. */
export interface SmtpTiming {
  /** For the TCP connection and for the greeting, each. */
  readonly connect: number
  /** For any answer before the mail's data (RFC 5321, 4.5.3.2 asks for 5 minutes at most steps). */
  readonly reply: number
  /** For the answer to the data (RFC 5321, 4.5.3.2.6: 10 minutes). Giving up sooner would only make doubts. */
  readonly answer: number
}

export const SMTP_TIMING: SmtpTiming = { connect: 30_000, reply: 120_000, answer: 600_000 }

/** A connection that was greeted, encrypted and verified as the account asks. */
export interface SmtpLine {
  readonly connection: SMTPConnection
  /** What the server said it can do, in capitals: `SMTPUTF8`, `SIZE 1000000`, … */
  readonly extensions: readonly string[]
  readonly certificate: ShownCertificate | null
  /** Runs one step; rejects with SmtpFault where the line breaks before it calls back. */
  step<T>(run: (done: (error: unknown, result?: T) => void) => void): Promise<T | undefined>
  close(): void
}

/**
 * Connects and greets. With `starttls` there is no way on without it; a certificate must be verified by the system's
 * authorities and the host's name, or be the pinned one. Throws SmtpFault; no password has left then.
 */
export async function openSmtpLine(
  account: Account,
  settings: SmtpSettings,
  timing: SmtpTiming,
): Promise<SmtpLine> {
  if (settings.tls === 'none' && settings.insecure !== true && !isLoopbackHost(settings.host))
    throw unencryptedFault(account, settings)
  const pin = pinOf(account)
  let line: SmtpLine
  try {
    line = await connect(account, settings, timing, pin === null)
  } catch (error) {
    const reason = certificateReason(error instanceof SmtpFault ? error.cause : error)
    if (reason === null) throw error
    throw certificateFault(account, settings, reason, await showCertificate(account, settings, timing))
  }
  try {
    judge(line, account, settings, pin)
  } catch (error) {
    line.close()
    throw error
  }
  return line
}

/** Authenticates, where the account has a user and the server offers it. Throws SmtpFault. */
export async function logIn(
  line: SmtpLine,
  account: Account,
  settings: SmtpSettings,
  password: string | null,
): Promise<void> {
  const { user } = settings
  if (user === '' || !line.connection.allowsAuth) return
  if (password === null || password === '')
    throw new SmtpFault(
      'login',
      true,
      `There is no password for sending from ${account.address}. Enter it under Settings.`,
    )
  await line.step((done) => {
    line.connection.login({ user, pass: password }, done)
  })
}

function pinOf(account: Account): string | null {
  try {
    return readPin(account.trustedCertificate)
  } catch (error) {
    if (error instanceof CoreError) throw new SmtpFault('certificate', true, error.message, { cause: error })
    throw error
  }
}

function judge(
  { connection, certificate }: SmtpLine,
  account: Account,
  settings: SmtpSettings,
  pin: string | null,
): void {
  const socket = connection._socket
  if (settings.tls === 'none') {
    const address = socket ? (socket.remoteAddress ?? '') : ''
    // The name may have led elsewhere.
    if (settings.insecure !== true && !isLoopbackHost(address.replace(/^::ffff:/i, '')))
      throw unencryptedFault(account, settings)
    return
  }
  if (!(socket instanceof TLSSocket) || !certificate)
    throw new SmtpFault(
      'certificate',
      true,
      `The connection to ${settings.host} could not be encrypted, so nothing of ${account.address} was sent. Ask its administrator.`,
    )
  if (pin === null ? !socket.authorized : certificate.fingerprint256 !== pin)
    throw certificateFault(account, settings, pin === null ? 'unverified' : 'PIN', certificate)
}

/** The certificate that the server shows, asked for without verification and without going any further. */
async function showCertificate(
  account: Account,
  settings: SmtpSettings,
  timing: SmtpTiming,
): Promise<ShownCertificate> {
  const nobody: ShownCertificate = { subject: '?', issuer: '?', valid_to: '', fingerprint256: '' }
  try {
    const line = await connect(account, settings, timing, false)
    line.close()
    return line.certificate ?? nobody
  } catch {
    // The reason why it was refused is known already; without its details the agent is told just that.
    return nobody
  }
}

async function connect(
  account: Account,
  settings: SmtpSettings,
  timing: SmtpTiming,
  rejectUnauthorized: boolean,
): Promise<SmtpLine> {
  const connection = new SMTPConnection({
    host: settings.host.replace(/^\[|\]$/g, ''),
    port: settings.port,
    secure: settings.tls === 'implicit',
    requireTLS: settings.tls === 'starttls',
    ignoreTLS: settings.tls === 'none',
    // Not this computer's name: it would stand in every mail's Received field.
    name: '[127.0.0.1]',
    connectionTimeout: timing.connect,
    greetingTimeout: timing.connect,
    dnsTimeout: timing.connect,
    socketTimeout: timing.reply,
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized },
  })
  let broken: ((error: unknown) => void) | null = null
  let failure: unknown = null
  connection.on('error', (error: unknown) => {
    failure ??= error
    broken?.(error)
  })
  connection.on('end', () => {
    // After `error`, where there is one.
    setImmediate(() => broken?.(failure))
  })

  async function step<T>(run: (done: (error: unknown, result?: T) => void) => void): Promise<T | undefined> {
    try {
      return await new Promise<T | undefined>((resolve, reject) => {
        // What nodemailer rejects with stays the fault's cause.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        broken = (error) => reject(error)
        run((error, result) => {
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
          if (error !== null && error !== undefined) reject(error)
          else resolve(result)
        })
      })
    } catch (error) {
      throw smtpFault(error, account, settings)
    } finally {
      broken = null
    }
  }

  try {
    await step((done) => {
      connection.connect((error) => done(error))
    })
  } catch (error) {
    connection.close()
    throw error
  }
  const socket = connection._socket
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  return {
    connection,
    extensions: (connection.lastServerResponse || '')
      .split(/\r?\n/)
      .slice(1)
      .map((text) =>
        text
          .replace(/^\d{3}[ -]/, '')
          .trim()
          .toUpperCase(),
      ),
    certificate: certificate ? shown(certificate) : null,
    step,
    close: () => connection.close(),
  }
}
