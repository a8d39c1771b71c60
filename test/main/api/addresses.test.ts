import { describe, expect, it } from 'vitest'
import { cleanLine, codePoints, isAddress } from '../../../src-main/api/addresses.ts'

describe('an address at the door of an API', () => {
  it.each([
    'john@doe.com',
    'JDoe+tag@sub.gmail.com',
    'a@localhost',
    'x@[127.0.0.1]',
    'jürgen@büro.example',
    "o'neil=x@y.test",
  ])('%s is one', (text) => {
    expect(isAddress(text)).toBe(true)
  })

  it.each([
    '',
    'john',
    '@doe.com',
    'john@',
    'john@@doe.com',
    'a@b@c.test',
    'a@b.test,c@d.test',
    'a@b.test;c@d.test',
    'John Doe <john@doe.com>',
    '<john@doe.com>',
    'john doe@x.test',
    ' john@doe.com',
    'john@doe.com ',
    'john@doe.com\n',
    'john@doe.com\r\nBcc: all@x.test',
    'john\0@doe.com',
    'john\u200b@doe.com',
    'john@doe\u202emoc',
    '"john doe"@x.test',
    'a@b..test',
    'a@.test',
    'a@test.',
    '\ud800@x.test',
  ])('%j is none', (text) => {
    expect(isAddress(text)).toBe(false)
  })

  it('may be as long as its document says, in code points, and no longer', () => {
    const long = (length: number, letter = 'a') => `${letter.repeat(length - 7)}@b.test`
    expect([isAddress(long(254)), isAddress(long(255))]).toEqual([true, false])
    expect([isAddress(long(256), 256), isAddress(long(257), 256)]).toEqual([true, false])
    expect([isAddress(long(254, '😀')), isAddress(long(255, '😀'))]).toEqual([true, false])
  })
})

describe('a line', () => {
  it('has one space where it had a run of control characters', () => {
    expect(cleanLine('Hi\r\nBcc: x\0\u0007\u009f there\t!')).toBe('Hi Bcc: x  there !')
  })

  it('is well formed whatever came', () => {
    expect(cleanLine('a\ud800b')).toBe('a\ufffdb')
  })
})

describe('a length', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['ä😀', 2],
    ['\ud83d', 1],
    ['\ude00\ud83d', 2],
    ['\ud83d\ud83d\ude00', 2],
  ])('of %j is %i', (text, length) => {
    expect(codePoints(text)).toBe(length)
  })
})
