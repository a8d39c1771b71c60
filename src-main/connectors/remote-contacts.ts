import { z } from 'zod'
import { cleanLine, codePoints, isAddress as isOneAddress } from '../api/addresses.ts'
import {
  ADDRESS,
  BODY,
  EARLIEST,
  IDENTIFIER,
  METADATA_KEYS,
  METADATA_VALUE,
  RECIPIENTS,
  SUBJECT,
} from '../api/contacts-limits.ts'
import type { Address, Uuid } from '../contract/domain.ts'
import { ENTITY } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { type RemoteOptions, remoteOptionsSchemas } from '../contract/settings.ts'
import { isUuid, reportedId, stableUuid } from '../outbox/reported-ids.ts'
import type { ApiInteraction } from '../store/api-store.ts'
import type { RemoteConnector } from './connector.ts'
import { oddAnswer, refusedBy, RemoteFault } from './remote-fault.ts'
import { createRemoteHttp, type RemoteAnswer } from './remote-http.ts'
import type { RemoteSetup } from './remote-sink.ts'
import { testSteps } from './remote-test.ts'

type Options = RemoteOptions['contacts-email']

/** Who is on our side of a conversation. */
export interface Reporter {
  /** The agent's number here, for where the options name none. */
  readonly agentId: number
  /** Addresses that are ours, the first one first. */
  readonly addresses: readonly string[]
}

const PATH = '/contacts/email'

/** Reports messages to a remote endpoint for conversations (contract 03, 3.4). A repeat is the same content there. */
export function createRemoteContacts(
  setup: RemoteSetup & { readonly reporter: () => Promise<Reporter> },
): RemoteConnector {
  const { remote, key } = setup
  const options = remoteOptionsSchemas['contacts-email'].parse(remote.options)
  const http = createRemoteHttp({
    ...setup,
    key: key === null ? null : { header: 'authorization', value: `Bearer ${key}` },
  })

  const post = (body: unknown) => ({
    method: 'POST' as const,
    path: PATH,
    body: { type: 'application/json', bytes: Buffer.from(JSON.stringify(body)) },
  })

  return {
    capabilities: { send: false, mailbox: false, pull: false, report: true },

    async report(interaction) {
      const call = post(contactsPayload(interaction, options, await setup.reporter()))
      try {
        const answer = await http.send(call)
        // The status alone is enough: the document's own sample of the answer is no JSON (3.5).
        if (answer.status === 202) return
        if (answer.status < 400)
          throw oddAnswer(http.host, answer, `has the status ${String(answer.status)} and not 202`, true)
        throw refusedBy(http.host, answer, detailsOf(answer))
      } catch (error) {
        if (error instanceof RemoteFault && error.status === 202) return
        throw error
      }
    },

    test: () =>
      testSteps(remote, () => http, {
        // Without its data no message can come of it; what is said of its names shows whether they are known.
        call: post({ metadata: namesOf(options), data: {} }),
        key: key !== null,
        ready: `It takes messages of ${options.tenantName} / ${options.orgName} / ${options.catName}.`,
        judge(answer) {
          const { status } = answer
          if (status === 401)
            return { step: 'key', message: refusedBy(http.host, answer, detailsOf(answer)).message }
          if (status === 404)
            return {
              step: 'answer',
              message: `${http.host} takes no messages at ${PATH}. Check the address.`,
            }
          if (status === 403 || status === 429 || status >= 500)
            return { step: 'ready', message: refusedBy(http.host, answer, detailsOf(answer)).message }
          const { errors } = errorsOf(answer)
          if (status !== 400 || errors.length === 0)
            return {
              step: 'answer',
              message: `${http.host} doesn’t answer as such a system does: a message without anything in it was answered with ${String(status)}.`,
            }
          const missing = namesMissing(options)
          if (missing !== null) return { step: 'ready', message: missing }
          const unknown = errors.find(({ title }) => title === 'entity-identifier')
          if (unknown)
            return {
              step: 'ready',
              message: `${http.host} doesn’t know ${options.tenantName} / ${options.orgName} / ${options.catName}. Correct tenant, organisation and category. It said: “${unknown.detail}”`,
            }
          if (!LANGUAGE.test(options.language))
            return { step: 'ready', message: 'Enter a language of up to five characters, as us-en.' }
          return null
        },
      }),
  }
}

