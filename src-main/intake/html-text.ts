import { decodeEntities } from './html-entities.ts'

const BLOCKS = new Set(
  (
    'address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2 ' +
    'h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
)
const PARAGRAPHS = new Set([
  'p',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'ul',
  'ol',
  'dl',
  'blockquote',
  'pre',
  'table',
])
const SKIPPED = new Set([
  'script',
  'style',
  'head',
  'title',
  'template',
  'noscript',
  'svg',
  'math',
  'object',
  'select',
  'textarea',
])
const VOID = new Set([
  'area',
  'base',
  'br',
  'col',
  'embed',
  'hr',
  'img',
  'input',
  'link',
  'meta',
  'param',
  'source',
  'track',
  'wbr',
])

const TAG_NAME = /\/?([a-z][a-z0-9:-]{0,30})/iy
const HIDDEN =
  /\bstyle\s*=\s*["'][^"'>]*(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|%)?\s*[;"'!]|mso-hide\s*:\s*all)|\shidden(?:[\s>=/]|$)/i

/**
 * The words of an HTML mail, for search, snippet and plain quotes: one pass, linear, no tree. Lines follow the
 * block elements, quotes get `> `, and what the sender hid (display:none and its like) is left out, so that the
 * text is what the agent sees. Never used for showing the mail.
 */
export function htmlToText(html: string): string {
  const lines: string[] = []
  let line = ''
  let space = false
  // Depth of the empty line that is owed before the next one; -1 where none is.
  let blank = -1
  let quote = 0
  let pre = 0
  let skipping = ''
  let skipDepth = 0

  function words(raw: string): void {
    const text = decodeEntities(raw)
    if (pre > 0) {
      const [first = '', ...rest] = text.split('\n')
      line += first
      for (const next of rest) {
        endLine(true)
        line = next
      }
      return
    }
    const folded = text.replace(/[\s\u00a0]+/g, ' ')
    if (folded === '' || folded === ' ') {
      space ||= folded === ' '
      return
    }
    if ((space || folded.startsWith(' ')) && line !== '') line += ' '
    line += folded.trim()
    space = folded.endsWith(' ')
  }

  function endLine(evenEmpty: boolean): void {
    const text = line.trimEnd()
    line = ''
    space = false
    if (text === '' && !evenEmpty) return
    if (blank >= 0 && lines.length > 0) lines.push('> '.repeat(Math.min(blank, quote)).trimEnd())
    blank = -1
    lines.push(quote > 0 ? '> '.repeat(quote) + text : text)
  }

  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open !== at && skipping === '') words(html.slice(at, open < 0 ? html.length : open))
    if (open < 0) break
    if (html.startsWith('<!--', open)) {
      const end = html.indexOf('-->', open + 4)
      if (end < 0) break
      at = end + 3
      continue
    }
    const next = html.charAt(open + 1)
    if (next === '!' || next === '?') {
      const end = html.indexOf('>', open)
      if (end < 0) break
      at = end + 1
      continue
    }
    TAG_NAME.lastIndex = open + 1
    const name = TAG_NAME.exec(html)?.[1]?.toLowerCase()
    if (name === undefined) {
      if (skipping === '') words('<')
      at = open + 1
      continue
    }
    const end = tagEnd(html, TAG_NAME.lastIndex)
    const closing = next === '/'
    at = end
    if (skipping !== '') {
      if (name === skipping) skipDepth += closing ? -1 : 1
      // What is hidden ends with its own element; a head that is never closed ends with the body.
      if (skipDepth === 0 || (skipping === 'head' && name === 'body')) skipping = ''
      else continue
      if (name !== 'body') continue
    }
    if (!closing && !VOID.has(name)) {
      if (SKIPPED.has(name) || HIDDEN.test(html.slice(open, Math.min(end, open + 1_000)))) {
        skipping = name
        skipDepth = 1
        if (name === 'script' || name === 'style') {
          // Raw text: what looks like a tag inside is none.
          const close = indexOfClose(html, name, end)
          if (close < 0) break
          at = close
        }
        continue
      }
    }
    if (name === 'br') endLine(true)
    else if (name === 'td' || name === 'th') space = true
    else if (name === 'img' && !closing) {
      const alt = /\balt\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(html.slice(open, Math.min(end, open + 4000)))
      words(` ${alt?.[1] ?? alt?.[2] ?? ''} `)
    } else if (BLOCKS.has(name)) {
      endLine(false)
      if (PARAGRAPHS.has(name) && lines.length > 0 && lines.at(-1) !== '')
        blank = blank < 0 ? quote : Math.min(blank, quote)
      if (name === 'blockquote') quote = Math.max(0, Math.min(20, quote + (closing ? -1 : 1)))
      else if (name === 'pre') pre = Math.max(0, pre + (closing ? -1 : 1))
      else if (name === 'li' && !closing) line = '* '
      else if (name === 'hr') {
        line = '--------'
        endLine(false)
      }
    }
  }
  endLine(false)
  return lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** Behind the `>` of a tag; a `>` inside quotes doesn't count. Looks no further than that, or all would be quadratic. */
function tagEnd(html: string, from: number): number {
  const simple = html.indexOf('>', from)
  if (simple < 0) return html.length
  let close = simple
  let at = from
  for (let n = 0; n < 200; n++) {
    const open = html.slice(at, close).indexOf('"')
    if (open < 0) return close + 1
    const end = html.indexOf('"', at + open + 1)
    if (end < 0 || end - at > LONGEST_VALUE) return simple + 1
    at = end + 1
    if (at > close) {
      close = html.indexOf('>', at)
      if (close < 0) return simple + 1
    }
  }
  return simple + 1
}

/** An attribute longer than this is a quote that was never closed. */
const LONGEST_VALUE = 100_000

function indexOfClose(html: string, name: string, from: number): number {
  const closing = new RegExp(`</${name}`, 'gi')
  closing.lastIndex = from
  return closing.exec(html)?.index ?? -1
}

/** Plain text as a piece of HTML, for mails whose parts are of both kinds. */
export function textToHtml(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<div style="white-space:pre-wrap">${escaped}</div>`
}
