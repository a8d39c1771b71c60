import { z } from 'zod'
import { codePoints } from '../api/addresses.ts'
import { CoreError } from '../contract/errors.ts'
import { type RemoteOptions, remoteOptionsSchemas } from '../contract/settings.ts'
import type { RemoteConnector, WrittenMail } from './connector.ts'
import { multipartBody } from './form-body.ts'
import { oddAnswer, refusedBy, RemoteFault } from './remote-fault.ts'
import { createRemoteHttp, type RemoteAnswer, type RemoteHttp } from './remote-http.ts'
import { remoteSink, type RemoteSetup } from './remote-sink.ts'
import { testSteps } from './remote-test.ts'
import { notTaken } from './remote-write.ts'

type Options = RemoteOptions['activity-response']

/** contract 05, 5.1 */
const MAX_SUBJECT = 1024
const MAX_CONTENT = 1024 * 1024
/** An activity that nobody has, and a parameter that every such remote refuses by its document. */
const NO_ACTIVITY = '0'
const NO_PARAMETER = 'workbin-test'

const activityError = z.looseObject({
  code: z.union([z.string(), z.number()]).transform(String).catch('').default(''),
  developerMessage: z.string().catch('').default(''),
})
const uploadAnswer = z.looseObject({ altId: z.union([z.string().min(1), z.number()]).transform(String) })

/**
 * Answers activities of a remote system as one of its customers (contract 05, 5.3). Files are handed over first, where
 * the remote takes any. The answer itself is repeated by nobody but the agent once it may have arrived.
 */
export function createRemoteActivity(setup: RemoteSetup): RemoteConnector {
  const { remote, key } = setup
  const options = remoteOptionsSchemas['activity-response'].parse(remote.options)
  const http = createRemoteHttp({ ...setup, key: key === null ? null : keyHeader(options, key) })

  return {
    capabilities: { send: true, mailbox: false, pull: false, report: false },

    sink: remoteSink(setup, async (mail, begin) => {
      const { target, body } = activityAnswer(mail, options, http.host)
      const altIds: string[] = []
      for (const [index, file] of mail.attachments.entries())
        altIds.push(await upload(http, options, `${mail.interaction_id}-${String(index + 1)}`, file))
      const answer = await http.send({
        method: 'POST',
        path: options.path.replace('{ids}', encodeURIComponent(target.activity_id)),
        query: { customer: target.customer ?? undefined },
        headers: { 'idempotency-key': mail.interaction_id },
        body: json({ ...body, ...attachmentsOf(mail, altIds) }),
        beforeFirstByte: begin,
      })
      const id = newActivityOf(http.host, answer)
      return id === null ? `Taken by ${http.host}.` : `Taken by ${http.host} as activity ${id}.`
    }),

    test: () =>
      testSteps(remote, () => http, {
        call: {
          method: 'POST',
          path: options.path.replace('{ids}', NO_ACTIVITY),
          query: { [NO_PARAMETER]: '1' },
          body: json({}),
        },
        key: key !== null,
        ready: 'Activities can be answered.',
        judge(answer) {
          const { status } = answer
          const { message } = refusedBy(http.host, answer, saidBy(answer))
          if (status === 401 || status === 403) return { step: 'key', message }
          if (status === 404 || status === 405)
            return {
              step: 'answer',
              message: `${http.host} answers no activities there (${String(status)}). Check the address and the path.`,
            }
          if (status === 429 || status >= 500) return { step: 'ready', message }
          return status === 400 && errorOf(answer).code !== ''
            ? null
            : {
                step: 'answer',
                message: `${http.host} doesn’t answer as a system for activity responses does. Check the address and the path.`,
              }
        },
      }),
  }
}

function keyHeader({ auth }: Options, key: string): { header: string; value: string } {
  return auth === 'bearer'
    ? { header: 'authorization', value: `Bearer ${key}` }
    : { header: 'x-egain-session', value: key }
}

/** Success only on 201; the new id is the last segment of Location, where there is one. Throws RemoteFault otherwise. */
function newActivityOf(host: string, answer: RemoteAnswer): string | null {
  if (answer.status === 201) {
    const location = answer.header('location')
    const path = location === null ? null : URL.parse(location, 'http://remote.invalid/')?.pathname
    const last =
      (path ?? '')
        .split('/')
        .filter((part) => part !== '')
        .at(-1) ?? ''
    return last === '' ? null : last.slice(0, 100)
  }
  if (answer.status < 300)
    throw oddAnswer(host, answer, `has the status ${String(answer.status)} and not 201`, true)
  throw notTaken(host, answer, saidBy(answer), errorOf(answer).code !== '')
}

