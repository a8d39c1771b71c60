import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Instant } from '../contract/domain.ts'
import { addressSchema } from '../contract/settings.ts'
import { SAMPLE_ACCOUNT } from '../connectors/sample-sink.ts'
import type { Intake, RawArrival } from '../intake/intake.ts'
import type { Store } from '../store/store.ts'
import type { JobRun } from './jobs.ts'
import { ensureQueue, type StoredSettings } from './stored-settings.ts'

/** resources/sample/sample.json: who works here, and each mail's way into the desk. */
const sampleSchema = z.strictObject({
  agent: z.strictObject({
    id: z.int(),
    firstName: z.string(),
    lastName: z.string(),
    email: addressSchema,
    signature: z.strictObject({ text: z.string(), html: z.string() }),
  }),
  account: z.strictObject({ address: addressSchema, personal: z.string() }),
  queues: z.array(z.string()),
  contacts: z.array(
    z.strictObject({
      address: addressSchema,
      title: z.string().default(''),
      first_name: z.string(),
      last_name: z.string(),
      phone: z.string().default(''),
      note: z.string().default(''),
    }),
  ),
  mails: z.array(
    z.strictObject({
      file: z.string(),
      direction: z.enum(['in', 'out']),
      queue: z.string().nullable(),
      /** How long before now it arrived: days, hours, minutes as in `2d4h15m`. */
      age: z.string().regex(/^(\d+d)?(\d+h)?(\d+m)?$/),
      read: z.boolean().default(false),
      udata: z.record(z.string(), z.json()).optional(),
      /** What was done with its thread, after all mail is in. */
      work: z.enum(['accepted', 'review', 'done']).optional(),
      disposition: z.string().optional(),
    }),
  ),
})

/** resources/responses.json: the starter standard responses; a category's path is written `Orders/Delivery`. */
const startersSchema = z.strictObject({
  responses: z.array(
    z.strictObject({
      category: z.string(),
      name: z.string(),
      language: z.string(),
      subject: z.string().default(''),
      html: z.string(),
      text: z.string(),
    }),
  ),
})

export const STARTER_DISPOSITIONS = ['Resolved', 'Information given', 'No reply needed', 'Duplicate', 'Spam']

/** Gives an empty library its starter responses and dispositions. */
export async function addStarters(store: Store, resourcesDir: string): Promise<void> {
  for (const name of STARTER_DISPOSITIONS) await store.saveDisposition(null, name)
  const { responses } = startersSchema.parse(
    JSON.parse(await readFile(join(resourcesDir, 'responses.json'), 'utf8')),
  )
  const categories = new Map<string, string>()
  for (const { category, ...response } of responses) {
    let parent: string | null = null
    let path = ''
    for (const name of category.split('/')) {
      path = path ? `${path}/${name}` : name
      const known = categories.get(path)
      const id: string = known ?? (await store.saveResponseCategory({ id: null, parent_id: parent, name })).id
      categories.set(path, id)
      parent = id
    }
    await store.saveResponse({ id: null, category_id: parent, status: 'approved', ...response })
  }
}

/** Fills an empty store with the sample desk. Its mails are as old, seen from now, as sample.json says. */
export async function fillSample(options: {
  readonly store: Store
  readonly settings: StoredSettings
  readonly intake: Intake
  readonly resourcesDir: string
  readonly now: Instant
  readonly run: JobRun
}): Promise<void> {
  const { store, settings, intake, now, run } = options
  const folder = join(options.resourcesDir, 'sample')
  const sample = sampleSchema.parse(JSON.parse(await readFile(join(folder, 'sample.json'), 'utf8')))
  run.report({ found: sample.mails.length })

  await store.saveSetting('sample', true)
  await settings.saveAgent(sample.agent)
  await settings.saveAccounts([
    {
      id: SAMPLE_ACCOUNT,
      ...sample.account,
      imap: null,
      smtp: null,
      trustedCertificate: null,
      queue: sample.queues[0] ?? null,
      since: null,
    },
  ])
  await store.setOwnAddresses([sample.account.address, sample.agent.email])
  const queues = new Map<string, string>()
  for (const name of sample.queues) queues.set(name, await ensureQueue(store, name))
  // The empty desk's own first queue would only stand there empty.
  const first = [...queues.values()][0]
  for (const { id } of await store.queues())
    if (first !== undefined && ![...queues.values()].includes(id)) await store.deleteQueue(id, first)

  const times = new Map(sample.mails.map(({ file, age }) => [file, now - minutes(age) * 60_000]))
  const arrivals: RawArrival[] = []
  for (const mail of sample.mails) {
    const received = times.get(mail.file) ?? now
    const template = await readFile(join(folder, 'mails', mail.file), 'latin1')
    arrivals.push({
      raw: Buffer.from(fillDates(template, received, times), 'latin1'),
      direction: mail.direction,
      received,
      unread: mail.direction === 'in' && !mail.read,
      queue_id: mail.queue === null ? null : (queues.get(mail.queue) ?? null),
      came_by: 'sample',
      account_id: SAMPLE_ACCOUNT,
      folder: null,
      location: null,
      ...(mail.udata ? { udata: mail.udata } : {}),
    })
  }
  const filed = await intake.takeIn(arrivals, null)
  run.report({ stored: filed.filter(({ outcome }) => outcome === 'stored').length })

  for (const { address, ...names } of sample.contacts) {
    const contact = await store.contactByAddress(address)
    if (contact) await store.saveContact({ ...names, id: contact.id, addresses: [...contact.addresses] })
  }
  const dispositions = new Map((await store.dispositions()).map(({ id, name }) => [name, id]))
  for (const [i, { work, disposition }] of sample.mails.entries()) {
    const thread = filed[i]?.thread_id
    if (!thread || !work) continue
    if (work === 'accepted') await store.accept([thread], sample.agent.id)
    if (work === 'review') await store.moveToWorkbin([thread], 'review', sample.agent.id)
    if (work === 'done')
      await store.markDone([thread], dispositions.get(disposition ?? '') ?? null, sample.agent.id)
  }
}

function minutes(age: string): number {
  const [, days, hours, rest] = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?$/.exec(age) ?? []
  return Number(days ?? 0) * 1440 + Number(hours ?? 0) * 60 + Number(rest ?? 0)
}

/**
 * `{{date}}` becomes the mail's own Date field value (RFC 5322, 3.3), `{{said 003.eml de}}` the day and time of
 * another mail as its quoting line would write it in that language.
 */
export function fillDates(template: string, at: Instant, times: ReadonlyMap<string, Instant>): string {
  return template
    .replaceAll('{{date}}', new Date(at).toUTCString().replace('GMT', '+0000'))
    .replace(/\{\{said (\S+?)(?: ([A-Za-z-]+))?\}\}/g, (_, file: string, language: string | undefined) => {
      const said = new Date(times.get(file) ?? at).toLocaleString(language ?? 'en-GB', {
        dateStyle: 'medium',
        timeStyle: 'short',
        timeZone: 'UTC',
      })
      return Buffer.from(said, 'utf8').toString('latin1')
    })
}
