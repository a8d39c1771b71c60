import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContactInput } from '../../../../src-main/contract/core.ts'
import type { Contact } from '../../../../src-main/contract/domain.ts'
import {
  arrival,
  DAY,
  MINUTE,
  type OpenStore,
  openTestStore,
  person,
  sentArrival,
  START,
  type TestStore,
} from '../../../support/open-store.ts'

export function contactCases(open: OpenStore): void {
  describe('contacts', () => {
    let t: TestStore
    beforeEach(async () => {
      t = openTestStore(open)
      await t.store.setOwnAddresses(['support@desk.test'])
      t.pass(DAY)
    })
    afterEach(async () => {
      expect(await t.store.check()).toMatchObject({ problems: [] })
      await t.close()
    })

    async function write(address: string, name?: string, times = 1): Promise<Contact> {
      for (let i = 0; i < times; i++) await t.store.ingest([arrival({ from: person(address, name) })], null)
      const contact = await t.store.contactByAddress(address)
      if (!contact) throw new Error(`no contact of ${address}`)
      return contact
    }
    const input = ({ id, title, first_name, last_name, phone, note, addresses }: Contact): ContactInput => ({
      id,
      title,
      first_name,
      last_name,
      phone,
      note,
      addresses: [...addresses],
    })
    const complete = async (text: string) =>
      (await t.store.completeContacts(text, 10)).map((found) => found.address)

    it('are one for an address, whatever its case, named as their mail names them', async () => {
      const ann = await write('Ann@Customer.test')
      expect(ann).toEqual({
        id: ann.id,
        first_name: '',
        last_name: '',
        name: 'Ann@Customer.test',
        address: 'Ann@Customer.test',
        title: '',
        phone: '',
        note: '',
        addresses: ['Ann@Customer.test'],
        threads: 1,
      })
      expect(await write('ann@customer.TEST', '"Lee, Ann" (Acme)')).toMatchObject({
        id: ann.id,
        first_name: 'Ann',
        last_name: 'Lee',
        threads: 2,
      })
      // A name once known isn't overwritten by every mail program it is written with.
      expect(await write('ann@customer.test', 'ANN')).toMatchObject({ name: '"Lee, Ann" (Acme)' })
    })

    it('hold several addresses, the first being the primary one', async () => {
      const ann = await write('ann@customer.test', 'Ann Lee')
      await t.store.saveContact({
        ...input(ann),
        title: 'Dr',
        last_name: 'Leigh',
        phone: '+44 1',
        note: 'prefers calls',
        addresses: ['ann@private.test', 'ANN@customer.test'],
      })
      expect(await t.store.contact(ann.id)).toEqual({
        ...ann,
        title: 'Dr',
        last_name: 'Leigh',
        name: 'Ann Leigh',
        phone: '+44 1',
        note: 'prefers calls',
        address: 'ann@private.test',
        addresses: ['ann@private.test', 'ANN@customer.test'],
      })
      expect((await write('ann@private.test')).id).toBe(ann.id)
      await t.store.saveContact({ ...input(ann), addresses: ['ann@private.test'] })
      expect(await t.store.contactByAddress('ann@customer.test')).toBeNull()
    })

    it('never share an address', async () => {
      const ann = await write('ann@customer.test', 'Ann Lee')
      await write('bob@customer.test', 'Bob Ray')
      await expect(
        t.store.saveContact({
          ...input(ann),
          note: 'x',
          addresses: ['ann@customer.test', 'BOB@customer.test'],
        }),
      ).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('Bob Ray') })
      expect(await t.store.contact(ann.id)).toEqual(ann)
    })

    it('are completed by name and address, accents folded, the most written first', async () => {
      await write('zoe@first.test', 'Zoë Müller', 3)
      await write('zora@second.test', 'Zora Mill', 1)
      await write('max@zoo.test', 'Max Power', 2)
      expect(await complete('z')).toEqual(['zoe@first.test', 'max@zoo.test', 'zora@second.test'])
      expect(await complete('ZOE mu')).toEqual(['zoe@first.test'])
      expect(await complete('Müll')).toEqual(['zoe@first.test'])
      expect(await complete('max@z')).toEqual(['max@zoo.test'])
      expect(await complete('zoo.t')).toEqual(['max@zoo.test'])
      expect(await complete('power m')).toEqual(['max@zoo.test'])
      expect(await complete('oe')).toEqual([])
      expect(await complete('%_')).toEqual([])
      expect(await t.store.completeContacts('zoe', 1)).toEqual([
        {
          address: 'zoe@first.test',
          personal: 'Zoë Müller',
          contact_id: (await write('zoe@first.test')).id,
        },
      ])
    })

    it('are completed by their new name and by mail written to them', async () => {
      const ann = await write('ann@customer.test', 'Ann Lee')
      await write('anton@customer.test', 'Anton', 2)
      await t.store.saveContact({ ...input(ann), last_name: 'Quill' })
      expect([await complete('quill'), await complete('lee')]).toEqual([['ann@customer.test'], []])
      for (let i = 0; i < 2; i++)
        await t.store.ingest([sentArrival({ to: [person('ANN@customer.test')] })], null)
      expect(await complete('an')).toEqual(['ann@customer.test', 'anton@customer.test'])
    })

    it('are completed as quickly and as rightly among thousands that begin alike', async () => {
      for (let batch = 0; batch < 25; batch++)
        await t.store.ingest(
          Array.from({ length: 100 }, (_, i) =>
            arrival({ from: person(`agent${batch * 100 + i}@big.test`, 'Agent Smith') }),
          ),
          null,
        )
      await write('agent77@big.test', undefined, 2)
      await write('agent1234@big.test', undefined, 1)
      expect((await complete('ag')).slice(0, 2)).toEqual(['agent77@big.test', 'agent1234@big.test'])
      expect((await complete('ag')).length).toBe(10)
      expect(await complete('agent smith agent2024@')).toEqual(['agent2024@big.test'])
    })

    it('have a history of their threads, newest first, page by page', async () => {
      const ann = await write('ann@customer.test')
      const filed = await t.store.ingest(
        Array.from({ length: 5 }, (_, i) =>
          arrival({ message_id: `t${i}@mail.test`, subject: `t${i}` }, { received: START + i * MINUTE }),
        ),
        null,
      )
      // Answered later by ann: its thread comes first; by somebody else: ann's own mail decides the order.
      await t.store.ingest(
        [
          arrival({ references: ['t1@mail.test'] }, { received: START + 10 * MINUTE }),
          arrival(
            { references: ['t0@mail.test'], from: person('bob@customer.test') },
            { received: START + 20 * MINUTE },
          ),
        ],
        null,
      )
      const seen: (string | null)[] = []
      let after: string | null = null
      do {
        const page = await t.store.contactHistory(ann.id, after, 2)
        expect(page.rows.length).toBeLessThanOrEqual(2)
        seen.push(...page.rows.map((row) => row.thread_id))
        after = page.next
      } while (after !== null)
      const [t0, t1, t2, t3, t4] = filed.map((each) => each.thread_id)
      expect(seen.slice(0, 4)).toEqual([t1, t4, t3, t2])
      expect(new Set(seen)).toEqual(new Set([...seen.slice(0, 4), t0, seen[5]]))
      expect(seen.length).toBe(6)
      expect((await t.store.contact(ann.id)).threads).toBe(6)
    })

    it('that stand for mail without a sender can’t be changed', async () => {
      const [filed] = await t.store.ingest([arrival({ from: null })], null)
      const { contact } = await t.store.thread(filed?.thread_id ?? '', 7)
      await expect(
        t.store.saveContact({
          id: contact?.id ?? '',
          title: '',
          first_name: '',
          last_name: '',
          phone: '',
          note: '',
          addresses: ['x@y.test'],
        }),
      ).rejects.toMatchObject({ code: 'invalid' })
      expect(await complete('unknown')).toEqual([])
    })

    it('are exported whole', async () => {
      const ann = await write('ann@customer.test', 'Ann Lee')
      const bob = await write('bob@customer.test', 'Bob Ray')
      expect(new Map((await t.store.exportContacts()).map((each) => [each.id, each]))).toEqual(
        new Map([
          [ann.id, ann],
          [bob.id, bob],
        ]),
      )
    })
  })
}
