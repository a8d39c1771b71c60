import type { InteractionId, Uuid } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'

/** Bytes have URLs on the page's own origin, the same in every host. */

export function attachmentUrl(id: Uuid, { save = false } = {}): string {
  return `/attachments/${id}${save ? '?save=1' : ''}`
}

export function rawMailUrl(id: InteractionId): string {
  return `/messages/${id}.eml`
}

/** The bytes of an inline picture as a data: URL, the only kind that the mail frame may show. */
export function inlineImage(id: Uuid): Promise<string> {
  return dataUrl(attachmentUrl(id))
}

/** One remote picture, fetched by the core without cookies. Throws where it isn't one. */
export function remoteImage(id: InteractionId, url: string): Promise<string> {
  return dataUrl(`/remote-images/${id}?url=${encodeURIComponent(url)}`)
}

/** The beginning of a file as text, at most `limit` bytes; `cut` where there is more. */
export async function textOf(url: string, limit: number): Promise<{ text: string; cut: boolean }> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(await refusal(response))
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  while (reader && size < limit) {
    const { done, value } = await reader.read()
    if (done) return { text: text + decoder.decode(), cut: false }
    const piece = value.subarray(0, limit - size)
    size += piece.length
    text += decoder.decode(piece, { stream: true })
  }
  await reader?.cancel()
  return { text, cut: size >= limit }
}

async function dataUrl(url: string): Promise<string> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(await refusal(response))
  const bytes = await response.blob()
  if (!/^image\/(?!svg)/i.test(bytes.type)) throw new Error(t('attachment.failed'))
  return await new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => {
      if (typeof reader.result === 'string') resolve(reader.result)
    }
    reader.onerror = () => reject(new Error(t('attachment.failed')))
    reader.readAsDataURL(bytes)
  })
}

async function refusal(response: Response): Promise<string> {
  const answer: unknown = await response.json().catch(() => null)
  if (
    typeof answer === 'object' &&
    answer !== null &&
    'message' in answer &&
    typeof answer.message === 'string'
  )
    return answer.message
  return t('attachment.failed')
}
