import type { SecureMailbox, UserData, Uuid } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { ApiStore, SecureMail } from '../api-store.ts'
import { readApiInteraction } from './api-interaction.ts'
import type { Engine, Touched } from './engine.ts'
import type { InteractionRow } from './interaction-row.ts'
import { onlyOnce } from './once.ts'
import { deliverSecurely } from './secure-delivery.ts'
import { purge } from './secure-purge.ts'
import type { SecureMailRow } from './secure-mail-row.ts'
import { readJson } from './stored-json.ts'
import { carryOut, changeOf, workedInteraction } from './work.ts'

/** Contracts, secure mail 4.1. */
const LARGEST_PAGE = 100

/** Customers' secure mailboxes, as their portal sees them (contracts, secure mail). */
export function secureMail(
  engine: Engine,
): Pick<
  ApiStore,
  | 'secureMails'
  | 'countSecureMails'
  | 'secureMail'
  | 'markSecureMailRead'
  | 'deleteSecureMail'
  | 'purgeSecureMail'
  | 'deliverSecurely'
> {
  return {
    async secureMails(mailbox, status, { index, count }) {
      if (!isKnown(engine, mailbox.address)) return null
      if (count <= 0) return []
      return engine
        .sql<SecureMailRow>(
          `select * from secure_mails indexed by secure_mails_listed
            where ${listed(status)} order by at desc, id limit ? offset ?`,
        )
        .all(mailbox.address.toLowerCase(), mailbox.box, Math.min(count, LARGEST_PAGE), Math.max(0, index))
        .map((row) => readSecureMail(engine, row))
    },

    async countSecureMails({ address, box }, status) {
      if (!isKnown(engine, address)) return null
      const row = engine
        .sql<{ n: number }>(
          `select count(*) as n from secure_mails indexed by secure_mails_listed where ${listed(status)}`,
        )
        .get(address.toLowerCase(), box)
      return row?.n ?? 0
    },

    async secureMail(id) {
      return readSecureMail(engine, secureMailRow(engine, id))
    },

    async markSecureMailRead(id, stop, terms) {
      return engine.group((touched) => {
        const mark = () => {
          const mail = secureMailRow(engine, id)
          if (mail.read === 0) {
            engine.sql('update secure_mails set read = 1 where id = ?').run(id)
            touched.thread(interactionOf(engine, mail).thread_id)
          }
          if (stop) stopRouting(engine, touched, mail, 'read by consumer')
          return readSecureMail(engine, secureMailRow(engine, id))
        }
        return onlyOnce(engine, terms.once, mark, ({ interaction }) => interaction.interaction_id).answer
      }, terms.mayBegin)
    },

    async deleteSecureMail(id, terms) {
      return engine.group((touched) => {
        const remove = () => {
          const mail = secureMailRow(engine, id)
          if (mail.deleted === 0) {
            engine.sql('update secure_mails set deleted = 1 where id = ?').run(id)
            touched.thread(interactionOf(engine, mail).thread_id)
          }
          stopRouting(engine, touched, mail, 'deleted by consumer')
          return readSecureMail(engine, secureMailRow(engine, id))
        }
        return onlyOnce(engine, terms.once, remove, ({ interaction }) => interaction.interaction_id).answer
      }, terms.mayBegin)
    },

    async purgeSecureMail(id, terms) {
      // Never under an Idempotency-Key: its answer would keep what was purged, and a repeat finds nothing anyway.
      return engine.group((touched) => {
        const row = secureMailRow(engine, id)
        const mail = readSecureMail(engine, row)
        return { mail, unused: purge(engine, touched, interactionOf(engine, row)) }
      }, terms.mayBegin)
    },

    async deliverSecurely(outboxId) {
      engine.write((touched) => deliverSecurely(engine, touched, outboxId))
    },
  }
}

/** Repeats the condition of the index `secure_mails_listed`. */
function listed(status: 'read' | 'unread' | 'all'): string {
  const box = 'address_key = ? and box = ? and deleted = 0'
  switch (status) {
    case 'all':
      return box
    case 'read':
      return `${box} and read = 1`
    case 'unread':
      return `${box} and read = 0`
  }
}

/** A contact is known from the moment that it exists, whether or not it has mail (contracts, common rules 0.4). */
function isKnown(engine: Engine, address: string): boolean {
  return (
    engine.sql('select 1 from contact_addresses where address_key = ?').get(address.toLowerCase()) !==
    undefined
  )
}

function secureMailRow(engine: Engine, id: Uuid): SecureMailRow {
  const row = engine.sql<SecureMailRow>('select * from secure_mails where id = ?').get(id)
  if (!row) throw new CoreError('not-found', `There is no secure mail ${id}.`)
  return row
}

function interactionOf(engine: Engine, mail: SecureMailRow): InteractionRow {
  const row = engine.sql<InteractionRow>('select * from interactions where row = ?').get(mail.row)
  if (!row) throw new CoreError('internal', `The message of secure mail ${mail.id} is not there.`)
  return row
}

function readSecureMail(engine: Engine, mail: SecureMailRow): SecureMail {
  const row = interactionOf(engine, mail)
  const { udata: _, ...interaction } = readApiInteraction(engine, row)
  const attached = readJson<UserData>(mail.udata)
  const body = engine.sql<{ html: string | null }>('select html from bodies where row = ?').get(mail.row)
  return {
    id: mail.id,
    address: mail.address,
    box: mail.box,
    direction: mail.direction,
    read: mail.read === 1,
    deleted: mail.deleted === 1,
    at: mail.at,
    // The case data that it inherited from its thread is the desk's, not the customer's.
    interaction: { ...interaction, ...(Object.keys(attached).length === 0 ? {} : { udata: attached }) },
    html: body?.html ?? null,
    parent: parentInBox(engine, mail, row),
  }
}

function parentInBox(engine: Engine, mail: SecureMailRow, { parent_id }: InteractionRow): Uuid | null {
  if (parent_id === null) return null
  const parent = engine
    .sql<SecureMailbox & { id: Uuid; address_key: string }>(
      `select s.id, s.address, s.address_key, s.box from interactions i join secure_mails s on s.row = i.row
        where i.interaction_id = ?`,
    )
    .get(parent_id)
  return parent?.address_key === mail.address_key && parent.box === mail.box ? parent.id : null
}

/** What nobody has in hand yet needs no answer any more; what an agent holds stays in the agent's hands. */
function stopRouting(engine: Engine, touched: Touched, mail: SecureMailRow, reason: string): void {
  const { interaction_id, entity_type, thread_id } = interactionOf(engine, mail)
  const work = workedInteraction(engine, interaction_id)
  if (!work || entity_type !== ENTITY.emailIn) return
  if (work.status !== STATUS.new && work.status !== STATUS.pending) return
  const stopped = changeOf(work, {
    status: STATUS.stopped,
    workbin: null,
    stopped_reason: reason,
    end_date: engine.now(),
  })
  carryOut(engine, touched, thread_id, [stopped], 'api', null)
}
