import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import type { Uuid } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { fetchRemoteImage } from '../connectors/remote-image.ts'
import type { Blobs } from '../store/blobs.ts'
import { newUuid } from '../store/ids.ts'
import type { Store } from '../store/store.ts'
import type { Clock, CoreFiles } from './host-services.ts'

/** A file that waits in DIR/tmp to be imported. */
export interface Upload {
  readonly file: string
  readonly name: string
}

/** Bytes on their way in and out, by the ids that the page knows. */
export function createFiles(
  store: Store,
  blobs: Blobs,
  clock: Clock,
): { files: CoreFiles; uploads: Map<Uuid, Upload> } {
  const uploads = new Map<Uuid, Upload>()

  const files: CoreFiles = {
    async attachment(id) {
      const { name, content_type, size, sha256 } = await store.attachment(id)
      if (!blobs.has(sha256))
        throw new CoreError(
          'attachment-missing',
          'The file is missing from the data folder. Restore a backup, or ask the sender for it again.',
        )
      return { path: blobs.path(sha256), name: name ?? 'attachment', contentType: content_type, size }
    },
    async rawMail(id) {
      const raw = await store.rawMail(id)
      if (!raw || !blobs.has(raw.sha256))
        throw new CoreError('not-found', 'There is no raw mail for this message.')
      const { subject } = await store.interaction(id)
      return {
        path: blobs.path(raw.sha256),
        name: `${subject?.trim() || 'message'}.eml`,
        contentType: 'message/rfc822',
        size: raw.size,
      }
    },
    async remoteImage(id, url) {
      const { html } = await store.body(id)
      // Only what the mail itself names, however its HTML escapes it.
      const escaped = url.replaceAll('&', '&amp;')
      if (!html || !(html.includes(url) || html.includes(escaped)))
        throw new CoreError('invalid', 'This mail names no such image.')
      return await fetchRemoteImage(url)
    },
    async attach(draft, file, name, contentType, inline) {
      try {
        const sha256 = await hashFile(file)
        const { size } = await stat(file)
        blobs.adopt(file, sha256)
        // A pasted picture is named in the text by this id.
        const content_id = inline ? `${newUuid(clock.now())}@workbin` : null
        return await store.addDraftAttachment(draft, {
          name,
          content_type: contentType,
          size,
          sha256,
          content_id,
          inline,
        })
      } finally {
        await rm(file, { force: true })
      }
    },
    async upload(file, name) {
      const id = newUuid(clock.now())
      uploads.set(id, { file, name })
      return { id }
    },
  }
  return { files, uploads }
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  const bytes: AsyncIterable<Buffer> = createReadStream(file)
  for await (const chunk of bytes) hash.update(chunk)
  return hash.digest('hex')
}
