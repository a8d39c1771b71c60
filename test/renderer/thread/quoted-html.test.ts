import { expect, it } from 'vitest'
import { foldQuote } from '../../../src-renderer/thread/quoted-html.ts'

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
