import { expect, it } from 'vitest'
import { mailBody } from '../../../src-main/outbox/mail-body.ts'
import { foldQuote } from '../../../src-renderer/thread/quoted-html.ts'
import { sanitiseMail } from '../../../src-renderer/thread/sanitise.ts'

function folded(html: string): string {
  const document = new DOMParser().parseFromString(html, 'text/html')
  foldQuote(document, 'Show')
  return document.body.innerHTML
}
const fold = (quote: string) => `<details class="wb-quote"><summary>Show</summary>${quote}</details>`

it('the quoted rest of a mail is folded and nothing is lost', () => {
  expect(
    folded('<p>Thanks!</p><div class="gmail_quote">On Monday…<blockquote>Hello</blockquote></div>'),
  ).toBe(`<p>Thanks!</p>${fold('<div class="gmail_quote">On Monday…<blockquote>Hello</blockquote></div>')}`)
  expect(folded('<p>Thanks!</p><blockquote type="cite">Hello</blockquote>')).toBe(
    `<p>Thanks!</p>${fold('<blockquote type="cite">Hello</blockquote>')}`,
  )
})

it('everything below an Outlook header block is quoted', () => {
  expect(folded('<p>Yes</p><div id="divRplyFwdMsg">From: Ann</div><p>Hello</p>')).toBe(
    `<p>Yes</p>${fold('<div id="divRplyFwdMsg">From: Ann</div><p>Hello</p>')}`,
  )
})

it('a mail that is only a quote stays open', () => {
  const forward = '<div class="gmail_quote">Forwarded</div>'
  expect(folded(forward)).toBe(forward)
})

it('answers written between quotes stay visible', () => {
  const inline =
    '<p>See below</p><blockquote type="cite">One?</blockquote><p>Yes.</p><blockquote type="cite">Two?</blockquote>'
  expect(folded(inline)).toBe(inline)
})

it('a mail without a quote stays as it is', () => {
  expect(folded('<p>Hello</p><blockquote>A poem</blockquote>')).toBe(
    '<p>Hello</p><blockquote>A poem</blockquote>',
  )
})

it('our own replies are folded with the line that says who wrote what is quoted', () => {
  const { html } = mailBody(
    {
      format: 'rich',
      html: '<p>Dear Ann,</p><p>it left today.</p>',
      text: 'Dear Ann,\n\nit left today.',
      quote: { attribution: 'On 3 May 2026, 09:12, Ann Lee wrote:', text: 'Where is it?', html: null },
    },
    'reply',
  )
  const result = folded(sanitiseMail(html ?? '').html)
  expect(result).toMatch(/<details class="wb-quote"><summary>Show<\/summary><p>On 3 May .*Where is it\?/s)
  expect(result.slice(0, result.indexOf('<details'))).toContain('it left today.')
})

it('a Thunderbird reply is folded with its prefix, but not an answer below it', () => {
  const prefix = '<div class="moz-cite-prefix">Am 3. Mai schrieb Ann:<br></div>'
  const cited = '<blockquote type="cite">Hello</blockquote>'
  expect(folded(`<p>Thanks!</p>${prefix}${cited}`)).toBe(`<p>Thanks!</p>${fold(prefix + cited)}`)
  const below = `<p>Hi,</p>${prefix}${cited}<p>Yes, gladly.</p>`
  expect(folded(below)).toBe(below)
})

it('an Outlook original behind its wrapped header block is folded whole', () => {
  const header =
    '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm"><p><b>Von:</b> Ann &lt;ann@x.test&gt;<br><b>Gesendet:</b> Montag<br><b>An:</b> us@x.test</p></div></div>'
  const original = '<p>Hello</p><p>Ann</p>'
  expect(folded(`<div class="WordSection1"><p>Ja</p>${header}${original}</div>`)).toBe(
    `<div class="WordSection1"><p>Ja</p>${fold(header + original)}</div>`,
  )
})

it('a line above a paragraph is no quote', () => {
  const ruled = '<p>Hi</p><div style="border-top:1px solid #e1e1e1">Our <b>offer:</b> ann@x.test</div>'
  expect(folded(ruled)).toBe(ruled)
})

it('answers written inside a Gmail quote stay visible', () => {
  const inline =
    '<p>See below</p><div class="gmail_quote">On Monday…<blockquote class="gmail_quote">One?</blockquote><div>Yes.</div><blockquote class="gmail_quote">Two?</blockquote></div>'
  expect(folded(inline)).toBe(inline)
})

it('Apple Mail quotes its attribution inside the block', () => {
  const cited =
    '<div><br><blockquote type="cite"><div>On 3 May 2026, Ann wrote:</div><div>Hello</div></blockquote></div>'
  expect(folded(`<div>Thanks!</div>${cited}<br>`)).toContain('<details class="wb-quote">')
})
