import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Changes } from '../../../../src-main/contract/core.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import { arrival, type OpenStore, openTestStore, type TestStore } from '../../../support/open-store.ts'

export function settingsCases(open: OpenStore): void {
  describe('queues, dispositions and settings', () => {
    let t: TestStore
    beforeEach(() => {
      t = openTestStore(open)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const nowhere = '019df237-3e80-74c3-a534-cb3153d0381b'

    it('queues keep the order they were made in, and no two are called the same', async () => {
      const inbox = await t.store.saveQueue(null, 'Inbox')
      const billing = await t.store.saveQueue(null, 'Billing')
      await expect(t.store.saveQueue(null, 'INBOX')).rejects.toMatchObject({ code: 'conflict' })
      await expect(t.store.saveQueue(billing.id, 'inbox')).rejects.toMatchObject({ code: 'conflict' })
      await expect(t.store.saveQueue(nowhere, 'x')).rejects.toMatchObject({ code: 'not-found' })
      await t.store.saveQueue(inbox.id, 'inbox')
      expect(await t.store.queues()).toEqual([{ id: inbox.id, name: 'inbox' }, billing])
    })

    it('a deleted queue’s work moves to another: open, accepted and done, with its history', async () => {
      const from = await t.store.saveQueue(null, 'From')
      const to = await t.store.saveQueue(null, 'To')
      const filed = await t.store.ingest(
        [
          arrival({}, { queue_id: from.id }),
          arrival({}, { queue_id: from.id, unread: false }),
          arrival({}, { queue_id: from.id }),
          arrival({}, { queue_id: to.id }),
        ],
        null,
      )
      const [open = '', accepted = '', done = ''] = filed.map((each) => each.thread_id)
      await t.store.accept([accepted], ADA)
      await t.store.markDone([done], null, ADA)
      await expect(t.store.deleteQueue(from.id, from.id)).rejects.toMatchObject({ code: 'invalid' })
      await expect(t.store.deleteQueue(from.id, nowhere)).rejects.toMatchObject({ code: 'invalid' })
      await t.store.deleteQueue(from.id, to.id)
      await expect(t.store.deleteQueue(from.id, to.id)).rejects.toMatchObject({ code: 'not-found' })

      expect((await t.store.counts(ADA)).queues).toEqual([{ ...to, total: 2, unread: 2 }])
      expect(await t.store.thread(open, ADA)).toMatchObject({ place: { kind: 'queue', queue_id: to.id } })
      expect((await t.store.history(open)).at(-1)).toMatchObject({
        before: { queue: 'From' },
        after: { queue: 'To' },
      })
      await t.store.release([accepted], ADA)
      expect(await t.store.thread(accepted, ADA)).toMatchObject({ place: { kind: 'queue', queue_id: to.id } })
    })

    it('work that was marked Done with a mail comes back to the other queue when that is deleted', async () => {
      const from = await t.store.saveQueue(null, 'From')
      const to = await t.store.saveQueue(null, 'To')
      const [filed] = await t.store.ingest([arrival({}, { queue_id: from.id })], null)
      const thread = filed?.thread_id ?? ''
      const draft = await t.store.createDraft(
        newDraft({ kind: 'reply', thread_id: thread, parent_id: thread }),
      )
      const sent = await t.store.enqueue(newSend(draft, { done: { disposition_id: null } }))
      await t.store.deleteQueue(from.id, to.id)
      await t.store.undoSend(sent.outbox_id)
      expect(await t.store.thread(thread, ADA)).toMatchObject({
        place: { kind: 'queue', queue_id: to.id },
        status: 0,
      })
    })

    it('dispositions are named once; what was marked with a deleted one keeps its name', async () => {
      const solved = await t.store.saveDisposition(null, 'Solved')
      const other = await t.store.saveDisposition(null, 'Other')
      await expect(t.store.saveDisposition(other.id, 'solved')).rejects.toMatchObject({ code: 'conflict' })
      const [filed] = await t.store.ingest([arrival()], null)
      const thread = filed?.thread_id ?? ''
      await t.store.markDone([thread], solved.id, ADA)
      await t.store.deleteDisposition(solved.id)
      await expect(t.store.deleteDisposition(solved.id)).rejects.toMatchObject({ code: 'not-found' })
      expect(await t.store.dispositions()).toEqual([other])
      expect(await t.store.thread(thread, ADA)).toMatchObject({ messages: [{ disposition: 'Solved' }] })
    })

    it('settings documents come back as they were saved, and null when there is none', async () => {
      expect(await t.store.setting('preferences')).toBeNull()
      await t.store.saveSetting('preferences', { theme: 'dark', list: [1, null] })
      await t.store.saveSetting('undoSendSeconds', 0)
      await t.reopen()
      expect(await t.store.setting('preferences')).toEqual({ theme: 'dark', list: [1, null] })
      expect(await t.store.setting('undoSendSeconds')).toBe(0)
      await t.store.saveSetting('preferences', null)
      expect(await t.store.setting('preferences')).toBeNull()
    })

    it('what is saved as it was announces nothing', async () => {
      await t.store.rememberAgent(ADA, 'Ada Moss')
      await t.store.setOwnAddresses(['Support@desk.test', 'ada@desk.test'])
      const changes: Changes[] = []
      t.store.onChanges((change) => changes.push(change))
      await t.store.rememberAgent(ADA, 'Ada Moss')
      await t.store.setOwnAddresses(['ada@desk.test', 'support@desk.test'])
      expect(changes).toEqual([])
      await t.store.rememberAgent(ADA, 'Ada Ray')
      expect(changes).toMatchObject([{ settings: true, lists: true }])
    })
  })

  describe('a backup', () => {
    let t: TestStore
    beforeEach(() => {
      t = openTestStore(open)
    })
    afterEach(() => t.close())

    it('is one file that opens as the store it was taken from', async () => {
      await t.store.ingest([arrival({ subject: 'kept' })], null)
      const file = join(t.folder, 'copy.db')
      await t.store.backupTo(file)
      expect(readdirSync(t.folder).filter((name) => name.startsWith('copy.db'))).toEqual(['copy.db'])
      const copy = open({ file, now: () => t.now() })
      expect(await copy.check()).toEqual({ interactions: 1, problems: [] })
      expect((await copy.search({ query: 'kept', after: null, limit: 9, agent: ADA })).rows).toHaveLength(1)
      await copy.close()
    })

    it('goes on while mail is filed, and holds it or not, but whole', async () => {
      await t.store.ingest(
        Array.from({ length: 100 }, (_, i) => arrival({ text: `word${i} `.repeat(500) })),
        null,
      )
      const file = join(t.folder, 'copy.db')
      const backup = t.store.backupTo(file)
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setImmediate(resolve))
        await t.store.ingest([arrival()], null)
      }
      await backup
      const copy = open({ file, now: () => t.now() })
      const { interactions, problems } = await copy.check()
      expect(problems).toEqual([])
      expect(interactions).toBeGreaterThanOrEqual(100)
      await copy.close()
    })

    it('overwrites nothing and says where it can’t be written', async () => {
      const there = join(t.folder, 'there.db')
      writeFileSync(there, 'mine')
      await expect(t.store.backupTo(there)).rejects.toMatchObject({ code: 'invalid' })
      await expect(t.store.backupTo(join(t.folder, 'no', 'copy.db'))).rejects.toMatchObject({
        code: 'invalid',
      })
      await expect(t.store.backupTo(join(there, 'copy.db'))).rejects.toMatchObject({ code: 'disk' })
    })
  })
}
