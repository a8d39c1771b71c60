import { expect, it } from 'vitest'
import {
  addAddresses,
  formatAddress,
  isAddress,
  parseAddresses,
} from '../../../src-renderer/compose/addresses.ts'

it.each([
  ['ann@x.test', [{ address: 'ann@x.test' }]],
  ['Ann Lee <ann@x.test>', [{ address: 'ann@x.test', personal: 'Ann Lee' }]],
  [
    '"Lee, Ann" <ann@x.test>, bob@y.test',
    [{ address: 'ann@x.test', personal: 'Lee, Ann' }, { address: 'bob@y.test' }],
  ],
  [
    'ann@x.test; bob@y.test\ncarol@z.test',
    [{ address: 'ann@x.test' }, { address: 'bob@y.test' }, { address: 'carol@z.test' }],
  ],
  ['ann@x.test bob@y.test', [{ address: 'ann@x.test' }, { address: 'bob@y.test' }]],
  ['Ann Lee\tann@x.test', [{ address: 'Ann Lee' }, { address: 'ann@x.test' }]],
  ['Ann Lee ann@x.test', [{ address: 'ann@x.test', personal: 'Ann Lee' }]],
  ['mailto:ann@x.test', [{ address: 'ann@x.test' }]],
  ['<ann@x.test>', [{ address: 'ann@x.test' }]],
  ['"Ann \\"Annie\\" Lee" <ann@x.test>', [{ address: 'ann@x.test', personal: 'Ann "Annie" Lee' }]],
  ['nobody', [{ address: 'nobody' }]],
  [
    '"unclosed <a@x.test>\nbob@y.test',
    [{ address: 'a@x.test', personal: '"unclosed' }, { address: 'bob@y.test' }],
  ],
  ['', []],
  [' , ;\n', []],
])('%j is read as recipients', (text, expected) => {
  expect(parseAddresses(text)).toEqual(expected)
})

it('a line end in a pasted name adds no header', () => {
  const all = parseAddresses('"Ann\r\nBcc: evil@x.test" <ann@x.test>')
  expect(all.every(({ address, personal }) => !/[\r\n]/.test(address + (personal ?? '')))).toBe(true)
})

it('what is written is read back', () => {
  for (const address of [
    { address: 'ann@x.test' },
    { address: 'ann@x.test', personal: 'Lee, Ann' },
    { address: 'ann@x.test', personal: 'Ann "Annie" Lee' },
    { address: 'ann@x.test', personal: '李安' },
  ])
    expect(parseAddresses(formatAddress(address))).toEqual([address])
})

it('only one local@domain is an address', () => {
  expect(['a@b', 'jörg@müller.test', 'a b@c.test', 'a@b@c', '', 'a@', 'x,y@z.test'].map(isAddress)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ])
})

it('a mailbox is added once, whatever its case', () => {
  expect(
    addAddresses([{ address: 'Ann@x.test' }], [{ address: 'ann@X.test' }, { address: 'bob@y.test' }]),
  ).toEqual([{ address: 'Ann@x.test' }, { address: 'bob@y.test' }])
})