const LANGUAGE = /^\S{1,5}$/

function namesOf({ tenantName, orgName, catName }: Options) {
  return { tenantName, orgName, catName }
}

function namesMissing(options: Options): string | null {
  return Object.values(namesOf(options)).some((name) => name.trim() === '')
    ? 'Enter tenant, organisation and category under Settings → Remotes.'
    : null
}

/**
 * The message of contract 03, 3.1, the same each time. Throws `invalid`, with what to do, where the remote would refuse
 * it or something would have to be cut.
 */
export function contactsPayload(interaction: ApiInteraction, options: Options, reporter: Reporter) {
  const missing = namesMissing(options)
  if (missing !== null) throw refused(missing)
  const outbound = interaction.entity_type === ENTITY.emailOut
  const { from } = interaction
  if (!from || !isAddress(from.address))
    throw refused(`${titleOf(interaction)} has no sender that could be reported.`)
  const to = usable(interaction.to)
  const cc = usable(interaction.cc)
  const bcc = usable(interaction.bcc)
  const own = new Set(reporter.addresses.map((address) => address.toLowerCase()))
  const agent = outbound ? from.address : agentAmong([...to, ...cc], own, from.address, reporter)
  const participant = outbound ? (to[0] ?? cc[0] ?? bcc[0]) : from.address
  if (agent === undefined || participant === undefined)
    throw refused(`${titleOf(interaction)} names nobody on the other side that could be reported.`)
  if (Math.max(to.length, cc.length, bcc.length) > RECIPIENTS)
    throw refused(`${titleOf(interaction)} has more than ${RECIPIENTS} recipients; no more can be reported.`)
  const metadataMap = metadataOf(interaction, options)
  return {
    metadata: {
      ...namesOf(options),
      ...(Object.keys(metadataMap).length > 0 ? { metadataMap } : {}),
    },
    data: {
      convId: conversationOf(interaction),
      msgId: reportedId(interaction),
      lang: options.language,
      sub: subjectOf(interaction, options),
      ts: momentOf(interaction),
      body: bodyOf(interaction),
      agentId: options.agentId || String(interaction.owner_id ?? reporter.agentId),
      psId: identifier(interaction.customer_id),
      agentEmailId: agent,
      psEmailId: participant,
      from: from.address,
      // Of a mail that came as a blind copy nothing else is known.
      to: to.length > 0 ? to : [outbound ? participant : agent],
      ...(cc.length > 0 ? { cc } : {}),
      ...(bcc.length > 0 ? { bcc } : {}),
      ...journeyOf(interaction),
    },
  }
}

/** The conversation that it came with, where it came by this API; else one for each thread. */
function conversationOf({ udata, thread_id }: ApiInteraction): Uuid {
  const given = udata?.convId
  return typeof given === 'string' && isUuid(given) ? given : stableUuid(`thread:${thread_id}`)
}

function journeyOf({ udata }: ApiInteraction): { journeyId?: Uuid } {
  const given = udata?.journeyId
  return typeof given === 'string' && isUuid(given) ? { journeyId: given } : {}
}

/** Ours among the recipients; never the sender, or an inbound message would count as an outgoing one. */
function agentAmong(
  recipients: readonly string[],
  own: ReadonlySet<string>,
  from: string,
  reporter: Reporter,
): string | undefined {
  const other = (address: string) => address.toLowerCase() !== from.toLowerCase()
  return (
    recipients.find((address) => own.has(address.toLowerCase()) && other(address)) ??
    reporter.addresses.find((address) => isAddress(address) && other(address)) ??
    recipients.find(other)
  )
}

