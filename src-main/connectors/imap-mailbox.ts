import type { ImapFlow, MailboxObject, SearchObject } from 'imapflow'
import { LineLost } from './imap-errors.ts'

/** Opens a folder read-only; when it is open already, asks for news (NOOP) unless `again`. */
export async function open(client: ImapFlow, path: string, again = false): Promise<MailboxObject> {
  if (!again && client.mailbox && client.mailbox.path === path && client.mailbox.readOnly === true)
    await client.noop()
  else await client.mailboxOpen(path, { readOnly: true })
  return selected(client, path)
}

/** The folder that is open, if it is this one. Throws when the line was lost meanwhile. */
export function selected(client: ImapFlow, path: string): MailboxObject {
  if (!client.mailbox || client.mailbox.path !== path) throw new LineLost(client.byeReason ?? null)
  return client.mailbox
}

/** UIDs of the open folder, ascending. */
export async function uidsOf(client: ImapFlow, query: SearchObject): Promise<number[]> {
  const found = await client.search(query, { uid: true })
  if (!Array.isArray(found)) throw new Error('the server refused a search')
  return found
}

/** Every UID of the open folder. Servers whose SEARCH doesn't match what they announced are asked by FETCH. */
export async function listAll(client: ImapFlow, path: string): Promise<number[]> {
  const listed = await uidsOf(client, { all: true })
  const { exists } = selected(client, path)
  if (listed.length === exists || exists === 0) return listed
  const fetched: number[] = []
  for await (const { uid } of client.fetch('1:*', { uid: true }, { uid: false })) if (uid) fetched.push(uid)
  return [...new Set(fetched)].sort((a, b) => a - b)
}
