import type { Requests } from '../contract/core.ts'
import type { Draft, RemoteKind } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { replyContent } from '../outbox/reply-content.ts'
import { remoteAccount } from '../outbox/way-out.ts'
import type { Store } from '../store/store.ts'
import type { StoredSettings } from './stored-settings.ts'

export interface RemoteDraftRequest {
  readonly store: Pick<Store, 'createDraft'>
  readonly settings: Pick<StoredSettings, 'agent' | 'preferences' | 'isSample'>
  readonly remote: { readonly id: string; readonly kind: RemoteKind }
  readonly request: Requests['startRemoteDraft']
}

/**
 * A new mail that leaves through a remote system. Throws `invalid` (it takes no mail for such a place) and `sample`.
 */
export async function startDraft({ store, settings, remote, request }: RemoteDraftRequest): Promise<Draft> {
  const { target, to, subject } = request
  if (await settings.isSample())
    throw new CoreError('sample', 'This is the sample desk: it speaks with no other system. Close it first.')
  if (remote.kind !== target.kind)
    throw new CoreError('invalid', `The remote system “${remote.id}” takes no mail of this kind.`)
  const agent = await settings.agent()
  const { composeFormat } = await settings.preferences()
  const asked = to.map(({ address, personal }) => (personal ? { address, personal } : { address }))
  const content = replyContent({
    kind: 'new',
    parent: null,
    agent,
    account: { id: remoteAccount(remote.id) },
    ownAddresses: [],
    locale: Intl.DateTimeFormat().resolvedOptions().locale,
    // A form has one field for plain text; formatting would be lost unseen.
    format: target.kind === 'gms-email' ? 'plain' : composeFormat,
    to: asked.length === 0 && target.kind === 'secure-mail' ? [{ address: target.address }] : asked,
  })
  return await store.createDraft({
    kind: 'new',
    owner_id: agent.id,
    thread_id: null,
    parent_id: null,
    content: { ...content, subject, remote: target },
    attachments: [],
  })
}
