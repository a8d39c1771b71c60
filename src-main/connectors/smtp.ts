import { Readable } from 'node:stream'
import type { RecipientOutcome } from '../contract/domain.ts'
import type { Account, SmtpSettings } from '../contract/settings.ts'
import type { Envelope } from '../store/store.ts'
import type { Log, MailSink, SendOutcome } from './connector.ts'
import { oneReply, replyOf, SmtpFault, smtpFault, statusOf, textOf } from './smtp-fault.ts'
import { logIn, openSmtpLine, SMTP_TIMING, type SmtpLine, type SmtpTiming } from './smtp-line.ts'

export { testSmtp } from './smtp-test.ts'

export interface SmtpSinkOptions {
  readonly account: Account
  readonly password: string | null
  readonly log: Log
  /** Set by tests only. */
  readonly timing?: Partial<SmtpTiming>
}

type Mail = Parameters<MailSink['send']>[0]

/** Hands mails of one account to its SMTP server, each over a connection of its own, once. */
export function createSmtpSink({ account, password, log, timing: given }: SmtpSinkOptions): MailSink {
  const timing = { ...SMTP_TIMING, ...given }
  const settings = account.smtp

  async function send(mail: Mail): Promise<SendOutcome> {
    if (!settings)
      return {
        kind: 'not-sent',
        problem: `${account.address} has no outgoing mail server. Enter one under Settings.`,
        lasting: true,
        blocks: 'account',
      }
    let line: SmtpLine | null = null
    try {
      line = await openSmtpLine(account, settings, timing)
      await logIn(line, account, settings, password)
      return (
        cannotTake(line, mail, account, settings) ?? (await transmit(line, mail, account, settings, timing))
      )
    } catch (error) {
      return notSent(smtpFault(error, account, settings))
    } finally {
      if (line) leave(line)
    }
  }

  return {
    async send(mail) {
      const outcome = await send(mail)
      const problem = 'problem' in outcome ? outcome.problem : null
      log(outcome.kind === 'accepted' ? 'info' : 'warn', `SMTP: ${outcome.kind}`, {
        account: account.id,
        recipients: mail.envelope.to.length,
        bytes: mail.mime.length,
        problem,
      })
      return outcome
    },
  }
}

/** What the server has said it can't take; asked before MAIL FROM. */
function cannotTake(
  { extensions }: SmtpLine,
  { envelope, mime }: Mail,
  account: Account,
  { host }: SmtpSettings,
): SendOutcome | null {
  if (envelope.smtputf8 && !extensions.includes('SMTPUTF8')) {
    const international = [envelope.from, ...envelope.to].filter((address) => /[^\0-\x7f]/.test(address))
    return rejected(
      envelope,
      `${host}, the server of ${account.address}, takes no international address such as ${international[0] ?? '?'}. Use another address of this person.`,
    )
  }
  const size = extensions.find((extension) => /^SIZE \d+$/.test(extension))
  const limit = size ? Number(size.slice(5)) : 0
  if (limit > 0 && mime.length > limit)
    return rejected(
      envelope,
      `The mail has ${megabytes(mime.length)} MB, and ${host}, the server of ${account.address}, takes at most ${megabytes(limit)} MB. Take out attachments, then send it again.`,
    )
  return null
}

/** How much of a mail the server may have. */
interface Progress {
  /** envelope: no byte of it left. data: some may have. handed: all but the final dot. */
  reached: 'envelope' | 'data' | 'handed'
  /** `dataStarted` failed. */
  unmarked: boolean
}

async function transmit(
  { connection }: SmtpLine,
  { envelope, mime, dataStarted }: Mail,
  account: Account,
  settings: SmtpSettings,
  timing: SmtpTiming,
): Promise<SendOutcome> {
  const progress: Progress = { reached: 'envelope', unmarked: false }

  // nodemailer asks its source for bytes only once DATA was answered with 354.
  async function* body() {
    try {
      await dataStarted()
    } catch (error) {
      progress.unmarked = true
      throw error
    }
    progress.reached = 'data'
    if (connection._socket) connection._socket.setTimeout(timing.answer)
    const PIECE = 65_536
    for (let at = 0; at < mime.length; at += PIECE) yield Buffer.from(mime.subarray(at, at + PIECE))
    progress.reached = 'handed'
  }

  const answer = await new Promise<{ error: unknown } | { info: SendInfo }>((resolve) => {
    const source = Readable.from(body(), { objectMode: false })
    connection.once('end', () => {
      // nodemailer calls back for a broken line before or right after this.
      setTimeout(() => resolve({ error: new Error('the connection ended') }), 0)
    })
    connection.send(
      { from: envelope.from, to: [...envelope.to], size: mime.length, use8BitMime: envelope.smtputf8 },
      source,
      (error, info) => {
        if (error) resolve({ error })
        else resolve({ info })
      },
    )
  })

  if (progress.unmarked) {
    connection.close()
    return {
      kind: 'not-sent',
      problem: `Sending from ${account.address} could not be noted down, so it was not begun. Check the disk; Workbin tries again by itself.`,
      lasting: false,
    }
  }
  if ('info' in answer) {
    // An answer to a mail that wasn't all there yet is an answer to something else.
    if (progress.reached !== 'handed') return unknown(account, settings)
    return accepted(envelope, answer.info)
  }
  if (progress.reached === 'envelope') return envelopeRefused(answer.error, envelope, account, settings)
  // Only a whole reply to the data is an answer; a line that broke in the middle of one is not.
  if (textOf(answer.error, 'code') !== 'EMESSAGE' || statusOf(answer.error) === 0)
    return unknown(account, settings)
  const reply = replyOf(answer.error)
  if (statusOf(answer.error) < 500) return deferred(reply, account, settings)
  return rejected(
    envelope,
    `${settings.host} refused the mail: “${reply}”. Change it, then send it again.`,
    reply,
  )
}

