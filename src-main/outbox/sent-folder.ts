import type { Instant } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Log, MailSource } from '../connectors/connector.ts'
import type { Blobs } from '../store/blobs.ts'
import type { OwedMail, Store } from '../store/store.ts'

/** What the outbox does in the Sent folders: files copies that are owed, and looks for mails whose sending is unknown. */
export interface SentFolder {
  /** Files what this account's Sent folder is owed, unless that just failed. */
  file(accountId: string): void
  /** Looks for this account's unknown mails: now, and a few times later, since some servers file slowly. */
  lookFor(accountId: string): void
  /** Both, at once. */
  online(accountId: string): void
  /** Resolves when nothing runs any more. */
  close(): Promise<void>
}

export interface SentFolderOptions {
  readonly store: Store
  readonly blobs: Blobs
  readonly sourceFor: (accountId: string) => MailSource | null
  readonly now: () => Instant
  readonly later: (ms: number, call: () => void) => void
  readonly log: Log
}

const MINUTE = 60_000
const FILE_AGAIN = [MINUTE, 5 * MINUTE, 30 * MINUTE, 60 * MINUTE]
const LOOK_AGAIN = [30_000, 2 * MINUTE, 10 * MINUTE]
/** After so many failures in a row the agent is told; it goes on being tried. */
const TELL_AFTER = 3

interface Account {
  failures: number
  /** Not before this moment, after a failure. */
  fileAfter: Instant
}

export function createSentFolder({
  store,
  blobs,
  sourceFor,
  now,
  later,
  log,
}: SentFolderOptions): SentFolder {
  const accounts = new Map<string, Account>()
  const running = new Map<string, Promise<void>>()
  const wanted = new Set<string>()
  let closed = false

  function stateOf(accountId: string): Account {
    const known = accounts.get(accountId)
    if (known) return known
    const state = { failures: 0, fileAfter: 0 }
    accounts.set(accountId, state)
    return state
  }

  /** One at a time for each account and job; asked again meanwhile, it runs once more. */
  function once(key: string, work: () => Promise<void>): void {
    if (closed) return
    if (running.has(key)) {
      wanted.add(key)
      return
    }
    const task = work()
      .catch((error: unknown) => {
        if (!closed) log('warn', 'The Sent folder could not be brought up to date', { error: String(error) })
      })
      .then(() => {
        running.delete(key)
        if (wanted.delete(key)) once(key, work)
      })
    running.set(key, task)
  }

  async function fileAll(accountId: string): Promise<void> {
    const state = stateOf(accountId)
    if (now() < state.fileAfter) return
    for (const mail of await store.sentCopiesOwed(accountId)) {
      if (closed) return
      const problem = await fileOne(mail)
      if (problem === null) {
        state.failures = 0
        continue
      }
      state.failures += 1
      const wait = FILE_AGAIN[Math.min(state.failures, FILE_AGAIN.length) - 1] ?? MINUTE
      state.fileAfter = now() + wait
      later(wait, () => file(accountId))
      if (state.failures >= TELL_AFTER)
        await unlessMoved(() =>
          store.resolveSentCopy(
            mail.outbox_id,
            'failed',
            `The mail was sent, but its copy is not in the Sent folder yet: ${problem} Workbin tries again by itself.`,
          ),
        )
      return
    }
  }

  /** Null when it is settled, else why not. */
  async function fileOne(mail: OwedMail): Promise<string | null> {
    const settle = async (as: 'filed' | 'none', problem: string | null) => {
      await unlessMoved(() => store.resolveSentCopy(mail.outbox_id, as, problem))
      return null
    }
    const source = sourceFor(mail.account_id)
    if (!source) return 'the account is not connected.'
    const copy = blobs.read(mail.sent_sha256)
    if (!copy) return await settle('none', 'The copy for the Sent folder is missing on this computer’s disk.')
    try {
      const outcome = await source.fileSent(mail.message_id, copy)
      return outcome === 'no-sent-folder' ? await settle('none', null) : await settle('filed', null)
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      log('warn', 'A copy could not be filed in Sent', { account: mail.account_id, error: said })
      return said
    }
  }

  async function lookForAll(accountId: string): Promise<void> {
    const source = sourceFor(accountId)
    if (!source) return
    for (const mail of await store.unknownSends(accountId)) {
      if (closed) return
      let found: boolean | null = null
      try {
        found = await source.findInSent(mail.message_id)
      } catch (error) {
        log('warn', 'Sent could not be searched', { account: accountId, error: String(error) })
        return
      }
      // Not found proves nothing: most servers leave the copy to us. Only the agent can say then.
      if (found !== true) continue
      await unlessMoved(async () => {
        await store.resolveSend(mail.outbox_id, {
          state: 'accepted',
          recipients: mail.recipients.map((recipient) =>
            recipient.state === 'pending'
              ? { ...recipient, state: 'accepted', reply: 'Found in the Sent folder.' }
              : recipient,
          ),
          problem: null,
        })
        await store.resolveSentCopy(mail.outbox_id, 'filed', null)
      })
    }
  }

  function file(accountId: string): void {
    once(`file ${accountId}`, () => fileAll(accountId))
  }
  function look(accountId: string): void {
    once(`look ${accountId}`, () => lookForAll(accountId))
  }

  return {
    file,
    lookFor(accountId) {
      look(accountId)
      for (const wait of LOOK_AGAIN) later(wait, () => look(accountId))
    },
    online(accountId) {
      const state = stateOf(accountId)
      state.failures = 0
      state.fileAfter = 0
      file(accountId)
      look(accountId)
    },
    async close() {
      closed = true
      await Promise.allSettled(running.values())
    },
  }
}

/** The agent, or a sync that saw the copy, may have settled it meanwhile; then there is nothing left to do. */
async function unlessMoved(command: () => Promise<void>): Promise<void> {
  try {
    await command()
  } catch (error) {
    if (error instanceof CoreError && (error.code === 'conflict' || error.code === 'not-found')) return
    throw error
  }
}
