import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { MailSource, MailSourceOptions } from '../../../src-main/connectors/connector.ts'
import { createImapSource } from '../../../src-main/connectors/imap.ts'
import type { Account, ImapSettings } from '../../../src-main/contract/settings.ts'
import { type Dovecot, hasDovecot, startDovecot } from '../../support/dovecot.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { accountFor, mailNumber, type MailRecorder, recordMail } from '../../support/mail-recorder.ts'

const users = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`u${index}@test.local`, 'secret']))
let dovecot: Dovecot
let taken = 0
const running: MailSource[] = []
const proxies: FaultProxy[] = []

beforeAll(async () => {
  dovecot = await startDovecot({ users })
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((source) => source.stop()))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()))
})
afterAll(() => dovecot.stop())

const fast = { reconnectFirst: 5, reconnectMax: 20 }
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)
const subjects = (texts: readonly string[]) => texts.map((text) => /^Subject: (.*)$/m.exec(text)?.[1])

async function proxyTo(port: number): Promise<FaultProxy> {
  const proxy = await startFaultProxy(port)
  proxies.push(proxy)
  return proxy
}

function source(
  port: number,
  user: string,
  more: {
    imap?: Partial<ImapSettings>
    account?: Partial<Account>
    timing?: MailSourceOptions['timing']
    password?: () => string | null
    recorder?: MailRecorder
  } = {},
): { recorder: MailRecorder; source: MailSource } {
  const recorder = more.recorder ?? recordMail({ ...fast, ...more.timing })
  const account = accountFor({ port, user, ...more.imap }, more.account)
  const password = more.password ?? (() => 'secret')
  const source = createImapSource({ account, password: async () => password(), ...recorder.options })
  running.push(source)
  source.start()
  return { recorder, source }
}

const isDone = (recorder: MailRecorder, folder = 'INBOX') => {
  const cursor = recorder.cursors.get(folder)?.cursor
  return typeof cursor === 'object' && cursor !== null && Reflect.get(cursor, 'done') === true
}

test.runIf(hasDovecot)(
  'a line that is cut forty times, anywhere, brings all mail and none twice',
  async () => {
    const user = `u${taken++}@test.local`
    dovecot.deliver(
      user,
      numbers(0, 600).map((number) => mailNumber(number, 'word '.repeat(400))),
    )
    const proxy = await proxyTo(dovecot.imapPort)
    // A fixed seed: a failure can be repeated.
    let seed = 7
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
    let cuts = 0
    // From the first byte of a session on; a line lasts for some mails, never for a batch.
    proxy.faults.cutAfter = () => (cuts++ < 40 ? Math.floor(random() * 30_000) : null)
    const { recorder } = source(proxy.port, user)
    await recorder.until(() => isDone(recorder), 'all mail')
    expect(cuts).toBeGreaterThan(40)
    expect(recorder.mails.length).toBe(600)
    expect(subjects(recorder.held('INBOX'))).toEqual(numbers(0, 600).map((number) => `mail ${number}`))
  },
)

test.runIf(hasDovecot)('a line that never lasts for a batch still brings everything', async () => {
  const user = `u${taken++}@test.local`
  dovecot.deliver(
    user,
    numbers(0, 300).map((number) => mailNumber(number, 'word '.repeat(400))),
  )
  const proxy = await proxyTo(dovecot.imapPort)
  proxy.faults.cutAfter = 60_000
  const { recorder } = source(proxy.port, user)
  await recorder.until(() => isDone(recorder), 'all mail')
  expect(recorder.mails.length).toBe(300)
})

test.runIf(hasDovecot)('large mails come through a line that breaks again and again', async () => {
  const user = `u${taken++}@test.local`
  const large = 'x'.repeat(70).concat('\r\n').repeat(4000)
  dovecot.deliver(
    user,
    numbers(0, 60).map((number) => mailNumber(number, number % 20 === 0 ? large : 'Hello\r\n')),
  )
  const proxy = await proxyTo(dovecot.imapPort)
  let lines = 0
  // Long enough for one large mail and what a login costs, not for two.
  proxy.faults.cutAfter = () => [20_000, 150_000, 350_000][lines++ % 3] ?? null
  const { recorder } = source(proxy.port, user)
  await recorder.until(() => isDone(recorder), 'all mail')
  expect(recorder.mails.length).toBe(60)
  expect(recorder.mails.filter(({ text }) => text.endsWith(large)).length).toBe(3)
})

