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

/** What the customer has done with it. */
export function secureWord({ read, deleted }: NonNullable<Message['secure']>): string {
  if (deleted) return t('secure.deleted')
  return t(read ? 'secure.read' : 'secure.unread')
}
