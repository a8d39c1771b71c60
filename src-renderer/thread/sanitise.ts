import createDOMPurify from 'dompurify'

/** Mail made safe to be put into the frame; what it wanted from outside is listed, not fetched. */
export interface SafeMail {
  /** Body and styles, for `frameDocument`. */
  readonly html: string
  /** Addresses of remote pictures, each once, in the order of the mail. */
  readonly remoteImages: readonly string[]
  /** Content-IDs of inline pictures that the mail shows. */
  readonly inlineImages: readonly string[]
}

/** Where the frame's pictures wait for their bytes, and where links keep their targets. */
export const REMOTE = 'data-wb-remote'
export const INLINE = 'data-wb-inline'
export const TARGET = 'data-wb-target'

// What runs, loads, embeds, asks for input or changes how the rest is read.
const FORBIDDEN_TAGS = [
  'svg',
  'math',
  'form',
  'input',
  'button',
  'select',
  'option',
  'textarea',
  'label',
  'fieldset',
  'dialog',
  'audio',
  'video',
  'source',
  'track',
  'picture',
  'link',
  'meta',
  'base',
  'iframe',
  'frame',
  'frameset',
  'object',
  'embed',
  'applet',
  'script',
  'noscript',
  'template',
  'slot',
  'portal',
  'map',
  'area',
]
const FORBIDDEN_ATTRIBUTES = [
  'srcset',
  'ping',
  'action',
  'formaction',
  'poster',
  'background',
  'lowsrc',
  'dynsrc',
  'longdesc',
  'usemap',
  'target',
  'download',
  'rel',
  'autofocus',
  'tabindex',
  'accesskey',
  'contenteditable',
  'popover',
  'popovertarget',
  'is',
  'slot',
  'part',
]

/**
 * Sanitises a mail's HTML as received. Pictures lose their `src` (the frame gets bytes later), links lose their
 * `href` (they are inert until the agent has seen the target), styles lose everything that loads.
 */
export function sanitiseMail(html: string): SafeMail {
  // One instance per call: hooks are the instance's own, and a mail must not see another's lists.
  const purify = createDOMPurify(window)
  const remote = new Set<string>()
  const inline = new Set<string>()

  purify.addHook('uponSanitizeElement', (node, data) => {
    if (data.tagName === 'style') node.textContent = safeStyles(node.textContent ?? '')
  })
  purify.addHook('afterSanitizeAttributes', (node) => {
    const style = node.getAttribute('style')
    if (style !== null) node.setAttribute('style', safeStyles(style))
    if (node.tagName === 'IMG') holdPicture(node, remote, inline)
    else node.removeAttribute('src')
    const href = node.getAttribute('href')
    if (href !== null) {
      node.removeAttribute('href')
      const target = linkTarget(href)
      if (target !== null && node.tagName === 'A') {
        node.setAttribute(TARGET, target)
        node.setAttribute('role', 'link')
        node.setAttribute('tabindex', '0')
      }
    }
  })

  const safe = purify.sanitize(withoutEarlyActs(html), {
    USE_PROFILES: { html: true },
    ADD_TAGS: ['style'],
    FORBID_TAGS: FORBIDDEN_TAGS,
    FORBID_ATTR: FORBIDDEN_ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOW_UNKNOWN_PROTOCOLS: false,
    // DOMPurify holds every attribute to this, so what is no address at all must pass too.
    ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto|cid):|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i,
    FORCE_BODY: true,
    SANITIZE_DOM: true,
    SANITIZE_NAMED_PROPS: true,
  })
  return { html: safe, remoteImages: [...remote], inlineImages: [...inline] }
}

/**
 * Takes the event handlers out of tags before anything parses them. DOMPurify removes them too, but only after a
 * parser saw them, and each one seen is reported on the console as a breach of the page's policy.
 */
