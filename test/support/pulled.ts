import type { PulledInteraction } from '../../src-main/store/remote-store.ts'
import { person, START } from './open-store.ts'

/** An interaction of a remote as its connector hands it over; say what is special about it there. */
export function pulledInteraction(
  their_id: string,
  theirs: Readonly<Record<string, unknown>> & Partial<PulledInteraction['input']> = {},
  special: Partial<Omit<PulledInteraction, 'input' | 'theirs'>> = {},
): PulledInteraction {
  return {
    their_id,
    html: null,
    attachments: [],
    message_id: null,
    known_only: false,
    ...special,
    input: {
      customer_id: 'their-customer',
      status: 0,
      entity_type: 0,
      type: 'Inbound',
      media_type: 'email',
      creator_app_id: 1,
      allow_children: true,
      start_date: START,
      subject: 'Where is my order?',
      text: 'It has not arrived.',
      from: person('ann@customer.test', 'Ann Lee'),
      ...theirs,
      came_by: 'remote:crm',
    },
    theirs: { interaction_id: their_id, status: 0, ...theirs },
  }
}
