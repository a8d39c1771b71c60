import type { ImapFlow } from 'imapflow'
import { CoreError } from '../contract/errors.ts'

/**
 * Whether a folder holds a mail with exactly this Message-ID (with or without angle brackets). The folder is
 * opened read-only. Throws `invalid` for an id that no mail can have, and what the line throws.
 */
export async function holdsMessage(client: ImapFlow, folder: string, messageId: string): Promise<boolean> {
  const id = checkedId(messageId)
  await client.mailboxOpen(folder, { readOnly: true })
  // imapflow sends the value quoted, or as a literal where it isn't ASCII; HEADER finds substrings.
  const found = await client.search({ header: { 'message-id': `<${id}>` } }, { uid: true })
  if (!Array.isArray(found)) throw new CoreError('unreachable', `“${folder}” can't be searched now.`)
  for (const uid of found.slice(-20)) {
    const row = await client.fetchOne(uid, { uid: true, headers: ['message-id'] }, { uid: true })
    const value = row && row.headers ? row.headers.toString('utf8').replace(/\r?\n[ \t]+/g, ' ') : ''
    if (value.includes(`<${id}>`)) return true
  }
  return false
}

/** Files a mail as read unless the folder holds its Message-ID already. */
export async function fileInSent(
  client: ImapFlow,
  folder: string,
  messageId: string,
  mime: Uint8Array,
): Promise<'filed' | 'already-there'> {
  if (await holdsMessage(client, folder, messageId)) return 'already-there'
  const filed = await client.append(folder, Buffer.from(mime), ['\\Seen'], new Date())
  if (!filed) throw new CoreError('unreachable', `The copy couldn't be filed in “${folder}” now.`)
  return 'filed'
}

function checkedId(messageId: string): string {
  const id = messageId.trim().replace(/^<|>$/g, '')
  // Control characters could begin another command or field, and no Message-ID has any (RFC 5322 section 3.6.4).
  if (id === '' || id.length > 990 || /\p{Cc}/u.test(id))
    throw new CoreError('invalid', 'This Message-ID can’t be one of a mail, so it isn’t looked for.')
  return id
}
