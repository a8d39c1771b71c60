import type { RemoteTest } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { RemoteFault } from './remote-fault.ts'
import type { RemoteAnswer, RemoteCall, RemoteHttp } from './remote-http.ts'

type Step = RemoteTest['steps'][number]['step']

/** A call that changes nothing there, and what its answer tells. */
export interface RemoteProbe {
  readonly call: RemoteCall
  /**
   * Says what is wrong with the answer: at `answer` when it isn't that of such a system, at `key` when the key isn't
   * accepted, at `ready` when its service can't be used; null when all is well. May throw what `answer.json` throws.
   */
  readonly judge: (
    answer: RemoteAnswer,
  ) => { readonly step: 'answer' | 'key' | 'ready'; readonly message: string } | null
  /** Whether a key goes with it. */
  readonly key: boolean
  /** One sentence for when it can be used. */
  readonly ready: string
}

/**
 * Tries a remote step by step and stops at the first that fails. `open` makes the client, as it may find the address
 * or the trusted certificate unusable.
 */
export async function testSteps(
  remote: { readonly url: string },
  open: () => RemoteHttp,
  probe: RemoteProbe,
): Promise<RemoteTest> {
  const secure = /^https:/i.test(remote.url)
  const order: readonly Step[] = [
    'address',
    'connect',
    ...(secure ? (['certificate'] as const) : []),
    'answer',
    ...(probe.key ? (['key'] as const) : []),
    'ready',
  ]
  const host = URL.parse(remote.url)?.host ?? remote.url
  const words: Record<Step, string> = {
    address: `The address names ${host}.`,
    connect: `${host} takes calls.`,
    certificate: 'Its certificate is accepted.',
    answer: 'It answers as such a system does.',
    key: 'It accepts the key.',
    ready: secure ? probe.ready : `${probe.ready} The line is not encrypted; https:// would be.`,
  }
  const until = (failed: Step | null, message: string): RemoteTest => ({
    ok: failed === null,
    steps: [
      ...order
        .slice(0, failed === null ? order.length : order.indexOf(failed))
        .map((step) => ({ step, ok: true, message: words[step] })),
      ...(failed === null ? [] : [{ step: failed, ok: false, message }]),
    ],
  })
  try {
    const wrong = probe.judge(await open().send(probe.call))
    if (!wrong) return until(null, '')
    // Where no key goes with it, a remote that asks for one doesn't let anybody further.
    return until(order.includes(wrong.step) ? wrong.step : 'ready', wrong.message)
  } catch (error) {
    if (!(error instanceof CoreError)) throw error
    const { stage, certificate } =
      error instanceof RemoteFault ? error : { stage: 'answer' as const, certificate: null }
    return { ...until(order.includes(stage) ? stage : 'connect', error.message), certificate }
  }
}
