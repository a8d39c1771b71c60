import { randomUUID } from 'node:crypto'

/** A file as a form carries it. */
export interface FormFile {
  readonly field: string
  readonly name: string
  readonly content_type: string
  readonly bytes: Uint8Array
}

/** A form with files, as `multipart/form-data` (RFC 7578; RFC 2046 for its delimiters). */
export function multipartBody(
  fields: readonly (readonly [name: string, value: string])[],
  files: readonly FormFile[],
): { type: string; bytes: Uint8Array } {
  // Random, so that no file can hold it.
  const boundary = `----workbin-${randomUUID()}`
  const pieces: Buffer[] = []
  const part = (header: string, body: Uint8Array) =>
    pieces.push(Buffer.from(`--${boundary}\r\n${header}\r\n\r\n`), Buffer.from(body), Buffer.from('\r\n'))
  for (const [name, value] of fields)
    part(`Content-Disposition: form-data; name="${quoted(name)}"`, Buffer.from(value, 'utf8'))
  for (const { field, name, content_type, bytes } of files)
    part(
      `Content-Disposition: form-data; name="${quoted(field)}"; filename="${quoted(name)}"\r\nContent-Type: ${typeOf(content_type)}`,
      bytes,
    )
  pieces.push(Buffer.from(`--${boundary}--\r\n`))
  return { type: `multipart/form-data; boundary=${boundary}`, bytes: Buffer.concat(pieces) }
}

/** A form without files. */
export function urlencodedBody(fields: readonly (readonly [name: string, value: string])[]): {
  type: string
  bytes: Uint8Array
} {
  const text = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString()
  return { type: 'application/x-www-form-urlencoded', bytes: Buffer.from(text, 'utf8') }
}

/** As browsers write it (HTML, multipart/form-data encoding algorithm); nothing ends the line or the quotes. */
function quoted(text: string): string {
  return text
    .replace(/\r/g, '%0D')
    .replace(/\n/g, '%0A')
    .replace(/"/g, '%22')
    .replace(/[\p{Cc}]/gu, '_')
}

function typeOf(contentType: string): string {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:; ?[\w-]+=[\w.+-]+)*$/.test(contentType)
    ? contentType
    : 'application/octet-stream'
}
