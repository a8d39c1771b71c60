import type { ApiScope, Uuid } from '../contract/domain.ts'
import type { ApiSettings } from '../contract/settings.ts'
import type { ApiStore } from '../store/api-store.ts'

/**
 * The desk as the APIs see it, on the far side of their thread: the store's words, and where a mail goes. Everything
 * crosses a thread, so arguments are plain data; `mayBegin` of a write is a shared flag there.
 */
export type ApiDesk = Pick<
  ApiStore,
  | 'createInteraction'
  | 'updateInteraction'
  | 'apiInteraction'
  | 'apiInteractions'
  | 'hasContact'
  | 'secureMails'
  | 'countSecureMails'
  | 'secureMail'
  | 'markSecureMailRead'
  | 'deleteSecureMail'
  | 'answeredActivity'
  | 'uploads'
> & {
  /** As the store's; the files in DIR/tmp become blobs with it, and are gone where it fails. `mailbox` decides the queue where none is named. */
  receive(
    submission: Omit<Parameters<ApiStore['receive']>[0], 'queue_id'> & {
      /** Queue by name, from the settings. */
      readonly queue: string | null
    },
    files: readonly ReceivedFile[],
    terms: Parameters<ApiStore['receive']>[1],
  ): ReturnType<ApiStore['receive']>
  keepUpload(
    upload: Parameters<ApiStore['keepUpload']>[0],
    file: ReceivedFile,
    terms: Parameters<ApiStore['keepUpload']>[1],
  ): ReturnType<ApiStore['keepUpload']>
  /** Its blobs go with it. */
  purgeSecureMail(
    id: Uuid,
    terms: Parameters<ApiStore['purgeSecureMail']>[1],
  ): Promise<Awaited<ReturnType<ApiStore['purgeSecureMail']>>['mail']>
  /** HTML of an interaction; null when there is none. */
  html(interaction_id: string): Promise<string | null>
  /** Where a blob lies, to be streamed; null when it is missing. */
  blob(sha256: string): Promise<{ path: string; size: number } | null>
  /** Adds a triple to the settings, where "register unknown triples" is on. */
  registerEntity(entity: { tenantName: string; orgName: string; catName: string }): Promise<void>
}

/** A finished, synced upload in DIR/tmp. */
export interface ReceivedFile {
  readonly file: string
  readonly sha256: string
}

/** What the settings say, as the APIs' thread has it: told again on each change. No secret but by its SHA-256. */
export interface ServedSettings {
  /** Without keys, TLS and secrets. */
  readonly settings: ApiSettings & { readonly keys?: never; readonly tls?: never }
  readonly keys: readonly ServedKey[]
  /** SHA-256 of `apikey` by section: `email`, `email.sales`. */
  readonly emailKeys: Readonly<Record<string, string>>
  /** What the desk itself is called where nothing else says where a mail went. */
  readonly defaultMailbox: string | null
}

export interface ServedKey {
  readonly id: Uuid
  readonly name: string
  readonly scopes: readonly ApiScope[]
  readonly tenants: readonly string[] | null
  readonly customer: string | null
  readonly sha256: string
}

/** What every API is made of: `settings` answers as they are now. */
export interface ApiContext {
  readonly desk: ApiDesk
  readonly settings: () => ServedSettings
  readonly now: () => number
  /** DIR/tmp, for files that come inside a body; who writes one there removes it with the request. */
  readonly tmp: string
}
