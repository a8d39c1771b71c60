import { stat } from 'node:fs/promises'
import type { ApiDesk, ReceivedFile } from '../api/desk.ts'
import type { Address } from '../contract/domain.ts'
import type { Account } from '../contract/settings.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Store } from '../store/store.ts'
import { ensureQueue, type StoredSettings } from './stored-settings.ts'

/**
 * The APIs' side of the desk: uploads become blobs just before the transaction that names them and are gone where it
 * fails; a mail finds its queue by name, else by the account that it was written to.
 */
export function createApiDesk(given: {
  readonly store: Store
  readonly blobs: Blobs
  readonly settings: Pick<StoredSettings, 'accounts' | 'api' | 'saveApi'>
  /** The settings were changed by a call. */
  readonly onSettings?: () => Promise<void>
}): ApiDesk & { dropOldUploads(): Promise<void>; close(): void } {
  const { store, blobs, settings } = given
  const held = holdBlobs(store, blobs)

  // Asked for each mail, and read from the store only where they may have changed.
  let accounts: Promise<readonly Account[]> | null = null
  const queues = new Map<string, Promise<string>>()
  const stopChanges = store.onChanges((changes) => {
    if (!changes.settings && !changes.everything) return
    accounts = null
    queues.clear()
  })

  async function queueNamed(name: string): Promise<string> {
    const known = queues.get(name)
    if (known) return await known
    const asked = ensureQueue(store, name)
    // After it was made, which is a change itself.
    const id = await asked
    queues.set(name, asked)
    return id
  }

  async function queueFor(name: string | null, recipients: readonly Address[]): Promise<string | null> {
    if (name !== null) return await queueNamed(name)
    accounts ??= settings.accounts()
    const found = (await accounts).find((account) =>
      recipients.some(({ address }) => address.toLowerCase() === account.address.toLowerCase()),
    )
    return found?.queue ? await queueNamed(found.queue) : null
  }

  return {
    createInteraction: (...given) => store.createInteraction(...given),
    updateInteraction: (...given) => store.updateInteraction(...given),
    apiInteraction: (...given) => store.apiInteraction(...given),
    apiInteractions: (...given) => store.apiInteractions(...given),
    hasContact: (...given) => store.hasContact(...given),
    secureMails: (...given) => store.secureMails(...given),
    countSecureMails: (...given) => store.countSecureMails(...given),
    secureMail: (...given) => store.secureMail(...given),
    markSecureMailRead: (...given) => store.markSecureMailRead(...given),
    deleteSecureMail: (...given) => store.deleteSecureMail(...given),
    answeredActivity: (...given) => store.answeredActivity(...given),
    uploads: (...given) => store.uploads(...given),

    async receive({ queue, ...submission }, files, terms) {
      const queue_id = await queueFor(queue, [...submission.to, ...submission.cc])
      return await held.with(
        files,
        () => store.receive({ ...submission, queue_id }, terms),
        // A repeat stored nothing, so its files are nobody's.
        ({ repeated }) => !repeated,
      )
    },
    async keepUpload(upload, file, terms) {
      return await held.with([file], () => store.keepUpload(upload, terms))
    },
    async purgeSecureMail(id, terms) {
      const { mail, unused } = await store.purgeSecureMail(id, terms)
      await held.removeUnused(unused)
      return mail
    },
    async html(interaction_id) {
      return (await store.body(interaction_id)).html
    },
    async blob(sha256) {
      const path = blobs.path(sha256)
      const found = await stat(path).catch(() => null)
      return found?.isFile() ? { path, size: found.size } : null
    },
    async registerEntity(entity) {
      const api = await settings.api()
      const known = api.contacts?.entities ?? []
      if (known.some((one) => ENTITY.every((name) => one[name] === entity[name]))) return
      await settings.saveApi({ ...api, contacts: { ...api.contacts, entities: [...known, entity] } })
      await given.onSettings?.()
    },
    async dropOldUploads() {
      await held.removeUnused(await store.dropOldUploads())
    },
    close: stopChanges,
  }
}

const ENTITY = ['tenantName', 'orgName', 'catName'] as const

/** Blobs that a request is about to name: whoever removes unused ones leaves them alone. */
function holdBlobs(
  store: Pick<Store, 'unusedBlobs'>,
  blobs: Blobs,
): {
  with<T>(files: readonly ReceivedFile[], work: () => Promise<T>, names?: (result: T) => boolean): Promise<T>
  removeUnused(sha256s: readonly string[]): Promise<void>
} {
  const holders = new Map<string, { count: number; readonly fresh: boolean; failed: boolean }>()

  async function removeUnused(sha256s: readonly string[]): Promise<void> {
    if (sha256s.length === 0) return
    const free = (await store.unusedBlobs(sha256s)).filter((sha256) => !holders.has(sha256))
    // In the same turn as the last look at who holds them.
    for (const sha256 of free) blobs.remove(sha256)
  }

  function hold(sha256: string): void {
    const holding = holders.get(sha256)
    if (holding) holding.count++
    else holders.set(sha256, { count: 1, fresh: !blobs.has(sha256), failed: false })
  }

  /** True where nobody holds it any more, it came with those who did, and one of them didn't come to name it. */
  function release(sha256: string, named: boolean): boolean {
    const holding = holders.get(sha256)
    if (!holding) return false
    if (!named) holding.failed = true
    if (--holding.count > 0) return false
    holders.delete(sha256)
    // What lay there before may be about to be named by a mail that comes in.
    return holding.fresh && holding.failed
  }

  return {
    removeUnused,
    async with(files, work, names = () => true) {
      if (files.length === 0) return await work()
      for (const { sha256 } of files) hold(sha256)
      let named = false
      try {
        for (const { file, sha256 } of files) blobs.adopt(file, sha256)
        const result = await work()
        named = names(result)
        return result
      } finally {
        const left = files.filter(({ sha256 }) => release(sha256, named)).map(({ sha256 }) => sha256)
        await removeUnused(left).catch(() => undefined)
      }
    },
  }
}
