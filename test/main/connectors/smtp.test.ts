import { createServer, type Socket } from 'node:net'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { SendOutcome } from '../../../src-main/connectors/connector.ts'
import { createSmtpSink, testSmtp } from '../../../src-main/connectors/smtp.ts'
import type { SmtpTiming } from '../../../src-main/connectors/smtp-line.ts'
import type { Account } from '../../../src-main/contract/settings.ts'
import { makeCertificate, type TestCertificate } from '../../support/certificate.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { DROP_POINTS, startScriptedSmtp } from '../../support/scripted-smtp.ts'
import { smtpAccount, type SmtpSinkOptions, startSmtpSink } from '../../support/smtp-sink.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})
async function serve(options: SmtpSinkOptions = {}) {
  const server = await startSmtpSink(options)
  stops.push(() => server.stop())
  return server
}
async function scripted(options: { pipelining?: boolean } = {}) {
  const server = await startScriptedSmtp(options)
  stops.push(() => server.stop())
  return server
}

let certificate: TestCertificate
beforeAll(() => {
  certificate = makeCertificate()
})

const mime = Buffer.from('From: support@acme.test\r\nSubject: s\r\n\r\n.dot\r\nhello\r\n')
interface Sent {
  readonly outcome: SendOutcome
  /** How often the store was told that data begins. */
  readonly marked: number
}
async function send(
  account: Account,
  options: {
    password?: string | null
    to?: string[]
    mime?: Buffer
    smtputf8?: boolean
    timing?: Partial<SmtpTiming>
    dataStarted?: () => Promise<void>
  } = {},
): Promise<Sent> {
  let marked = 0
  const sink = createSmtpSink({
    account,
    password: options.password ?? null,
    log: () => {},
    ...(options.timing ? { timing: options.timing } : {}),
  })
  const outcome = await sink.send({
    envelope: {
      from: account.address,
      to: options.to ?? ['ann@x.test'],
      smtputf8: options.smtputf8 ?? false,
    },
    mime: options.mime ?? mime,
    written: () => Promise.reject(new Error('SMTP takes the mail as it is')),
    async dataStarted() {
      marked += 1
      await options.dataStarted?.()
    },
  })
  return { outcome, marked }
}

describe('a mail', () => {
  it('is handed over as it is, once data was noted down', async () => {
    const server = await serve()
    const seen: number[] = []
    const { outcome, marked } = await send(smtpAccount(server), {
      to: ['ann@x.test', 'bob@x.test'],
      dataStarted: async () => {
        seen.push(server.mails.length)
      },
    })
    expect(outcome).toMatchObject({
      kind: 'accepted',
      recipients: [
        { address: 'ann@x.test', state: 'accepted' },
        { address: 'bob@x.test', state: 'accepted' },
      ],
    })
    expect([marked, seen]).toEqual([1, [0]])
    expect(server.mails).toEqual([{ from: 'support@acme.test', to: ['ann@x.test', 'bob@x.test'], raw: mime }])
  })

  it('of many megabytes arrives whole', async () => {
    const server = await serve()
    const big = Buffer.concat([Buffer.from('Subject: s\r\n\r\n'), Buffer.alloc(8_000_000, 'abcdefghij\r\n')])
    expect((await send(smtpAccount(server), { mime: big })).outcome.kind).toBe('accepted')
    expect(
      server.mails[0]?.raw.equals(Buffer.concat([big, Buffer.from('\r\n')])) ||
        server.mails[0]?.raw.equals(big),
    ).toBe(true)
  })

  it('does not begin where that could not be noted down', async () => {
    const server = await scripted()
    const { outcome } = await send(smtpAccount(server), {
      dataStarted: () => Promise.reject(new Error('disk full')),
    })
    expect(outcome).toMatchObject({ kind: 'not-sent', lasting: false })
    expect(server.taken).toEqual([])
  })

  it.each(['PLAIN', 'LOGIN'])('is sent after a login by %s', async (method) => {
    const server = await serve({ user: 'ada', password: 'pä ss', authMethods: [method] })
    const { outcome } = await send(smtpAccount(server, { user: 'ada' }), { password: 'pä ss' })
    expect(outcome.kind).toBe('accepted')
    expect(server.logins).toMatchObject([{ user: 'ada', method }])
  })

  it('names this computer nowhere in its greeting', async () => {
    const server = await serve()
    const line = await startFaultProxy(server.port)
    stops.push(() => line.stop())
    await send(smtpAccount(line))
    expect(line.fromClients().toString()).toContain('EHLO [127.0.0.1]\r\n')
  })
})

