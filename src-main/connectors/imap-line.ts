import type { Socket } from 'node:net'
import { ImapFlow } from 'imapflow'
import { CoreError } from '../contract/errors.ts'
import type { Account, ImapSettings } from '../contract/settings.ts'
import { LineLost, unencryptedProblem } from './imap-errors.ts'
import { isLoopbackHost, readPin, type Stage, verifiedTransport } from './imap-tls.ts'

/** A mail above this many bytes isn't taken over: 100 MB, four times what the large providers let through. */
export const LARGEST_MAIL = 100 * 1024 * 1024

/** One logged-in connection. A line is used once: who reconnects opens another. */
export interface Line {
  readonly client: ImapFlow
  /** Resolves, never rejects, when the connection has ended, with why. */
  readonly ended: Promise<Error>
  /** Says goodbye if the server listens within half a second, and closes in any case. */
  close(): Promise<void>
}

export interface LineOptions {
  readonly account: Account
  readonly password: string
  /** Milliseconds of silence after which a line counts as dead. */
  readonly socketTimeout: number
  /** Milliseconds after which IDLE is begun anew (RFC 2177: before 29 minutes; many routers forget sooner). */
  readonly idleRestart: number
  readonly connectTimeout?: number
  readonly onStage?: (stage: Stage, socket: Socket) => void
  /** UIDs that left the folder that is open, where the server names them (QRESYNC). */
  readonly onVanished?: (path: string, uid: number) => void
  /** Handed the client before it connects, so that it can be closed meanwhile. */
  readonly onClient?: (client: ImapFlow) => void
}

/** The account's IMAP settings. Throws `invalid` where it has none. */
export function imapSettings(account: Account): ImapSettings {
  if (account.imap) return account.imap
  throw new CoreError('invalid', `${account.address} has no IMAP server. Enter one under Settings.`)
}

/**
 * Connects and logs in. The password leaves only over TLS with a certificate that was verified or pinned, or to
 * this computer, or where the agent allowed otherwise. Throws imapflow's, Node's or our own errors; `explain`
 * puts them into words.
 */
export async function openLine(options: LineOptions): Promise<Line> {
  const settings = imapSettings(options.account)
  if (settings.tls === 'none' && settings.insecure !== true && !isLoopbackHost(settings.host))
    throw new CoreError('refused', unencryptedProblem(settings.host))
  const pin = readPin(options.account.trustedCertificate)

  const client = new ImapFlow({
    host: settings.host,
    port: settings.port,
    secure: settings.tls === 'implicit',
    // Required, not offered: a stripped STARTTLS ends the connection before the password.
    doSTARTTLS: settings.tls === 'starttls',
    transport: verifiedTransport(settings, pin, options.onStage ?? (() => {})),
    auth: { user: settings.user, pass: options.password },
    clientInfo: { name: 'Workbin', version: false, vendor: false, 'support-url': false },
    logger: false,
    disableAutoIdle: true,
    qresync: true,
    maxIdleTime: options.idleRestart,
    socketTimeout: options.socketTimeout,
    connectionTimeout: options.connectTimeout ?? 30_000,
    greetingTimeout: 15_000,
    maxLiteralSize: LARGEST_MAIL + 1024 * 1024,
    maxResponseSize: LARGEST_MAIL + 8 * 1024 * 1024,
    maxLineLength: 64 * 1024 * 1024,
    expungeHandler: (event) => {
      if (event.uid !== undefined) options.onVanished?.(event.path, event.uid)
      else options.onVanished?.(event.path, 0)
    },
  })
  let fault: Error | null = null
  const ended = new Promise<Error>((resolve) => {
    client.on('close', () => resolve(fault ?? new LineLost(client.byeReason ?? null)))
  })
  // Before connect(): an error without a listener would end the process.
  client.on('error', (error) => (fault ??= error))
  options.onClient?.(client)
  try {
    await client.connect()
  } catch (error) {
    client.close()
    throw error
  }
  return {
    client,
    ended,
    async close() {
      if (client.usable) {
        let timer: NodeJS.Timeout | undefined
        const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, 500)))
        await Promise.race([client.logout().catch(() => {}), patience])
        clearTimeout(timer)
      }
      client.close()
    },
  }
}
