import { describe, expect, it } from 'vitest'
import { decodeLabel, readableDomain } from '../../../src-renderer/thread/punycode.ts'
import {
  isLookalike,
  linkHint,
  plainName,
  sameSite,
  senderHints,
} from '../../../src-renderer/thread/spoof.ts'

describe('a sender', () => {
  it('whose name holds another address is marked with both', () => {
    expect(senderHints({ address: 'x@evil.test', personal: 'Bank <help@bank.test>' })).toEqual([
      { kind: 'name-is-address', claimed: 'help@bank.test', real: 'x@evil.test' },
    ])
  })

  it('whose name repeats the own address, or one of the same organisation, is not marked', () => {
    expect(senderHints({ address: 'Ann@Bank.test', personal: 'ann@bank.test' })).toEqual([])
    expect(senderHints({ address: 'bounce@mail.bank.test', personal: 'help@bank.test' })).toEqual([])
  })

  it('with an ordinary name is not marked', () => {
    for (const personal of [
      'Ann Lee',
      'Müller, Jörg',
      '山田 太郎',
      'مريم العلي',
      'O’Brien @ Acme',
      'C++ Team',
    ])
      expect(senderHints({ address: 'ann@bank.test', personal })).toEqual([])
  })

  it('hidden address inside zero-width characters is still seen', () => {
    expect(senderHints({ address: 'x@evil.test', personal: 'help@ba\u200bnk.test' })).not.toEqual([])
  })

  it('whose name turns the direction of writing is marked', () => {
    expect(senderHints({ address: 'x@evil.test', personal: 'Ann \u202etset.knab' })).toContainEqual({
      kind: 'hidden-direction',
    })
  })

  it('from a domain of look-alike letters is marked with its readable and its real form', () => {
    expect(senderHints({ address: 'x@xn--80ak6aa92e.com' })).toEqual([
      { kind: 'lookalike-domain', domain: 'аррӏе.com', ascii: 'xn--80ak6aa92e.com' },
    ])
  })
})

describe('a domain', () => {
  it.each(['pаypal.com', 'xn--pypal-4ve.com', 'gооgle.com', 'аррӏе.com'])(
    '%s looks like another',
    (domain) => {
      expect(isLookalike(domain)).toBe(true)
    },
  )

  it.each(['bank.test', 'münchen.de', 'xn--mnchen-3ya.de', '日本語.jp', 'пример.рф', 'ελλάδα.gr', 'café.fr'])(
    '%s is what it looks like',
    (domain) => {
      expect(isLookalike(domain)).toBe(false)
    },
  )
})

describe('Punycode', () => {
  it.each([
    ['xn--mnchen-3ya', 'münchen'],
    ['xn--bcher-kva', 'bücher'],
    ['xn--fsqu00a', '例子'],
    ['xn--80ak6aa92e', 'аррӏе'],
    ['bank', 'bank'],
  ])('%s reads as %s', (label, readable) => {
    expect(decodeLabel(label)).toBe(readable)
  })

  it('that is broken stays as it is written', () => {
    expect(decodeLabel('xn--a\u00e9')).toBe(null)
    expect(readableDomain('xn--999999999b.test')).toBe('xn--999999999b.test')
  })
})

describe('a link', () => {
  it('whose text names another site is marked with that site', () => {
    expect(linkHint('https://bank.test/login', 'https://evil.test/login')).toMatchObject({
      named: 'bank.test',
    })
    expect(linkHint('www.bank.test', 'https://bank.test.evil.test/')).toMatchObject({ named: 'bank.test' })
    expect(linkHint('bank.co.uk', 'https://evil.co.uk/')).toMatchObject({ named: 'bank.co.uk' })
  })

  it('whose text is words, or its own site, is not marked', () => {
    for (const [text, url] of [
      ['our help', 'https://bank.test/help'],
      ['https://www.bank.test/a', 'https://bank.test/b'],
      ['bank.test', 'https://shop.bank.test/'],
      ['Terms.pdf', 'https://files.test/terms.pdf'],
      ['e.g. this', 'https://bank.test/'],
      ['write to us', 'mailto:help@bank.test'],
    ] as const)
      expect(linkHint(text, url)).toEqual({ named: null, lookalike: false, odd: false })
  })

  it('that hides its site is marked', () => {
    expect(linkHint('Log in', 'https://bank.test@evil.test/').odd).toBe(true)
    expect(linkHint('Log in', 'http://192.0.2.7/login').odd).toBe(true)
    expect(linkHint('Log in', 'https://xn--80ak6aa92e.com/').lookalike).toBe(true)
  })
})

it('two hosts are one site where one stands below the other or both have one registered name', () => {
  expect(sameSite('www.bank.test', 'bank.test')).toBe(true)
  expect(sameSite('a.bank.test', 'b.bank.test')).toBe(true)
  expect(sameSite('bank.test', 'notbank.test')).toBe(false)
  expect(sameSite('a.co.uk', 'b.co.uk')).toBe(false)
})

it('a name is shown on one line without characters that hide or turn', () => {
  expect(plainName('Ann\u202e\u0000\n  Lee\u200b')).toBe('Ann Lee')
})
