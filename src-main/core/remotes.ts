import type { Log, MailSink } from '../connectors/connector.ts'
import type { Core } from '../contract/core.ts'
import type { Secrets } from '../secrets.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './host-services.ts'
import type { StoredSettings } from './stored-settings.ts'

export interface RemotesOptions {
  readonly store: Store
  readonly settings: StoredSettings
  readonly secrets: Secrets
  readonly clock: Clock
  readonly log: Log
  /** A remote was reached again or changed: mail that waits for `remote:<id>` may go. */
  readonly onOnline: (accountId: string) => void
  readonly onChange: () => void
}

/** The remote systems at work. */
export interface Remotes {
  readonly calls: Pick<
    Core,
    | 'remotes'
    | 'saveRemote'
    | 'removeRemote'
    | 'testRemote'
    | 'syncRemote'
    | 'pullCustomer'
    | 'startRemoteDraft'
    | 'remoteMails'
    | 'countRemoteMails'
    | 'remoteMail'
    | 'remoteMailUserData'
    | 'removeRemoteMail'
  >
  start(): Promise<void>
  /** Something is owed. */
  wake(): void
  /** By the remote's id; null where it is gone or takes no mail. */
  sink(remoteId: string): Promise<MailSink | null>
  close(): Promise<void>
}
