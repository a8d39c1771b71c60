/**
 * Between the rich text of a draft and its plain text. Paragraphs are parted by an empty line and a break is a
 * line end, so that text made into rich text and back is the same text.
 */

/** Plain text that says what `html` says: lists with their marks, quotes with `>`, links with their address. */
export function textOfHtml(html: string): string {
  const body = new DOMParser().parseFromString(html, 'text/html').body
  return (
    blocksOf(body)
      .join('\n\n')
      .replace(/\u00a0/gu, ' ')
      .replace(/[ \t]+$/gmu, '')
      // HTML drops the space of the signature mark, by which mail programs know it (RFC 3676, section 4.3).
      .replace(/^--$/gmu, '-- ')
  )
}

/** Rich text of plain text; nothing in it becomes markup. */
export function htmlOfText(text: string): string {
  return text
    .replace(/\r\n?/gu, '\n')
    .split('\n\n')
    .map((paragraph) => `<p>${paragraph.split('\n').map(escapeLine).join('<br>')}</p>`)
    .join('')
}

/** `text` safe as the content of an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/gu, (char) => `&#${char.charCodeAt(0)};`)
}

function escapeLine(line: string): string {
  // HTML folds spaces together; every second one stays as a no-break space.
  return escapeHtml(line).replace(/^ | {2}/gu, (spaces) => (spaces === ' ' ? '\u00a0' : '\u00a0 '))
}

const BLOCKS = new Set(
  'ADDRESS ARTICLE ASIDE BLOCKQUOTE CENTER DD DIV DL DT FIGURE FOOTER H1 H2 H3 H4 H5 H6 HEADER HR LI MAIN OL P PRE SECTION TABLE TBODY TD TFOOT TH THEAD TR UL'.split(
    ' ',
  ),
)
const SKIPPED = new Set(['SCRIPT', 'STYLE', 'HEAD', 'TITLE', 'TEMPLATE', 'NOSCRIPT'])

function isBlock(node: Node): node is HTMLElement {
  return node instanceof HTMLElement && BLOCKS.has(node.tagName)
}

/** The blocks in `parent`, each as its lines; inline content between blocks is a block of its own. */
function blocksOf(parent: Element): string[] {
  const blocks: string[] = []
  let inline = ''
  const endInline = () => {
    const text = foldSpaces(inline)
    if (text.trim() !== '') blocks.push(text)
    inline = ''
  }
  for (const node of parent.childNodes) {
    if (isBlock(node) && !isLine(node)) {
      endInline()
      blocks.push(...block(node))
    } else if (isBlock(node)) {
      if (inline.trim() !== '' && !inline.endsWith(BREAK)) inline += BREAK
      inline += lineOf(node) + BREAK
    } else inline += inlineText(node)
  }
  endInline()
  return blocks
}

function block(element: Element): string[] {
  switch (element.tagName) {
    case 'UL':
    case 'OL':
      return [list(element)]
    case 'BLOCKQUOTE':
      return [prefixed(blocksOf(element).join('\n\n'), '> ')]
    case 'PRE':
      return [element.textContent.replace(/\n$/u, '')]
    case 'HR':
      return ['—'.repeat(3)]
    case 'TABLE':
      return [table(element)]
    case 'P':
    case 'H1':
    case 'H2':
    case 'H3':
    case 'H4':
    case 'H5':
    case 'H6':
      // An empty paragraph is kept: an empty line the writer wanted.
      return [foldSpaces([...element.childNodes].map(inlineText).join(''))]
    default:
      return blocksOf(element)
  }
}

/** Many mail programs write one `div` a line; a run of them is one block of lines. */
function isLine(element: Element): boolean {
  return element.tagName === 'DIV' && element.querySelector([...BLOCKS].join(',')) === null
}

function lineOf(element: Element): string {
  const text = [...element.childNodes].map(inlineText).join('')
  return text.endsWith(BREAK) ? text.slice(0, -1) : text
}

function list(element: Element): string {
  const ordered = element.tagName === 'OL'
  let number = Number(element.getAttribute('start') ?? '1') || 1
  return [...element.children]
    .filter((child) => child.tagName === 'LI')
    .map((item) => {
      const mark = ordered ? `${String(number++)}. ` : '- '
      const lines = blocksOf(item).join('\n').split('\n')
      return lines.map((line, i) => (i === 0 ? mark + line : ' '.repeat(mark.length) + line)).join('\n')
    })
    .join('\n')
}

function table(element: Element): string {
  return [...element.querySelectorAll('tr')]
    .filter((row) => row.closest('table') === element)
    .map((row) =>
      [...row.children]
        .map((cell) => blocksOf(cell).join('\n').trim())
        .filter((cell) => cell !== '')
        .join('  '),
    )
    .filter((line) => line !== '')
    .join('\n')
}

function prefixed(text: string, prefix: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? prefix.trimEnd() : prefix + line))
    .join('\n')
}

const BREAK = '\u2028'

function inlineText(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent ?? ''
  if (!(node instanceof Element) || SKIPPED.has(node.tagName)) return ''
  if (node.tagName === 'BR') return BREAK
  if (node.tagName === 'IMG') {
    const alt = node.getAttribute('alt')?.trim()
    return alt ? `[${alt}]` : ''
  }
  if (isBlock(node)) return BREAK + block(node).join(BREAK) + BREAK
  const text = [...node.childNodes].map(inlineText).join('')
  if (node.tagName !== 'A') return text
  const href = node.getAttribute('href') ?? ''
  const target = href.replace(/^mailto:/iu, '')
  const same =
    target === '' ||
    text.trim() === target ||
    text.trim() === target.replace(/^https?:\/\//iu, '').replace(/\/$/u, '')
  return same || !/^(?:https?:|mailto:)/iu.test(href) ? text : `${text} (${target})`
}

/** White space as HTML shows it; breaks are line ends, a last one alone at the end shows nothing. */
function foldSpaces(text: string): string {
  return text
    .replace(/[ \t\r\n\f]+/gu, ' ')
    .replace(/ ?\u2028 ?/gu, '\n')
    .replace(/^ | $/gu, '')
    .replace(/\n$/u, '')
}
