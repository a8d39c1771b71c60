import type { Uuid } from '../contract/domain.ts'

/** What a form may hold; each is enforced while it is read, so the byte over it stops the upload. */
export interface FormLimits {
  readonly maxFiles: number
  /** Of all files' bytes and, where `countedFields` names them, those fields' UTF-8 bytes. */
  readonly maxBytes: number
  readonly countedFields: readonly string[]
  /** Cleaned names are asked before a file's first byte is kept. Null: all are taken. */
  readonly allowsName: ((name: string) => boolean) | null
  /** Parts of this name are files; another name's file is read past and forgotten. */
  readonly fileField: string
}

/** A form as it was read: fields in their order, files in DIR/tmp, synced. They are removed with the request. */
export interface Form {
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly files: readonly FormFile[]
  /** SHA-256 over fields and files, the same for the same content whatever its boundary. */
  readonly payload: string
  /** Over a limit: found all the same, so that every fault can be told. */
  readonly faults: readonly ('too-many-files' | 'too-large' | 'file-type')[]
}

export interface FormFile {
  readonly id: Uuid
  /** Cleaned: no folder, no control characters, no trailing dots. */
  readonly name: string
  readonly contentType: string
  readonly size: number
  readonly sha256: string
  readonly file: string
}