test.runIf(hasDovecot)('answers that end early or come byte by byte bring the same mail', async () => {
  const user = `u${taken++}@test.local`
  dovecot.deliver(
    user,
    numbers(0, 20).map((number) => mailNumber(number)),
  )
  const proxy = await proxyTo(dovecot.imapPort)
  proxy.faults.truncateAfter = 2500
  const { recorder } = source(proxy.port, user)
  await recorder.until(() => recorder.state.connection === 'offline', 'an answer to end early')
  proxy.faults.truncateAfter = null
  proxy.faults.split = true
  await recorder.until(() => isDone(recorder), 'all mail')
  expect(recorder.mails.length).toBe(20)
})

test.runIf(hasDovecot)(
  'a network that goes and comes back is told, and mail that came meanwhile is taken in',
  async () => {
    const user = `u${taken++}@test.local`
    const proxy = await proxyTo(dovecot.imapPort)
    const { recorder } = source(proxy.port, user)
    await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
    await proxy.away()
    await recorder.until(() => recorder.state.connection === 'offline', 'the loss')
    await recorder.until(() => (recorder.state.problem ?? '').includes('refuses connections'), 'the reason')
    expect(recorder.state.problem).toBe(
      `127.0.0.1 refuses connections on port ${proxy.port}. Check the port under Settings; Workbin tries again by itself.`,
    )
    dovecot.deliver(user, mailNumber(1))
    await proxy.back()
    await recorder.until(() => recorder.mails.length === 1, 'the mail')
    await recorder.until(() => recorder.state.connection === 'online', 'to be online')
    expect(recorder.state.problem).toBeNull()
  },
)

test.runIf(hasDovecot)('a session killed during IDLE is taken up again', async () => {
  const user = `u${taken++}@test.local`
  const { recorder } = source(dovecot.imapPort, user)
  for (const number of [1, 2, 3]) {
    await recorder.until(
      () => recorder.state.connection === 'online' && recorder.state.lastSync !== null,
      'IDLE',
    )
    await dovecot.killConnections()
    await recorder.until(() => recorder.state.connection === 'offline', 'the loss')
    dovecot.deliver(user, mailNumber(number))
    await recorder.until(() => recorder.mails.length === number, `mail ${number}`)
  }
})

test.runIf(hasDovecot)('a server that is killed and restarted is found again', async () => {
  const own = await startDovecot()
  try {
    const { recorder, source: mailbox } = source(own.imapPort, 'alice@test.local')
    await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
    await own.kill()
    await recorder.until(() => recorder.state.connection === 'offline', 'the loss')
    own.deliver('alice@test.local', mailNumber(1))
    await own.restart()
    await recorder.until(() => recorder.mails.length === 1, 'the mail')
    await mailbox.stop()
  } finally {
    await own.stop()
  }
})

test.runIf(hasDovecot)('a half-open line is noticed and replaced', async () => {
  const user = `u${taken++}@test.local`
  const proxy = await proxyTo(dovecot.imapPort)
  const { recorder } = source(proxy.port, user, { timing: { socketTimeout: 150 } })
  await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
  proxy.faults.halfOpen = true
  dovecot.deliver(user, mailNumber(1))
  await recorder.until(() => recorder.state.connection === 'offline', 'the silence to be noticed')
  proxy.faults.halfOpen = false
  await recorder.until(() => recorder.mails.length === 1, 'the mail')
})

test.runIf(hasDovecot)('a stop is quick while the server is silent', async () => {
  const user = `u${taken++}@test.local`
  const proxy = await proxyTo(dovecot.imapPort)
  const { recorder, source: mailbox } = source(proxy.port, user)
  await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
  proxy.faults.halfOpen = true
  mailbox.lookNow()
  // The line's own patience is 75 s.
  await mailbox.stop()
  expect(recorder.state).toMatchObject({ connection: 'stopped', problem: null })
})

test.runIf(hasDovecot)('a wrong password is said once and not tried again until asked', async () => {
  const user = `u${taken++}@test.local`
  const proxy = await proxyTo(dovecot.imapPort)
  let password = 'wrong'
  const { recorder, source: mailbox } = source(proxy.port, user, { password: () => password })
  await recorder.until(() => recorder.state.connection === 'failed', 'the refusal')
  expect(recorder.state.problem).toBe(
    `The mail server refused the password for ${user}. It said: “Authentication failed”. Enter it again under Settings.`,
  )
  await expect(mailbox.fileSent('a@b', Buffer.from(''))).rejects.toMatchObject({ code: 'refused' })
  expect(await mailbox.findInSent('a@b')).toBeNull()
  expect(proxy.accepted).toBe(1)
  password = 'secret'
  mailbox.lookNow()
  await recorder.until(() => recorder.state.connection === 'online', 'the login')
  expect(proxy.accepted).toBe(2)
})

