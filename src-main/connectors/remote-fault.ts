import { CoreError } from '../contract/errors.ts'
import { CertificateRefused, NotLoopback, type ShownCertificate } from './imap-tls.ts'
import type { RemoteAnswer, RemoteCall } from './remote-http.ts'

/** How far a call had come. */
export type RemoteStage = 'address' | 'connect' | 'certificate' | 'answer'

/** What is known of a call while it runs. */
export interface Reached {
  stage: RemoteStage
  /** The first byte of the request may have left. */
  begun: boolean
  /** Of the answer, as soon as it is known. */
  status?: number
  readonly host: string
  readonly write: boolean
}

/** What went wrong with a remote, in the agent's words. `detail` is `{ retryAfter, uncertain, status }`. */
export class RemoteFault extends CoreError {
  readonly stage: RemoteStage
  /** A write had begun to leave and no answer tells what came of it: it may have been done there. */
  readonly uncertain: boolean
  /** Seconds that the remote asks to wait; null where it says nothing. */
  readonly retryAfter: number | null
  /** HTTP status; null where there was no answer. */
  readonly status: number | null
  /** The certificate that was refused. */
  readonly certificate: ShownCertificate | null

  constructor(
    code: 'refused' | 'unreachable' | 'invalid',
    message: string,
    at: {
      readonly stage: RemoteStage
      readonly uncertain?: boolean
      readonly retryAfter?: number | null
      readonly status?: number | null
      readonly certificate?: ShownCertificate
      readonly cause?: unknown
    },
  ) {
    const { stage, uncertain = false, retryAfter = null, status = null, cause } = at
    super(code, message, { cause, detail: { retryAfter, uncertain, status } })
    this.stage = stage
    this.uncertain = uncertain
    this.retryAfter = retryAfter
    this.status = status
    this.certificate = at.certificate ?? null
  }
}

const NAME_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'EAI_NODATA', 'EAI_FAIL'])
/** Something answers, but not in TLS. */
const NO_TLS = /^(?:EPROTO|ERR_SSL_)/

/** Translates what Node, TLS or the network said. A RemoteFault or CoreError stays as it is. */
export function whatWentWrong(error: unknown, reached: Reached): CoreError {
  if (error instanceof CoreError) return error
  const { host } = reached
  const code = codeOf(error)
  const at = { stage: reached.stage, uncertain: reached.begun && reached.write, cause: error }
  if (error instanceof CertificateRefused)
    return new RemoteFault('refused', certificateWords(error.reason, error.certificate, host), {
      ...at,
      stage: 'certificate',
      // There is nothing to show where it had none.
      ...(error.certificate.fingerprint256 === '' ? {} : { certificate: error.certificate }),
    })
  if (error instanceof NotLoopback)
    return new RemoteFault(
      'invalid',
      `${host} is another computer and its address begins with http://, so the key would travel in the clear. Nothing was sent. Use https://.`,
      { ...at, stage: 'connect' },
    )
  if (NAME_CODES.has(code))
    return new RemoteFault(
      'unreachable',
      `The name ${host} leads nowhere. Check the address for a typing error, and this computer’s network.`,
      { ...at, stage: 'address' },
    )
  if (reached.begun)
    return new RemoteFault(
      'unreachable',
      // A parse error of Node's is no lost line.
      code.startsWith('HPE_')
        ? `What ${host} answers is no HTTP. Check the address and its port.`
        : `The line to ${host} broke before its answer was complete.`,
      { ...at, stage: 'answer' },
    )
  if (reached.stage === 'certificate')
    return new RemoteFault(
      NO_TLS.test(code) ? 'refused' : 'unreachable',
      NO_TLS.test(code)
        ? `${host} doesn’t speak TLS there. Check the port, or whether its address begins with http://.`
        : `The line to ${host} broke while it was being secured.`,
      at,
    )
  if (reached.stage === 'answer')
    return new RemoteFault('unreachable', `The line to ${host} broke before anything was sent.`, at)
  return new RemoteFault(
    'unreachable',
    code === 'ECONNREFUSED'
      ? `Nothing listens at ${host}. Check the address and its port, and whether the other system runs.`
      : `${host} can’t be reached${code === '' ? '' : ` (${code})`}. Check this computer’s network and the address.`,
    { ...at, stage: 'connect' },
  )
}

/** The whole call took too long. */
export function timedOut({ stage, begun, write, host }: Reached, ms: number): RemoteFault {
  const seconds = `${String(Math.ceil(ms / 1000))} s`
  const words: Record<RemoteStage, string> = {
    address: `The name of ${host} could not be looked up within ${seconds}.`,
    connect: `${host} didn’t take the call within ${seconds}. Check the address and its port.`,
    certificate: `${host} didn’t finish the TLS handshake within ${seconds}. Check the port.`,
    answer: `${host} didn’t answer within ${seconds}.`,
  }
  return new RemoteFault('unreachable', words[stage], { stage, uncertain: begun && write })
}

export function tooLarge(reached: Reached, bytes: number): RemoteFault {
  const size = bytes < 1024 * 1024 ? `${String(bytes)} bytes` : `${String(bytes / 1024 / 1024)} MB`
  return inAnswer(reached, `The answer of ${reached.host} is larger than ${size}, so it was not read.`)
}

