import type { ListResponse } from 'imapflow'
import type { ImapSettings } from '../contract/settings.ts'

/** A folder that is taken in. */
export interface ChosenFolder {
  /** As the server names it. */
  readonly path: string
  readonly role: 'inbound' | 'outbound'
}

export interface FolderChoice {
  /** Inbound ones in the account's order, then Sent; none twice. */
  readonly folders: readonly ChosenFolder[]
  /** Where sent mail is filed and looked for; null: nowhere. */
  readonly sent: string | null
  /** Named in the settings and not on the server. */
  readonly absent: readonly string[]
}

/**
 * Finds the folders that an account names among those listed. INBOX is the same in any case (RFC 9051
 * section 5.1), the rest is exact. Sent is `auto`: by special use (imapflow falls back to the common names in
 * many languages), by name, or none.
 */
export function chooseFolders(listed: readonly ListResponse[], settings: ImapSettings): FolderChoice {
  const selectable = listed.filter(({ flags }) => !flags.has('\\Noselect') && !flags.has('\\NonExistent'))
  const find = (name: string): string | null => {
    const inbox = name.toUpperCase() === 'INBOX'
    const found = selectable.find(({ path, pathAsListed }) =>
      inbox ? path.toUpperCase() === 'INBOX' : path === name || pathAsListed === name,
    )
    return found?.path ?? null
  }
  const absent: string[] = []
  const folders: ChosenFolder[] = []
  const add = (path: string, role: ChosenFolder['role']) => {
    if (!folders.some((folder) => folder.path === path)) folders.push({ path, role })
  }
  for (const name of settings.folders) {
    const path = find(name)
    if (path === null) absent.push(name)
    else add(path, 'inbound')
  }
  const sent = settings.sent === 'auto' ? automaticSent(selectable) : settings.sent && find(settings.sent)
  if (settings.sent !== null && settings.sent !== 'auto' && sent === null) absent.push(settings.sent)
  if (sent) add(sent, 'outbound')
  return { folders, sent: sent || null, absent }
}

function automaticSent(listed: readonly ListResponse[]): string | null {
  return listed.find(({ specialUse }) => specialUse === '\\Sent')?.path ?? null
}
