import type { Address, Draft, Interaction, SecureMailbox } from '../contract/domain.ts'
import { ENTITY } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Account, AgentSettings } from '../contract/settings.ts'
import { wireAddress } from './recipients.ts'

/** The account that a mail to a secure mailbox is queued under: it never leaves this computer. */
export const SECURE_ACCOUNT = 'secure-mail'
const REMOTE = 'remote:'

/** The account that a mail to a remote system is queued under. No account of a mailbox can have this id. */
export function remoteAccount(remoteId: string): string {
  return `${REMOTE}${remoteId}`
}

/** The remote system of such an account; null where it is another one. */
export function remoteOf(accountId: string): string | null {
  return accountId.startsWith(REMOTE) ? accountId.slice(REMOTE.length) : null
}

/** How a mail leaves, and whose it is. */
export interface WayOut {
  readonly kind: 'account' | 'secure' | 'remote'
  /** What it is queued under. */
  readonly account_id: string
  readonly from: Address
  /** Null where no mailbox of ours sends it. */
  readonly account: Account | null
}

export interface WayOutDesk {
  readonly accounts: readonly Account[]
  readonly agent: Pick<AgentSettings, 'email' | 'firstName' | 'lastName'>
  readonly sample: boolean
}

/**
 * Where a draft goes: an answer to a secure mail into that mailbox and never by e-mail, what is written for a remote
 * system to that, all else by its account. Throws `invalid`, `recipients` (others than that way reaches) and `sample`.
 */
export function wayOut(draft: Draft, answered: Interaction | null, desk: WayOutDesk): WayOut {
  if (draft.secure) {
    refuseOthers(draft, draft.secure)
    const { address, account } = ownAddress(answered, desk)
    return { kind: 'secure', account_id: SECURE_ACCOUNT, from: address, account }
  }
  const remote = draft.account_id === null ? null : remoteOf(draft.account_id)
  if (draft.account_id !== null && remote !== null) {
    if (desk.sample)
      throw new CoreError(
        'sample',
        'This is the sample desk: it speaks with no other system. Close it first.',
      )
    refuseUnreachable(draft)
    return {
      kind: 'remote',
      account_id: draft.account_id,
      from: ownAddress(null, desk).address,
      account: null,
    }
  }
  const account = senderOf(draft, desk)
  if (account.through) refuseSeveral(draft, account.through)
  return { kind: 'account', account_id: account.id, from: addressOf(account), account }
}

function senderOf(draft: Draft, { accounts, sample }: WayOutDesk): Account {
  const canSend = (account: Account) => sample || account.smtp !== null || Boolean(account.through)
  const account =
    draft.account_id === null
      ? accounts.find(canSend)
      : accounts.find((account) => account.id === draft.account_id)
  if (!account)
    throw new CoreError(
      'invalid',
      draft.account_id === null
        ? 'There is no account to send from. Connect one under Settings; the draft is kept.'
        : 'The account of this draft is gone. Choose another one in From.',
    )
  if (!canSend(account))
    throw new CoreError(
      'invalid',
      `${account.address} has no outgoing mail server. Enter one under Settings, or choose another account in From.`,
    )
  return account
}

function refuseOthers({ to, cc, bcc }: Draft, { address }: SecureMailbox): void {
  const [first, ...others] = [...to, ...cc, ...bcc]
  if (first && others.length === 0 && to.length === 1 && sameAddress(first.address, address)) return
  throw new CoreError(
    'recipients',
    `This answer goes into the secure mailbox of ${address} and to nobody else. Leave ${address} alone in To, and Cc and Bcc empty.`,
    { detail: { address } },
  )
}

function refuseUnreachable(draft: Draft): void {
  const { remote } = draft
  if (!remote)
    throw new CoreError(
      'invalid',
      'This draft doesn’t say where in the remote system it goes. Begin it there again, or choose an account in From.',
    )
  if (remote.kind === 'secure-mail') refuseOthers(draft, remote)
  else refuseSeveral(draft, remoteOf(draft.account_id ?? '') ?? '')
}

function refuseSeveral({ to, cc, bcc }: Draft, remote: string): void {
  if (to.length <= 1 && cc.length === 0 && bcc.length === 0) return
  throw new CoreError(
    'recipients',
    `The remote system “${remote}” takes a mail for one recipient. Leave one in To, and Cc and Bcc empty.`,
  )
}

/** Whose mail it is where no account was chosen: whom the customer wrote to, else the first account, else the agent. */
function ownAddress(
  answered: Interaction | null,
  { accounts, agent }: WayOutDesk,
): { readonly address: Address; readonly account: Account | null } {
  const ours = answered?.entity_type === ENTITY.emailOut ? answered.from : answered?.to?.[0]
  const account = ours ? accounts.find(({ address }) => sameAddress(address, ours.address)) : accounts[0]
  if (account) return { address: addressOf(account), account }
  if (ours && wireAddress(ours.address) !== null) return { address: ours, account: null }
  const [first] = accounts
  if (first) return { address: addressOf(first), account: first }
  if (agent.email === '')
    throw new CoreError(
      'invalid',
      'This mail needs a sender’s address. Enter your e-mail address under Settings; the draft is kept.',
    )
  const personal = `${agent.firstName} ${agent.lastName}`.trim()
  return {
    address: personal === '' ? { address: agent.email } : { address: agent.email, personal },
    account: null,
  }
}

function addressOf({ address, personal }: Account): Address {
  return personal === '' ? { address } : { address, personal }
}

function sameAddress(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase()
}
