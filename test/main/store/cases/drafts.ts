import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Changes } from '../../../../src-main/contract/core.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import {
  arrival,
  hash,
  MINUTE,
  type OpenStore,
  openTestStore,
  type TestStore,
} from '../../../support/open-store.ts'

export function draftCases(open: OpenStore): void {
  describe('drafts', () => {
    let t: TestStore
    beforeEach(() => {
      t = openTestStore(open)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const file = {
      name: 'label.pdf',
      content_type: 'application/pdf',
      size: 3,
      sha256: hash('label'),
      content_id: null,
      inline: false,
    }
    const picture = { ...file, name: null, content_id: 'pic@desk', inline: true, sha256: hash('picture') }
    async function question() {
      const [filed] = await t.store.ingest([arrival()], null)
      return filed?.thread_id ?? ''
    }
    const marked = async (thread: string) =>
      (
        await t.store.listPage({ view: { kind: 'all' }, order: 'newest', after: null, limit: 9, agent: ADA })
      ).rows.find((row) => row.thread_id === thread)?.has_draft

    it('that leave through a remote go on doing so whatever is changed', async () => {
      const remote = { kind: 'activity-response', activity_id: '1001', customer: null } as const
      const { id } = await t.store.createDraft(newDraft({ content: { account_id: 'remote:crm', remote } }))
      await t.store.saveDraft(id, 0, { text: 'It is here.' })
      expect(await t.store.draft(id)).toMatchObject({ remote, text: 'It is here.', secure: null })
      const { undo_id } = await t.store.discardDraft(id, ADA)
      await t.store.undo(undo_id ?? '', ADA)
      expect(await t.store.draft(id)).toMatchObject({ remote })
    })

    it('are kept as written, with their attachments, across a restart', async () => {
      const made = await t.store.createDraft(
        newDraft({
          attachments: [file, picture],
          content: {
            quote: { attribution: 'Ann wrote:', text: '> Hi', html: '<p>Hi</p>' },
            bcc: [{ address: 'x@y.test' }],
          },
        }),
      )
      expect(made).toMatchObject({
        revision: 0,
        returned: null,
        attachments: [file, picture],
        text: 'It is on its way.',
      })
      t.pass(MINUTE)
      const saved = await t.store.saveDraft(made.id, 0, { text: 'It is here.', quote: null, bcc: [] })
      expect(saved).toEqual({ revision: 1, saved_at: t.now() })
      await t.reopen()
      expect(await t.store.draft(made.id)).toEqual({
        ...made,
        text: 'It is here.',
        quote: null,
        bcc: [],
        ...saved,
      })
    })

    it('refuse a save that names an older revision, and change nothing', async () => {
      const { id } = await t.store.createDraft(newDraft())
      await t.store.saveDraft(id, 0, { text: 'first' })
      await expect(t.store.saveDraft(id, 0, { text: 'second' })).rejects.toMatchObject({ code: 'conflict' })
      expect(await t.store.draft(id)).toMatchObject({ text: 'first', revision: 1 })
    })

    it('take attachments one by one, in order, each counting as a save', async () => {
      const { id } = await t.store.createDraft(newDraft({ attachments: [file] }))
      const added = await t.store.addDraftAttachment(id, picture)
      expect(added).toMatchObject({ revision: 1, attachment: picture })
      const [first] = (await t.store.draft(id)).attachments
      const removed = await t.store.removeDraftAttachment(id, first?.id ?? '')
      expect(removed).toEqual({ revision: 2, attachments: [added.attachment] })
      expect(await t.store.removeDraftAttachment(id, first?.id ?? '')).toEqual(removed)
      expect(await t.store.blobsInUse()).toEqual(new Set([picture.sha256]))
    })

    it('mark their thread, until they are discarded; undo brings them back whole', async () => {
      const thread = await question()
      const made = await t.store.createDraft(
        newDraft({ kind: 'reply', thread_id: thread, parent_id: thread, attachments: [file] }),
      )
      expect(await marked(thread)).toBe(true)
      expect(await t.store.thread(thread, ADA)).toMatchObject({
        drafts: [{ id: made.id, snippet: made.text }],
      })

      const { undo_id } = await t.store.discardDraft(made.id, ADA)
      expect(await marked(thread)).toBe(false)
      await expect(t.store.draft(made.id)).rejects.toMatchObject({ code: 'not-found' })
      // The bytes stay as long as undo may need them.
      expect(await t.store.blobsInUse()).toContain(file.sha256)

      await t.store.undo(undo_id ?? '', ADA)
      expect(await t.store.draft(made.id)).toEqual({ ...made, revision: 1 })
      expect(await marked(thread)).toBe(true)
    })

    it('discarded in a thread that was merged since come back in the one it is now', async () => {
      const [late] = await t.store.ingest([arrival({ references: ['root@mail.test'], subject: 'b' })], null)
      const made = await t.store.createDraft(
        newDraft({ kind: 'reply', thread_id: late?.thread_id ?? '', parent_id: late?.interaction_id ?? '' }),
      )
      const { undo_id } = await t.store.discardDraft(made.id, ADA)
      await t.store.ingest([arrival({ message_id: 'root@mail.test' })], null)
      const today = await t.store.thread(late?.thread_id ?? '', ADA)
      await t.store.undo(undo_id ?? '', ADA)
      expect((await t.store.draft(made.id)).thread_id).toBe(today.thread_id)
    })

    it('that are gone say so', async () => {
      const draft = await t.store.createDraft(newDraft())
      await t.store.enqueue(newSend(draft))
      const gone = { code: 'not-found' }
      await expect(t.store.draft(draft.id)).rejects.toMatchObject(gone)
      await expect(t.store.saveDraft(draft.id, 0, {})).rejects.toMatchObject(gone)
      await expect(t.store.addDraftAttachment(draft.id, file)).rejects.toMatchObject(gone)
      await expect(t.store.removeDraftAttachment(draft.id, 'x')).rejects.toMatchObject(gone)
      await expect(t.store.discardDraft(draft.id, ADA)).rejects.toMatchObject(gone)
    })

    it('announce a save to who shows the draft, not to every list', async () => {
      const thread = await question()
      const draft = await t.store.createDraft(
        newDraft({ kind: 'reply', thread_id: thread, parent_id: thread }),
      )
      const changes: Changes[] = []
      t.store.onChanges((change) => changes.push(change))
      await t.store.saveDraft(draft.id, 0, { text: 'x' })
      expect(changes).toMatchObject([{ drafts: [draft.id], threads: [], lists: false }])
    })
  })
}
