import { refusedBy, RemoteFault } from './remote-fault.ts'
import type { RemoteAnswer } from './remote-http.ts'

/**
 * What an answer that says no means for a write that nobody repeats by himself (contracts: secure mail, activity
 * response). `said`: the remote's own words. `own`: it is an error of the API itself, and no gateway's on the way.
 */
export function notTaken(host: string, answer: RemoteAnswer, said: string, own: boolean): RemoteFault {
  const fault = refusedBy(host, answer, said)
  const { status, retryAfter } = answer
  // It didn't do it and may be asked again: too many requests, or not at the moment.
  const notNow = status === 429 || status === 503 || (status >= 500 && retryAfter !== null)
  if (status < 500 || notNow) return fault
  // Its own error is a certain no; what a gateway says tells nothing of what lies behind it.
  return new RemoteFault('refused', fault.message, { stage: 'answer', status, uncertain: !own })
}
