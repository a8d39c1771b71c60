import { createHash } from 'node:crypto'
import { asBuffer } from './charsets.ts'
import { type Header, readHeader } from './header-fields.ts'
import { HeldBack } from './held-back.ts'

/** The two hashes of a mail: of its bytes (the blob's name), and of what is the same wherever it was found. */
export interface MailKeys {
  readonly sha256: string
  readonly content_key: string
}

export function mailKeys(raw: Uint8Array): MailKeys {
  return { sha256: createHash('sha256').update(raw).digest('hex'), content_key: contentKey(raw) }
}

/**
 * The same for a mail wherever it was found (settings contract, "Once, by its content"): SHA-256 of its bytes with
 * plain line ends and, where it has a Message-ID, without the fields that servers add on its way.
 */
export function contentKey(raw: Uint8Array): string {
  const bytes = asBuffer(raw)
  try {
    return contentKeyOf(bytes, readHeader(bytes, 0, bytes.length))
  } catch (error) {
    if (error instanceof HeldBack) return contentKeyOf(bytes, null)
    throw error
  }
}

function contentKeyOf(raw: Buffer, header: Header | null): string {
  const hash = createHash('sha256')
  if (!header?.fields.some(({ name }) => name === 'message-id')) return plainLines(hash, raw).digest('hex')
  let from = 0
  for (const { name, start, end } of header.fields) {
    if (!isTrace(name)) continue
    plainLines(hash, raw.subarray(from, start))
    from = end
  }
  return plainLines(hash, raw.subarray(from)).digest('hex')
}

function isTrace(name: string): boolean {
  return TRACE.has(name) || name.startsWith('dkim') || name.startsWith('arc-')
}

const TRACE = new Set(['return-path', 'received', 'delivered-to', 'x-original-to', 'authentication-results'])

const WINDOW = 1 << 20

function plainLines(hash: ReturnType<typeof createHash>, bytes: Buffer): ReturnType<typeof createHash> {
  for (let at = 0; at < bytes.length; at += WINDOW) {
    const piece = bytes.subarray(at, at + WINDOW)
    if (!piece.includes(0x0d)) {
      hash.update(piece)
      continue
    }
    const plain = Buffer.allocUnsafe(piece.length)
    let length = 0
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i] ?? 0
      if (byte !== 0x0d || bytes[at + i + 1] !== 0x0a) plain[length++] = byte
    }
    hash.update(plain.subarray(0, length))
  }
  return hash
}
