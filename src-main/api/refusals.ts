import { CoreError } from '../contract/errors.ts'
import { type Refusal, Refused } from './api.ts'

/** A full or failing disk passes; nothing was stored, so the caller may come again. */
const DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'])

/**
 * Seconds after which it is worth another try where nothing was stored: with it a caller can tell such a 500 (the
 * documents of two APIs know no 503) from one that it had better not repeat.
 */
export function retryAfter({ kind, retryAfter }: Refusal): number | null {
  return retryAfter ?? (kind === 'busy' ? 5 : kind === 'paused' ? 60 : null)
}

/** What a call threw, as a refusal. `internal` and `busy` by a fault of ours are to be logged (`ours`). */
export function refusalOf(error: unknown): { readonly refusal: Refusal; readonly ours: boolean } {
  if (error instanceof Refused) return { refusal: error.refusal, ours: false }
  if (error instanceof CoreError) {
    const { code, message, detail } = error
    switch (code) {
      case 'not-found':
        return { refusal: { kind: 'missing', message }, ours: false }
      case 'conflict':
        return { refusal: { kind: 'conflict', message, detail }, ours: false }
      case 'invalid':
        return { refusal: { kind: 'invalid', message, detail }, ours: false }
      case 'busy':
        return { refusal: { kind: 'busy', message: 'The desk is busy. Try again.' }, ours: false }
      case 'closed':
        return { refusal: { kind: 'busy', message: 'The desk is closing. Try again.' }, ours: false }
      case 'disk':
      case 'locked':
        return { refusal: { kind: 'busy', message: 'The desk can’t store anything just now.' }, ours: true }
      default:
        return { refusal: INTERNAL, ours: true }
    }
  }
  if (error instanceof Error && 'code' in error && DISK.has(String(error.code)))
    return { refusal: { kind: 'busy', message: 'The desk can’t store anything just now.' }, ours: true }
  return { refusal: INTERNAL, ours: true }
}

const INTERNAL: Refusal = { kind: 'internal', message: 'The request failed inside Workbin.' }