export function withoutHandlers(html: string): string {
  return html.replace(/<[a-z](?:[^>"']|"[^"]*"|'[^']*')*>/gi, (tag) =>
    tag.replace(
      /("[^"]*"|'[^']*')|([\s/])on[a-z]+(?=[\s=/>])/gi,
      (found, quoted: string | undefined, gap: string) =>
        quoted === undefined
          ? `${gap}data-off`
          : // Quoted here, a tag of its own where an element around it ends inside the quotes.
            found.includes('<')
            ? found.replace(/(?<=[\s/"'])on[a-z]+(?=[\s=/>])/gi, 'data-off')
            : found,
    ),
  )
}

/**
 * Takes out what acts on a parser alone, in documents that nobody sees, too: handlers, bases, and tracks, which are
 * asked for at once. The page's policy refuses all of them, one line on the console each.
 */
export function withoutEarlyActs(html: string): string {
  return withoutHandlers(html).replace(/<(?:base|track)(?=[\s/>])/gi, '<wbr')
}

function holdPicture(image: Element, remote: Set<string>, inline: Set<string>): void {
  const src = (image.getAttribute('src') ?? '').trim()
  image.removeAttribute('loading')
  if (/^data:image\/(?:png|jpe?g|gif|webp|bmp);base64,/i.test(src)) return
  image.removeAttribute('src')
  if (/^cid:/i.test(src)) {
    const id = contentId(src)
    inline.add(id)
    image.setAttribute(INLINE, id)
  } else if (/^https?:/i.test(src)) {
    remote.add(src)
    image.setAttribute(REMOTE, src)
  }
}

/** The Content-ID that a `cid:` reference names, without scheme, brackets and escapes. */
export function contentId(reference: string): string {
  const raw = reference.replace(/^cid:/i, '').replace(/^<|>$/g, '')
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}

/** Only what the host may open; everything else isn't a link. */
function linkTarget(href: string): string | null {
  try {
    const url = new URL(href.trim())
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null
  } catch {
    return null
  }
}

/**
 * Styles without anything that loads, runs or hides what is loaded. The frame's policy refuses the same; two
 * walls, since a mail that says it was opened can't be called back.
 */
export function safeStyles(css: string): string {
  let safe = css
  // What one step takes out can join what stood around it into a new whole, so until nothing changes.
  for (let before = ''; before !== safe;) {
    before = safe
    for (const [pattern, instead] of UNSAFE_STYLES) safe = safe.replace(pattern, instead)
  }
  return safe
}

const UNSAFE_STYLES: readonly (readonly [RegExp, string])[] = [
  // `</style>` would end the element early when the string is parsed again.
  [/<[/!]?/g, ''],
  // Comments and escapes (`u\72l(`) inside words hide them from the patterns below.
  [/\/\*[\s\S]*?(?:\*\/|$)/g, ''],
  [/\\(?:[0-9a-f]{1,6}\s?|[\s\S]|$)/gi, ''],
  [/@(?:import|charset|namespace)\b[^;{]*(?:;|$)/gi, ''],
  [/@font-face\b[^{]*(?:\{[^}]*\}?|$)/gi, ''],
  [/(?:url|image|image-set|-webkit-image-set|cross-fade|src|expression)\s*\([^)]*\)?/gi, 'none'],
  [/(?:behavior|-moz-binding)\s*:[^;}]*/gi, ''],
]

/**
 * The document for the frame's `srcdoc`. Its own policy allows inline styles and pictures whose bytes are in the
 * document, and nothing else: no script, no request, no form, no frame.
 */
export function frameDocument(safe: string): string {
  return `<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"><meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light"><style>${FRAME_STYLES}</style></head><body>${safe}</body></html>`
}

const FRAME_STYLES = `
html{color:#1d2226;color-scheme:light}
body{margin:0;font:15px/1.55 system-ui,-apple-system,"Segoe UI","Noto Sans",Arial,sans-serif;overflow-wrap:break-word;overflow-x:auto;overflow-y:hidden}
img{max-width:100%}
img:not([src]){min-width:16px;min-height:16px;outline:1px dashed #9aa3a8;outline-offset:-1px;background:#f3f5f6;color:#59636a;font-size:12px}
pre{white-space:pre-wrap}
table{max-width:100%}
blockquote{margin:8px 0 8px 4px;padding-left:12px;border-left:2px solid #cfd6da}
a,[${TARGET}]{color:#0b6285;text-decoration:underline;cursor:pointer}
:focus-visible{outline:2px solid #2b7fb5;outline-offset:1px}
details.wb-quote>summary{display:inline-block;list-style:none;margin:8px 0;padding:0 8px;border:1px solid #cfd6da;border-radius:4px;background:#f3f5f6;color:#454d52;font:500 12px/20px system-ui,sans-serif;cursor:default}
details.wb-quote>summary::-webkit-details-marker{display:none}
`.replace(/\n/g, '')