describe('a refusal', () => {
  it('of one recipient of three is told for that one', async () => {
    const server = await serve()
    server.refuse.rcpt['bob@x.test'] = [550, '5.1.1 No such user']
    const { outcome } = await send(smtpAccount(server), { to: ['ann@x.test', 'bob@x.test', 'cleo@x.test'] })
    expect(outcome).toMatchObject({
      kind: 'accepted',
      recipients: [
        { address: 'ann@x.test', state: 'accepted' },
        { address: 'bob@x.test', state: 'rejected', reply: '550 5.1.1 No such user' },
        { address: 'cleo@x.test', state: 'accepted' },
      ],
    })
    expect(server.mails[0]?.to).toEqual(['ann@x.test', 'cleo@x.test'])
  })

  it('of every recipient is lasting, and nothing was begun', async () => {
    const server = await serve()
    server.refuse.rcpt['ann@x.test'] = [550, '5.1.1 No such user']
    expect(await send(smtpAccount(server))).toMatchObject({
      marked: 0,
      outcome: {
        kind: 'rejected',
        problem:
          '127.0.0.1 doesn’t take mail for ann@x.test: “550 5.1.1 No such user”. Correct the address, then send it again.',
        recipients: [{ address: 'ann@x.test', state: 'rejected', reply: '550 5.1.1 No such user' }],
      },
    })
  })

  it('for now of one of them and for good of the other is tried again', async () => {
    const server = await serve()
    server.refuse.rcpt['ann@x.test'] = [550, 'No']
    server.refuse.rcpt['bob@x.test'] = [450, 'Greylisted']
    const { outcome } = await send(smtpAccount(server), { to: ['ann@x.test', 'bob@x.test'] })
    expect(outcome).toMatchObject({ kind: 'not-sent', lasting: false })
    expect(outcome).not.toHaveProperty('blocks')
  })

  it.each([
    ['mail', 451, 'not-sent', 0],
    ['mail', 550, 'rejected', 0],
    ['data', 452, 'not-sent', 1],
    ['data', 554, 'rejected', 1],
  ] as const)('of %s by %i is %s', async (step, code, kind, marked) => {
    const server = await serve()
    server.refuse[step] = [code, 'Refused']
    expect(await send(smtpAccount(server))).toMatchObject({ marked, outcome: { kind } })
    expect(server.mails).toEqual([])
  })

  it('of the password names the account and says what to do', async () => {
    const server = await serve({ user: 'ada', password: 'right' })
    const { outcome, marked } = await send(smtpAccount(server, { user: 'ada' }), { password: 'wrong' })
    expect([outcome, marked]).toEqual([
      {
        kind: 'not-sent',
        lasting: true,
        blocks: 'account',
        problem:
          'The mail server refused the password for support@acme.test. It said: “535 5.7.8 Wrong user or password”. Enter it again under Settings.',
      },
      0,
    ])
  })

  it('to check the password just now is not lasting', async () => {
    const server = await serve({ user: 'ada', password: 'right' })
    server.refuse.auth = [454, 'Later']
    const { outcome } = await send(smtpAccount(server, { user: 'ada' }), { password: 'right' })
    expect(outcome).toMatchObject({ kind: 'not-sent', lasting: false, blocks: 'account' })
  })

  it('is not even asked for without a password', async () => {
    const server = await serve({ user: 'ada', password: 'right' })
    const { outcome } = await send(smtpAccount(server, { user: 'ada' }))
    expect(outcome).toMatchObject({ kind: 'not-sent', lasting: true })
    expect(server.logins).toEqual([])
  })

  it('of too large a mail comes before it is sent', async () => {
    const server = await serve({ size: 1000 })
    const { outcome, marked } = await send(smtpAccount(server), { mime: Buffer.alloc(2_000_000, 'x') })
    expect([outcome.kind, marked]).toEqual(['rejected', 0])
    expect(outcome).toMatchObject({ problem: expect.stringContaining('The mail has 1.9 MB') })
  })
})

