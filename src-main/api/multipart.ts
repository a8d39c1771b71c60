import { cleanFileName } from '../intake/file-names.ts'
import { splitOutsideQuotes, unquoted } from './accept.ts'
import { Refused } from './api.ts'

/** Of one part's header block, bytes. */
const HEADER_BYTES = 8_192
/** RFC 2046, 5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/

export interface PartHead {
  readonly name: string
  /** Null: it is a field. '' : a file picker in which nothing was chosen. */
  readonly filename: string | null
  /** In lower case with its parameters; as a part without one is read (RFC 2046, 5.1). */
  readonly contentType: string
}

/** What a reader of parts is told; a promise holds the reading up. */
export interface PartSink {
  begin(head: PartHead): void
  data(bytes: Buffer): Promise<void> | void
  end(): Promise<void> | void
}

/** Takes a body in pieces of any length. */
export interface MultipartReader {
  write(chunk: Buffer): Promise<void>
  /** Throws `Refused` `malformed` where the closing delimiter is missing. */
  end(): void
}

/**
 * Reads multipart/form-data strictly by RFC 2046 and 7578: a line is a delimiter only where it is the delimiter and
 * nothing but blanks after it, parts have a name, and the closing delimiter must be there. (Busboy takes a boundary
 * for found where other characters follow it, and guesses the character set; both are how filters are led astray.)
 * Throws `Refused` `malformed`.
 */
export function readMultipart(boundary: string, sink: PartSink): MultipartReader {
  if (!BOUNDARY.test(boundary)) throw malformed('The boundary of the form is not valid.')
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  // As if a line ended before it, so that the first delimiter is found as any other.
  let rest: Buffer = Buffer.from('\r\n')
  let state: 'preamble' | 'delimiter' | 'header' | 'part' | 'epilogue' = 'preamble'

  return {
    async write(chunk) {
      if (state === 'epilogue') return
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (;;) {
        if (state === 'preamble' || state === 'part') {
          const inPart: boolean = state === 'part'
          const at = rest.indexOf(delimiter)
          // The end may be the beginning of a delimiter.
          const sure = at === -1 ? Math.max(0, rest.length - delimiter.length + 1) : at
          if (inPart && sure > 0) await sink.data(rest.subarray(0, sure))
          if (at === -1) {
            rest = rest.subarray(sure)
            return
          }
          // Still in `rest`: what follows decides whether it is one.
          rest = rest.subarray(at)
          const ending = lineAfter(rest, delimiter.length)
          if (ending === 'unknown') return
          if (ending === 'none') {
            // The same characters with others behind them are content.
            if (inPart) await sink.data(rest.subarray(0, delimiter.length))
            rest = rest.subarray(delimiter.length)
            continue
          }
          if (inPart) await sink.end()
          if (ending.closing) {
            state = 'epilogue'
            rest = Buffer.alloc(0)
            return
          }
          rest = rest.subarray(ending.next)
          state = 'header'
        }
        if (state === 'header') {
          const block = headerBlock(rest)
          if (block === null) {
            if (rest.length > HEADER_BYTES) throw malformed('A part’s header is too long.')
            return
          }
          sink.begin(readHead(rest.subarray(0, block.end)))
          rest = rest.subarray(block.next)
          state = 'part'
        }
      }
    },
    end() {
      if (state === 'epilogue') return
      // Without a line end after it the closing delimiter is the last that came.
      throw malformed(
        state === 'preamble'
          ? 'The form’s delimiter never comes.'
          : 'The form ends without its closing delimiter.',
      )
    },
  }
}

type LineEnd = { readonly closing: boolean; readonly next: number }

