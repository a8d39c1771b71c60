import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Changes } from '../../../../src-main/contract/core.ts'
import type { ApiName, ApiRefusal } from '../../../../src-main/contract/domain.ts'
import type { ApiUpload } from '../../../../src-main/store/api-store.ts'
import { ADA, newDraft, newSend } from '../../../support/drafting.ts'
import {
  arrival,
  DAY,
  hash,
  type OpenStore,
  openTestStore,
  person,
  START,
  type TestStore,
} from '../../../support/open-store.ts'
import { attached, NOW, once, submission } from '../../../support/submissions.ts'

/** What else the served APIs keep: uploads, customers of the settings, their own use. */
export function servedCases(open: OpenStore): void {
  describe('the served APIs', () => {
    let t: TestStore
    beforeEach(() => {
      t = openTestStore(open)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    describe('keep an upload', () => {
      const upload = (name = 'bill.pdf', customer = 'C-7'): ApiUpload => {
        const { content_type, size, sha256 } = attached(name)
        return { customer, name, content_type, size, sha256 }
      }

      it('for its uploader, for a day', async () => {
        const { id } = await t.store.keepUpload(upload(), NOW)
        const other = await t.store.keepUpload(upload('other.pdf', 'C-8'), NOW)
        expect(await t.store.uploads([other.id, id, 'no-upload'], 'C-7')).toEqual([{ ...upload(), id }])
        t.pass(DAY)
        expect(await t.store.uploads([id], 'C-7')).toHaveLength(1)
        expect(await t.store.dropOldUploads()).toEqual([])
        t.pass(1)
        expect(await t.store.uploads([id], 'C-7')).toEqual([])
        expect(new Set(await t.store.dropOldUploads())).toEqual(
          new Set([hash('bill.pdf'), hash('other.pdf')]),
        )
        expect(await t.store.blobsInUse()).toEqual(new Set())
      })

      it('for one use; what a refused mail named can still be used', async () => {
        const { id } = await t.store.keepUpload(upload(), NOW)
        const asked = submission({ uploads: [id], attachments: [attached('bill.pdf')] })
        const refused = { ...asked, thread: { kind: 'answer', parent_id: '0VIdl77wpRAa4BGT' } } as const
        await expect(t.store.receive(refused, NOW)).rejects.toMatchObject({ code: 'invalid' })
        await expect(t.store.receive({ ...asked, uploads: [id, id] }, NOW)).rejects.toMatchObject({
          code: 'invalid',
          detail: { upload: id },
        })
        expect(await t.store.uploads([id], 'C-7')).toHaveLength(1)
        await t.store.receive(asked, NOW)
        expect(await t.store.uploads([id], 'C-7')).toEqual([])
        await expect(t.store.receive(asked, NOW)).rejects.toMatchObject({ code: 'invalid' })
        expect(await t.store.check()).toMatchObject({ interactions: 1 })
        // Its bytes are the mail's now.
        expect(await t.store.unusedBlobs([hash('bill.pdf')])).toEqual([])
      })

      it('too old for its mail no longer', async () => {
        const { id } = await t.store.keepUpload(upload(), NOW)
        t.pass(DAY + 1)
        await expect(t.store.receive(submission({ uploads: [id] }), NOW)).rejects.toMatchObject({
          code: 'invalid',
        })
      })

      it('once under an Idempotency-Key', async () => {
        const first = await t.store.keepUpload(upload(), once('k'))
        expect(await t.store.keepUpload(upload(), once('k'))).toEqual(first)
        await expect(t.store.keepUpload(upload(), once('k', 'other'))).rejects.toMatchObject({
          code: 'conflict',
        })
      })
    })

    it('know which blobs nothing names any more, wherever one is named', async () => {
      await t.store.ingest(
        [arrival({ raw: { sha256: hash('raw'), size: 1 }, attachments: [attached('mail')] })],
        null,
      )
      await t.store.keepUpload(
        { customer: 'C-7', name: null, content_type: 'a/b', size: 1, sha256: hash('up') },
        NOW,
      )
      await t.store.createDraft(newDraft({ attachments: [attached('draft')] }))
      const discarded = await t.store.createDraft(newDraft({ attachments: [attached('discarded')] }))
      await t.store.discardDraft(discarded.id, ADA)
      // An inline picture that isn't in the mail any more comes back with the draft.
      const sending = await t.store.createDraft(newDraft({ attachments: [attached('left out')] }))
      await t.store.enqueue(
        newSend(sending, { attachments: [], wire_sha256: hash('w'), sent_sha256: hash('s') }),
      )
      const named = ['raw', 'mail', 'up', 'draft', 'discarded', 'left out', 'w', 's'].map(hash)
      expect(await t.store.unusedBlobs([...named, hash('nobody’s'), hash('nobody’s')])).toEqual([
        hash('nobody’s'),
      ])
      expect(await t.store.blobsInUse()).toEqual(new Set(named))
    })

    describe('name a customer of the settings', () => {
      it('by the id given there, whoever had the addresses before', async () => {
        await t.store.ingest(
          [
            arrival({ from: person('ann@customer.test', 'Ann Lee') }),
            arrival({ from: person('lee@customer.test') }),
          ],
          null,
        )
        const told: Changes[] = []
        t.store.onChanges((changes) => told.push(changes))
        const addresses = ['ANN@customer.test', 'lee@customer.test', 'new@customer.test']
        await t.store.nameCustomer('C-7', addresses)
        expect(await t.store.contact('C-7')).toMatchObject({
          name: 'Ann Lee',
          addresses: ['ann@customer.test', 'lee@customer.test', 'new@customer.test'],
          threads: 2,
        })
        expect(await t.store.completeContacts('ann', 9)).toMatchObject([
          { contact_id: 'C-7' },
          { contact_id: 'C-7' },
          { contact_id: 'C-7' },
        ])
        expect(told).toMatchObject([{ contacts: expect.arrayContaining(['C-7']), lists: true }])
        // Said again, it is so already.
        await t.store.nameCustomer('C-7', addresses)
        expect(told).toHaveLength(1)
      })

      it('keeping what an agent noted about either', async () => {
        const [mail] = await t.store.ingest([arrival()], null)
        const { customer_id } = await t.store.interaction(mail?.interaction_id ?? '')
        const noted = { title: 'Dr', first_name: 'Ann', last_name: 'Lee', phone: '123', note: 'Calls back.' }
        await t.store.saveContact({
          id: customer_id,
          ...noted,
          addresses: ['ann@customer.test', 'ann@home.test'],
        })
        await t.store.nameCustomer('C-7', ['lee@customer.test'])
        await t.store.nameCustomer('C-7', ['lee@customer.test', 'ann@customer.test'])
        expect(await t.store.contact('C-7')).toMatchObject({
          ...noted,
          addresses: ['lee@customer.test', 'ann@customer.test', 'ann@home.test'],
        })
        await expect(t.store.contact(customer_id)).rejects.toMatchObject({ code: 'not-found' })
      })
    })

    describe('tell what they were used for', () => {
      const refusal = (n: number, api: ApiName = 'email'): ApiRefusal & { api: ApiName } => ({
        api,
        id: `019df237-3e80-74c3-a534-${String(n).padStart(12, '0')}`,
        at: START + n,
        method: 'POST',
        path: '/genesys/2/email/shop',
        status: 400,
        key: null,
        reason: `102: firstName is missing (${n}).`,
      })
      const none = { counts: [], refusals: [], keys: [] }
      const use = async (day: string) => t.store.apiUse(day)

      it('day by day, adding up', async () => {
        const told: Changes[] = []
        t.store.onChanges((changes) => told.push(changes))
        const day = '2026-05-04'
        await t.store.recordApiUse({ ...none, day, counts: [{ api: 'email', requests: 3, refusals: 1 }] })
        await t.store.recordApiUse({
          ...none,
          day,
          counts: [
            { api: 'email', requests: 2, refusals: 0 },
            { api: 'contacts', requests: 1, refusals: 1 },
          ],
        })
        await t.store.recordApiUse({
          ...none,
          day: '2026-05-05',
          counts: [{ api: 'email', requests: 9, refusals: 0 }],
        })
        await t.reopen()
        const { apis } = await use(day)
        expect(apis.map(({ api, requests, refusals }) => [api, requests, refusals])).toEqual([
          ['email', 5, 1],
          ['interactions', 0, 0],
          ['contacts', 1, 1],
          ['securemail', 0, 0],
          ['activity', 0, 0],
        ])
        expect(told.map(({ apis }) => apis)).toEqual([true, true, true])
      })

      it('with the last 20 refusals of each, newest first, also of days before', async () => {
        const refusals = Array.from({ length: 25 }, (_, n) => refusal(n))
        await t.store.recordApiUse({ ...none, day: '2026-05-04', refusals })
        await t.store.recordApiUse({
          ...none,
          day: '2026-05-05',
          refusals: [refusal(30), refusal(31, 'activity')],
        })
        const { apis } = await use('2026-05-05')
        const { api: _, ...newest } = refusal(30)
        expect(apis[0]?.last[0]).toEqual(newest)
        expect(apis[0]?.last).toHaveLength(20)
        expect(apis.find(({ api }) => api === 'activity')?.last).toHaveLength(1)
      })

      it('with the last use of each key', async () => {
        await t.store.recordApiUse({
          ...none,
          day: '2026-05-04',
          keys: [
            { id: 'k1', at: 5 },
            { id: 'k2', at: 7 },
          ],
        })
        await t.store.recordApiUse({
          ...none,
          day: '2026-05-04',
          keys: [
            { id: 'k1', at: 4 },
            { id: 'k2', at: 8 },
          ],
        })
        expect((await use('2026-05-04')).keys).toEqual([
          { id: 'k1', at: 5 },
          { id: 'k2', at: 8 },
        ])
      })

      it('and announce nothing where nothing was', async () => {
        const told: Changes[] = []
        t.store.onChanges((changes) => told.push(changes))
        await t.store.recordApiUse({ ...none, day: '2026-05-04' })
        expect(told).toEqual([])
      })
    })
  })
}
