import type { ParsedMail } from '../store/store.ts'
import type { MailKeys } from './content-key.ts'

/** Where one raw mail is. Bytes of a file leave the disk in the worker only. */
export type RawMail = Uint8Array | FileSlice

export interface FileSlice {
  readonly file: string
  /** Bytes from the begin of the file. */
  readonly offset: number
  readonly length: number
  /** An mbox wrote `>From ` for `From ` at the begin of a line; undone before the mail is stored. */
  readonly unquote: boolean
}

export interface ParseWorkerData {
  readonly blobsDir: string
  /** Two Int32: a count that is odd while a mail is being taken apart, and that mail's number. */
  readonly clock: SharedArrayBuffer
}

export interface ParseItem {
  readonly number: number
  readonly raw: RawMail
}

export type ParseAnswer =
  /** The raw bytes are durable. */
  | { readonly kind: 'stored'; readonly items: readonly (MailKeys & { number: number; size: number })[] }
  | {
      readonly kind: 'parsed'
      readonly mails: readonly { readonly number: number; readonly mail: ParsedMail }[]
      readonly failed: readonly { readonly number: number; readonly fault: ParseFault }[]
    }

/** Why nothing could be stored: the file can't be read, the disk can't be written. */
export interface ParseFault {
  readonly on: 'read' | 'write'
  readonly code: string
  readonly message: string
}
