import type { Attachment } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'
import { plainName } from './spoof.ts'

export type AttachmentKind =
  | 'image'
  | 'pdf'
  | 'text'
  | 'archive'
  | 'document'
  | 'sheet'
  | 'audio'
  | 'video'
  | 'mail'
  | 'calendar'
  | 'file'

const byType: readonly (readonly [RegExp, AttachmentKind])[] = [
  [/^image\//, 'image'],
  [/^application\/pdf$/, 'pdf'],
  [/^text\/calendar$/, 'calendar'],
  [/^(message\/rfc822|application\/vnd\.ms-outlook)$/, 'mail'],
  [/(spreadsheet|ms-excel|^text\/csv$)/, 'sheet'],
  [/^text\//, 'text'],
  [/(wordprocessing|msword|opendocument\.text|rtf|presentation|powerpoint)/, 'document'],
  [/(zip|x-7z|x-rar|x-tar|gzip|x-bzip)/, 'archive'],
  [/^audio\//, 'audio'],
  [/^video\//, 'video'],
]
const byName: readonly (readonly [RegExp, AttachmentKind])[] = [
  [/\.(png|jpe?g|gif|webp|bmp|heic|tiff?)$/i, 'image'],
  [/\.pdf$/i, 'pdf'],
  [/\.(xlsx?|ods|csv)$/i, 'sheet'],
  [/\.(docx?|odt|rtf|pptx?|odp)$/i, 'document'],
  [/\.(zip|7z|rar|tar|gz|tgz)$/i, 'archive'],
  [/\.(txt|log|md|json|xml)$/i, 'text'],
  [/\.(eml|msg)$/i, 'mail'],
  [/\.ics$/i, 'calendar'],
]

/** What a file is to the eye: by its type, or by its name where the type says nothing. */
export function attachmentKind({
  content_type,
  name,
}: Pick<Attachment, 'content_type' | 'name'>): AttachmentKind {
  const type = content_type.toLowerCase().split(';')[0]?.trim() ?? ''
  const found =
    byType.find(([pattern]) => pattern.test(type)) ?? byName.find(([pattern]) => pattern.test(name ?? ''))
  return found?.[1] ?? 'file'
}

/** Pictures that the page can show without risk; svg is text that may run. */
export function isShownPicture(contentType: string): boolean {
  return /^image\/(png|p?jpe?g|gif|webp|bmp|avif)$/i.test(contentType.split(';')[0]?.trim() ?? '')
}

/** Texts that the page can show as plain text. */
export function isShownText(attachment: Pick<Attachment, 'content_type' | 'name'>): boolean {
  const kind = attachmentKind(attachment)
  return kind === 'text' || kind === 'calendar' || kind === 'mail' || /^text\//i.test(attachment.content_type)
}

/** The file's name as shown; one is made up for a file that has none. */
export function attachmentName(attachment: Pick<Attachment, 'content_type' | 'name'>): string {
  return (
    plainName(attachment.name ?? '') ||
    t('attachment.nameless', { type: t(`type.${attachmentKind(attachment)}`) })
  )
}