/** Whatever comes of it, the mail itself has not been handed over: a file that nobody names is forgotten there. */
async function upload(
  http: RemoteHttp,
  { uploadPath }: Options,
  onceKey: string,
  file: WrittenMail['attachments'][number],
): Promise<string> {
  if (uploadPath === null)
    throw new CoreError(
      'invalid',
      `${http.host} takes no files. Take them out of this mail, then send it again.`,
    )
  try {
    const { name, content_type, bytes } = file
    const answer = await http.send({
      method: 'POST',
      path: uploadPath,
      headers: { 'idempotency-key': onceKey },
      body: multipartBody([], [{ field: 'file', name: name ?? '', content_type, bytes: bytes() }]),
    })
    if (answer.status !== 201 && answer.status !== 200)
      throw refusedBy(http.host, answer, [file.name ?? 'a file without a name', saidBy(answer)].join(': '))
    const read = uploadAnswer.safeParse(answer.json())
    if (!read.success) throw oddAnswer(http.host, answer, 'to a file holds no altId', false)
    return read.data.altId
  } catch (error) {
    if (!(error instanceof RemoteFault) || !error.uncertain) throw error
    const { message, stage, retryAfter, status, cause } = error
    throw new RemoteFault(error.code === 'unreachable' ? 'unreachable' : 'refused', message, {
      stage,
      retryAfter,
      status,
      cause,
    })
  }
}

/** The body of contract 05, 5.1, without its attachments. Throws `invalid` or `recipients` where the remote would refuse it. */
export function activityAnswer(mail: WrittenMail, options: Options, host: string) {
  const { target } = mail
  if (target?.kind !== 'activity-response')
    throw new CoreError(
      'invalid',
      'This mail names no activity that it answers. Begin it from the remote system.',
    )
  if (!/^[^\s,]+$/.test(target.activity_id))
    throw new CoreError('invalid', 'One activity is answered at a time. Name one, then send it again.')
  const [to, ...others] = [...mail.to, ...mail.cc]
  if (others.length > 0)
    throw new CoreError(
      'recipients',
      `${host} takes an answer for one address of theirs. Leave one in To and none in Cc, then send it again.`,
    )
  if (options.uploadPath === null && mail.attachments.length > 0)
    throw new CoreError('invalid', `${host} takes no files. Take them out of this mail, then send it again.`)
  if (codePoints(mail.subject) > MAX_SUBJECT)
    throw new CoreError(
      'invalid',
      `${host} takes a subject of at most ${String(MAX_SUBJECT)} characters. Shorten it, then send it again.`,
    )
  const content = {
    ...(mail.text.trim() === '' ? {} : { text: mail.text }),
    ...(mail.html === null || mail.html.trim() === '' ? {} : { html: mail.html }),
  }
  for (const part of Object.values(content))
    if (Buffer.byteLength(part, 'utf8') > MAX_CONTENT)
      throw new CoreError('invalid', `${host} takes a text of at most 1 MB. Shorten it, then send it again.`)
  if (mail.subject.trim() === '' && Object.keys(content).length === 0 && mail.attachments.length === 0)
    throw new CoreError('invalid', 'This answer is empty. Write something, then send it again.')
  return {
    target,
    body: {
      type: { value: 'email', subtype: { value: 'general' } },
      ...(mail.subject === '' ? {} : { subject: mail.subject }),
      payload: {
        email: {
          ...(Object.keys(content).length === 0 ? {} : { content }),
          // Never `from`: it is the customer's, whom the remote knows by the key or by `customer`.
          ...(to ? { emailAddresses: { receiver: to.address } } : {}),
        },
      },
    },
  }
}

function attachmentsOf(mail: WrittenMail, altIds: readonly string[]) {
  if (altIds.length === 0) return {}
  const attachment = mail.attachments.map(({ inline, content_id }, index) => ({
    altId: altIds[index] ?? '',
    ...(inline && content_id !== null ? { inline: true, contentId: content_id } : {}),
  }))
  return { attachments: { attachment } }
}

function json(value: unknown): { type: string; bytes: Uint8Array } {
  return { type: 'application/json', bytes: Buffer.from(JSON.stringify(value), 'utf8') }
}

function errorOf(answer: RemoteAnswer): z.output<typeof activityError> {
  try {
    const read = activityError.safeParse(answer.json())
    if (read.success) return read.data
  } catch {
    // What says no needs no body that can be read.
  }
  return { code: '', developerMessage: '' }
}

function saidBy(answer: RemoteAnswer): string {
  const { code, developerMessage } = errorOf(answer)
  return [code, developerMessage].filter((part) => part !== '').join(': ')
}
