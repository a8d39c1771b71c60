import { expect, it } from 'vitest'
import { accountSchema } from '../../../src-main/contract/settings.ts'
import {
  accountId,
  applyGuess,
  chooseTls,
  formOf,
  newAccountForm,
  readForm,
} from '../../../src-renderer/settings/account-form.ts'
import { guessServers, isLoopback } from '../../../src-renderer/settings/server-guess.ts'

function filled() {
  const form = newAccountForm('help@acme.test', 'Help')
  form.imap.password = 'secret'
  return form
}

it('servers are guessed from the address, with implicit TLS, until they are changed by hand', () => {
  const form = filled()
  expect([form.imap.host, form.imap.port, form.smtp.host, form.smtp.port, form.imap.user]).toEqual([
    'imap.acme.test',
    '993',
    'smtp.acme.test',
    '465',
    'help@acme.test',
  ])
  form.imap.host = 'mail.acme.test'
  form.imap.guessed = false
  form.address = 'help@other.test'
  applyGuess(form)
  expect([form.imap.host, form.smtp.host]).toEqual(['mail.acme.test', 'smtp.other.test'])
})

it('well-known providers have servers and notes of their own', () => {
  expect(guessServers('a@gmail.com')).toMatchObject({ imap: { host: 'imap.gmail.com' }, note: 'app' })
  expect(guessServers('a@contoso.onmicrosoft.com')).toMatchObject({
    smtp: { host: 'smtp.office365.com', port: 587, tls: 'starttls' },
  })
  expect([guessServers('a'), guessServers('a@'), guessServers('a@b')]).toEqual([null, null, null])
})

it('a usual port follows the encryption, an unusual one stays', () => {
  const form = filled()
  chooseTls('imap', form.imap, 'starttls')
  expect(form.imap.port).toBe('143')
  form.imap.port = '10143'
  chooseTls('imap', form.imap, 'implicit')
  expect(form.imap.port).toBe('10143')
})

it('what the form gives is an account as the core takes it, with one login for both servers', () => {
  const { input, faults } = readForm(filled(), [])
  expect(faults).toEqual({})
  expect(accountSchema.safeParse(input?.account).success).toBe(true)
  expect(input).toMatchObject({
    account: {
      id: 'help-acme.test',
      smtp: { user: 'help@acme.test' },
      imap: { folders: ['INBOX'], sent: 'auto' },
    },
    imapPassword: 'secret',
    smtpPassword: 'secret',
  })
  expect(JSON.stringify(input?.account)).not.toContain('secret')
})

it('each fault is said beside its field', () => {
  const form = newAccountForm('not an address')
  form.smtp.on = false
  form.imap.host = ' '
  form.imap.port = '99999'
  form.imap.user = ''
  form.folders = []
  const { input, faults } = readForm(form, [])
  expect(input).toBeNull()
  expect(Object.keys(faults).sort()).toEqual(['address', 'folders', 'imap.host', 'imap.port', 'imap.user'])
})

it('no encryption to another computer needs consent, to this one it doesn’t', () => {
  const form = filled()
  chooseTls('imap', form.imap, 'none')
  expect(readForm(form, []).faults).toHaveProperty(['imap.insecure'])
  form.imap.insecure = true
  expect(readForm(form, []).input?.account.imap).toMatchObject({ tls: 'none', insecure: true })
  form.imap.host = '127.0.0.1'
  expect(readForm(form, []).input?.account.imap).not.toHaveProperty('insecure')
})

it('a stored password is kept when the field stays empty', () => {
  const account = accountSchema.parse({
    id: 'support',
    address: 'support@desk.test',
    imap: { host: 'h', port: 993, tls: 'implicit', user: 'u', sent: null },
    smtp: { host: 'h', port: 465, tls: 'implicit', user: 'u' },
    queue: 'Support',
    since: '2026-01-01',
  })
  const form = formOf({ ...account, has_password: { imap: true, smtp: true } })
  expect([form.sent, form.queue, form.since]).toEqual(['none', 'Support', '2026-01-01'])
  const { input, faults } = readForm(form, [account])
  expect(faults).toEqual({})
  expect(input).toEqual({ account })
})

it('two accounts never share an address or an id', () => {
  expect(readForm(filled(), [{ id: 'x', address: 'HELP@acme.test' }]).faults).toHaveProperty('address')
  expect(accountId('help@acme.test', ['help-acme.test'])).toBe('help-acme.test-2')
})

it('only this computer is loopback', () => {
  expect(
    [
      'localhost',
      '127.0.0.1',
      '127.9.9.9',
      '::1',
      'localhost.evil.test',
      '127.0.0.1.nip.io',
      '128.0.0.1',
    ].map(isLoopback),
  ).toEqual([true, true, true, true, false, false, false])
})