test.runIf(hasDovecot)('without a stored password nothing is connected to', async () => {
  const proxy = await proxyTo(dovecot.imapPort)
  const { recorder } = source(proxy.port, 'u0@test.local', { password: () => null })
  await recorder.until(() => recorder.state.connection === 'failed', 'the refusal')
  expect(recorder.state.problem).toBe('There is no password for u0@test.local. Enter it under Settings.')
  expect(proxy.accepted).toBe(0)
})

test.runIf(hasDovecot)(
  'an unverified certificate ends the line before the password; the pinned one is taken',
  async () => {
    const user = `u${taken++}@test.local`
    const imap = { tls: 'implicit' } as const
    const stranger = await startDovecot()
    try {
      const none = source(dovecot.imapsPort, user, { imap })
      const other = source(dovecot.imapsPort, user, {
        imap,
        account: { trustedCertificate: stranger.fingerprint256 },
      })
      const print = source(dovecot.imapsPort, user, {
        imap,
        account: { trustedCertificate: dovecot.fingerprint256.replaceAll(':', '').toLowerCase() },
      })
      const pem = source(dovecot.imapPort, user, {
        imap: { tls: 'starttls' },
        account: { trustedCertificate: dovecot.certificatePem },
      })
      await none.recorder.until(() => none.recorder.state.connection === 'failed', 'the refusal')
      expect(none.recorder.state.problem).toMatch(
        /^The certificate of 127\.0\.0\.1 was signed by nobody but itself\. It is for “localhost”.*No password was sent\./,
      )
      await other.recorder.until(() => other.recorder.state.connection === 'failed', 'the refusal')
      expect(other.recorder.state.problem).toMatch(/another certificate than the one you trusted/)
      for (const { recorder } of [print, pem])
        await recorder.until(() => recorder.state.connection === 'online', 'the pinned one')
    } finally {
      await stranger.stop()
    }
  },
)

test.runIf(hasDovecot)('where STARTTLS is stripped, no password is sent in the clear', async () => {
  const user = `u${taken++}@test.local`
  const proxy = await proxyTo(dovecot.imapPort)
  proxy.faults.fromServer = (piece) =>
    Buffer.from(piece.toString('latin1').replaceAll('STARTTLS', 'NOTHING!'), 'latin1')
  const { recorder } = source(proxy.port, user, {
    imap: { tls: 'starttls' },
    account: { trustedCertificate: dovecot.certificatePem },
  })
  await recorder.until(() => recorder.state.connection === 'failed', 'the refusal')
  expect(recorder.state.problem).toBe(
    `127.0.0.1 offers no STARTTLS on port ${proxy.port}, so no password was sent. Choose TLS (port 993) under Settings.`,
  )
  const said = proxy.fromClients().toString('latin1')
  expect(proxy.accepted).toBe(1)
  expect(said).not.toMatch(/LOGIN|AUTHENTICATE|secret|u\d+@test/)
})

test.runIf(hasDovecot)('with STARTTLS nothing of the login is readable on the way', async () => {
  const user = `u${taken++}@test.local`
  const proxy = await proxyTo(dovecot.imapPort)
  const { recorder } = source(proxy.port, user, {
    imap: { tls: 'starttls' },
    account: { trustedCertificate: dovecot.certificatePem },
  })
  await recorder.until(() => recorder.state.connection === 'online', 'the login')
  const said = proxy.fromClients().toString('latin1')
  expect(said).toMatch(/STARTTLS/)
  expect(said).not.toMatch(/AUTHENTICATE|LOGIN|secret/)
})

test('without TLS no connection is made to another computer, unless allowed', async () => {
  const { recorder } = source(143, 'u0', { imap: { host: 'mail.example.test' } })
  await recorder.until(() => recorder.state.connection === 'failed', 'the refusal')
  expect(recorder.state.problem).toMatch(
    /^mail\.example\.test is another computer, and without TLS the password/,
  )
  const allowed = source(143, 'u0', { imap: { host: 'mail.invalid', insecure: true } })
  await allowed.recorder.until(
    () => allowed.recorder.state.connection === 'offline',
    'the name to be looked up',
  )
})

