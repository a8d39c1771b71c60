import type { DateTime, RemoteMail, RemoteMailHead, UserData, UserDataValue } from '../contract/domain.ts'

/**
 * What a remote secure mailbox answers, read as far as it goes: its document leaves the objects undescribed, so members
 * may be missing or have other names (contract 04, 4.8). Nothing here throws.
 */

type Members = ReadonlyMap<string, unknown>

/** The mails of a list; one without an id can't be asked for and is left out. */
export function readHeads(answer: unknown): readonly RemoteMailHead[] {
  return listed(answer).flatMap((item) => readHead(item) ?? [])
}

/** Null where nothing in the answer is a number of mails. */
export function readCount(answer: unknown): number | null {
  const data = first(membersOf(answer), ['data', 'result'])
  for (const value of [
    first(membersOf(data), ['count', 'total', 'number']),
    data,
    first(membersOf(answer), ['count', 'total']),
  ]) {
    const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count
  }
  return null
}

/** The mail of an answer about one; `id`: as it was asked for. Null where there is none in it. */
export function readMail(answer: unknown, id: string): RemoteMail | null {
  const outer = membersOf(answer)
  const found = first(outer, ['secureMail', 'secureEmail', 'mail', 'email', 'data'])
  const object = membersOf(found).size > 0 ? found : outer.has(plain('subject')) ? answer : null
  const members = membersOf(object)
  if (members.size === 0) return null
  const head = readHead(object) ?? headOf(members, id)
  const files = first(members, ['attachments', 'files'])
  return {
    ...head,
    text: textOf(first(members, ['text', 'body', 'plainText', 'content', 'message'])),
    html: textOf(first(members, ['html', 'htmlBody', 'structuredText', 'structured_text'])) || null,
    attachments: (Array.isArray(files) ? files : []).map((file: unknown) => {
      const of = membersOf(file)
      const size = Number(first(of, ['size', 'length', 'fileSize']))
      return {
        name: textOf(first(of, ['name', 'fileName', 'filename', 'originalName'])) || null,
        content_type:
          textOf(first(of, ['contentType', 'content_type', 'mimeType', 'type'])) ||
          'application/octet-stream',
        size: Number.isSafeInteger(size) && size >= 0 ? size : 0,
      }
    }),
  }
}

/** The object of user data; empty where there is none. */
export function readUserData(answer: unknown): UserData {
  const outer = membersOf(answer)
  const data = first(outer, ['data', 'userData', 'udata'])
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return {}
  // A map first: `__proto__` is an ordinary key.
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, valueOf(value, 0)]))
}

/** `status.message` and `status.detail`, and the code that says what they mean. */
export function readStatus(answer: unknown): { readonly code: string | null; readonly words: string } {
  const status = membersOf(first(membersOf(answer), ['status']))
  const parts = ['message', 'detail'].map((name) => textOf(status.get(name))).filter((part) => part !== '')
  const code = textOf(status.get('code'))
  return { code: code === '' ? null : code, words: [...(code ? [code] : []), ...parts].join(': ') }
}

/** The id of the mail that was made; null where there is none. */
export function readSecureMailId(answer: unknown): string | null {
  const members = membersOf(answer)
  for (const of of [members, membersOf(members.get('data')), membersOf(members.get('securemail'))]) {
    const id = idOf(of)
    if (id !== null) return id
  }
  return null
}

function listed(answer: unknown): readonly unknown[] {
  if (Array.isArray(answer)) return answer
  const members = membersOf(answer)
  const data = first(members, ['data', 'secureMails', 'secureMail', 'mails', 'items', 'results'])
  if (Array.isArray(data)) return data
  const inner = first(membersOf(data), ['secureMails', 'secureMail', 'mails', 'items', 'data'])
  return Array.isArray(inner) ? inner : []
}

function readHead(item: unknown): RemoteMailHead | null {
  const members = membersOf(item)
  const id = idOf(members)
  return id === null ? null : headOf(members, id)
}

function headOf(members: Members, id: string): RemoteMailHead {
  const files = first(members, ['attachments', 'files'])
  return {
    id,
    direction: directionOf(textOf(first(members, ['direction', 'type', 'entityType']))),
    read: readOf(first(members, ['status', 'readStatus', 'read', 'isRead'])),
    subject: textOf(first(members, ['subject', 'title'])),
    from: people(first(members, ['from', 'sender', 'fromAddress']))[0] ?? '',
    to: people(first(members, ['to', 'recipients', 'toAddress', 'toAddresses', 'mailbox'])),
    date: dateOf(
      first(members, [
        'date',
        'sentDate',
        'startDate',
        'createdDate',
        'receivedDate',
        'created',
        'timestamp',
      ]),
    ),
    has_attachments:
      first(members, ['hasAttachments']) === true || (Array.isArray(files) && files.length > 0),
  }
}

function idOf(members: Members): string | null {
  const id = first(members, ['secureMailId', 'secureEmailId', 'id', 'mailId', 'emailId'])
  if (typeof id === 'string' && id !== '' && id.length <= 256) return id
  if (typeof id === 'number') return String(id)
  const last =
    textOf(first(members, ['selfUri']))
      .split('?')[0]
      ?.split('/')
      .at(-1) ?? ''
  return last === '' || last.length > 256 ? null : last
}

function directionOf(text: string): RemoteMailHead['direction'] {
  const word = text.toLowerCase()
  return word.includes('inbound') ? 'inbound' : word.includes('outbound') ? 'outbound' : null
}

function readOf(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value
  const word = textOf(value).toLowerCase()
  return word === 'read' ? true : word === 'unread' ? false : null
}

function people(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(people)
  if (typeof value === 'string') return value.trim() === '' ? [] : [value]
  const address = textOf(first(membersOf(value), ['address', 'emailAddress', 'email', 'value']))
  return address === '' ? [] : [address]
}

function dateOf(value: unknown): DateTime | null {
  const at = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN
  // Beyond these years there is no four-digit ISO date.
  return at >= 0 && at < 253_402_300_800_000 ? new Date(at).toISOString() : null
}

/** What is nested deeper than user data may be is only hinted at. */
function valueOf(value: unknown, depth: number): UserDataValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return value
  if (typeof value !== 'object') return null
  if (depth >= 4) return Array.isArray(value) ? '[…]' : '{…}'
  if (Array.isArray(value)) return value.map((each) => valueOf(each, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, valueOf(each, depth + 1)]))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

/** By name without case and underscores. */
function membersOf(value: unknown): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map()
  return new Map(Object.entries(value).map(([name, member]) => [plain(name), member]))
}

function first(members: Members, names: readonly string[]): unknown {
  for (const name of names) {
    const value = members.get(plain(name))
    if (value !== undefined && value !== null) return value
  }
  return null
}

function plain(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase()
}