describe('an international address', () => {
  it('is sent where the server offers SMTPUTF8', async () => {
    const server = await serve()
    const { outcome } = await send(smtpAccount(server), { to: ['zoë@x.test'], smtputf8: true })
    expect(outcome.kind).toBe('accepted')
    expect(server.mails[0]?.to).toEqual(['zoë@x.test'])
  })

  it('is refused with a sentence before MAIL FROM where it does not', async () => {
    const server = await serve({ smtpUtf8: false })
    const line = await startFaultProxy(server.port)
    stops.push(() => line.stop())
    const { outcome, marked } = await send(smtpAccount(line), { to: ['zoë@x.test'], smtputf8: true })
    expect([outcome.kind, marked]).toEqual(['rejected', 0])
    expect(outcome).toMatchObject({
      problem: expect.stringContaining('takes no international address such as zoë@x.test'),
    })
    expect(line.fromClients().toString()).not.toContain('MAIL FROM')
  })
})

describe('encryption', () => {
  it.each(['implicit', 'starttls'] as const)(
    'by %s with the pinned certificate carries login and mail',
    async (tls) => {
      const server = await serve({ tls, certificate, user: 'ada', password: 'pw' })
      for (const trustedCertificate of [certificate.fingerprint256, certificate.cert]) {
        const account = smtpAccount(server, { tls, user: 'ada' }, { trustedCertificate })
        expect((await send(account, { password: 'pw' })).outcome.kind).toBe('accepted')
      }
      expect(server.logins.every(({ secure }) => secure)).toBe(true)
    },
  )

  it.each(['implicit', 'starttls'] as const)(
    'by %s sends no password to a certificate that nobody vouches for',
    async (tls) => {
      const server = await serve({ tls, certificate, user: 'ada', password: 'pw' })
      const { outcome } = await send(smtpAccount(server, { tls, user: 'ada' }), { password: 'pw' })
      expect(outcome).toMatchObject({ kind: 'not-sent', lasting: true, blocks: 'account' })
      expect(outcome).toMatchObject({ problem: expect.stringContaining('signed by nobody but itself') })
      expect(server.logins).toEqual([])
    },
  )

  it.each(['implicit', 'starttls'] as const)(
    'by %s sends no password to another certificate than the pinned one',
    async (tls) => {
      const server = await serve({ tls, certificate: makeCertificate(), user: 'ada', password: 'pw' })
      const account = smtpAccount(
        server,
        { tls, user: 'ada' },
        { trustedCertificate: certificate.fingerprint256 },
      )
      const { outcome } = await send(account, { password: 'pw' })
      expect(outcome).toMatchObject({
        problem: expect.stringContaining('another certificate than the one you trusted'),
      })
      expect(server.logins).toEqual([])
    },
  )

  it('is never given up where STARTTLS is stripped', async () => {
    const server = await serve({ tls: 'starttls', certificate, user: 'ada', password: 'canary' })
    const line = await startFaultProxy(server.port)
    stops.push(() => line.stop())
    line.faults.fromServer = (piece) =>
      Buffer.from(
        piece
          .toString('latin1')
          .replace(/250-STARTTLS\r\n/, '')
          .replace(/250 STARTTLS/, '250 OK'),
        'latin1',
      )
    line.faults.fromClient = (piece) =>
      piece.toString() === 'STARTTLS\r\n' ? Buffer.from('NOSUCH\r\n') : piece
    const account = smtpAccount(
      line,
      { tls: 'starttls', user: 'ada' },
      { trustedCertificate: certificate.cert },
    )
    const { outcome } = await send(account, { password: 'canary' })
    expect(outcome).toMatchObject({
      kind: 'not-sent',
      problem: expect.stringContaining('offers no STARTTLS'),
    })
    const sent = line.fromClients().toString()
    expect(sent).not.toMatch(/AUTH|MAIL FROM/)
  })

  it('may be missing only to this computer, or by consent', async () => {
    const account = smtpAccount({ port: 25 }, { host: 'mail.acme.test', user: 'ada' })
    const { outcome } = await send(account, { password: 'pw' })
    expect(outcome).toMatchObject({
      kind: 'not-sent',
      lasting: true,
      problem: expect.stringContaining('Choose TLS or STARTTLS'),
    })
  })
})

