import { expect, test } from 'vitest'
import { isLoopbackHost, readPin } from '../../../src-main/connectors/imap-tls.ts'

const HEX = 'ab'.repeat(32)
const COLONS = Array.from({ length: 32 }, () => 'AB').join(':')

test('a fingerprint is read with colons, without, in either case, and behind its name', () => {
  for (const text of [HEX, COLONS, COLONS.toLowerCase(), ` ${HEX}\n`, `SHA-256: ${COLONS}`, `sha256=${HEX}`])
    expect(readPin(text)).toBe(COLONS)
  expect(readPin(null)).toBeNull()
  expect(readPin('  ')).toBeNull()
})

test('what is neither a fingerprint nor a certificate is refused rather than ignored', () => {
  for (const text of ['ab:cd', 'trust me', '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----'])
    expect(() => readPin(text)).toThrow(/neither a PEM text nor a SHA-256 fingerprint/)
})

test('only this computer is this computer', () => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '::1', '[::1]', '::ffff:127.0.0.1'])
    expect([host, isLoopbackHost(host)]).toEqual([host, true])
  for (const host of [
    '127.0.0.1.example.test',
    'localhost.example.test',
    '10.0.0.1',
    '128.0.0.1',
    '::2',
    'mail',
  ])
    expect([host, isLoopbackHost(host)]).toEqual([host, false])
})
