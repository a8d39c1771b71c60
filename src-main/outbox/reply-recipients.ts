import type { Address, DraftKind, Interaction } from '../contract/domain.ts'
import { ENTITY } from '../contract/domain.ts'
import { oneLine } from './subject.ts'

export interface Recipients {
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
}

/**
 * Who an answer goes to. Reply: where the message asks answers to go (Reply-To, else From); an answer to our own mail
 * goes to its recipients. Reply all keeps every person once, in To or Cc as they stood, without our own addresses.
 */
export function replyRecipients(
  kind: DraftKind,
  parent: Interaction | null,
  ownAddresses: readonly string[],
): Recipients {
  if (!parent || kind === 'new' || kind === 'forward') return { to: [], cc: [], bcc: [] }
  const own = new Set(ownAddresses.map(key))
  const isOurs = (address: Address) => own.has(key(address.address))
  const outbound = parent.entity_type === ENTITY.emailOut
  const answerTo = outbound ? (parent.to ?? []) : authorOf(parent, isOurs)

  if (kind === 'reply') return { to: kept(answerTo, own), cc: [], bcc: [] }
  const to = kept(outbound ? answerTo : [...answerTo, ...(parent.to ?? [])], own)
  const taken = new Set([...own, ...to.map(({ address }) => key(address))])
  const cc = without(parent.cc ?? [], taken)
  for (const { address } of cc) taken.add(key(address))
  // Whoever our own mail went to in secret stays in the conversation, and stays secret.
  const bcc = outbound ? without(parent.bcc ?? [], taken) : []
  return { to, cc, bcc }
}

/** Where answers to an inbound message go. A Reply-To that names only ourselves would answer nobody. */
function authorOf(parent: Interaction, isOurs: (address: Address) => boolean): readonly Address[] {
  const { reply_to, from } = parent
  if (reply_to && !(isOurs(reply_to) && from && !isOurs(from))) return [reply_to]
  return from ? [from] : []
}

/** Without ours and without doubles; where nobody else is left, we do write to ourselves. */
function kept(addresses: readonly Address[], own: ReadonlySet<string>): Address[] {
  const others = without(addresses, own)
  return others.length > 0 ? others : without(addresses, new Set())
}

function without(addresses: readonly Address[], taken: ReadonlySet<string>): Address[] {
  const seen = new Set(taken)
  return addresses.filter(({ address }) => !seen.has(key(address)) && seen.add(key(address))).map(cleaned)
}

/** Addresses compare without case as a whole (contracts, common rules 0.1.6). */
function key(address: string): string {
  return address.trim().toLowerCase()
}

function cleaned({ address, personal }: Address): Address {
  const name = oneLine(personal ?? '')
  return name === '' || key(name) === key(address) ? { address } : { address, personal: name }
}
