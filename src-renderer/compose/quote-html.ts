import DOMPurify from 'dompurify'
import { withoutEarlyActs } from '../thread/sanitise.ts'
import { hiddenIn } from './hidden-text.ts'

/** What a quote may hold: text and its structure. No style, no class, nothing that loads or runs. */
const ALLOWED_TAGS =
  'a b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins li ol p pre s small span strong sub sup table tbody td tfoot th thead tr u ul'.split(
    ' ',
  )
const ALLOWED_ATTR = ['href', 'alt', 'src', 'colspan', 'rowspan', 'start', 'dir', 'lang']

/** More than this is quoted as text: measuring it would stall the page. */
const MAX_HTML = 1_000_000

export interface QuoteOptions {
  /** Content-IDs that the new mail carries, without brackets; other images give way to their alternative text. */
  readonly carried: readonly string[]
  /** Whether a media query holds where the mail was read. */
  readonly media?: (query: string) => boolean
}

/**
 * The HTML of a received mail as it may stand quoted in ours: what the reader saw, without styles, remote images
 * and everything active. Text that styles hid from the reader is dropped with the styles that hid it, so that a
 * quote never says what wasn't seen. Null where the mail is better quoted as text.
 */
export function quoteHtml(html: string, { carried, media }: QuoteOptions): string | null {
  if (html.length > MAX_HTML) return null
  const seen = new DOMParser().parseFromString(withoutEarlyActs(html), 'text/html')
  const hidden = hiddenIn(seen, media ?? screenMedia)
  if (hidden === null) return null
  for (const node of hidden) node.parentNode?.removeChild(node)

  for (const image of seen.querySelectorAll('img')) {
    const id = contentId(image.getAttribute('src') ?? '')
    if (id !== null && carried.includes(id)) continue
    const alt = image.getAttribute('alt')?.trim()
    image.replaceWith(alt ? seen.createTextNode(`[${alt}]`) : '')
  }
  const clean = DOMPurify.sanitize(seen.body.innerHTML, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|cid:)/iu,
    KEEP_CONTENT: true,
    FORBID_CONTENTS: [
      'style',
      'script',
      'title',
      'head',
      'template',
      'noscript',
      'svg',
      'math',
      'select',
      'textarea',
      'option',
      'object',
    ],
  }).trim()
  return clean === '' ? null : clean
}

/** The sanitised quote of a draft as nodes of the page; once more through the sanitiser, since drafts are stored. */
export function quoteNodes(html: string, sourceOf: (contentId: string) => string | null): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|cid:)/iu,
    RETURN_DOM_FRAGMENT: true,
  })
  for (const image of fragment.querySelectorAll('img')) {
    const source = sourceOf(contentId(image.getAttribute('src') ?? '') ?? '')
    if (source === null) image.remove()
    else image.setAttribute('src', source)
  }
  // A quote is read, not followed: its links are opened from the message itself.
  for (const link of fragment.querySelectorAll('a')) link.removeAttribute('href')
  return fragment
}

function contentId(source: string): string | null {
  const match = /^cid:(?<id>.+)$/iu.exec(source.trim())
  if (!match?.groups?.id) return null
  try {
    return decodeURIComponent(match.groups.id).replace(/^<|>$/gu, '')
  } catch {
    return match.groups.id
  }
}

function screenMedia(query: string): boolean {
  return typeof matchMedia === 'function'
    ? matchMedia(query).matches
    : !/print|max-width|prefers/iu.test(query)
}
