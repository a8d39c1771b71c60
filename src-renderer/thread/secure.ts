import type { Message, SecureMailbox } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'

/** What is said of mail in a customer's secure mailbox. */

/** Whose mailbox and which of their boxes. */
export function secureName({ address, box }: SecureMailbox): string {
  return box === '' ? t('secure.of', { address }) : t('secure.ofBox', { address, box })
}

/** Which box, for a tooltip. */
export function secureTitle({ box }: SecureMailbox): string {
  return box === '' ? t('secure.unnamed') : t('secure.box', { box })
}

/** What is said of a message in a secure mailbox, with what the customer has done with it. */
export function secureMark({ direction, secure }: Pick<Message, 'direction' | 'secure'>): string | null {
  if (!secure) return null
  if (secure.deleted) return t('secure.state', { state: t('secure.deleted') })
  if (secure.read) return t('secure.state', { state: t('secure.read') })
  // Nobody wonders whether customers have read their own words.
  return direction === 'in' ? t('secure.mark') : t('secure.state', { state: t('secure.unread') })
}
