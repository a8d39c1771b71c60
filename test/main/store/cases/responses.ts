import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StandardResponseInput } from '../../../../src-main/contract/core.ts'
import { ADA } from '../../../support/drafting.ts'
import { type OpenStore, openTestStore, type TestStore } from '../../../support/open-store.ts'

export function responseCases(open: OpenStore): void {
  describe('standard responses', () => {
    let t: TestStore
    beforeEach(() => {
      t = openTestStore(open)
    })
    afterEach(() => t.close())

    const input = (special: Partial<StandardResponseInput> = {}): StandardResponseInput => ({
      id: null,
      category_id: null,
      name: 'Late parcel',
      language: 'en',
      status: 'approved',
      subject: '',
      html: '<p>Sorry</p>',
      text: 'Sorry, <$Contact.FirstName$>.',
      ...special,
    })
    const category = async (name: string, parent_id: string | null = null) =>
      (await t.store.saveResponseCategory({ id: null, parent_id, name })).id
    const save = async (special: Partial<StandardResponseInput> = {}) =>
      (await t.store.saveResponse(input(special))).id

    it('stand in a tree of categories, in the order they were made', async () => {
      const shipping = await category('Shipping')
      const late = await category('Late', shipping)
      const a = await save({ category_id: late, name: 'b' })
      const b = await save({ category_id: late, name: 'a' })
      const tree = await t.store.responses()
      expect(tree.categories).toEqual([
        { id: shipping, parent_id: null, name: 'Shipping', position: 0 },
        { id: late, parent_id: shipping, name: 'Late', position: 0 },
      ])
      expect(tree.responses.map(({ id, position }) => [id, position])).toEqual([
        [a, 0],
        [b, 1],
      ])
      expect(await t.store.response(a)).toEqual({
        ...input({ category_id: late, name: 'b' }),
        id: a,
        position: 0,
        used: 0,
        snippet: 'Sorry, <$Contact.FirstName$>.',
        changed_at: t.now(),
      })
    })

    it('are changed, moved and renamed in place', async () => {
      const shipping = await category('Shipping')
      const id = await save()
      await t.store.saveResponse(input({ id, category_id: shipping, name: 'Lost parcel', status: 'draft' }))
      expect(await t.store.response(id)).toMatchObject({
        category_id: shipping,
        name: 'Lost parcel',
        status: 'draft',
      })
      await t.store.saveResponseCategory({ id: shipping, parent_id: null, name: 'Delivery' })
      expect((await t.store.responses()).categories).toMatchObject([{ id: shipping, name: 'Delivery' }])
    })

    it('come back by undo, at the top where their category is gone', async () => {
      const shipping = await category('Shipping')
      const id = await save({ category_id: shipping })
      const before = await t.store.response(id)
      const { undo_id } = await t.store.deleteResponse(id, ADA)
      await expect(t.store.response(id)).rejects.toMatchObject({ code: 'not-found' })
      await t.store.deleteResponseCategory(shipping)
      await t.store.undo(undo_id ?? '', ADA)
      expect(await t.store.response(id)).toEqual({ ...before, category_id: null })
    })

    it('refuse a category inside itself, a full one’s deletion and what is not there', async () => {
      const outer = await category('Outer')
      const inner = await category('Inner', outer)
      const move = t.store.saveResponseCategory({ id: outer, parent_id: inner, name: 'Outer' })
      await expect(move).rejects.toMatchObject({ code: 'invalid' })
      await expect(t.store.deleteResponseCategory(outer)).rejects.toMatchObject({ code: 'conflict' })
      await save({ category_id: inner })
      await expect(t.store.deleteResponseCategory(inner)).rejects.toMatchObject({ code: 'conflict' })
      const nowhere = '019df237-3e80-74c3-a534-cb3153d0381b'
      for (const command of [
        () => save({ id: nowhere }),
        () => save({ category_id: nowhere }),
        () => category('x', nowhere),
        () => t.store.deleteResponse(nowhere, ADA),
        () => t.store.deleteResponseCategory(nowhere),
      ])
        await expect(command()).rejects.toMatchObject({ code: 'not-found' })
    })

    it('are found by beginnings of words in name, category and text, names first, accents folded', async () => {
      const returns = await category('Rücksendung')
      const inText = await save({ name: 'Zeta', text: 'How to return a parcel' })
      const inPath = await save({ name: 'Alpha', category_id: returns, text: '' })
      const inName = await save({ name: 'Return label', text: '' })
      expect(await t.store.searchResponses('retu')).toEqual([inName, inText])
      expect(await t.store.searchResponses('ruck')).toEqual([inPath])
      expect(await t.store.searchResponses('parcel how')).toEqual([inText])
      expect(await t.store.searchResponses('eturn')).toEqual([])
      expect(await t.store.searchResponses(' "* ')).toEqual([])
      await t.store.saveResponse(input({ id: inText, name: 'Return', text: '' }))
      expect(await t.store.searchResponses('retu')).toHaveLength(2)
      await t.store.deleteResponse(inName, ADA)
      expect(await t.store.searchResponses('retu')).toEqual([inText])
    })
  })
}