test.runIf(hasDovecot)(
  'a server that withholds a mail is asked again; the rest goes on and nothing is skipped',
  async () => {
    const user = `u${taken++}@test.local`
    dovecot.deliver(
      user,
      numbers(0, 10).map((number) => mailNumber(number)),
    )
    const proxy = await proxyTo(dovecot.imapPort)
    // The row of UID 4 comes without its source, as iCloud and Exchange answer now and then.
    proxy.faults.fromServer = (piece) =>
      Buffer.from(
        piece
          .toString('latin1')
          .replace(/\* 4 FETCH \(UID 4 [^{]*BODY\[\](?:<0>)? \{(\d+)\}\r\n([^]*)/, (_row, size, rest) => {
            return `* 4 FETCH (UID 4 BODY[] NIL${String(rest).slice(Number(size))}`
          }),
        'latin1',
      )
    const { recorder } = source(proxy.port, user)
    await recorder.until(() => isDone(recorder), 'the rest')
    expect(subjects(recorder.held('INBOX'))).toEqual(
      [0, 1, 2, 4, 5, 6, 7, 8, 9].map((number) => `mail ${number}`),
    )
    expect(recorder.cursors.get('INBOX')).toMatchObject({ on_server: 10, cursor: { withheld: [4] } })
    await recorder.until(() => recorder.state.problem !== null, 'the problem to be told')
    expect(recorder.state.problem).toMatch(
      /^The mail server lists 1 mail\(s\) in “INBOX” that it doesn't hand over/,
    )
    expect(recorder.lines.some(({ message }) => message.includes('does not hand them over'))).toBe(true)

    proxy.faults.fromServer = null
    running[0]?.lookNow()
    await recorder.until(() => recorder.mails.length === 10, 'the one that was withheld')
    await recorder.until(() => recorder.state.problem === null, 'the problem to end')
  },
)

test.runIf(hasDovecot)('a mail that the server chokes on takes no other with it', async () => {
  const user = `u${taken++}@test.local`
  dovecot.deliver(
    user,
    numbers(0, 10).map((number) => mailNumber(number)),
  )
  const proxy = await proxyTo(dovecot.imapPort)
  // BAD for every FETCH that asks for UID 4, alone or among others.
  proxy.faults.fromClient = (piece) =>
    Buffer.from(piece.toString('latin1').replace(/UID FETCH (1:10|4) \(/g, 'UID FETCH $1 (FAULT '), 'latin1')
  const { recorder } = source(proxy.port, user)
  await recorder.until(() => isDone(recorder), 'the rest')
  expect(recorder.mails.length).toBe(9)
  expect(recorder.cursors.get('INBOX')).toMatchObject({ on_server: 10, cursor: { withheld: [4] } })
  expect(recorder.states.some(({ connection }) => connection === 'offline')).toBe(false)
})

test.runIf(hasDovecot)('a folder that the server refuses doesn’t keep the others waiting', async () => {
  const user = `u${taken++}@test.local`
  dovecot.maildir(user, 'Billing')
  dovecot.deliver(user, mailNumber(1))
  dovecot.deliver(user, mailNumber(2), 'Billing')
  const proxy = await proxyTo(dovecot.imapPort)
  proxy.faults.fromClient = (piece) =>
    Buffer.from(piece.toString('latin1').replace('EXAMINE Billing', 'EXAMINE Nowhere'), 'latin1')
  const { recorder, source: mailbox } = source(proxy.port, user, { imap: { folders: ['Billing', 'INBOX'] } })
  await recorder.until(() => recorder.mails.length === 1, 'the mail in INBOX')
  await recorder.until(() => recorder.state.problem !== null, 'the problem to be told')
  expect(recorder.state).toMatchObject({
    connection: 'online',
    problem:
      'The mail server refuses the folder “Billing”. Workbin tries again at every look; check who may read it, or take it out under Settings.',
  })
  proxy.faults.fromClient = null
  mailbox.lookNow()
  await recorder.until(() => recorder.mails.length === 2, 'the mail in Billing')
  await recorder.until(() => recorder.state.problem === null, 'the problem to end')
})

test.runIf(hasDovecot)(
  'a server that grants one line only still gives its history and its news',
  async () => {
    const user = `u${taken++}@test.local`
    dovecot.deliver(
      user,
      numbers(0, 800).map((number) => mailNumber(number)),
    )
    const proxy = await proxyTo(dovecot.imapPort)
    let greetings = 0
    proxy.faults.fromServer = (piece) => {
      const text = piece.toString('latin1')
      if (!text.startsWith('* OK ') || !text.includes('ready')) return piece
      greetings += 1
      return greetings > 1 ? Buffer.from('* BYE Too many connections\r\n') : piece
    }
    const recorder = recordMail({ ...fast, poll: 3_600_000 })
    recorder.beforeCommit = () => {
      if (recorder.batches.length === 2) dovecot.deliver(user, mailNumber(5000))
    }
    source(proxy.port, user, { recorder })
    await recorder.until(() => isDone(recorder) && recorder.mails.length === 801, 'all mail')
    expect(greetings).toBe(2)
  },
)
