import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Instant } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { remoteOptionsSchemas } from '../contract/settings.ts'
import type { PulledInteraction } from '../store/remote-store.ts'
import type { RemoteConnector } from './connector.ts'
import { oddAnswer, refusedBy, RemoteFault } from './remote-fault.ts'
import { createRemoteHttp, type RemoteAnswer } from './remote-http.ts'
import type { RemoteSetup } from './remote-sink.ts'
import { testSteps } from './remote-test.ts'
import {
  changesToWrite,
  isRecord,
  readTheirs,
  type TheirFile,
  type TheirInteraction,
  type Theirs,
} from './their-interaction.ts'

/** What the connector asks of who files what it takes over. */
export interface InteractionKeeper {
  /** Of these ids of theirs those that were taken over before. */
  readonly known: (theirIds: readonly string[]) => Promise<ReadonlySet<string>>
  /** Keeps a file's bytes; durable when it resolves. */
  readonly keep: (bytes: Uint8Array) => Promise<{ readonly sha256: string; readonly size: number }>
}

const PAGE = 100
/** Of the files and texts of one interaction; what is beyond stays there. */
const LARGEST_FILE = 25 * 1_048_576
const LARGEST_ALL = 64 * 1_048_576
const LARGEST_TEXT = 5 * 1_048_576

/** How far a remote's list was looked through. */
const cursorSchema = z
  .object({
    /** start_date of the newest that was seen when everything newer was taken over. */
    head: z.number().nullable(),
    /** Where the round through the whole list goes on: history first, then what changed in it. */
    index: z.int().min(0),
    /** The whole list was looked through once. */
    whole: z.boolean(),
  })
  .catch({ head: null, index: 0, whole: false })
type Cursor = z.output<typeof cursorSchema>
const listSchema = z.array(z.unknown())

/**
 * Takes interactions over from a remote store and writes changes back (contract 02, 2.4). New ones stand first in its
 * list; the whole of it is gone through once for the history and then, a page with each look, for what changed in it.
 * No URL that a remote or a customer wrote is ever fetched: what belongs to an interaction is asked for under its own
 * path.
 */
