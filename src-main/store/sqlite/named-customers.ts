import type { Address } from '../../contract/domain.ts'
import type { ApiStore } from '../api-store.ts'
import { indexWords } from './contacts.ts'
import type { Engine, Touched } from './engine.ts'

/** Customers whose id somebody else chose: the settings, or a system that feeds the store. */
export function namedCustomers(engine: Engine): Pick<ApiStore, 'nameCustomer' | 'hasContact'> {
  return {
    async nameCustomer(id, addresses) {
      engine.write((touched) => becomeCustomer(engine, touched, id, addresses))
    },
    async hasContact(id) {
      return isContact(engine, id)
    },
  }
}

export function isContact(engine: Engine, id: string): boolean {
  return engine.sql('select 1 from contacts where id = ?').get(id) !== undefined
}

/**
 * The contact of these addresses is the one with this id from now on: made where it isn't there, and whoever had one
 * of the addresses becomes it, with all of their mail.
 */
export function becomeCustomer(
  engine: Engine,
  touched: Touched,
  id: string,
  addresses: readonly string[],
): void {
  const asked = addresses.filter((address) => address !== '')
  const missing = asked.filter((address) => ownerOf(engine, address) !== id)
  if (missing.length === 0 && isContact(engine, id)) return
  if (!isContact(engine, id)) makeContact(engine, id)
  for (const address of missing) {
    const owner = ownerOf(engine, address)
    if (owner === null) addAddress(engine, id, address)
    else if (owner !== id) absorb(engine, touched, owner, id)
  }
  indexWords(engine, id)
  touched.contact(id)
  touched.kind('lists')
}

/** The contact with this id, made where it isn't there; the person's address becomes its own where nobody has it. */
export function contactWithId(engine: Engine, touched: Touched, id: string, person: Address | null): void {
  if (isContact(engine, id)) return
  makeContact(engine, id, person?.personal)
  if (person && person.address !== '' && ownerOf(engine, person.address) === null) {
    addAddress(engine, id, person.address)
    indexWords(engine, id)
  }
  touched.contact(id)
}

/** First and last name for a contact that has neither; an agent's entry is never overwritten. */
export function nameContact(
  engine: Engine,
  touched: Touched,
  id: string,
  name: { readonly first_name: string; readonly last_name: string },
): void {
  const [first, last] = [oneLine(name.first_name), oneLine(name.last_name)]
  if (first === '' && last === '') return
  const { changes } = engine
    .sql(
      "update contacts set first_name = ?, last_name = ? where id = ? and first_name = '' and last_name = ''",
    )
    .run(first, last, id)
  if (changes === 0) return
  indexWords(engine, id)
  touched.contact(id)
}

function ownerOf(engine: Engine, address: string): string | null {
  const row = engine
    .sql<{ contact_id: string }>('select contact_id from contact_addresses where address_key = ?')
    .get(address.toLowerCase())
  return row?.contact_id ?? null
}

function makeContact(engine: Engine, id: string, personal = ''): void {
  engine
    .sql('insert into contacts (id, display_name, created_at) values (?, ?, ?)')
    .run(id, oneLine(personal), engine.now())
}

function addAddress(engine: Engine, id: string, address: string): void {
  engine
    .sql('insert into contact_addresses (address_key, address, contact_id, position) values (?, ?, ?, ?)')
    .run(address.toLowerCase(), address, id, nextPosition(engine, id))
}

function nextPosition(engine: Engine, id: string): number {
  const last = engine
    .sql<{ position: number | null }>(
      'select max(position) as position from contact_addresses where contact_id = ?',
    )
    .get(id)
  return (last?.position ?? -1) + 1
}

/** One contact becomes another one: what the other doesn't say of itself is taken over. */
function absorb(engine: Engine, touched: Touched, from: string, into: string): void {
  engine
    .sql('update contact_addresses set contact_id = ?, position = position + ? where contact_id = ?')
    .run(into, nextPosition(engine, into), from)
  engine.sql('update interactions set customer_id = ? where customer_id = ?').run(into, from)
  engine
    .sql(
      `update contacts set
         title = iif(contacts.title = '', o.title, contacts.title),
         first_name = iif(contacts.first_name || contacts.last_name = '', o.first_name, contacts.first_name),
         last_name = iif(contacts.first_name || contacts.last_name = '', o.last_name, contacts.last_name),
         display_name = iif(contacts.display_name = '', o.display_name, contacts.display_name),
         phone = iif(contacts.phone = '', o.phone, contacts.phone),
         note = iif(contacts.note = '', o.note, contacts.note)
        from contacts o where o.id = ? and contacts.id = ?`,
    )
    .run(from, into)
  engine.sql('delete from contacts where id = ?').run(from)
  touched.contact(from)
}

function oneLine(name: string): string {
  return name.replace(/\s+/g, ' ').trim().slice(0, 256)
}
