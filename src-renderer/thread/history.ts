import type { Agent, HistoryEntry, UserDataValue } from '../../src-main/contract/domain.ts'
import { workbinName } from '../state/work.svelte.ts'
import { t } from '../texts/texts.ts'

/** What an entry of the history changed, from what to what, in the agent's words; null where nothing is to say. */
export function changeOf(
  entry: HistoryEntry,
  agent: Pick<Agent, 'id' | 'firstName' | 'lastName'> | null,
): string | null {
  const word = entry.what === 'delivery' ? deliveryWord : String
  const before = shown(entry.before, agent, word)
  const after = shown(entry.after, agent, word)
  if (before === after) return null
  if (before === null) return after
  return `${before} → ${after ?? '—'}`
}

type Who = Parameters<typeof changeOf>[1]

function shown(value: UserDataValue, agent: Who, word: (text: string) => string): string | null {
  if (value === null || value === '') return null
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no')
  if (typeof value !== 'object') return word(String(value))
  if (isList(value)) return value.map((one) => shown(one, agent, word) ?? '').join(', ')
  return 'status' in value ? work(value, agent) : JSON.stringify(value)
}

function isList(value: object): value is readonly UserDataValue[] {
  return Array.isArray(value)
}

/** Where work stood: `Support`, `In Progress (Ada Moss)`, `Done: Refunded`. */
function work(state: { readonly [key: string]: UserDataValue }, agent: Who): string {
  const { disposition, owner_id: owner, queue, status, workbin } = state
  const who = agent && owner === agent.id ? ` (${agent.firstName} ${agent.lastName})` : ''
  if (status === 3) return typeof disposition === 'string' ? `${t('done')}: ${disposition}` : t('done')
  if (workbin === 'in-progress') return `${t('status.2')}${who}`
  if (workbin === 'review') return `${workbinName('review')}${who}`
  if (typeof queue === 'string' && queue) return queue
  return t('status.0')
}

const deliveryWords: Readonly<Record<string, string>> = {
  queued: t('delivery.queued'),
  claimed: t('delivery.claimed'),
  data_started: t('delivery.data_started'),
  accepted: t('delivery.sent'),
  filed: t('delivery.sent'),
  rejected: t('delivery.rejected'),
  unknown: t('message.out.unknown'),
}

function deliveryWord(value: string): string {
  return deliveryWords[value] ?? value
}
