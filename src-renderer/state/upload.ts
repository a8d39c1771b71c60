import { z } from 'zod'
import { CoreError, type CoreErrorCode } from '../../src-main/contract/errors.ts'
import { t } from '../texts/texts.ts'

const refusalSchema = z.object({ code: z.string(), message: z.string() })

/** Why an upload failed, from the host's answer; the host's codes are those of CoreError. */
function refusal(body: unknown): CoreError {
  const parsed = refusalSchema.safeParse(body)
  if (!parsed.success) return new CoreError('internal', t('upload.failed'))
  const known: readonly CoreErrorCode[] = ['disk', 'closed', 'invalid', 'not-found', 'attachment-missing']
  const code = known.find((each) => each === parsed.data.code) ?? 'internal'
  return new CoreError(code, parsed.data.message)
}

export interface Upload<T> {
  readonly done: Promise<T>
  cancel(): void
}

/** Sends the bytes of `file` to `url` on the page's own origin; `onProgress` hears bytes sent. Fails with CoreError. */
export type SendBytes = <T>(
  url: string,
  file: Blob,
  answer: z.ZodType<T>,
  onProgress: (sent: number) => void,
) => Upload<T>

/** By XMLHttpRequest: `fetch` doesn't tell how much of a body has left. */
export const sendBytes: SendBytes = (url, file, answer, onProgress) => {
  const request = new XMLHttpRequest()
  const done = new Promise<z.output<typeof answer>>((resolve, reject) => {
    request.open('POST', url)
    request.responseType = 'json'
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = (event) => onProgress(event.loaded)
    request.onload = () => {
      const parsed = answer.safeParse(request.response)
      if (request.status >= 200 && request.status < 300 && parsed.success) resolve(parsed.data)
      else reject(refusal(request.response))
    }
    request.onerror = () => reject(new CoreError('closed', t('upload.cut')))
    request.onabort = () => reject(new CoreError('closed', t('upload.cancelled')))
    request.send(file)
  })
  return { done, cancel: () => request.abort() }
}

export const attachmentAnswer = z.object({
  revision: z.number(),
  attachment: z.object({
    id: z.string(),
    name: z.string().nullable(),
    content_type: z.string(),
    size: z.number(),
    sha256: z.string(),
    content_id: z.string().nullable(),
    inline: z.boolean(),
  }),
})
export const uploadAnswer = z.object({ id: z.string() })

/** `path` with its parameters, each escaped. */
export function withQuery(path: string, parameters: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(parameters).toString()}`
}
