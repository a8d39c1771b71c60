import type { MachineMail } from '../contract/domain.ts'
import type { DeliveryReport } from '../store/store.ts'
import { isUsableAddress } from './addresses.ts'
import { oneLine } from './encoded-words.ts'
import { type Header, readHeader } from './header-fields.ts'
import { messageIds } from './message-ids.ts'

/** What of a mail tells whether a machine wrote it. */
export interface MachineEvidence {
  readonly header: Header
  /** Type of the whole mail, and its parameters. */
  readonly type: string
  readonly params: ReadonlyMap<string, string>
  readonly from: string | null
  readonly report: DeliveryReport | null
}

/**
 * Whether a machine wrote the mail and what proves it (RFC 3834, 2; RFC 3464; RFC 2919; RFC 2369). A field that
 * only asks others to be silent (X-Auto-Response-Suppress) proves nothing: people's mail programs send it too.
 */
export function machineMail({ header, type, params, from, report }: MachineEvidence): MachineMail | null {
  const field = (name: string) => header.first(name)?.trim() ?? ''
  const said = (name: string) => `${titled(name)}: ${oneLine(field(name)).slice(0, 100)}`
  const reportType = params.get('report-type')?.toLowerCase() ?? ''
  const nullSender = /^<\s*>$/.test(field('return-path'))
  const daemon = /^(?:mailer-daemon|postmaster)@/i.test(from ?? '') || /mailer-daemon/i.test(field('from'))

  if (type === 'multipart/report' && reportType === 'delivery-status') {
    const failed = report === null || report.recipients.length === 0 || report.recipients.some(isFailure)
    return failed
      ? { kind: 'bounce', reason: bounceReason(report) }
      : {
          kind: 'report',
          reason: `Delivery report: ${report.recipients.map(({ action }) => action).join(', ')}`,
        }
  }
  if (type === 'multipart/report')
    return { kind: 'report', reason: `Report: ${reportType || 'of unknown kind'}` }
  if (field('x-failed-recipients') !== '') return { kind: 'bounce', reason: said('x-failed-recipients') }
  if (nullSender && daemon)
    return { kind: 'bounce', reason: 'Sent by the mail system with an empty return path' }

  const auto =
    field('auto-submitted')
      .split(/[;(\s]/, 1)[0]
      ?.toLowerCase() ?? ''
  if (auto === 'auto-replied') return { kind: 'auto-reply', reason: said('auto-submitted') }
  for (const name of ['x-autoreply', 'x-autorespond', 'x-autoresponder', 'x-auto-reply-from'])
    if (field(name) !== '' && field(name).toLowerCase() !== 'no')
      return { kind: 'auto-reply', reason: said(name) }
  const precedence = field('precedence').toLowerCase()
  if (precedence === 'auto_reply') return { kind: 'auto-reply', reason: said('precedence') }

  for (const name of ['list-id', 'list-post', 'list-help', 'mailing-list', 'x-mailing-list'])
    if (field(name) !== '') return { kind: 'list', reason: said(name) }
  if (precedence === 'list') return { kind: 'list', reason: said('precedence') }
  if (field('list-unsubscribe') !== '') return { kind: 'bulk', reason: said('list-unsubscribe') }
  if (precedence === 'bulk' || precedence === 'junk') return { kind: 'bulk', reason: said('precedence') }
  if (auto !== '' && auto !== 'no') return { kind: 'bulk', reason: said('auto-submitted') }
  // RFC 3834, 2: an empty return path means that nobody is to answer.
  if (nullSender) return { kind: 'auto-reply', reason: 'Return-Path: <>' }
  return daemon ? { kind: 'bounce', reason: 'Sent by the mail system' } : null
}

function isFailure(recipient: { action: string }): boolean {
  return recipient.action === 'failed' || recipient.action === ''
}

function bounceReason(report: DeliveryReport | null): string {
  const failed = report?.recipients.find(isFailure)
  if (!failed) return 'Delivery report'
  return `Not delivered to ${failed.address}${failed.diagnostic === '' ? '' : `: ${failed.diagnostic.slice(0, 200)}`}`
}

function titled(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (whole) => whole.toUpperCase())
}

/**
 * What a report reports: `status` is its message/delivery-status (RFC 3464) or message/disposition-notification
 * (RFC 8098) part, `returned` the mail that came back or its header.
 */
export function readReport(status: Buffer, returned: Buffer | null): DeliveryReport {
  let messageId: string | null = null
  if (returned)
    messageId = messageIds(readHeader(returned, 0, returned.length).first('message-id') ?? '')[0] ?? null
  const recipients: { address: string; action: string; diagnostic: string }[] = []
  let at = 0
  while (at < status.length && recipients.length < 1_000) {
    const block = readHeader(status, at, status.length)
    at = block.body > at ? block.body : status.length
    messageId ??= messageIds(block.first('original-message-id') ?? '')[0] ?? null
    const original = reportedAddress(block.first('original-recipient'))
    const address = original ?? reportedAddress(block.first('final-recipient'))
    if (address === null) continue
    const disposition = block.first('disposition')
    recipients.push({
      address,
      action: (block.first('action') ?? disposition?.split(';').at(-1) ?? '')
        .trim()
        .toLowerCase()
        .slice(0, 40),
      diagnostic: oneLine(withoutType(block.first('diagnostic-code')) || (block.first('status') ?? '')).slice(
        0,
        500,
      ),
    })
  }
  return { message_id: messageId, recipients }
}

function reportedAddress(field: string | null): string | null {
  const address = withoutType(field).replace(/^<|>$/g, '')
  return isUsableAddress(address) ? address : null
}

/** `rfc822; ann@x.test` and `smtp; 550 …` without the type before the semicolon. */
function withoutType(field: string | null): string {
  return (field ?? '').replace(/^[\w-]+\s*;/, '').trim()
}
