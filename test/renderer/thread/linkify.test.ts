import { expect, it } from 'vitest'
import { linkify } from '../../../src-renderer/thread/linkify.ts'

const links = (text: string) =>
  linkify(text).flatMap(({ text: shown, url }) => (url === null ? [] : [[shown, url]]))

it('addresses in plain text become links without the punctuation around them', () => {
  expect(
    links('See https://a.test/x?y=1, (http://b.test/w_(z)) or www.c.test. Write to ann@d.test!'),
  ).toEqual([
    ['https://a.test/x?y=1', 'https://a.test/x?y=1'],
    ['http://b.test/w_(z)', 'http://b.test/w_(z)'],
    ['www.c.test', 'https://www.c.test/'],
    ['ann@d.test', 'mailto:ann@d.test'],
  ])
})

it('nothing of the text is lost', () => {
  for (const text of [
    '',
    'no links',
    'a https://b.test, c',
    '<https://b.test>',
    'https://',
    'x@y',
    'javascript:alert(1)',
  ])
    expect(
      linkify(text)
        .map(({ text: piece }) => piece)
        .join(''),
    ).toBe(text)
})

it('only sites and mailboxes are links', () => {
  expect(links('javascript:alert(1) file:///etc/passwd data:text/html,x')).toEqual([])
})
