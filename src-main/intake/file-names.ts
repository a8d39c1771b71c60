/** Of a longer one only the end, with its extension, is looked at. */
const LONGEST_WRITTEN = 2_000

/**
 * An attachment's name as the sender wrote it, fit to be shown and offered for saving: no folders, no control
 * characters, no trailing dots (contracts, common rules 0.1.7), and no marks that turn the direction of writing,
 * with which `exe.fdp` looks like `pdf.exe` reversed. Null where nothing is left.
 */
export function cleanFileName(name: string | null | undefined): string | null {
  if (name === null || name === undefined) return null
  const shown = name
    .slice(-LONGEST_WRITTEN)
    .toWellFormed()
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, '')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
  const base = shown.slice(Math.max(shown.lastIndexOf('/'), shown.lastIndexOf('\\')) + 1)
  const cut = base.trim().replace(/[\s.]+$/, '')
  if (cut.length <= 255) return cut === '' ? null : cut
  const extension = /\.[^.\s]{1,12}$/.exec(cut)?.[0] ?? ''
  return (cut.slice(0, 255 - extension.length) + extension).toWellFormed()
}

/** A Content-Disposition field (RFC 6266) whose name every browser reads: ASCII first, UTF-8 by RFC 5987 beside it. */
export function contentDisposition(kind: 'inline' | 'attachment', name: string): string {
  const plain = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`
}
