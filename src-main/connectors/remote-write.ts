import type { RemoteAnswer } from './remote-http.ts'

/** The remote says that it didn't do it and may be asked again: too many requests, or not at the moment. */
export function answersNotNow({ status, retryAfter }: RemoteAnswer): boolean {
  return status === 429 || status === 503 || (status >= 500 && retryAfter !== null)
}
