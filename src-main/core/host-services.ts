import type { Account, SettingsFile } from '../contract/settings.ts'
import type { Core, UploadAnswer } from '../contract/core.ts'
import type { Address, InteractionId, Job, ThreadId, Uuid } from '../contract/domain.ts'
import type { Log } from '../connectors/connector.ts'
import type { SecretBackend } from '../secrets.ts'
import type { BackupReport } from './backup-file.ts'

/** What a host hands to the core. All of it crosses a thread, so only plain data and async functions. */
export interface CoreOptions {
  /** Holds workbin.db, blobs/, tmp/, logs/, secrets.json. Made when missing. */
  readonly dataDir: string
  readonly host: 'electron' | 'browser'
  readonly version: string
  /** File URL of the parse worker: built file beside the host, or the source in tests. */
  readonly parseWorker: URL
  /** File URL of the thread that serves the APIs: built file beside the host, or the source in tests. */
  readonly apiWorker: URL
  /** Port of the APIs from the command line (0: any free one); null: as the settings say. */
  readonly apiPort: number | null
  /** Folder with the sample mailbox and the starter standard responses. */
  readonly resourcesDir: string
  readonly secrets: SecretBackend
  /** Opens http, https or mailto outside the desk; only the Electron host can. */
  readonly openLink: ((url: string) => Promise<void>) | null
  readonly log: Log
  readonly clock?: Clock
  /** The command line's work on a folder: no account connects and nothing is sent. */
  readonly atRest?: boolean
  /** A settings file that the host has read and checked; merged into the stored settings at start. */
  readonly settingsFile?: SettingsFile
}

/** The only source of time in the core, so that tests can turn it. */
export interface Clock {
  now(): number
  /** Calls back once, `ms` later; returns the way to call it off. */
  after(ms: number, call: () => void): () => void
}

/** The core as its host sees it: the page's door, and what only a host may ask. */
export interface RunningCore {
  readonly core: Core
  readonly files: CoreFiles
  /** Where the APIs listen; null while they don't. */
  apiUrl(): string | null
  /** For the badge and notifications. Returns the way to stop. */
  onAttention(listener: (attention: Attention) => void): () => void
  /** For the command line. */
  readonly owner: OwnerCommands
  /** Stops intake, finishes or rolls back what runs, closes the store. */
  close(): Promise<void>
}

export interface Attention {
  readonly unread: number
  /** New work since the last call, newest first, at most three; for one notification. */
  readonly arrived: readonly {
    readonly thread_id: ThreadId
    readonly from: Address | null
    readonly subject: string
  }[]
  readonly arrivedCount: number
  readonly notifications: boolean
}

/** Bytes, for the page's URLs (contract/core.ts lists them). Throws CoreError. */
export interface CoreFiles {
  attachment(id: Uuid): Promise<ServedFile>
  rawMail(id: InteractionId): Promise<ServedFile>
  /** Fetches one remote image: http(s) only, named in that message, no cookies, private addresses refused, <= 10 MB. */
  remoteImage(id: InteractionId, url: string): Promise<{ contentType: string; bytes: Uint8Array }>
  /** `file` is a finished upload in DIR/tmp; it is taken over or removed. */
  attach(draft: Uuid, file: string, name: string, contentType: string, inline: boolean): Promise<UploadAnswer>
  /** A file to import; kept in DIR/tmp until its import ended. */
  upload(file: string, name: string): Promise<{ id: Uuid }>
}

export interface ServedFile {
  readonly path: string
  readonly name: string
  readonly contentType: string
  readonly size: number
}

/** What the command line does beyond the page; see the settings contract. */
export interface OwnerCommands {
  importPaths(
    paths: readonly string[],
    options: { queue: string | null; account: Account['id'] | null; onProgress: (job: Job) => void },
  ): Promise<Job>
  exportTo(
    folder: string,
  ): Promise<{ interactions: number; mails: number; attachments: number; contacts: number }>
  check(): Promise<{ ok: boolean; interactions: number; problems: readonly string[] }>
  /** Writes one file that `restoreBackup` (core/backup-file.ts) unpacks. */
  backupTo(file: string): Promise<BackupReport & { readonly missing: number }>
}
