import type { SecureMailbox } from '../../src-main/contract/domain.ts'
import type { OpenDraft } from '../state/open-draft.svelte.ts'
import { t } from '../texts/texts.ts'
import { secureName } from '../thread/secure.ts'

/** Where a draft goes that isn't e-mail; null for e-mail. */
export interface Destination {
  /** What is being written. */
  readonly title: string
  /** What it leaves through, in place of an account; null where its mailbox says it. */
  readonly from: string | null
  /** Where it goes, in place of recipients; null where one is still chosen. */
  readonly to: string | null
  /** One sentence: which way it goes. */
  readonly note: string
}

export function destinationOf(draft: Pick<OpenDraft, 'secure' | 'remote'>): Destination | null {
  if (draft.secure)
    return {
      title: t('secure.answer'),
      from: null,
      to: secureName(draft.secure),
      note: goes(draft.secure),
    }
  if (!draft.remote) return null
  const { id, target } = draft.remote
  switch (target.kind) {
    case 'gms-email':
      return {
        title: t('via.title.gms-email'),
        from: id,
        to: null,
        note: t('via.goes.gms-email', { name: id }),
      }
    case 'secure-mail':
      return {
        title: t(target.parent_id === null ? 'via.title.secure-mail' : 'secure.answer'),
        from: id,
        to: secureName(target),
        note: t('via.goes.secure-mail', { name: id }),
      }
    case 'activity-response':
      return {
        title: t('via.title.activity-response'),
        from: id,
        to:
          target.customer === null
            ? t('via.activity', { activity: target.activity_id })
            : t('via.activityFor', { activity: target.activity_id, customer: target.customer }),
        note: t('via.goes.activity-response', { activity: target.activity_id, name: id }),
      }
  }
}

function goes({ address, box }: SecureMailbox): string {
  return box === '' ? t('secure.goes', { address }) : t('secure.goesBox', { address, box })
}
