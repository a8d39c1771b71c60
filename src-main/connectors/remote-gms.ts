import { z } from 'zod'
import { codePoints } from '../api/addresses.ts'
import { allowsFile, fileTypes, sizeInBytes } from '../api/gms-limits.ts'
import type { UserData } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { type RemoteOptions, remoteOptionsSchemas } from '../contract/settings.ts'
import type { RemoteConnector, WrittenMail } from './connector.ts'
import { multipartBody, urlencodedBody } from './form-body.ts'
import { oddAnswer, refusedBy, RemoteFault } from './remote-fault.ts'
import { createRemoteHttp, type RemoteAnswer } from './remote-http.ts'
import { remoteSink, type RemoteSetup } from './remote-sink.ts'
import { testSteps } from './remote-test.ts'

type Options = RemoteOptions['gms-email']

/** What the remote says; members that are missing or of another kind don't hide the others. */
const gmsAnswer = z.looseObject({
  statusCode: z.number().nullable().catch(null).default(null),
  interactionId: z.string().catch('').default(''),
  errors: z
    .array(z.looseObject({ code: z.number().nullish().catch(null), advice: z.string().catch('') }))
    .catch([])
    .default([]),
})

/** Submits mails to a remote GMS e-mail service (contract 01, 1.4). Repeats nothing that may have arrived. */
export function createRemoteGms(setup: RemoteSetup): RemoteConnector {
  const { remote, key } = setup
  const options = remoteOptionsSchemas['gms-email'].parse(remote.options)
  const http = createRemoteHttp({ ...setup, key: key === null ? null : { header: 'apikey', value: key } })
  const path = `/genesys/2/email/${options.service}`

  return {
    capabilities: { send: true, mailbox: false, pull: false, report: false },

    sink: remoteSink(setup, async (mail, begin) => {
      const { fields, files } = gmsForm(mail, options, http.host)
      const answer = await http.send({
        method: 'POST',
        path,
        headers: { 'idempotency-key': mail.interaction_id },
        body: files.length > 0 ? multipartBody(fields, files) : urlencodedBody(fields),
        beforeFirstByte: begin,
      })
      return `Taken by ${http.host} as ${interactionIdOf(http.host, answer)}.`
    }),

    test: () =>
      testSteps(remote, () => http, {
        // Without its required fields no mail can come of it, and the refusal shows that the service is there.
        call: { method: 'POST', path, body: urlencodedBody([]) },
        key: key !== null,
        ready: `The service “${options.service}” takes mail.`,
        judge(answer) {
          const { status } = answer
          if (status === 401 || status === 403)
            return { step: 'key', message: refusedBy(http.host, answer, adviceOf(answer)).message }
          if (status === 404)
            return {
              step: 'answer',
              message: `${http.host} has no GMS e-mail service “${options.service}” there. Check the address and the service’s name.`,
            }
          if (status === 429 || status >= 500)
            return { step: 'ready', message: refusedBy(http.host, answer, adviceOf(answer)).message }
          const { statusCode } = gmsAnswer.parse(objectOf(answer))
          if (statusCode === 1)
            return { step: 'ready', message: `${http.host} takes no mail at the moment. Try again later.` }
          if (status < 400 && statusCode !== 2)
            return {
              step: 'answer',
              message: `${http.host} doesn’t answer as a GMS e-mail service does: it took a form without any field.`,
            }
          return null
        },
      }),
  }
}

/** Success only if HTTP 200 and statusCode 0 and an interactionId. Throws RemoteFault otherwise. */
function interactionIdOf(host: string, answer: RemoteAnswer): string {
  if (answer.status > 299) throw refusedBy(host, answer, adviceOf(answer))
  if (answer.status !== 200)
    throw oddAnswer(host, answer, `has the status ${String(answer.status)} and not 200`, true)
  const { statusCode, interactionId } = gmsAnswer.parse(objectOf(answer))
  if (statusCode === 0 && interactionId.trim() !== '') return interactionId
  const { status, retryAfter } = answer
  if (statusCode === 1)
    throw new RemoteFault('unreachable', `${host} takes no mail at the moment.`, {
      stage: 'answer',
      status,
      retryAfter,
    })
  if (statusCode === 2) {
    const advice = adviceOf(answer)
    throw new RemoteFault(
      'refused',
      `${host} refused the mail.${advice === '' ? '' : ` It said: “${advice}”`}`,
      {
        stage: 'answer',
        status,
      },
    )
  }
  throw oddAnswer(host, answer, 'doesn’t say which interaction the mail became', true)
}

function adviceOf(answer: RemoteAnswer): string {
  const { errors } = gmsAnswer.parse(quietly(answer))
  return errors
    .map(({ code, advice }) => (typeof code === 'number' ? `${advice} (${String(code)})`.trim() : advice))
    .filter((text) => text !== '')
    .join(' ')
}