function subjectOf(interaction: ApiInteraction, options: Options): string {
  // The contract asks for one; a mail may have none.
  const subject = cleanLine(interaction.subject ?? '').trim() || '(no subject)'
  if (codePoints(subject) <= SUBJECT) return subject
  if (options.shortenSubjects) return `${beginningOf(subject, SUBJECT - 1)}…`
  throw refused(
    `The subject “${beginningOf(subject, 40)}…” has ${codePoints(subject)} characters, and ${SUBJECT} can be reported. Let long subjects be shortened under Settings → Remotes, and it is reported then.`,
  )
}

const characters = new Intl.Segmenter()

/** Whole characters of it, of at most so many code points. */
function beginningOf(text: string, most: number): string {
  let beginning = ''
  for (const { segment } of characters.segment(text)) {
    if (codePoints(beginning + segment) > most) break
    beginning += segment
  }
  return beginning
}

function bodyOf(interaction: ApiInteraction): string {
  const body = interaction.text === '' ? '(no text)' : interaction.text.toWellFormed()
  if (Buffer.byteLength(body) > BODY)
    throw refused(
      `${titleOf(interaction)} has ${(Buffer.byteLength(body) / BODY).toFixed(1)} MB of text, and 1 MB can be reported.`,
    )
  return body
}

/** When it was sent, as far as that can be true; else when it reached us. */
function momentOf({ sent_date, start_date }: ApiInteraction): number {
  const sent = sent_date === undefined ? Number.NaN : Date.parse(sent_date)
  return sent >= EARLIEST ? sent : Math.max(Date.parse(start_date), EARLIEST)
}

function metadataOf({ udata }: ApiInteraction, { metadata }: Options): Readonly<Record<string, string>> {
  const pairs = Object.entries(metadata).flatMap(([theirs, ours]): [string, string][] => {
    const value = udata !== undefined && Object.hasOwn(udata, ours) ? udata[ours] : undefined
    // Nothing nested has a place in it (3.2).
    if (value === undefined || value === null || typeof value === 'object') return []
    return [[theirs, String(value)]]
  })
  if (pairs.length > METADATA_KEYS)
    throw refused(
      `${pairs.length} keys of user data are chosen for the report, and it takes ${METADATA_KEYS}. Take some out under Settings → Remotes.`,
    )
  const long = pairs.find(([, value]) => codePoints(value) > METADATA_VALUE)
  if (long)
    throw refused(
      `“${metadata[long[0]] ?? long[0]}” in the user data has more than ${METADATA_VALUE} characters, which can’t be reported. Shorten it, or take it out of the report under Settings → Remotes.`,
    )
  return Object.fromEntries(pairs)
}

function identifier(id: string): string {
  return id !== '' && codePoints(id) <= IDENTIFIER ? id : stableUuid(`customer:${id}`)
}

/** Addresses that such a message can hold; mail may name others. */
function usable(people: readonly Address[] | undefined): readonly string[] {
  return (people ?? []).map(({ address }) => address).filter(isAddress)
}

function isAddress(address: string): boolean {
  return isOneAddress(address, ADDRESS)
}

function titleOf({ subject }: ApiInteraction): string {
  return subject ? `“${beginningOf(subject, 60)}”` : 'A message without a subject'
}

function refused(message: string): CoreError {
  return new CoreError('invalid', message)
}

const errorsSchema = z.object({
  errors: z
    .array(
      z.object({
        title: z.string().catch(''),
        detail: z.string().catch(''),
      }),
    )
    .catch([]),
})

/** What is wrong in the remote's words; none where it says nothing that can be read. */
function errorsOf(answer: RemoteAnswer): z.output<typeof errorsSchema> {
  try {
    return errorsSchema.catch({ errors: [] }).parse(answer.json())
  } catch {
    return { errors: [] }
  }
}

/** Each detail, as an integrator needs them all. */
function detailsOf(answer: RemoteAnswer): string {
  return errorsOf(answer)
    .errors.map(({ title, detail }) => detail || title)
    .filter((text) => text !== '')
    .join(' ')
}
