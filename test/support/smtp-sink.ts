import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Account } from '../../src-main/contract/settings.ts'
import { accountSchema } from '../../src-main/contract/settings.ts'
import { makeCertificate, type TestCertificate } from './certificate.ts'

/** A mail as the server took it. */
export interface TakenMail {
  readonly from: string
  readonly to: readonly string[]
  readonly raw: Buffer
}

/** What the server refuses: a code and a text for each step; null where it takes everything. */
export interface Refusals {
  auth: [code: number, text: string] | null
  mail: [code: number, text: string] | null
  /** By recipient, lower case. */
  rcpt: Record<string, [code: number, text: string]>
  /** The answer to the data. */
  data: [code: number, text: string] | null
}

/** A real SMTP server on loopback that keeps what it takes. */
export interface SmtpSink {
  readonly port: number
  readonly certificate: TestCertificate | null
  readonly mails: readonly TakenMail[]
  readonly refuse: Refusals
  /** Logins that were tried, right or wrong. */
  readonly logins: readonly { readonly user: string; readonly method: string; readonly secure: boolean }[]
  stop(): Promise<void>
}

export interface SmtpSinkOptions {
  readonly tls?: 'implicit' | 'starttls' | 'none'
  readonly user?: string
  readonly password?: string
  readonly authMethods?: readonly string[]
  readonly certificate?: TestCertificate
  readonly smtpUtf8?: boolean
  readonly size?: number
  readonly port?: number
  /** Hands every mail on by LMTP to this port of 127.0.0.1, as a mail loop's last step. */
  readonly lmtp?: number
}

/** Starts it; login is asked for where `user` is given. */
export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const tls = options.tls ?? 'none'
  const certificate = tls === 'none' ? null : (options.certificate ?? makeCertificate())
  const mails: TakenMail[] = []
  const logins: { user: string; method: string; secure: boolean }[] = []
  const refuse: Refusals = { auth: null, mail: null, rcpt: {}, data: null }
  const refusal = ([code, text]: [number, string]) => Object.assign(new Error(text), { responseCode: code })

  const server = new SMTPServer({
    secure: tls === 'implicit',
    ...(certificate ? { key: certificate.key, cert: certificate.cert } : {}),
    authMethods: [...(options.authMethods ?? ['PLAIN', 'LOGIN'])],
    authOptional: options.user === undefined,
    allowInsecureAuth: tls === 'none',
    disabledCommands: [
      ...(tls === 'none' ? ['STARTTLS'] : []),
      ...(options.user === undefined ? ['AUTH'] : []),
    ],
    hideSMTPUTF8: options.smtpUtf8 === false,
    ...(options.size === undefined ? {} : { size: options.size }),
    closeTimeout: 10,
    onAuth(auth, session, done) {
      logins.push({ user: auth.username ?? '', method: auth.method, secure: session.secure })
      if (refuse.auth) done(refusal(refuse.auth))
      else if (auth.username === options.user && auth.password === options.password)
        done(null, { user: auth.username })
      else done(refusal([535, '5.7.8 Wrong user or password']))
    },
    onMailFrom(_address, _session, done) {
      done(refuse.mail ? refusal(refuse.mail) : null)
    },
    onRcptTo({ address }, _session, done) {
      const refused = refuse.rcpt[address.toLowerCase()]
      done(refused ? refusal(refused) : null)
    },
    onData(stream, session, done) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        if (refuse.data) return done(refusal(refuse.data))
        const { mailFrom, rcptTo } = session.envelope
        const mail = {
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(pieces),
        }
        const taken = () => {
          mails.push(mail)
          done(null, 'taken')
        }
        if (options.lmtp === undefined) return taken()
        handOn(options.lmtp, mail).then(taken, (error: unknown) =>
          done(refusal([451, error instanceof Error ? error.message : String(error)])),
        )
      })
    },
  })
  // Clients that break off are what many tests are about.
  server.on('error', () => {})
  const listener = server.listen(options.port ?? 0, '127.0.0.1')
  await once(listener, 'listening')
  const place = listener.address()
  if (place === null || typeof place === 'string') throw new Error('the SMTP server has no port')

  return {
    port: place.port,
    certificate,
    mails,
    refuse,
    logins,
    async stop() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}

/** An account that sends through a server on this computer. */
export function smtpAccount(
  server: { readonly port: number },
  special: Partial<NonNullable<Account['smtp']>> = {},
  account: Partial<Account> = {},
): Account {
  return {
    ...accountSchema.parse({
      id: 'support',
      address: 'support@acme.test',
      personal: 'Acme Support',
      smtp: { host: '127.0.0.1', port: server.port, tls: 'none', user: '', ...special },
    }),
    ...account,
  }
}

/** LMTP (RFC 2033), just enough to hand a mail to Dovecot. */
async function handOn(port: number, mail: TakenMail): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const answers = replies(socket)
  const say = async (line: string | Buffer, expected: RegExp) => {
    socket.write(line)
    const { value } = await answers.next()
    if (!expected.test(String(value))) throw new Error(`LMTP: ${String(value)}`)
  }
  try {
    await say('', /^220/)
    await say('LHLO localhost\r\n', /^250/)
    await say(`MAIL FROM:<${mail.from}>\r\n`, /^250/)
    for (const to of mail.to) await say(`RCPT TO:<${to}>\r\n`, /^250/)
    await say('DATA\r\n', /^354/)
    const stuffed = mail.raw.toString('latin1').replace(/^\./gm, '..')
    await say(Buffer.from(`${stuffed}${stuffed.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1'), /^250/)
    for (let i = 1; i < mail.to.length; i++) await answers.next()
  } finally {
    socket.end('QUIT\r\n')
    socket.destroySoon()
  }
}

async function* replies(socket: Socket): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of socket) {
    rest += String(piece)
    for (let end = /^\d{3} .*\r\n/m.exec(rest); end; end = /^\d{3} .*\r\n/m.exec(rest)) {
      yield end[0]
      rest = rest.slice(end.index + end[0].length)
    }
  }
}