describe('a line that breaks', () => {
  for (const pipelining of [false, true])
    it.each(DROP_POINTS)(
      `at %s${pipelining ? ', commands sent ahead,' : ''} is uncertain only after data began`,
      async (point) => {
        const server = await scripted({ pipelining })
        server.dropAt = point
        const big = Buffer.concat([mime, Buffer.alloc(600_000, 'abcdefgh\r\n')])
        const { outcome, marked } = await send(smtpAccount(server, { user: 'ada' }), {
          password: 'pw',
          mime: big,
        })
        const at = DROP_POINTS.indexOf(point)
        if (point === 'after-250') expect(outcome.kind).toBe('accepted')
        // Bytes may have left only from here on; a line that broke right at 354 may not even have got there.
        else if (at > DROP_POINTS.indexOf('after-354')) expect([outcome.kind, marked]).toEqual(['unknown', 1])
        else if (point === 'after-354') expect(['unknown', 'not-sent']).toContain(outcome.kind)
        else
          expect([outcome, marked]).toMatchObject([
            { kind: 'not-sent', lasting: false, blocks: 'account' },
            0,
          ])
        if (outcome.kind === 'unknown') expect(marked).toBe(1)
      },
    )

  it.each(
    DROP_POINTS.filter(
      (point) =>
        !['after-greeting', 'within-ehlo', 'after-auth', 'after-rcpt', 'after-354', 'after-250'].includes(
          point,
        ),
    ),
  )('by silence at %s ends too', async (point) => {
    const server = await scripted()
    server.stallAt = point
    const { outcome, marked } = await send(smtpAccount(server, { user: 'ada' }), {
      password: 'pw',
      mime: Buffer.concat([mime, Buffer.alloc(600_000, 'abcdefgh\r\n')]),
      timing: { connect: 150, reply: 150, answer: 150 },
    })
    expect(outcome.kind).toBe(marked === 0 ? 'not-sent' : 'unknown')
    expect(marked).toBe(DROP_POINTS.indexOf(point) > DROP_POINTS.indexOf('after-354') ? 1 : 0)
  })

  it('in the middle of the answer has not been answered', async () => {
    const server = await raw((socket) => {
      socket.write('220 hi\r\n')
      let data = false
      socket.on('data', (piece) => {
        const text = piece.toString()
        if (data) {
          if (text.endsWith('.\r\n')) socket.end('550 half a repl')
        } else if (text.startsWith('DATA')) {
          data = true
          socket.write('354 go\r\n')
        } else socket.write('250 ok\r\n')
      })
    })
    expect((await send(smtpAccount(server))).outcome.kind).toBe('unknown')
  })
})

async function raw(serveSocket: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serveSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(async () => {
    server.close()
  })
  const place = server.address()
  if (place === null || typeof place === 'string') throw new Error('no port')
  return { port: place.port }
}