/** An answer that isn't an object has none of the members. */
function objectOf(answer: RemoteAnswer): object {
  const json = answer.json()
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {}
}

/** What stands in an answer that says no all the same. */
function quietly(answer: RemoteAnswer): object {
  try {
    return objectOf(answer)
  } catch {
    return {}
  }
}

/** The form of contract 01, 1.1. Throws `invalid` or `recipients` where the remote would refuse it (1.2). */
export function gmsForm(mail: WrittenMail, options: Options, host: string) {
  if (mail.target !== null && mail.target.kind !== 'gms-email')
    throw new CoreError(
      'invalid',
      'The remote system was changed to another kind since this mail was written. Write it anew.',
    )
  const [to, ...others] = [...mail.to, ...mail.cc]
  if (!to || others.length > 0)
    throw new CoreError(
      'recipients',
      `${host} takes a mail for one recipient at a time. Leave one in To and none in Cc, then send it again.`,
    )
  const firstName = mail.agent.firstName.trim()
  const lastName = mail.agent.lastName.trim()
  for (const [what, name] of [
    ['first', firstName],
    ['last', lastName],
  ] as const)
    if (name === '' || codePoints(name) > 256)
      throw new CoreError(
        'invalid',
        `${host} asks for the writer’s ${what} name, of at most 256 characters. Enter yours under Settings, then send it again.`,
      )
  if (mail.subject.trim() === '' || codePoints(mail.subject) > 998)
    throw new CoreError(
      'invalid',
      `${host} asks for a subject of at most 998 characters. Correct it, then send it again.`,
    )
  if (mail.text.trim() === '')
    throw new CoreError('invalid', `${host} takes no mail without text. Write some, then send it again.`)

  const files = mail.attachments.map(({ name, content_type, size, bytes }) => ({
    field: 'files',
    name: name ?? '',
    content_type,
    size,
    bytes,
  }))
  refuseFiles(files, Buffer.byteLength(mail.text, 'utf8'), options, host)
  const fields: (readonly [string, string])[] = [
    ['firstName', firstName],
    ['lastName', lastName],
    ['fromAddress', mail.from.address],
    ['subject', mail.subject],
    ['text', mail.text],
    ['mailbox', to.address],
    ...userDataPairs(mail.udata, host).map((pair) => ['userData', pair] as const),
  ]
  return { fields, files: files.map(({ bytes, ...file }) => ({ ...file, bytes: bytes() })) }
}

function refuseFiles(
  files: readonly { readonly name: string; readonly size: number }[],
  textSize: number,
  options: Options,
  host: string,
): void {
  if (files.length > options.max_files)
    throw new CoreError(
      'invalid',
      `${host} takes at most ${String(options.max_files)} files, and this mail has ${String(files.length)}. Take some out, then send it again.`,
    )
  const types = fileTypes(options.file_types)
  const refused = types && files.find(({ name }) => !allowsFile(types, name))
  if (refused)
    throw new CoreError(
      'invalid',
      `${host} doesn’t take a file such as “${refused.name === '' ? 'one without a name' : refused.name}”, only ${[...types].join(', ')}. Take it out, then send it again.`,
    )
  const size = files.reduce((sum, file) => sum + file.size, textSize)
  if (size > sizeInBytes(options.max_size))
    throw new CoreError(
      'invalid',
      `Text and files have ${megabytes(size)} MB together, and ${host} takes at most ${megabytes(sizeInBytes(options.max_size))} MB. Take files out, then send it again.`,
    )
}

const MAX_PAIRS = 100
const MAX_KEY = 255
const MAX_VALUE = 8192

/** `key=value` of each; keys that begin with `_` are ours alone. */
function userDataPairs(udata: UserData, host: string): string[] {
  const pairs = Object.entries(udata).filter(([key]) => !key.startsWith('_'))
  if (pairs.length > MAX_PAIRS)
    throw new CoreError(
      'invalid',
      `${host} takes at most ${String(MAX_PAIRS)} pairs of user data, and this case has ${String(pairs.length)}. Remove some, then send it again.`,
    )
  return pairs.map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    // The remote splits at the first “=”.
    if (key === '' || key.includes('=') || codePoints(key) > MAX_KEY || codePoints(text) > MAX_VALUE)
      throw new CoreError(
        'invalid',
        `The user data “${key.slice(0, 40)}” can’t be handed to ${host}: a key there has no “=” and at most ${String(MAX_KEY)} characters, a value at most ${String(MAX_VALUE)}. Change or remove it, then send it again.`,
      )
    return `${key}=${text}`
  })
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1)
}