export function createRemoteInteractions(setup: RemoteSetup & InteractionKeeper): RemoteConnector {
  const { remote, key, log } = setup
  const options = remoteOptionsSchemas.interactions.parse(remote.options)
  const http = createRemoteHttp({ ...setup, key: key === null ? null : keyHeader(key) })
  const root = `${options.basePath}/interactions`
  const place = (id: string) => `${root}/${encodeURIComponent(id)}`

  function keyHeader(key: string) {
    return options.auth === 'bearer'
      ? { header: 'authorization', value: `Bearer ${key}` }
      : { header: 'x-api-key', value: key }
  }

  async function ask(call: Parameters<typeof http.send>[0]): Promise<RemoteAnswer> {
    const answer = await http.send(call)
    if (answer.status < 200 || answer.status > 299) throw refusedBy(http.host, answer, saidBy(answer))
    return answer
  }

  async function listed(
    path: string,
    query: Record<string, number | undefined>,
  ): Promise<readonly unknown[]> {
    const answer = await ask({ method: 'GET', path, query })
    const list = listSchema.safeParse(answer.json())
    if (!list.success) throw oddAnswer(http.host, answer, 'is no list of interactions', false)
    return list.data
  }

  /** Its object now; null where it isn't there. */
  async function current(id: string): Promise<Theirs | null> {
    try {
      return oneOf(await ask({ method: 'GET', path: place(id) }), id, http.host)
    } catch (error) {
      if (error instanceof RemoteFault && error.status === 404) return null
      throw error
    }
  }

  /** What of a page can be taken over; of what is new its text, HTML and files too. */
  async function prepared(
    page: readonly unknown[],
    knownOnly: (item: TheirInteraction) => boolean,
  ): Promise<readonly PulledInteraction[]> {
    const read = page.flatMap((object) => {
      const item = readTheirs(object)
      if (typeof item !== 'string') return [item]
      log('warn', `Remote ${remote.id}: an interaction can’t be read, so it is left out`, { why: item })
      return []
    })
    const known = await setup.known(read.map(({ their_id }) => their_id))
    const items: PulledInteraction[] = []
    for (const item of read) {
      const known_only = knownOnly(item)
      const beside = known.has(item.their_id) || known_only ? NOTHING_BESIDE : await besides(item)
      const { text = item.input.text, ...kept } = beside
      items.push({
        their_id: item.their_id,
        input: { ...item.input, ...(text === undefined ? {} : { text }), came_by: `remote:${remote.id}` },
        message_id: item.message_id,
        known_only,
        theirs: item.theirs,
        ...kept,
      })
    }
    return items
  }

  async function besides(item: TheirInteraction): Promise<Beside> {
    const { text } = item.input
    const own = place(item.their_id)
    const words =
      text !== undefined && leadsTo(text, `${own}/plain_text`)
        ? await load(`${own}/plain_text`, LARGEST_TEXT)
        : null
    const { structured_text, structured_text_mime } = item.theirs
    const html =
      typeof structured_text === 'string' &&
      /^text\/html\b/i.test(String(structured_text_mime)) &&
      named(structured_text, `${own}/structured_text`)
        ? await load(`${own}/structured_text`, LARGEST_TEXT)
        : null
    const attachments: Attachments[number][] = []
    let left = LARGEST_ALL
    for (const file of item.files) {
      const kept = file.size > Math.min(LARGEST_FILE, left) ? null : await loadFile(item, file)
      if (kept) {
        left -= kept.size
        attachments.push(kept)
      } else
        log('warn', `Remote ${remote.id}: a file is left there`, {
          interaction: item.their_id,
          file: file.id,
        })
    }
    return {
      html: html === null ? null : new TextDecoder().decode(html),
      attachments,
      ...(words === null ? {} : { text: new TextDecoder().decode(words) }),
    }
  }

  async function loadFile(item: TheirInteraction, file: TheirFile): Promise<Attachments[number] | null> {
    const bytes = await load(
      `${place(item.their_id)}/attachments/${encodeURIComponent(file.id)}`,
      LARGEST_FILE,
    )
    if (bytes === null) return null
    if (file.sha256 !== null && createHash('sha256').update(bytes).digest('hex') !== file.sha256) return null
    const { sha256, size } = await setup.keep(bytes)
    const { name, content_type, content_id, inline } = file
    return { name, content_type, content_id, inline, sha256, size }
  }

  /** Bytes of something that the remote holds; null where it doesn't give them. */
  async function load(path: string, largest: number): Promise<Uint8Array | null> {
    try {
      const { bytes } = await ask({ method: 'GET', path, headers: { accept: '*/*' } })
      return bytes.length > largest ? null : bytes
    } catch (error) {
      // Its key and its line are judged by the list; what one message lacks must not stop the others.
      if (error instanceof RemoteFault && error.code === 'refused' && error.status !== 401) return null
      throw error
    }
  }

  /** Whether a text is nothing but a link of the same host to what lies at this path (older systems; 2.4). */
  function leadsTo(text: string, path: string): boolean {
    if (text.length > 2_000 || !/^https?:\/\/\S+$/i.test(text.trim())) return false
    const url = URL.parse(text.trim())
    return url?.host === new URL(remote.url).host && named(url.href, path)
  }

  /** Whether a link, absolute or a path, names what lies at this path; the calls may answer below several roots. */
  function named(link: string, path: string): boolean {
    const url = URL.parse(link, remote.url)
    return url?.pathname.endsWith(path.slice(options.basePath.length)) === true
  }

  type Take = Parameters<NonNullable<RemoteConnector['pull']>>[0]['take']

  /** With a status chosen, others are only followed. */
  const unwanted = ({ input }: TheirInteraction) => options.status !== null && input.status !== options.status
  const chosen = options.status === null ? {} : { status: options.status }

  /** Everything once, from where it was left; then only what is newer than the newest at its beginning. */
  async function history(from: Cursor, take: Take): Promise<Cursor> {
    let at = from
    let before: ReadonlySet<string> = new Set()
    for (;;) {
      const page = await listed(root, { ...chosen, index: at.index, count: PAGE })
      const ids = idsOf(page)
      // A list that doesn't go on would never end.
      const over = page.length < PAGE || page.length > PAGE || [...ids].every((id) => before.has(id))
      const head = at.head ?? newestOf(page)
      at = over ? { head, index: 0, whole: true } : { head, index: at.index + PAGE, whole: false }
      await take(await prepared(page, () => false), at)
      if (over) return at
      before = ids
    }
  }

  /** What came since the last look, and what has the same date as the newest then. */
  async function news(from: Cursor, take: Take): Promise<Cursor> {
    let head = from.head
    let before: ReadonlySet<string> = new Set()
    for (let index = 0; ; index += PAGE) {
      const page = await listed(root, { ...chosen, index, count: PAGE })
      const ids = idsOf(page)
      await take(await prepared(page, () => false), undefined)
      if (index === 0) head = newestOf(page) ?? head
      const oldest = oldestOf(page)
      const reached = from.head !== null && oldest !== null && oldest < from.head
      if (reached || page.length !== PAGE || [...ids].every((id) => before.has(id))) break
      before = ids
    }
    return { ...from, head }
  }

  return {
    capabilities: { send: false, mailbox: false, pull: true, report: false },

    async pull({ cursor, take }) {
      const start = cursorSchema.parse(cursor)
      if (!start.whole) {
        await history(start, take)
        return
      }
      const at = await news(start, take)
      // One page of the rest with each look: what changed there, and what was added with an older date.
      const index = at.index === 0 && options.status === null ? PAGE : at.index
      const page = await listed(root, { index, count: PAGE })
      await take(await prepared(page, unwanted), { ...at, index: page.length === PAGE ? index + PAGE : 0 })
    },

    async pullCustomer(customerId, take) {
      const path = `${options.basePath}/customers/${encodeURIComponent(customerId)}/interactions`
      let before: ReadonlySet<string> = new Set()
      for (let index = 0; ; index += PAGE) {
        const page = await listed(path, { index, count: PAGE }).catch((error: unknown) => {
          if (error instanceof RemoteFault && error.status === 404)
            throw new CoreError('not-found', `${http.host} knows no customer ${customerId}.`, {
              cause: error,
            })
          throw error
        })
        const ids = idsOf(page)
        await take(await prepared(page, () => false))
        if (page.length !== PAGE || [...ids].every((id) => before.has(id))) return
        before = ids
      }
    },

    async writeBack(interaction, theirs) {
      const id = String(theirs.interaction_id)
      const now = await current(id)
      if (now === null) {
        // Nothing is left there that could be told.
        log('warn', `Remote ${remote.id}: an interaction is not there any more`, { interaction: id })
        return theirs
      }
      const changes = changesToWrite(interaction, theirs, now)
      if (Object.keys(changes).length === 0) return now
      try {
        return await put(id, changes)
      } catch (error) {
        if (!(error instanceof RemoteFault) || error.status !== 409) throw error
        // Somebody moved it there meanwhile; what else changed is still to be told.
        const {
          status: _status,
          stopped_reason: _reason,
          ...others
        } = changesToWrite(interaction, theirs, (await current(id)) ?? now)
        log('warn', `Remote ${remote.id}: a status could not be written back`, { interaction: id })
        return Object.keys(others).length === 0 ? ((await current(id)) ?? now) : await put(id, others)
      }
    },

    test: () =>
      testSteps(remote, () => http, {
        call: { method: 'GET', path: root, query: { index: 0, count: 1 } },
        key: key !== null,
        ready: 'Interactions can be taken over.',
        judge(answer) {
          const { status } = answer
          if (status === 401 || status === 403)
            return { step: 'key', message: refusedBy(http.host, answer, saidBy(answer)).message }
          if (status === 404 || status === 405)
            return {
              step: 'answer',
              message: `${http.host} lists no interactions at ${root}. Check the address and the path before the calls.`,
            }
          if (status !== 200)
            return { step: 'ready', message: refusedBy(http.host, answer, saidBy(answer)).message }
          const list = answer.json()
          if (!Array.isArray(list) || list.some((item) => typeof item !== 'object'))
            return { step: 'answer', message: `${http.host} doesn’t answer with a list of interactions.` }
          return null
        },
      }),
  }

  async function put(id: string, changes: object): Promise<Theirs> {
    const bytes = Buffer.from(JSON.stringify(changes))
    const answer = await ask({ method: 'PUT', path: place(id), body: { type: 'application/json', bytes } })
    return oneOf(answer, id, http.host)
  }
}

