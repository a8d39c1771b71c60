import type { Delivery, Instant } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'

export type DeliveryAction = 'undo' | 'retry' | 'was-sent' | 'send-again' | 'take-back'

/** What an agent reads beside an outbound mail, and what can be done about it. */
export interface DeliveryLine {
  readonly tone: 'wait' | 'ok' | 'warn' | 'bad'
  readonly label: string
  /** One more sentence, or null. */
  readonly note: string | null
  readonly actions: readonly DeliveryAction[]
}

export function deliveryLine(delivery: Delivery, now: Instant): DeliveryLine {
  const { state, problem, attempts } = delivery
  switch (state) {
    case 'queued':
      if (delivery.can_undo) {
        const seconds = Math.max(0, Math.ceil((delivery.due_at - now) / 1_000))
        return {
          tone: 'wait',
          label: t('delivery.countdown', { count: seconds }),
          note: problem,
          actions: ['undo'],
        }
      }
      return {
        tone: problem === null ? 'wait' : 'warn',
        label: t('delivery.queued'),
        note: problem,
        actions: attempts > 0 ? ['retry'] : [],
      }
    case 'claimed':
    case 'data_started':
      return { tone: 'wait', label: t(`delivery.${state}`), note: problem, actions: [] }
    case 'accepted':
    case 'filed':
      return sent(delivery)
    case 'rejected':
      return { tone: 'bad', label: t('delivery.rejected'), note: problem, actions: ['take-back', 'retry'] }
    case 'unknown':
      return {
        tone: 'warn',
        label: t('delivery.unknown'),
        note: problem,
        actions: ['was-sent', 'send-again'],
      }
  }
}

function sent(delivery: Delivery): DeliveryLine {
  const refused = delivery.recipients.filter(({ state }) => state === 'rejected').length
  const copy =
    delivery.sent_copy === 'failed'
      ? t('delivery.copy.failed')
      : delivery.sent_copy === 'owed' && delivery.problem !== null
        ? t('delivery.copy.owed')
        : null
  const note =
    [delivery.problem, copy, delivery.sample ? t('delivery.sample') : null].filter(Boolean).join(' ') || null
  if (refused > 0)
    return { tone: 'warn', label: t('delivery.sent.partly', { count: refused }), note, actions: [] }
  return {
    tone: delivery.sent_copy === 'failed' ? 'warn' : 'ok',
    label: t('delivery.sent'),
    note,
    actions: [],
  }
}
