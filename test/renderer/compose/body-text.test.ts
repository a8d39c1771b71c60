import { expect, it } from 'vitest'
import { htmlOfText, textOfHtml } from '../../../src-renderer/compose/body-text.ts'

it.each([
  'one line',
  'two\nlines',
  'two\n\nparagraphs',
  'an\n\n\n\nempty one between',
  '  indented\n  twice  inside',
  'a < b && "c" > \'d\'',
  '<script>alert(1)</script>',
  '-- \nAda Moss\nSupport',
  '',
])('plain text made rich and plain again is the same: %j', (text) => {
  expect(textOfHtml(htmlOfText(text))).toBe(text)
})

it.each([
  ['<p>a</p><ul><li>one</li><li>two<ul><li>deep</li></ul></li></ul>', 'a\n\n- one\n- two\n  - deep'],
  ['<ol start="3"><li>three</li><li>four</li></ol>', '3. three\n4. four'],
  ['<blockquote><p>said</p><p>more</p></blockquote>', '> said\n>\n> more'],
  ['<p>See <a href="https://x.test/a">the page</a>.</p>', 'See the page (https://x.test/a).'],
  ['<p><a href="https://x.test/">https://x.test/</a></p>', 'https://x.test/'],
  ['<p><a href="mailto:a@x.test">a@x.test</a></p>', 'a@x.test'],
  ['<p>a <strong>bold</strong>\n  word</p>', 'a bold word'],
  ['<div>one</div><div>two</div><div><br></div><div>four</div>', 'one\ntwo\n\nfour'],
  ['<p>x<img src="cid:1" alt="plan"></p>', 'x[plan]'],
  ['<pre>  a\n  b\n</pre>', '  a\n  b'],
  ['<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', 'a  b\nc'],
  ['<style>p{}</style><p>seen</p>', 'seen'],
])('%s reads as text', (html, text) => {
  expect(textOfHtml(html)).toBe(text)
})
