import { expect, it } from 'vitest'
import { quoteHtml, quoteNodes } from '../../../src-renderer/compose/quote-html.ts'

const quote = (html: string, carried: readonly string[] = []) =>
  quoteHtml(html, { carried, media: (query) => !/max-width|print|prefers-color-scheme/.test(query) }) ?? ''

it('structure stays, styles go', () => {
  expect(
    quote('<p style="color:red" class="x" id="y">Hello <b onclick="x()">Ann</b></p><ul><li>one</li></ul>'),
  ).toBe('<p>Hello <b>Ann</b></p><ul><li>one</li></ul>')
})

it.each([
  ['display none', '<p style="display:none">secret</p>'],
  ['display none, important', '<p style="display: none !important">secret</p>'],
  ['visibility', '<p style="visibility:hidden">secret</p>'],
  ['opacity', '<p style="opacity:0">secret</p>'],
  ['opacity in percent', '<p style="opacity:0%">secret</p>'],
  ['no font size', '<p style="font-size:0">secret</p>'],
  ['one pixel', '<span style="font-size:1px">secret</span>'],
  ['font shorthand', '<span style="font:0px/1 serif">secret</span>'],
  ['white on white', '<p style="color:#fff">secret</p>'],
  ['nearly white', '<p style="color:rgb(254,254,254)">secret</p>'],
  ['white by name', '<font color="white">secret</font>'],
  ['hsl white', '<p style="color:hsl(0 0% 100%)">secret</p>'],
  ['black on black', '<div style="background-color:#000"><span style="color:#000">secret</span></div>'],
  ['transparent', '<p style="color:transparent">secret</p>'],
  ['transparent by alpha', '<p style="color:rgba(0,0,0,0)">secret</p>'],
  [
    'on a bgcolor of its own colour',
    '<table><tr><td bgcolor="#336699" style="color:#336699">secret</td></tr></table>',
  ],
  ['far to the left', '<div style="position:absolute;left:-9999px">secret</div>'],
  ['text indent', '<p style="text-indent:-9999px">secret</p>'],
  ['no height', '<div style="height:0;overflow:hidden">secret</div>'],
  ['no max height', '<div style="max-height:0px;overflow:hidden">secret</div>'],
  ['clipped', '<div style="position:absolute;clip:rect(0,0,0,0)">secret</div>'],
  ['clip path', '<div style="clip-path:inset(100%)">secret</div>'],
  ['scaled away', '<div style="transform:scale(0)">secret</div>'],
  ['the attribute', '<div hidden>secret</div>'],
  ['a class', '<style>.h{display:none}</style><p class="h">secret</p>'],
  ['a rule with comments', '<style>/* .x{} */ .h /* y */ {display:/**/none}</style><p class="h">secret</p>'],
  ['an escape', '<style>.h{displa\\79:none}</style><p class="h">secret</p>'],
  [
    'a rule in a media query that holds',
    '<style>@media screen{.h{display:none}}</style><p class="h">secret</p>',
  ],
  ['a rule in @supports', '<style>@supports (color:red){.h{display:none}}</style><p class="h">secret</p>'],
  ['an id against a class', '<style>#h{display:none}.s{display:block}</style><p id="h" class="s">secret</p>'],
  ['an attribute selector', '<style>[data-x="1"]{visibility:hidden}</style><p data-x="1">secret</p>'],
  ['a parent', '<div style="display:none"><div style="display:block"><p>secret</p></div></div>'],
  ['an inherited visibility', '<div style="visibility:hidden"><p>secret</p></div>'],
  ['a script', '<script>secret</script>'],
  ['a template', '<template>secret</template>'],
  ['a style sheet', '<style>secret{}</style>'],
  ['a title', '<title>secret</title><svg><title>secret</title></svg>'],
  ['a form field', '<textarea>secret</textarea><select><option>secret</option></select>'],
])('text hidden by %s is not quoted', (_way, html) => {
  const quoted = quote(`<p>seen</p>${html}<p>end</p>`)
  expect(quoted).not.toContain('secret')
  expect(quoted).toContain('seen')
  expect(quoted).toContain('end')
})

it.each([
  [
    'size given again inside a container without',
    '<div style="font-size:0"><span style="font-size:14px">seen</span></div>',
  ],
  ['visible inside hidden', '<div style="visibility:hidden"><p style="visibility:visible">seen</p></div>'],
  [
    'a style for narrow screens',
    '<style>@media (max-width:600px){.d{display:none}}</style><p class="d">seen</p>',
  ],
  ['a style for print', '<style>@media print{.d{display:none}}</style><p class="d">seen</p>'],
  ['a later rule shows it', '<style>.d{display:none}.d{display:block}</style><p class="d">seen</p>'],
  ['the style attribute wins', '<style>.d{display:none}</style><p class="d" style="display:block">seen</p>'],
  ['white on dark', '<div style="background:#123456"><span style="color:#fff">seen</span></div>'],
  [
    'white on a picture',
    '<div style="background:url(x.png) #000"><span style="color:#eee">seen</span></div>',
  ],
  ['relative sizes', '<div style="font-size:62.5%"><p style="font-size:1.4em">seen</p></div>'],
  ['a height without clipping', '<div style="height:0">seen</div>'],
])('what was seen is quoted: %s', (_why, html) => {
  expect(quote(html)).toContain('seen')
})

it('images give way to their text, carried ones stay', () => {
  expect(
    quote(
      '<p><img src="https://x.test/t.gif" alt="Logo"><img src="cid:a@x"><img src="cid:b@x" alt="Plan"></p>',
      ['a@x'],
    ),
  ).toBe('<p>[Logo]<img src="cid:a@x">[Plan]</p>')
})

it.each([
  '<a href="javascript:alert(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<form action="https://x.test"><input name=a></form>',
  '<base href="https://x.test/"><link rel=stylesheet href=x>',
  '<p background="https://x.test/t.gif">x</p>',
  '<table background="https://x.test/t.gif"><tr><td>x</td></tr></table>',
])('nothing in a quote runs or loads: %s', (html) => {
  const quoted = quote(html)
  expect(quoted).not.toMatch(/script|onerror|onload|x\.test|<(?:svg|math|iframe|form|input|base|link|style)/i)
})

it('a mail of nothing but hidden text is quoted as text', () => {
  expect(quoteHtml('<p style="display:none">secret</p>', { carried: [] })).toBeNull()
})

it('a mail that would stall the page is quoted as text', () => {
  const rules = Array.from({ length: 4_000 }, (_, i) => `.c${String(i)}{color:red}`).join('')
  expect(quoteHtml(`<style>${rules}</style><p>x</p>`, { carried: [] })).toBeNull()
  expect(quoteHtml(`<p>${'x'.repeat(1_000_001)}</p>`, { carried: [] })).toBeNull()
})

it('shown in the composer a quote has no links to follow and only its own pictures', () => {
  const holder = document.createElement('div')
  holder.append(
    quoteNodes(
      '<a href="https://x.test">x</a><img src="cid:a"><img src="cid:b"><img src="https://x.test/y">',
      (id) => (id === 'a' ? 'attachments/1' : null),
    ),
  )
  expect(holder.innerHTML).toBe('<a>x</a><img src="attachments/1">')
})
