import { type ApiSettings, emailServiceSchema } from '../contract/settings.ts'

/** A service of the GMS API as it stands: its own section, completed option by option by the catch-all `email`. */
export interface GmsService {
  readonly name: string
  readonly maxFiles: number
  /** Bytes of all files and of the text's UTF-8. */
  readonly maxSize: number
  /** Extensions in lower case. */
  readonly fileTypes: ReadonlySet<string>
  /** Null: the desk's own default. */
  readonly mailbox: string | null
  readonly tenant: string | null
  readonly queue: string | null
  /** Other sites whose scripts may read the answer. */
  readonly origins: ReadonlySet<string>
}

type EmailService = NonNullable<ApiSettings['email']>

const NAME = /^[A-Za-z0-9._-]{1,64}$/
const MAX_FILES = 10
const MAX_SIZE = '10MB'
const FILE_TYPES: ReadonlySet<string> = new Set(['pdf', 'doc', 'txt', 'jpg', 'png', 'gif', 'bmp', 'zip'])
const UNITS = { '': 1, KB: 1_024, MB: 1_048_576 } as const

/** The service of that name (contract 01, 1.1 and 1.2); null where it isn't served. */
export function gmsService(settings: ApiSettings, name: string): GmsService | null {
  if (!NAME.test(name)) return null
  const catchAll = settings.email ?? {}
  const section = settings[`email.${name}`]
  if (section === undefined && catchAll.strict_services === true) return null
  return completed(name, section === undefined ? {} : emailServiceSchema.parse(section), catchAll)
}

/** The catch-all section, whose limits hold for mail of the other APIs, too (contract 04, 4.3). */
export function catchAllService(settings: ApiSettings): GmsService {
  return completed('email', {}, settings.email ?? {})
}

function completed(name: string, own: EmailService, catchAll: EmailService): GmsService {
  return {
    name,
    maxFiles: own.max_files ?? catchAll.max_files ?? MAX_FILES,
    maxSize: sizeInBytes(own.max_size ?? catchAll.max_size ?? MAX_SIZE),
    fileTypes: fileTypes(own.file_types) ?? fileTypes(catchAll.file_types) ?? FILE_TYPES,
    mailbox: own.mailbox ?? catchAll.mailbox ?? null,
    tenant: filled(own.tenant) ?? filled(catchAll.tenant),
    queue: filled(own.queue) ?? filled(catchAll.queue),
    origins: originsOf(own.origins ?? catchAll.origins ?? []),
  }
}

/** `10MB`, `512KB` or bytes, in bytes; a MB has 1,048,576 (contract 00, 0.1.9). Throws RangeError for anything else. */
export function sizeInBytes(size: number | string): number {
  if (typeof size === 'number') return size
  const match = /^\s*(?<count>\d+)\s*(?<unit>|KB|MB)\s*$/i.exec(size)
  const unit = match?.groups?.unit?.toUpperCase()
  if (unit !== '' && unit !== 'KB' && unit !== 'MB')
    throw new RangeError(`“${size}” is no size: write bytes, or a number with KB or MB.`)
  return Number(match?.groups?.count) * UNITS[unit]
}

/** Extensions of a list such as `pdf, .DOC`, in lower case; null where it names none, which is the same as not set. */
export function fileTypes(list: string | null | undefined): ReadonlySet<string> | null {
  const types = (list ?? '')
    .split(',')
    .map((type) => type.trim().replace(/^\./, '').toLowerCase())
    .filter((type) => type !== '')
  return types.length === 0 ? null : new Set(types)
}

/** Whether a file of this cleaned name is taken: its last extension counts, and something must stand before it. */
export function allowsFile(types: ReadonlySet<string>, name: string): boolean {
  const dot = name.lastIndexOf('.')
  return dot > 0 && types.has(name.slice(dot + 1).toLowerCase())
}

/** `null` is what a sandboxed page calls itself, so no setting may stand for it. */
function originsOf(urls: readonly string[]): ReadonlySet<string> {
  return new Set(urls.map((url) => new URL(url).origin).filter((origin) => origin !== 'null'))
}

function filled(text: string | null | undefined): string | null {
  return text === null || text === undefined || text.trim() === '' ? null : text
}
