import type { FetchedMail, MailSourceOptions, SourceState } from '../../src-main/connectors/connector.ts'
import { type Account, accountSchema } from '../../src-main/contract/settings.ts'
import type { FolderCursor, FolderKey } from '../../src-main/store/store.ts'

/** What a mail source handed over and saw committed: the store's ledger in memory, with the same promises. */
export interface MailRecorder {
  /** In the order of their commits. */
  readonly batches: { readonly mails: readonly FetchedMail[]; readonly cursor: FolderCursor }[]
  readonly states: SourceState[]
  readonly lines: { readonly level: string; readonly message: string; readonly detail: unknown }[]
  /** Every mail that was committed, once for each time. */
  readonly mails: { readonly folder: string; readonly uid: number; readonly text: string }[]
  /** The cursors as they are stored, by folder. */
  readonly cursors: Map<string, FolderCursor>
  readonly state: SourceState
  /** The text of the mails that are located in a folder now, by UID. */
  held(folder: string): string[]
  knows(folder: string, uidvalidity: string): number[]
  /** Runs before a batch is committed; what it throws, takeIn throws. */
  beforeCommit: (mails: readonly FetchedMail[], cursor: FolderCursor) => Promise<void> | void
  /** Resolves when the fact holds; checked at every commit, change of state and line of the log. Fails after 15 s. */
  until(fact: () => boolean, what: string): Promise<void>
  readonly options: Omit<MailSourceOptions, 'account' | 'password'>
}

export function recordMail(timing?: MailSourceOptions['timing']): MailRecorder {
  const located = new Map<string, Map<number, string>>()
  const place = ({ folder, uidvalidity }: FolderKey): Map<number, string> => {
    const key = `${folder}\0${uidvalidity}`
    const found = located.get(key) ?? new Map<number, string>()
    located.set(key, found)
    return found
  }
  const watchers = new Set<() => void>()
  const tell = () => {
    for (const watcher of [...watchers]) watcher()
  }
  let state: SourceState = { connection: 'stopped', problem: null, syncing: null, lastSync: null }

  const recorder: MailRecorder = {
    batches: [],
    states: [],
    lines: [],
    mails: [],
    cursors: new Map(),
    get state() {
      return state
    },
    held(folder) {
      const cursor = recorder.cursors.get(folder)
      return cursor ? [...place(cursor)].sort(([a], [b]) => a - b).map(([, text]) => text) : []
    },
    knows: (folder, uidvalidity) =>
      [...place({ account_id: '', folder, uidvalidity }).keys()].sort((a, b) => a - b),
    beforeCommit: () => {},
    async until(fact, what) {
      if (fact()) return
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(watcher)
          const seen = JSON.stringify({
            state,
            lines: recorder.lines.slice(-5),
            mails: recorder.mails.length,
          })
          reject(new Error(`waited 15 s for ${what}; ${seen}`))
        }, 15_000)
        const watcher = () => {
          if (!fact()) return
          clearTimeout(timer)
          watchers.delete(watcher)
          resolve()
        }
        watchers.add(watcher)
      })
    },
    options: {
      cursors: () => Promise.resolve([...recorder.cursors.values()]),
      knownUids: (key, after, limit) =>
        Promise.resolve(
          recorder
            .knows(key.folder, key.uidvalidity)
            .filter((uid) => uid > after)
            .slice(0, limit),
        ),
      async takeIn(mails, cursor) {
        await recorder.beforeCommit(mails, cursor)
        // One transaction: nothing is awaited from here on.
        for (const mail of mails) {
          const text = Buffer.from(mail.raw).toString()
          place(cursor).set(mail.uid, text)
          recorder.mails.push({ folder: cursor.folder, uid: mail.uid, text })
        }
        recorder.cursors.set(cursor.folder, structuredClone(cursor))
        if (mails.length > 0) recorder.batches.push({ mails, cursor })
        tell()
      },
      vanished(key, uids) {
        for (const uid of uids) place(key).delete(uid)
        tell()
        return Promise.resolve()
      },
      report(next) {
        state = next
        recorder.states.push(next)
        tell()
      },
      log(level, message, detail) {
        recorder.lines.push({ level, message, detail })
        tell()
      },
      now: () => Date.now(),
      ...(timing ? { timing } : {}),
    },
  }
  return recorder
}

/** An account as settings have it, for a server on loopback. */
export function accountFor(
  imap: { port: number } & Partial<NonNullable<Account['imap']>>,
  more: Partial<Account> = {},
): Account {
  return accountSchema.parse({
    id: 'test',
    address: 'alice@test.local',
    imap: { host: '127.0.0.1', tls: 'none', user: 'alice@test.local', ...imap },
    ...more,
  })
}

/** A small mail with its own Message-ID and subject. */
export function mailNumber(number: number, body = 'Hello\r\n'): string {
  return [
    'From: Customer <customer@example.test>',
    'To: alice@test.local',
    `Subject: mail ${number}`,
    `Message-ID: <${number}@example.test>`,
    'Date: Fri, 01 May 2026 10:00:00 +0000',
    '',
    body,
  ].join('\r\n')
}
