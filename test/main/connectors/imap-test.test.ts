import { createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testImap } from '../../../src-main/connectors/imap.ts'
import { type Dovecot, hasDovecot, startDovecot } from '../../support/dovecot.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { accountFor } from '../../support/mail-recorder.ts'

let dovecot: Dovecot
const servers: Server[] = []
let proxy: FaultProxy | null = null

beforeAll(async () => {
  dovecot = await startDovecot()
})
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await proxy?.stop()
  proxy = null
})
afterAll(() => dovecot.stop())

/** Names of the steps that passed, and the one that failed with its sentence. */
function summary({ steps, ok }: Awaited<ReturnType<typeof testImap>>) {
  const failed = steps.find((step) => !step.ok)
  return {
    ok,
    passed: steps.filter((step) => step.ok).map(({ step }) => step),
    failed: failed ? failed.step : null,
    message: failed?.message ?? null,
  }
}

async function speaks(greeting: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(greeting)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

test.runIf(hasDovecot)('a right account passes every step and shows its folders', async () => {
  const found = await testImap(
    accountFor({ port: dovecot.imapsPort, tls: 'implicit' }, { trustedCertificate: dovecot.fingerprint256 }),
    'secret',
  )
  expect(summary(found)).toEqual({
    ok: true,
    passed: ['resolve', 'connect', 'certificate', 'greeting', 'login', 'folders', 'ready'],
    failed: null,
    message: null,
  })
  expect(found.certificate).toBeNull()
  expect(found.folders).toContainEqual({ path: 'Sent', special_use: '\\Sent' })
  expect(found.steps.at(-1)?.message).toBe('“INBOX” holds 0 mail(s). New mail arrives at once.')
})

test.runIf(hasDovecot)('STARTTLS passes the same steps', async () => {
  const account = accountFor(
    { port: dovecot.imapPort, tls: 'starttls' },
    { trustedCertificate: dovecot.certificatePem },
  )
  expect(summary(await testImap(account, 'secret'))).toMatchObject({ ok: true })
})

test.runIf(hasDovecot)(
  'a certificate that can’t be verified is shown and ends the test before the password',
  async () => {
    const found = await testImap(accountFor({ port: dovecot.imapsPort, tls: 'implicit' }), 'secret')
    expect(summary(found)).toMatchObject({ ok: false, passed: ['resolve', 'connect'], failed: 'certificate' })
    expect(found.certificate).toEqual({
      server: 'imap',
      subject: 'localhost',
      issuer: 'localhost',
      valid_to: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      fingerprint256: dovecot.fingerprint256,
    })
    // What is shown can be trusted as it stands.
    const trusted = accountFor(
      { port: dovecot.imapsPort, tls: 'implicit' },
      { trustedCertificate: found.certificate?.fingerprint256 ?? '' },
    )
    expect((await testImap(trusted, 'secret')).ok).toBe(true)
  },
)

test.runIf(hasDovecot)('a wrong password, none, and a wrong user are told at the login', async () => {
  const account = accountFor({ port: dovecot.imapPort })
  expect(summary(await testImap(account, 'wrong'))).toEqual({
    ok: false,
    passed: ['resolve', 'connect', 'greeting'],
    failed: 'login',
    message:
      'The mail server refused the password for alice@test.local. It said: “Authentication failed”. Enter it again under Settings.',
  })
  expect(summary(await testImap(account, null))).toMatchObject({
    failed: 'login',
    message: 'There is no password for alice@test.local. Enter it.',
  })
  const stranger = accountFor({ port: dovecot.imapPort, user: 'nobody@test.local' })
  expect(summary(await testImap(stranger, 'secret'))).toMatchObject({ failed: 'login' })
})

test.runIf(hasDovecot)('a folder that isn’t there is named', async () => {
  const account = accountFor({ port: dovecot.imapPort, folders: ['INBOX', 'Support'] })
  const found = await testImap(account, 'secret')
  expect(summary(found)).toMatchObject({
    failed: 'folders',
    message: 'There is no folder “Support” in this mailbox. Choose from the 6 that it has.',
  })
  expect(found.folders.length).toBe(6)
})

test('an unknown host, a closed port and another protocol are told apart', async () => {
  const unknown = accountFor({ port: 993, host: 'mail.invalid', tls: 'implicit' })
  expect(summary(await testImap(unknown, 'x'))).toMatchObject({
    passed: [],
    failed: 'resolve',
    message: "The mail server mail.invalid can't be found. Check the network, and its name under Settings.",
  })
  proxy = await startFaultProxy(1)
  await proxy.away()
  expect(summary(await testImap(accountFor({ port: proxy.port }), 'x'))).toMatchObject({
    passed: ['resolve'],
    failed: 'connect',
    message: `127.0.0.1 refuses connections on port ${proxy.port}. Check the port under Settings.`,
  })
  const notTls = accountFor({ port: await speaks('* OK ready\r\n'), tls: 'implicit' })
  expect(summary(await testImap(notTls, 'x'))).toMatchObject({
    passed: ['resolve', 'connect'],
    failed: 'certificate',
    message: expect.stringContaining("doesn't speak TLS on port"),
  })
  const web = accountFor({ port: await speaks('HTTP/1.1 400 Bad Request\r\n\r\n') })
  expect(summary(await testImap(web, 'x'))).toMatchObject({
    passed: ['resolve', 'connect'],
    failed: 'greeting',
  })
  const full = accountFor({ port: await speaks('* BYE Too many connections\r\n') })
  expect(summary(await testImap(full, 'x'))).toMatchObject({
    failed: 'greeting',
    message: expect.stringMatching(/allows no more connections.*“Too many connections”/),
  })
})

test.runIf(hasDovecot)('a server without STARTTLS gets no password', async () => {
  proxy = await startFaultProxy(dovecot.imapPort)
  proxy.faults.fromServer = (piece) =>
    Buffer.from(piece.toString('latin1').replaceAll('STARTTLS', 'NOTHING!'), 'latin1')
  const account = accountFor({ port: proxy.port, tls: 'starttls' })
  expect(summary(await testImap(account, 'secret'))).toMatchObject({
    failed: 'certificate',
    message: expect.stringContaining('offers no STARTTLS'),
  })
  expect(proxy.fromClients().toString('latin1')).not.toMatch(/secret|LOGIN|AUTHENTICATE/)
})

test('without TLS another computer isn’t even connected to', async () => {
  const account = accountFor({ port: 143, host: '192.0.2.1' })
  expect(summary(await testImap(account, 'secret'))).toMatchObject({
    failed: 'connect',
    message: expect.stringContaining('without TLS the password would cross the network readable'),
  })
})
