import type { Attachment, Uuid } from '../contract/domain.ts'
import type { ApiUpload } from '../store/api-store.ts'
import { listOf, member, shown } from './activity-body.ts'
import { broken } from './activity-fault.ts'
import type { Refused } from './api.ts'
import { isObject } from './body-members.ts'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const CONTENT_ID = /^[^\s\p{C}<>"]{1,255}$/u

/** What is given of an attachment: a file that was uploaded before. */
export interface AttachmentReference {
  readonly altId: Uuid
  /** Null for one that isn't inline. */
  readonly contentId: string | null
}

/** What was given as attachments, each still unread: how many there are counts before what they are. */
export function attachmentsIn(value: unknown): readonly unknown[] {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return []
  // What is no object of attachments was given all the same, and is told at its place in the order.
  if (!isObject(value)) return [value]
  const list = member(value, 'attachment')
  return list === '' ? [] : listOf(list)
}

/** Reads them (contract 05, 5.1). Throws 400-112. */
export function referencesOf(files: readonly unknown[]): readonly AttachmentReference[] {
  const altIds = new Set<string>()
  const contentIds = new Set<string>()
  return files.map((file) => {
    if (!isObject(file)) throw broken('400-112', 'Each attachment is an object with an altId.')
    const written = member(file, 'altId')
    if (typeof written !== 'string') throw broken('400-112', 'An attachment has no altId.')
    const altId = written.toLowerCase()
    if (!UUID.test(altId)) throw unusable(written)
    if (altIds.has(altId)) throw broken('400-112', `The attachment ${altId} is named twice.`)
    altIds.add(altId)
    const inline = member(file, 'inline') ?? false
    if (inline === false || inline === 'false') return { altId, contentId: null }
    if (inline !== true && inline !== 'true') throw broken('400-112', 'inline is true or false.')
    const contentId = member(file, 'contentId')
    if (typeof contentId !== 'string' || !CONTENT_ID.test(contentId))
      throw broken(
        '400-112',
        'An inline attachment needs a contentId, of at most 255 characters and no space.',
      )
    if (contentIds.has(contentId)) throw broken('400-112', `The contentId ${shown(contentId)} is used twice.`)
    contentIds.add(contentId)
    return { altId, contentId }
  })
}

/** The named uploads as attachments, in the order of the request. Throws 400-112 where one can't be used. */
export function attach(
  references: readonly AttachmentReference[],
  uploads: readonly (ApiUpload & { readonly id: Uuid })[],
): readonly Omit<Attachment, 'id'>[] {
  const known = new Map(uploads.map((upload) => [upload.id, upload]))
  return references.map(({ altId, contentId }) => {
    const upload = known.get(altId)
    if (!upload) throw unusable(altId)
    const { name, content_type, size, sha256 } = upload
    return { name, content_type, size, sha256, content_id: contentId, inline: contentId !== null }
  })
}

/** An upload that is unknown, too old, somebody else's or used. */
export function unusable(altId: string): Refused {
  return broken(
    '400-112',
    `The attachment “${shown(altId)}” is not there: it is unknown, older than a day, or was used. Upload the file again.`,
  )
}
