import { codePoints } from '../api/addresses.ts'
import { CoreError } from '../contract/errors.ts'
import { type RemoteOptions, remoteOptionsSchemas } from '../contract/settings.ts'
import type { RemoteConnector, RemoteMailbox, WrittenMail } from './connector.ts'
import { oddAnswer, refusedBy, RemoteFault } from './remote-fault.ts'
import { createRemoteHttp, type RemoteAnswer } from './remote-http.ts'
import { remoteSink, type RemoteSetup } from './remote-sink.ts'
import { testSteps } from './remote-test.ts'
import { notTaken } from './remote-write.ts'
import {
  readCount,
  readHeads,
  readMail,
  readSecureMailId,
  readStatus,
  readUserData,
} from './secure-mail-answers.ts'

type Options = RemoteOptions['secure-mail']

/** Of a whole body with its files (contract 04, 4.3). */
const MAX_BODY = 16 * 1024 * 1024
const MAX_PAIRS = 100
/** An address at which nobody can have a mailbox (RFC 2606). */
const NOBODY = 'nobody@workbin.invalid'

/**
 * Customers' mailboxes in a remote system (contract 04, 4.8). Looking changes nothing there; a mail is marked read only
 * when it is opened and the options say so. A POST is repeated by nobody but the agent once it may have arrived.
 */
export function createRemoteSecureMail(setup: RemoteSetup): RemoteConnector {
  const { remote, key } = setup
  const options = remoteOptionsSchemas['secure-mail'].parse(remote.options)
  const http = createRemoteHttp({ ...setup, key: key === null ? null : { header: 'x-api-key', value: key } })
  const root = `${options.basePath}/securemail`
  const place = (id: string) => `${root}/${encodeURIComponent(id)}`
  const boxOf = (box: string) => (box === '' ? options.securebox : box) || undefined

  async function ask(call: Parameters<typeof http.send>[0]): Promise<RemoteAnswer> {
    const answer = await http.send(call)
    if (answer.status !== 200) throw refusedBy(http.host, answer, saidBy(answer))
    return answer
  }

  const mailbox: RemoteMailbox = {
    async list({ address, box }, status, { index, count }) {
      const query = { address, status, index, count, securebox: boxOf(box) }
      const answer = await noneIfUnknown(() => ask({ method: 'GET', path: root, query }))
      if (!answer) return []
      return readHeads(refuseFailure(answer, http.host))
    },
    async count({ address, box }, status) {
      const query = { address, status, securebox: boxOf(box) }
      const answer = await noneIfUnknown(() => ask({ method: 'GET', path: `${root}/count`, query }))
      if (!answer) return 0
      const count = readCount(refuseFailure(answer, http.host))
      if (count === null) throw oddAnswer(http.host, answer, 'holds no number of mails', false)
      return count
    },
    async mail(id, open) {
      const read = open && options.markRead ? 'true' : undefined
      const answer = await ask({ method: 'GET', path: place(id), query: { read } })
      const mail = readMail(refuseFailure(answer, http.host), id)
      if (!mail) throw oddAnswer(http.host, answer, 'holds no secure mail', false)
      return mail
    },
    async userData(id) {
      return readUserData(
        refuseFailure(await ask({ method: 'GET', path: `${place(id)}/userdata` }), http.host),
      )
    },
    async remove(id, how) {
      await ask({ method: 'DELETE', path: place(id), query: { remove: how } })
    },
  }

  return {
    capabilities: { send: true, mailbox: true, pull: false, report: false },
    mailbox,

    sink: remoteSink(setup, async (mail, begin) => {
      const { query, bytes } = secureMailBody(mail, options, http.host)
      const answer = await http.send({
        method: 'POST',
        path: root,
        query,
        headers: { 'idempotency-key': mail.interaction_id },
        body: { type: 'application/json', bytes },
        beforeFirstByte: begin,
      })
      return `Taken by ${http.host} as ${secureMailIdOf(http.host, answer)}.`
    }),

    test: () =>
      testSteps(remote, () => http, {
        call: { method: 'GET', path: `${root}/count`, query: { address: NOBODY, status: 'all' } },
        key: key !== null,
        ready: 'Mailboxes can be looked into.',
        judge(answer) {
          const { status } = answer
          if (status === 200) {
            const json = refuseFailure(answer, http.host)
            return readCount(json) === null && readStatus(json).code === null
              ? {
                  step: 'answer',
                  message: `${http.host} doesn’t answer as a secure mail system does. Check the address and the base path.`,
                }
              : null
          }
          const said = saidBy(answer)
          if (status === 401 || status === 403)
            return { step: 'key', message: refusedBy(http.host, answer, said).message }
          // 404: nobody has that address, in the API's own words; any web server says 404 to a wrong path.
          if (status === 404 && readStatus(quietly(answer)).code !== null) return null
          return status === 404
            ? {
                step: 'answer',
                message: `${http.host} has no secure mail there. Check the address and the base path.`,
              }
            : { step: 'ready', message: refusedBy(http.host, answer, said).message }
        },
      }),
  }
}

