import type { Address, Contact, ContactHead, Instant } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { Store } from '../store.ts'
import { completionPrefixes, completionWords, splitName } from './contact-names.ts'
import type { Engine, Touched } from './engine.ts'
import { contactHistoryPage } from './list-page.ts'

interface ContactRow {
  id: string
  title: string
  first_name: string
  last_name: string
  display_name: string
  phone: string
  note: string
}

/** Up to so many matches are sorted; beyond, the most used addresses are looked through instead. */
const FEW = 2000

/**
 * The contact of an address, whatever its case; made where there is none. `personal` becomes its name while it
 * has no other. The empty address stands for mail without a usable sender.
 */
export function findOrCreateContact(
  engine: Engine,
  touched: Touched,
  address: string,
  personal: string | undefined,
): string {
  const name = (personal ?? '').replace(/\s+/g, ' ').trim().slice(0, 256)
  const known = engine
    .sql<{ id: string; display_name: string; first_name: string; last_name: string }>(
      `select c.id, c.display_name, c.first_name, c.last_name
         from contact_addresses a join contacts c on c.id = a.contact_id where a.address_key = ?`,
    )
    .get(address.toLowerCase())
  if (known) {
    if (name !== '' && known.display_name + known.first_name + known.last_name === '') {
      engine.sql('update contacts set display_name = ? where id = ?').run(name, known.id)
      indexWords(engine, known.id)
      touched.contact(known.id)
    }
    return known.id
  }
  const now = engine.now()
  const id = newUuid(now)
  engine
    .sql('insert into contacts (id, display_name, created_at) values (?, ?, ?)')
    .run(id, address === '' ? UNKNOWN_SENDER : name, now)
  const words = address === '' ? [] : completionWords(name, address)
  engine
    .sql(
      'insert into contact_addresses (address_key, address, contact_id, position, words) values (?, ?, ?, 0, ?)',
    )
    .run(address.toLowerCase(), address, id, asColumn(words))
  addWords(engine, address, words)
  touched.contact(id)
  return id
}

const UNKNOWN_SENDER = 'Unknown sender'

/** Counts a mail from or to these lower-case addresses for completion; -1 takes one back. */
export function countMail(engine: Engine, addresses: readonly string[], at: Instant, by: 1 | -1): void {
  const count = engine.sql(
    'update contact_addresses set mails = max(0, mails + ?), last_at = max(last_at, ?) where address_key = ?',
  )
  for (const address of addresses) count.run(by, at, address)
}

/** The head of a contact; null when there is none. */
export function contactHead(engine: Engine, id: string): ContactHead | null {
  const row = engine.sql<ContactRow>('select * from contacts where id = ?').get(id)
  return row ? head(row, addressesOf(engine, id)) : null
}

/** The people on the other side. */
export function contacts(
  engine: Engine,
): Pick<
  Store,
  'completeContacts' | 'contact' | 'contactByAddress' | 'contactHistory' | 'saveContact' | 'exportContacts'
> {
  return {
    async completeContacts(text, limit) {
      return complete(engine, text, limit).map((found) => {
        const { name } = head(found, [found.address])
        return {
          address: found.address,
          ...(name === found.address ? {} : { personal: name }),
          contact_id: found.id,
        }
      })
    },
    async contact(id) {
      return readContact(engine, existing(engine, id))
    },
    async contactByAddress(address) {
      const row = engine
        .sql<ContactRow>(
          'select c.* from contact_addresses a join contacts c on c.id = a.contact_id where a.address_key = ?',
        )
        .get(address.toLowerCase())
      return row ? readContact(engine, row) : null
    },
    async contactHistory(id, after, limit) {
      existing(engine, id)
      return contactHistoryPage(engine, id, after, limit)
    },
    async saveContact(input) {
      engine.write((touched) => {
        const before = existing(engine, input.id)
        if (addressesOf(engine, input.id).includes(''))
          throw new CoreError(
            'invalid',
            `“${UNKNOWN_SENDER}” stands for mail without a sender and can’t be changed.`,
          )
        saveAddresses(engine, input.id, input.addresses)
        const named = input.first_name.trim() !== '' || input.last_name.trim() !== ''
        engine
          .sql(
            `update contacts set title = ?, first_name = ?, last_name = ?, display_name = ?, phone = ?, note = ?
             where id = ?`,
          )
          .run(
            input.title.trim(),
            input.first_name.trim(),
            input.last_name.trim(),
            named ? '' : before.display_name,
            input.phone.trim(),
            input.note,
            input.id,
          )
        indexWords(engine, input.id)
        touched.contact(input.id)
        touched.kind('lists')
      })
    },
    async exportContacts() {
      return engine
        .sql<ContactRow>('select * from contacts order by id')
        .all()
        .map((row) => readContact(engine, row))
    },
  }
}

function existing(engine: Engine, id: string): ContactRow {
  const row = engine.sql<ContactRow>('select * from contacts where id = ?').get(id)
  if (!row) throw new CoreError('not-found', 'This contact is not there any more.')
  return row
}