describe('the connection test', () => {
  const quick = { connect: 400, reply: 2000 }
  const steps = (test: Awaited<ReturnType<typeof testSmtp>>) =>
    test.steps.map(({ step, ok }) => `${step} ${ok ? 'ok' : 'fails'}`)
  const last = (test: Awaited<ReturnType<typeof testSmtp>>) => test.steps.at(-1)?.message ?? ''

  it('goes all the way where everything is right', async () => {
    const server = await serve({ tls: 'starttls', certificate, user: 'ada', password: 'pw' })
    const account = smtpAccount(
      server,
      { tls: 'starttls', user: 'ada' },
      { trustedCertificate: certificate.cert },
    )
    const test = await testSmtp(account, 'pw', quick)
    expect(test).toMatchObject({ ok: true, certificate: null })
    expect(steps(test)).toEqual([
      'resolve ok',
      'connect ok',
      'certificate ok',
      'greeting ok',
      'login ok',
      'ready ok',
    ])
    expect(server.mails).toEqual([])
  })

  it('shows a certificate that nobody vouches for, with its fingerprint', async () => {
    for (const tls of ['implicit', 'starttls'] as const) {
      const server = await serve({ tls, certificate })
      const test = await testSmtp(smtpAccount(server, { tls }), null, quick)
      expect(steps(test)).toEqual(['resolve ok', 'connect ok', 'certificate fails'])
      expect(test.certificate).toMatchObject({
        server: 'smtp',
        subject: 'localhost',
        fingerprint256: certificate.fingerprint256,
      })
      expect(last(test)).toContain('signed by nobody but itself')
    }
  })

  it('tells a certificate that ran out', async () => {
    const expired = makeCertificate({ expired: true })
    const server = await serve({ tls: 'implicit', certificate: expired })
    const test = await testSmtp(smtpAccount(server, { tls: 'implicit' }), null, quick)
    expect(test.certificate?.valid_to.slice(0, 10)).toBe('2024-02-01')
  })

  it('takes a pinned certificate whose name and date are wrong', async () => {
    const odd = makeCertificate({ names: 'DNS:other.test', expired: true })
    const server = await serve({ tls: 'implicit', certificate: odd })
    const test = await testSmtp(
      smtpAccount(server, { tls: 'implicit' }, { trustedCertificate: odd.fingerprint256 }),
      null,
      quick,
    )
    expect(test.ok).toBe(true)
  })

  it('tells a wrong password', async () => {
    const server = await serve({ user: 'ada', password: 'pw' })
    const test = await testSmtp(smtpAccount(server, { user: 'ada' }), 'no', quick)
    expect(steps(test)).toEqual(['resolve ok', 'connect ok', 'greeting ok', 'login fails'])
    expect(last(test)).toContain('refused the password for support@acme.test')
  })

  it('tells a closed port', async () => {
    const server = await startSmtpSink()
    await server.stop()
    const test = await testSmtp(smtpAccount(server), null, quick)
    expect(steps(test)).toEqual(['resolve ok', 'connect fails'])
    expect(last(test)).toContain(`refuses connections on port ${server.port}`)
  })

  it('tells a host that is not there', async () => {
    const test = await testSmtp(
      smtpAccount({ port: 25 }, { host: 'no-such-host.invalid', tls: 'implicit' }),
      null,
      quick,
    )
    expect(steps(test)).toEqual(['resolve fails'])
    expect(last(test)).toContain('no-such-host.invalid of support@acme.test can’t be found')
  })

  it('tells a port that wants no TLS, and one that wants it at once', async () => {
    const plain = await serve()
    const implicit = await testSmtp(smtpAccount(plain, { tls: 'implicit' }), null, quick)
    expect(last(implicit)).toContain('doesn’t speak TLS')
    const wrapped = await serve({ tls: 'implicit', certificate })
    const starttls = await testSmtp(smtpAccount(wrapped, { tls: 'starttls' }), null, quick)
    expect(last(starttls)).toContain('Perhaps the port wants TLS at once')
  })

  it('tells that STARTTLS is not offered', async () => {
    const plain = await serve()
    const test = await testSmtp(smtpAccount(plain, { tls: 'starttls' }), null, quick)
    expect(last(test)).toContain('offers no STARTTLS')
  })

  it('tells that what answers is no mail server', async () => {
    const web = await raw((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(last(await testSmtp(smtpAccount(web), null, quick))).toContain('is no mail server')
  })

  it('tells a certificate setting that is none', async () => {
    const server = await serve({ tls: 'implicit', certificate })
    const test = await testSmtp(
      smtpAccount(server, { tls: 'implicit' }, { trustedCertificate: 'nonsense' }),
      null,
      quick,
    )
    expect(last(test)).toContain('neither a PEM text nor a SHA-256 fingerprint')
  })
})