/** The document's 404 on list and count: the address has no mailbox. */
async function noneIfUnknown(ask: () => Promise<RemoteAnswer>): Promise<RemoteAnswer | null> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof RemoteFault && error.status === 404) return null
    throw error
  }
}

/** A 200 may say FAILURE in its envelope. */
function refuseFailure(answer: RemoteAnswer, host: string): unknown {
  const json = answer.json()
  const { code, words } = readStatus(json)
  if (code !== null && code !== 'SUCCESS')
    throw new RemoteFault('refused', `${host} refused it. It said: “${words}”`, {
      stage: 'answer',
      status: answer.status,
    })
  return json
}

/** Success only if HTTP 200, no code but SUCCESS, and a secureMailId. Throws RemoteFault otherwise. */
function secureMailIdOf(host: string, answer: RemoteAnswer): string {
  if (answer.status > 299)
    throw notTaken(host, answer, saidBy(answer), readStatus(quietly(answer)).code !== null)
  if (answer.status !== 200)
    throw oddAnswer(host, answer, `has the status ${String(answer.status)} and not 200`, true)
  const id = readSecureMailId(refuseFailure(answer, host))
  if (id === null) throw oddAnswer(host, answer, 'doesn’t say which secure mail it became', true)
  return id
}

function saidBy(answer: RemoteAnswer): string {
  return readStatus(quietly(answer)).words
}

function quietly(answer: RemoteAnswer): unknown {
  try {
    return answer.json()
  } catch {
    return null
  }
}

/** The body of contract 04, 4.3. Throws `invalid` where the remote would refuse it. */
export function secureMailBody(mail: WrittenMail, options: Options, host: string) {
  const { target } = mail
  if (target?.kind !== 'secure-mail')
    throw new CoreError(
      'invalid',
      'This mail names no secure mailbox. Write it from the mailbox, then send it.',
    )
  if (codePoints(mail.subject) > 998)
    throw new CoreError(
      'invalid',
      `${host} takes a subject of at most 998 characters. Shorten it, then send it again.`,
    )
  if (mail.subject.trim() === '' && mail.text.trim() === '')
    throw new CoreError(
      'invalid',
      `${host} takes no mail without subject and text. Write one, then send it again.`,
    )
  // Flat: what is nested goes as its JSON. Keys that begin with `_` are ours alone.
  const pairs = Object.entries(mail.udata).flatMap(([key, value]): [string, string | number | boolean][] =>
    key.startsWith('_') || value === null
      ? []
      : [[key, typeof value === 'object' ? JSON.stringify(value) : value]],
  )
  if (pairs.length > MAX_PAIRS)
    throw new CoreError(
      'invalid',
      `${host} takes at most ${String(MAX_PAIRS)} pairs of user data, and this case has ${String(pairs.length)}. Remove some, then send it again.`,
    )
  const data = {
    address: target.address,
    subject: mail.subject,
    text: mail.text,
    ...(mail.html === null ? {} : { html: mail.html }),
    ...(pairs.length === 0 ? {} : { userData: Object.fromEntries(pairs) }),
    ...(mail.attachments.length === 0
      ? {}
      : {
          attachments: mail.attachments.map(({ name, content_type, bytes }) => ({
            name: name ?? '',
            contentType: content_type,
            content: Buffer.from(bytes()).toString('base64'),
          })),
        }),
    ...(target.parent_id === null ? {} : { parentId: target.parent_id }),
  }
  const bytes = Buffer.from(JSON.stringify({ data, operationId: mail.interaction_id }), 'utf8')
  if (bytes.length > MAX_BODY)
    throw new CoreError(
      'invalid',
      `With its files this mail has ${(bytes.length / 1_048_576).toFixed(1)} MB, and ${host} takes at most 16 MB. Take files out, then send it again.`,
    )
  return { bytes, query: { securebox: (target.box === '' ? options.securebox : target.box) || undefined } }
}