export function truncated(reached: Reached, cause: unknown): RemoteFault {
  return new RemoteFault(
    'unreachable',
    `The line to ${reached.host} broke before its answer was complete.`,
    answerAt(reached, cause),
  )
}

/** `how`: what its answer is, following “The answer of …”. */
export function unreadable(reached: Reached, how: string, cause?: unknown): RemoteFault {
  return inAnswer(
    reached,
    `The answer of ${reached.host} ${how}. Check whether the address leads to the right system.`,
    cause,
  )
}

function inAnswer(reached: Reached, words: string, cause?: unknown): RemoteFault {
  return new RemoteFault('refused', words, answerAt(reached, cause))
}

function answerAt(reached: Reached, cause: unknown) {
  return { stage: 'answer', uncertain: reached.write, status: reached.status ?? null, cause } as const
}

export function redirected(
  host: string,
  { method }: RemoteCall,
  { status }: RemoteAnswer,
  target: URL | null,
): RemoteFault {
  // Without its query, which may hold a secret of theirs.
  const place = target ? `${target.origin}${target.pathname}` : 'another place'
  return new RemoteFault(
    'refused',
    `${host} sends to ${place.slice(0, 300)} (${String(status)}). Workbin doesn’t follow. If that is the right address, enter it under Settings.`,
    // 303 answers a request that was carried out (RFC 9110, 15.4.4); the others didn't take it.
    { stage: 'answer', status, uncertain: method !== 'GET' && status === 303 },
  )
}

export function badUrl(words: string): RemoteFault {
  return new RemoteFault('invalid', `The address of the remote system can’t be used. ${words}`, {
    stage: 'address',
  })
}

export function badCertificate(cause: unknown): RemoteFault {
  return new RemoteFault('invalid', cause instanceof CoreError ? cause.message : String(cause), {
    stage: 'certificate',
    cause,
  })
}

export function badHeader(host: string, cause: unknown): RemoteFault {
  return new RemoteFault(
    'invalid',
    `The key for ${host} holds a character that can’t be sent. Enter it again under Settings.`,
    // Node's error names the field, never its value.
    { stage: 'answer', cause },
  )
}

/**
 * An answer that is whole but isn't what such a system says. `wrote`: it may have done what was asked all the same.
 * `how` follows “The answer of …”.
 */
export function oddAnswer(host: string, answer: RemoteAnswer, how: string, wrote: boolean): RemoteFault {
  return new RemoteFault('refused', `The answer of ${host} ${how}.`, {
    stage: 'answer',
    status: answer.status,
    uncertain: wrote,
  })
}

/**
 * An answer that says no, by its status: `unreachable` (worth another try) for 429 and 5xx, else `refused`. `said`: the
 * remote's own words; '' where it gave none. Whether a 5xx after a write is certain is for the caller to judge.
 */
export function refusedBy(host: string, answer: RemoteAnswer, said: string): RemoteFault {
  const { status, retryAfter } = answer
  const words = cutWords(said)
  const quoted = words === '' ? '' : ` It said: “${words}”`
  const at = { stage: 'answer', status, retryAfter } as const
  if (status === 401)
    return new RemoteFault(
      'refused',
      `${host} doesn’t accept the key. Enter it again under Settings.${quoted}`,
      at,
    )
  if (status === 403)
    return new RemoteFault(
      'refused',
      `${host} doesn’t allow this with the key that is stored. Ask whoever runs it.${quoted}`,
      at,
    )
  if (status === 429)
    return new RemoteFault('unreachable', `${host} asks for a pause: it got too many requests.${quoted}`, at)
  if (status >= 500)
    return new RemoteFault('unreachable', `${host} has a fault (${String(status)}).${quoted}`, at)
  return new RemoteFault('refused', `${host} refused it (${String(status)}).${quoted}`, at)
}

/** The remote's words as one short line. */
export function cutWords(said: string): string {
  const line = said.replace(/[\p{Cc}\s]+/gu, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 299)}…` : line
}

function certificateWords(reason: string, certificate: ShownCertificate, host: string): string {
  const shown = `It is for “${cutWords(certificate.subject)}”, by “${cutWords(certificate.issuer)}”, fingerprint ${certificate.fingerprint256}.`
  const unless =
    'Nothing was sent. Ask whoever runs it, or enter this fingerprint as the trusted certificate if it is right.'
  switch (reason) {
    case 'PIN':
      return `${host} shows another certificate than the one that is trusted. ${shown} Nothing was sent.`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `The certificate of ${host} was signed by nobody but itself. ${shown} ${unless}`
    case 'CERT_HAS_EXPIRED':
      return `The certificate of ${host} ran out on ${certificate.valid_to.slice(0, 10)}. ${shown} ${unless}`
    case 'CERT_NOT_YET_VALID':
      return `The certificate of ${host} isn’t valid yet. Check this computer’s clock. ${shown} ${unless}`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `The certificate of ${host} is for another name. ${shown} ${unless}`
    case 'NONE':
      return `${host} showed no certificate. Nothing was sent. Ask whoever runs it.`
    default:
      return `The certificate of ${host} can’t be verified (${reason}). ${shown} ${unless}`
  }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