interface Beside {
  readonly html: string | null
  readonly attachments: Attachments
  readonly text?: string
}
type Attachments = PulledInteraction['attachments']

const NOTHING_BESIDE: Beside = { html: null, attachments: [] }

/** An object, or an array of one (2.4). */
function oneOf(answer: RemoteAnswer, id: string, host: string): Theirs {
  const json = answer.json()
  const object: unknown = Array.isArray(json) && json.length === 1 ? json[0] : json
  if (!isRecord(object) || object.interaction_id !== id)
    throw oddAnswer(host, answer, `is not the interaction ${id.slice(0, 64)}`, false)
  return object
}

function idsOf(page: readonly unknown[]): ReadonlySet<string> {
  return new Set(page.map((item) => JSON.stringify(idSchema.parse(item))))
}
const idSchema = z.object({ interaction_id: z.unknown() }).catch({ interaction_id: null })

function datesOf(page: readonly unknown[]): readonly Instant[] {
  return page.flatMap((item) => {
    const read = readTheirs(item)
    return typeof read === 'string' ? [] : [read.input.start_date]
  })
}

function newestOf(page: readonly unknown[]): Instant | null {
  const dates = datesOf(page)
  return dates.length === 0 ? null : Math.max(...dates)
}

function oldestOf(page: readonly unknown[]): Instant | null {
  const dates = datesOf(page)
  return dates.length === 0 ? null : Math.min(...dates)
}

const saidSchema = z.object({ message: z.string() })

function saidBy(answer: RemoteAnswer): string {
  try {
    return saidSchema.parse(answer.json()).message
  } catch {
    return ''
  }
}