/** What follows a delimiter: blanks and a line end, or `--`. */
function lineAfter(rest: Buffer, at: number): LineEnd | 'none' | 'unknown' {
  let i = at
  if (rest[i] === 45 && rest[i + 1] === 45) return { closing: true, next: i + 2 }
  if (rest.length < at + 2 && (rest.length === at || rest[i] === 45)) return 'unknown'
  while (rest[i] === 32 || rest[i] === 9) i++
  // Blanks without end are no line.
  if (i - at > HEADER_BYTES) return 'none'
  if (i >= rest.length) return 'unknown'
  if (rest[i] !== 13) return 'none'
  if (i + 1 >= rest.length) return 'unknown'
  return rest[i + 1] === 10 ? { closing: false, next: i + 2 } : 'none'
}

/** Where a header block ends and its part begins; null until it is there. */
function headerBlock(rest: Buffer): { end: number; next: number } | null {
  if (rest[0] === 13 && rest[1] === 10) return { end: 0, next: 2 }
  const at = rest.subarray(0, HEADER_BYTES + 4).indexOf('\r\n\r\n')
  // The line end before a delimiter may be the one that ends the header block, so it stays.
  return at === -1 ? null : { end: at, next: at + 4 }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads a text that comes in pieces. Throws `Refused` `malformed` where it isn't UTF-8. */
export function textReader(): { add(bytes: Uint8Array): void; text(): string } {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  const decode = (bytes?: Uint8Array) => {
    try {
      text += bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
    } catch {
      throw malformed('The form holds text that is not valid UTF-8.')
    }
  }
  return {
    add: decode,
    text() {
      decode()
      return text
    },
  }
}

/** Text that must be UTF-8. Throws `Refused` `malformed`. */
export function fieldText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw malformed('The form holds text that is not valid UTF-8.')
  }
}

function readHead(block: Buffer): PartHead {
  const fields = new Map<string, string>()
  for (const line of fieldText(block)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')) {
    if (line === '') continue
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (colon < 1 || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[\r\n\0]/.test(line))
      throw malformed('A part’s header can’t be read.')
    if (fields.has(name)) throw malformed('A part’s header names a field twice.')
    fields.set(name, line.slice(colon + 1).trim())
  }
  const [kind = '', ...parameters] = splitOutsideQuotes(fields.get('content-disposition') ?? '', ';')
  if (kind.trim().toLowerCase() !== 'form-data') throw malformed('A part is not form-data.')
  const encoding = fields.get('content-transfer-encoding')?.toLowerCase() ?? 'binary'
  if (!['7bit', '8bit', 'binary'].includes(encoding))
    throw malformed('A part has a transfer encoding, which forms don’t.')
  const named = new Map<string, string>()
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    const name = parameter.slice(0, equals).trim().toLowerCase()
    const value = equals === -1 ? null : dispositionValue(parameter.slice(equals + 1).trim())
    if (value === null || named.has(name)) throw malformed('A part’s Content-Disposition can’t be read.')
    named.set(name, value)
  }
  const name = named.get('name')
  if (name === undefined) throw malformed('A part has no name.')
  // RFC 7578, 4.2: `filename*` is not for forms; its value never beats the plain one, so no filter sees another name.
  const filename = named.get('filename') ?? extendedName(named.get('filename*'))
  return { name, filename, contentType: fields.get('content-type')?.toLowerCase() ?? 'text/plain' }
}

/**
 * A quoted value as browsers write it (HTML, "multipart/form-data"): quote and line ends percent-encoded, a backslash
 * stands for itself, as in the paths that old browsers send.
 */
function dispositionValue(text: string): string | null {
  const quoted = /^"(.*)"$/s.exec(text)?.[1]
  if (quoted === undefined) return unquoted(text)
  return quoted
    .replace(/\\(["\\])/g, '$1')
    .replace(/%(0D|0A|22)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function extendedName(value: string | undefined): string | null {
  if (value === undefined) return null
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value)?.[1]
  if (encoded === undefined) throw malformed('A file’s name is in no character set that is taken.')
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw malformed('A file’s name is not valid UTF-8.')
  }
}

/** The name under which a part's file is shown and stored; null where nothing is left of it. */
export function partFileName({ filename }: PartHead): string | null {
  return cleanFileName(filename)
}

function malformed(message: string): Refused {
  return new Refused({ kind: 'malformed', message })
}
