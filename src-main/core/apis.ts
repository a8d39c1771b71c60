import type { Log } from '../connectors/connector.ts'
import type { Core } from '../contract/core.ts'
import type { Secrets } from '../secrets.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './host-services.ts'
import type { StoredSettings } from './stored-settings.ts'

export interface ApisOptions {
  readonly store: Store
  readonly settings: StoredSettings
  readonly secrets: Secrets
  readonly blobs: Blobs
  readonly dataDir: string
  /** File URL of the APIs' thread: built file, or the source in tests. */
  readonly worker: URL
  /** From the command line; null: as the settings say. */
  readonly port: number | null
  /** A start that can't listen throws; otherwise Settings shows why. */
  readonly mustListen: boolean
  readonly clock: Clock
  readonly log: Log
  readonly onChange: () => void
}

/** The APIs that this desk serves, on a thread of their own. */
export interface Apis {
  readonly calls: Pick<
    Core,
    'apis' | 'apiSettings' | 'saveApiSettings' | 'setApisPaused' | 'makeApiKey' | 'revokeApiKey'
  >
  start(): Promise<void>
  /** Where it listens; null while it doesn't. */
  url(): string | null
  close(): Promise<void>
}
