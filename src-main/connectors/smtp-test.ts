import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { ConnectionTest } from '../contract/domain.ts'
import type { Account, SmtpSettings } from '../contract/settings.ts'
import { SmtpFault, smtpFault, type SmtpStep } from './smtp-fault.ts'
import { logIn, openSmtpLine, SMTP_TIMING, type SmtpLine, type SmtpTiming } from './smtp-line.ts'

type Step = ConnectionTest['steps'][number]

/** Goes the way to the account's SMTP server step by step, up to the login; sends nothing. */
export async function testSmtp(
  account: Account,
  password: string | null,
  given: Partial<SmtpTiming> = {},
): Promise<ConnectionTest> {
  const timing = { ...SMTP_TIMING, connect: 15_000, reply: 30_000, ...given }
  const settings = account.smtp
  const steps: Step[] = []
  const passed = (step: SmtpStep, message: string) => steps.push({ server: 'smtp', step, ok: true, message })
  let line: SmtpLine | null = null
  try {
    if (!settings)
      throw new SmtpFault('resolve', true, `${account.address} has no outgoing mail server. Enter one first.`)
    const { host, port, tls } = settings
    await resolve(account, settings)
    passed('resolve', `${host} was found.`)
    try {
      line = await openSmtpLine(account, settings, timing)
    } catch (error) {
      if (error instanceof SmtpFault && error.step !== 'resolve' && error.step !== 'connect') {
        passed('connect', `Port ${port} answers.`)
        if (error.step === 'greeting' && tls === 'implicit')
          passed('certificate', 'The connection is encrypted.')
      }
      throw error
    }
    passed('connect', `Port ${port} answers.`)
    if (line.certificate)
      passed(
        'certificate',
        `The connection is encrypted, with a certificate for ${line.certificate.subject} until ${line.certificate.valid_to.slice(0, 10)}.`,
      )
    passed('greeting', 'The mail server greets.')
    await logIn(line, account, settings, password)
    passed(
      'login',
      settings.user === ''
        ? 'No login is set.'
        : line.connection.allowsAuth
          ? `The password of ${account.address} is right.`
          : 'The server asks for no login.',
    )
    passed('ready', `${account.address} can send.`)
    return { ok: true, steps, certificate: null, folders: [] }
  } catch (error) {
    if (!(error instanceof SmtpFault)) throw error
    steps.push({ server: 'smtp', step: error.step, ok: false, message: error.message })
    const certificate = error.certificate
    return {
      ok: false,
      steps,
      certificate:
        certificate && certificate.fingerprint256 !== '' ? { server: 'smtp', ...certificate } : null,
      folders: [],
    }
  } finally {
    line?.close()
  }
}

async function resolve(account: Account, settings: SmtpSettings): Promise<void> {
  const host = settings.host.replace(/^\[|\]$/g, '')
  if (isIP(host)) return
  try {
    await lookup(host)
  } catch (cause) {
    throw smtpFault(Object.assign(new Error('not found', { cause }), { code: 'EDNS' }), account, settings)
  }
}