interface SendInfo {
  readonly accepted: readonly string[]
  readonly rejectedErrors?: readonly unknown[] | undefined
  readonly response: string
}

function envelopeRefused(
  error: unknown,
  envelope: Envelope,
  account: Account,
  settings: SmtpSettings,
): SendOutcome {
  const code = textOf(error, 'code')
  const status = statusOf(error)
  const reply = replyOf(error)
  if (code !== 'EENVELOPE' && code !== 'EMESSAGE') return notSent(smtpFault(error, account, settings))
  const refusals = refusalsOf(error)
  if (refusals.size > 0) {
    const temporary = [...refusals.values()].find(({ status }) => status > 0 && status < 500)
    if (temporary) return deferred(temporary.reply, account, settings)
    const [first] = refusals
    return {
      kind: 'rejected',
      recipients: envelope.to.map((address) => ({
        address,
        state: 'rejected',
        reply: refusals.get(address)?.reply ?? reply,
      })),
      problem:
        refusals.size === 1
          ? `${settings.host} doesn’t take mail for ${first?.[0] ?? '?'}: “${first?.[1].reply ?? reply}”. Correct the address, then send it again.`
          : `${settings.host} doesn’t take mail for any of the ${refusals.size} recipients: “${first?.[1].reply ?? reply}”. Correct the addresses, then send it again.`,
    }
  }
  if (status === 530 || status === 535 || status === 538)
    return notSent(
      new SmtpFault(
        'login',
        true,
        `${settings.host} wants a login before it sends from ${account.address}: “${reply}”. Enter user and password under Settings.`,
      ),
    )
  if (status > 0 && status < 500) return deferred(reply, account, settings)
  return rejected(
    envelope,
    `${settings.host} doesn’t send mail from ${account.address}${reply === '' ? '' : `: “${reply}”`}. Check the account under Settings, then send it again.`,
    reply,
  )
}

function accepted(envelope: Envelope, info: SendInfo): SendOutcome {
  const refusals = refusalsOf(info)
  const reply = oneReply(info.response)
  return {
    kind: 'accepted',
    reply,
    recipients: envelope.to.map((address): RecipientOutcome => {
      const refusal = refusals.get(address)
      return refusal
        ? { address, state: 'rejected', reply: refusal.reply }
        : { address, state: 'accepted', reply }
    }),
  }
}

function refusalsOf(from: unknown): ReadonlyMap<string, { readonly status: number; readonly reply: string }> {
  const errors: unknown =
    typeof from === 'object' && from !== null && 'rejectedErrors' in from ? from.rejectedErrors : []
  if (!Array.isArray(errors)) return new Map()
  return new Map(
    errors.map((error: unknown) => [
      textOf(error, 'recipient'),
      { status: statusOf(error), reply: replyOf(error) },
    ]),
  )
}

function rejected(envelope: Envelope, problem: string, reply: string | null = null): SendOutcome {
  return {
    kind: 'rejected',
    problem,
    recipients: envelope.to.map((address) => ({ address, state: 'rejected', reply })),
  }
}

function deferred(reply: string, account: Account, { host }: SmtpSettings): SendOutcome {
  return {
    kind: 'not-sent',
    lasting: false,
    problem: `${host} doesn’t take the mail from ${account.address} yet: “${reply}”. Workbin tries again by itself.`,
  }
}

function notSent(fault: SmtpFault): SendOutcome {
  return { kind: 'not-sent', problem: fault.message, lasting: fault.lasting, blocks: 'account' }
}

function unknown(account: Account, { host }: SmtpSettings): SendOutcome {
  return {
    kind: 'unknown',
    problem: `The line to ${host} broke while the mail from ${account.address} was being handed over, so nobody can tell whether it was sent. Look into the Sent folder or ask the customer, then say here whether it was sent.`,
  }
}

/** Ends the session politely; the outcome is known, so nothing waits for it. */
function leave({ connection }: SmtpLine): void {
  if (connection.destroyed) return
  connection.quit()
  const timer = setTimeout(() => connection.close(), 2000)
  timer.unref()
  connection.once('end', () => clearTimeout(timer))
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1)
}
