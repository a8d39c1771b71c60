import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSettingsFile } from '../../../src-main/hosts/settings-file.ts'

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'settings-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function fault(content: unknown): string {
  const file = join(dir, 's.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  try {
    readSettingsFile(file)
  } catch (error) {
    const { message } = error as Error
    expect(message).not.toContain('\n')
    return message.replace(file, 'FILE')
  }
  return 'none'
}

const account = { id: 'support', address: 'support@desk.test' }
const imap = { host: 'h', port: 143, tls: 'starttls', user: 'u' }

describe('a settings file', () => {
  it('that is right is read, with its defaults', () => {
    const file = join(dir, 's.json')
    writeFileSync(file, `\uFEFF${JSON.stringify({ accounts: [{ ...account, imap }], queues: ['Support'] })}`)
    expect(readSettingsFile(file)).toMatchObject({
      accounts: [{ id: 'support', imap: { folders: ['INBOX'], sent: 'auto' }, smtp: null }],
      queues: ['Support'],
    })
  })

  it.each([
    [{ agnet: {} }, 'FILE can’t be used: agnet: there is no such setting.'],
    [
      { accounts: [{ ...account, imap: { ...imap, prot: 1 } }] },
      'FILE can’t be used: accounts[0].imap.prot: there is no such setting.',
    ],
    [
      { accounts: [{ ...account, imap: { ...imap, port: '143' } }] },
      'FILE can’t be used: accounts[0].imap.port: Invalid input: expected number, received string.',
    ],
    [{ accounts: [{ ...account, imap: { ...imap, port: 0 } }] }, /accounts\[0\]\.imap\.port: Too small/],
    [{ accounts: [{ ...account, address: 'nobody' }] }, /accounts\[0\]\.address: is not an e-mail address/],
    [{ undoSendSeconds: -1 }, /undoSendSeconds: Too small/],
    [{ queues: 'Support' }, /queues: Invalid input: expected array/],
    [{ api: { lisen: '0.0.0.0' } }, 'FILE can’t be used: api.lisen: there is no such setting.'],
    [
      { api: { 'email.sales': { mailbox: 'x' } } },
      /api\["email\.sales"\]\.mailbox: is not an e-mail address/,
    ],
    [{ agent: { id: 1, firstName: '', lastName: '', email: 'x' } }, /agent\.email: is not an e-mail address/],
    [[], /\$: Invalid input: expected object/],
    ['{"queues": [\n  "a",\n  b\n]}', 'FILE is not JSON: look at line 3, column 3.'],
    ['', 'FILE is not JSON: it is empty.'],
    ['{"queues": [', 'FILE is not JSON: it ends too early.'],
    ['{"queues": ["a",]}', 'FILE is not JSON: look at line 1, column 17.'],
    ['{"queues": [] // mine\n}', 'FILE is not JSON: look at line 1, column 15.'],
    ['{"a": {}, "b": [], "c" 1}', 'FILE is not JSON: look at line 1, column 24.'],
    ['{} {}', 'FILE is not JSON: look at line 1, column 4.'],
    ["{'a': 1}", 'FILE is not JSON: look at line 1, column 2.'],
  ])('%j is refused with its place', (content, message) => {
    if (typeof message === 'string') expect(fault(content)).toBe(`The settings file ${message}`)
    else expect(fault(content)).toMatch(message)
  })

  it('a fault never quotes a password', () => {
    expect(fault('{"accounts":[{"imap":{"password":"hunter22" "x"}}]}')).not.toContain('hunter')
    expect(fault({ accounts: [{ ...account, imap: { ...imap, password: ['hunter22'] } }] })).not.toContain(
      'hunter',
    )
  })

  it('a file that isn’t there or is a folder is named', () => {
    expect(() => readSettingsFile(join(dir, 'no.json'))).toThrow('there is no such file')
    expect(() => readSettingsFile(dir)).toThrow('it is a folder')
  })
})