function addressesOf(engine: Engine, id: string): readonly string[] {
  return engine
    .sql<{ address: string }>('select address from contact_addresses where contact_id = ? order by position')
    .all(id)
    .map((row) => row.address)
}

function head(row: ContactRow, addresses: readonly string[]): ContactHead {
  const named = row.first_name !== '' || row.last_name !== ''
  const { first_name, last_name } = named ? row : splitName(row.display_name)
  const address = addresses[0] ?? ''
  const name = named ? `${first_name} ${last_name}`.trim() : row.display_name || address
  return { id: row.id, first_name, last_name, name, address }
}

function readContact(engine: Engine, row: ContactRow): Contact {
  const addresses = addressesOf(engine, row.id).filter((address) => address !== '')
  const threads = engine
    .sql<{ n: number }>('select count(distinct thread_id) as n from interactions where customer_id = ?')
    .get(row.id)
  return {
    ...head(row, addresses),
    title: row.title,
    phone: row.phone,
    note: row.note,
    addresses,
    threads: threads?.n ?? 0,
  }
}

function saveAddresses(engine: Engine, id: string, given: readonly string[]): void {
  const addresses = new Map(given.map((address) => [address.trim().toLowerCase(), address.trim()]))
  for (const [key, address] of addresses) {
    const owner = engine
      .sql<ContactRow>(
        `select c.* from contact_addresses a join contacts c on c.id = a.contact_id
          where a.address_key = ? and c.id <> ?`,
      )
      .get(key, id)
    if (owner)
      throw new CoreError(
        'conflict',
        `${address} already belongs to ${head(owner, [address]).name}. Remove it there first.`,
      )
  }
  for (const { address } of addressesOf(engine, id).map((address) => ({ address })))
    if (!addresses.has(address.toLowerCase()))
      engine.sql('delete from contact_addresses where address_key = ?').run(address.toLowerCase())
  let position = 0
  for (const [key, address] of addresses) {
    engine
      .sql(
        `insert into contact_addresses (address_key, address, contact_id, position) values (?, ?, ?, ?)
         on conflict (address_key) do update set address = excluded.address, position = excluded.position`,
      )
      .run(key, address, id, position++)
  }
}

/** Brings the completion words of a contact's addresses in step with its name. */
export function indexWords(engine: Engine, id: string): void {
  const row = existing(engine, id)
  const addresses = engine
    .sql<{ address: string; words: string }>(
      'select address, words from contact_addresses where contact_id = ? order by position',
    )
    .all(id)
  const { name } = head(
    row,
    addresses.map(({ address }) => address),
  )
  for (const { address, words: known } of addresses) {
    const words = completionWords(name === address ? '' : name, address)
    const column = asColumn(words)
    // Most names come as they were, in another form.
    if (column === known) continue
    const key = address.toLowerCase()
    engine.sql('delete from contact_words where address_key = ?').run(key)
    engine.sql('update contact_addresses set words = ? where address_key = ?').run(column, key)
    addWords(engine, address, words)
  }
}

function addWords(engine: Engine, address: string, words: readonly string[]): void {
  const add = engine.sql('insert or ignore into contact_words (word, address_key) values (?, ?)')
  for (const word of words) add.run(word, address.toLowerCase())
}

/** Each word after a space, so that a prefix is found as ` prefix`. */
function asColumn(words: readonly string[]): string {
  return words.map((word) => ` ${word}`).join('')
}

type Completion = ContactRow & Address

/**
 * The most written first. A rare prefix is looked up by its word and sorted; a common one is found soon by walking
 * the most used addresses (sorting 100,000 matches of one letter takes 100 ms).
 */
function complete(engine: Engine, text: string, limit: number): readonly Completion[] {
  const prefixes = completionPrefixes(text)
  if (prefixes.length === 0 && text.trim() !== '') return []
  const all = prefixes.map(() => 'and instr(a.words, ?) > 0').join(' ')
  const patterns = prefixes.map((prefix) => ` ${prefix}`)
  const [rarest] = prefixes
    .map((prefix) => ({ prefix, matches: matches(engine, prefix) }))
    .sort((a, b) => a.matches - b.matches)
  if (rarest && rarest.matches <= FEW)
    return engine
      .sql<Completion>(
        `select a.address, c.* from contact_addresses a join contacts c on c.id = a.contact_id
          where a.address_key in (select address_key from contact_words where word >= ? and word < ?)
            ${all} order by a.mails desc, a.last_at desc, a.address_key limit ?`,
      )
      .all(rarest.prefix, `${rarest.prefix}\u{10ffff}`, ...patterns, limit)
  return engine
    .sql<Completion>(
      `select a.address, c.* from contact_addresses a indexed by contact_addresses_by_use
          join contacts c on c.id = a.contact_id
        where a.address_key <> '' ${all} order by a.mails desc, a.last_at desc limit ?`,
    )
    .all(...patterns, limit)
}

function matches(engine: Engine, prefix: string): number {
  const row = engine
    .sql<{ n: number }>(
      'select count(*) as n from (select 1 from contact_words where word >= ? and word < ? limit ?)',
    )
    .get(prefix, `${prefix}\u{10ffff}`, FEW + 1)
  return row?.n ?? 0
}
