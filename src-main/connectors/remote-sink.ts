import type { RecipientOutcome } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { RemoteSettings } from '../contract/settings.ts'
import type { Log, MailSink, SendOutcome, WrittenMail } from './connector.ts'
import { RemoteFault } from './remote-fault.ts'
import type { RemoteLimits } from './remote-http.ts'

/** What a connector to a remote system is made of. */
export interface RemoteSetup {
  readonly remote: RemoteSettings
  /** Null where none is stored. */
  readonly key: string | null
  readonly log: Log
  /** Ends what runs: the desk is closing. */
  readonly signal?: AbortSignal
  readonly now?: () => number
  /** Set by tests only. */
  readonly limits?: Partial<RemoteLimits>
}

type Mail = Parameters<MailSink['send']>[0]

/**
 * A sink that speaks in fields. `submit` hands a mail over once, awaiting `begin` before the first byte that could make
 * it arrive, and answers what the remote said. It throws RemoteFault, or any other CoreError where the mail can't be
 * handed over as it is.
 */
export function remoteSink(
  { remote, log }: Pick<RemoteSetup, 'remote' | 'log'>,
  submit: (mail: WrittenMail, begin: () => Promise<void>) => Promise<string>,
): MailSink {
  async function send(mail: Mail): Promise<SendOutcome> {
    const progress = { begun: false }
    try {
      const reply = await submit(await mail.written(), async () => {
        await mail.dataStarted()
        progress.begun = true
      })
      return { kind: 'accepted', reply, recipients: each(mail, 'accepted', reply) }
    } catch (error) {
      return outcomeOf(error, mail, remote.id, progress.begun)
    }
  }
  return {
    async send(mail) {
      const outcome = await send(mail)
      log(outcome.kind === 'accepted' ? 'info' : 'warn', `Remote ${remote.id}: ${outcome.kind}`, {
        kind: remote.kind,
        problem: 'problem' in outcome ? outcome.problem : null,
      })
      return outcome
    },
  }
}

function outcomeOf(error: unknown, mail: Mail, remote: string, begun: boolean): SendOutcome {
  if (error instanceof RemoteFault) {
    const { code, message, retryAfter, stage, uncertain } = error
    if (uncertain)
      return {
        kind: 'unknown',
        problem: `${message} It is not known whether “${remote}” took this mail. Look there before you send it again.`,
      }
    if (code === 'unreachable')
      return {
        kind: 'not-sent',
        problem: `${message} Workbin tries again by itself.`,
        lasting: false,
        blocks: 'account',
        remote: { retryAfter },
      }
    // A certificate, a key that can't be sent, an address: only a person can end it, and nothing left.
    if (code === 'invalid' || stage !== 'answer')
      return { kind: 'not-sent', problem: message, lasting: true, blocks: 'account' }
    return { kind: 'rejected', problem: message, recipients: each(mail, 'rejected', null) }
  }
  if (error instanceof CoreError && error.code !== 'closed' && !begun)
    return { kind: 'rejected', problem: error.message, recipients: each(mail, 'rejected', null) }
  const said = error instanceof Error ? error.message : String(error)
  return begun
    ? {
        kind: 'unknown',
        problem: `Workbin met a fault while “${remote}” took this mail (${said}). Look there before you send it again.`,
      }
    : { kind: 'not-sent', problem: `The mail could not be sent: ${said}`, lasting: false }
}

function each(
  { envelope }: Mail,
  state: 'accepted' | 'rejected',
  reply: string | null,
): readonly RecipientOutcome[] {
  return envelope.to.map((address) => ({ address, state, reply }))
}
