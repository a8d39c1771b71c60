import type { ParentIds } from './compose-mail.ts'

/** Header blocks above this size are not a mail's (the parser's own limit). */
const MAX_HEADER = 1_048_576

/**
 * Message-ID and ancestors of a mail, from its raw header, as an answer to it must name them: its References, or
 * where it has none the one id of its In-Reply-To (RFC 5322, 3.6.4).
 */
export function parentIds(raw: Uint8Array): ParentIds {
  const head = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.byteLength, MAX_HEADER)).toString(
    'latin1',
  )
  const end = /\r?\n\r?\n/.exec(head)
  const unfolded = head.slice(0, end?.index ?? head.length).replace(/\r?\n[ \t]+/g, ' ')
  const references = idsOf(unfolded, 'References')
  const inReplyTo = idsOf(unfolded, 'In-Reply-To')
  return {
    messageId: idsOf(unfolded, 'Message-ID')[0] ?? null,
    references: references.length > 0 ? references : inReplyTo.length === 1 ? inReplyTo : [],
  }
}

/** Only what stands in angle brackets: clients wrote dates, names and commas into these fields as well. */
function idsOf(header: string, field: string): string[] {
  const value = new RegExp(`^${field}[ \\t]*:(.*)$`, 'im').exec(header)?.[1] ?? ''
  return [...value.matchAll(/<([^<>]+)>/g)]
    .map(([, id = '']) => id.replace(/\s+/g, ''))
    .filter((id) => id !== '')
}
