import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InteractionId, UserData } from '../../../../src-main/contract/domain.ts'
import { arrival, type OpenStore, openTestStore, type TestStore } from '../../../support/open-store.ts'

const ADA = 7

export function userDataCases(open: OpenStore): void {
  describe('user data', () => {
    let t: TestStore
    let id: InteractionId
    beforeEach(async () => {
      t = openTestStore(open)
      const [filed] = await t.store.ingest([arrival({}, { udata: { plan: 'gold', order: 17 } })], null)
      id = filed?.interaction_id ?? ''
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })
    const stored = async () => (await t.store.interaction(id)).udata
    const found = async (query: string) =>
      (await t.store.search({ query, after: null, limit: 10, agent: ADA })).rows.length

    it('sets and removes keys in one step, which one undo takes back', async () => {
      const { undo_id, udata } = await t.store.setUserData(
        id,
        { order: 18, tier: [1, { a: null }] },
        ['plan'],
        ADA,
      )
      expect(udata).toEqual({ order: 18, tier: [1, { a: null }] })
      expect(await stored()).toEqual(udata)
      await t.store.undo(undo_id ?? '', ADA)
      expect(await stored()).toEqual({ plan: 'gold', order: 17 })
    })

    it('undo leaves other keys as they are by now, and is refused where its own changed', async () => {
      const { undo_id } = await t.store.setUserData(id, { order: 18 }, [], ADA)
      await t.store.setUserData(id, { plan: 'silver' }, [], ADA)
      await t.store.undo(undo_id ?? '', ADA)
      expect(await stored()).toEqual({ plan: 'silver', order: 17 })

      const again = await t.store.setUserData(id, { order: 19 }, [], ADA)
      await t.store.setUserData(id, { order: 20 }, [], ADA)
      await expect(t.store.undo(again.undo_id ?? '', ADA)).rejects.toMatchObject({ code: 'conflict' })
      expect(await stored()).toEqual({ plan: 'silver', order: 20 })
    })

    it('changes nothing where nothing changes', async () => {
      expect(await t.store.setUserData(id, { plan: 'gold' }, ['missing'], ADA)).toEqual({
        undo_id: null,
        udata: { plan: 'gold', order: 17 },
      })
      expect(await t.store.history(id)).toEqual([])
    })

    it('keeps every changed key in the history', async () => {
      await t.store.rememberAgent(ADA, 'Ada Moss')
      await t.store.setUserData(id, { order: 18 }, ['plan'], ADA)
      expect(
        (await t.store.history(id)).map(({ what, key, before, after, agent_name }) => ({
          what,
          key,
          before,
          after,
          agent_name,
        })),
      ).toEqual([
        { what: 'user-data', key: 'plan', before: 'gold', after: null, agent_name: 'Ada Moss' },
        { what: 'user-data', key: 'order', before: 17, after: 18, agent_name: 'Ada Moss' },
      ])
    })

    it('is left out of the interaction when its last key goes', async () => {
      await t.store.setUserData(id, {}, ['plan', 'order'], ADA)
      expect(await t.store.interaction(id)).not.toHaveProperty('udata')
    })

    it('takes __proto__ and its kin as keys like any other', async () => {
      const hostile: UserData = JSON.parse(
        '{"__proto__": {"polluted": true}, "constructor": 1, "toString": "x"}',
      )
      const { udata } = await t.store.setUserData(id, hostile, [], ADA)
      expect(Object.keys(udata)).toEqual(['plan', 'order', '__proto__', 'constructor', 'toString'])
      expect(JSON.stringify(await stored())).toBe(
        '{"plan":"gold","order":17,"__proto__":{"polluted":true},"constructor":1,"toString":"x"}',
      )
      expect('polluted' in {}).toBe(false)
      await t.store.setUserData(id, {}, ['__proto__'], ADA)
      expect(Object.keys((await stored()) ?? {})).toEqual(['plan', 'order', 'constructor', 'toString'])
    })

    it('holds 64 KB and four levels, and says so', async () => {
      await t.store.setUserData(id, { a: { b: { c: { d: 1 } } } }, [], ADA)
      await expect(t.store.setUserData(id, { a: { b: { c: { d: [] } } } }, [], ADA)).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('“a” is nested too deeply'),
      })
      await t.store.setUserData(id, { note: 'x'.repeat(65_000) }, [], ADA)
      await expect(t.store.setUserData(id, { more: 'ü'.repeat(300) }, [], ADA)).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('64 KB'),
      })
      expect(Object.keys((await stored()) ?? {})).toEqual(['plan', 'order', 'a', 'note'])
    })

    it('is found by search as it is now', async () => {
      await t.store.setUserData(id, { plan: 'platinum' }, [], ADA)
      expect([await found('platinum'), await found('gold'), await found('udata.plan:platinum')]).toEqual([
        1, 0, 1,
      ])
    })
  })
}
