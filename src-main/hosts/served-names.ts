/**
 * A file name that is safe to save on any system: no folder, control or bidirectional character, no name that
 * Windows reserves, at most 150 characters with its ending kept. Never empty.
 */
export function savedName(name: string | null, otherwise = 'attachment'): string {
  const last = (name ?? '').split(/[/\\]/).at(-1) ?? ''
  const cleaned = last
    .normalize('NFC')
    // Control and format characters: the latter turn “gpj.exe” into “exe.jpg” on screen.
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/\s+/g, ' ')
    .replace(/^[\s.]+|[\s.]+$/g, '')
  const short = shortened(cleaned)
  if (short === '') return otherwise
  // CON, NUL, COM1 … are devices on Windows, with any ending.
  return /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)($|\.)/i.test(short)
    ? `_${short}`
    : short
}

function shortened(name: string): string {
  const characters = Array.from(name)
  if (characters.length <= 150) return name
  const ending = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? ''
  return characters.slice(0, 150 - ending.length).join('') + ending
}

/** Pictures that a browser shows without running anything; SVG is not one of them. */
const shownPictures = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/x-icon',
])

/** The type under which a picture may be shown in the page, or null for what is only ever saved. */
export function shownType(contentType: string): string | null {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  const usual = type === 'image/jpg' || type === 'image/pjpeg' ? 'image/jpeg' : type
  return shownPictures.has(usual) ? usual : null
}
