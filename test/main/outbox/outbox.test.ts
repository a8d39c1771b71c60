import { chmodSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { MailSink, SendOutcome } from '../../../src-main/connectors/connector.ts'
import { smtpAccount, startSmtpSink, type SmtpSink } from '../../support/smtp-sink.ts'
import { until } from '../../support/until.ts'
import { createFakeSent, openSendingDesk, type SendingDesk } from './sending.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function open(): Promise<{ server: SmtpSink; desk: SendingDesk }> {
  const server = await startSmtpSink({ user: 'ada', password: 'pw' })
  stops.push(() => server.stop())
  const desk = await openSendingDesk(server)
  stops.push(() => desk.close())
  return { server, desk }
}

interface Try {
  readonly at: number
  readonly to: string
  /** Ends the try. */
  readonly answer: (outcome: SendOutcome) => void
}

/** A server in the test's hand: each try waits for its answer. */
function handSink(desk: SendingDesk): { tries: Try[]; most: number } {
  const seen = { tries: [] as Try[], most: 0 }
  let running = 0
  const sink: MailSink = {
    async send({ envelope, dataStarted }) {
      running += 1
      seen.most = Math.max(seen.most, running)
      const outcome = await new Promise<SendOutcome>((answer) => {
        seen.tries.push({ at: desk.clock.now(), to: envelope.to.join(), answer })
      })
      if (outcome.kind === 'accepted' || outcome.kind === 'unknown') await dataStarted()
      running -= 1
      return outcome
    },
  }
  desk.sinkFor = () => sink
  return seen
}
const accepted = (address = 'ann@x.test'): SendOutcome => ({
  kind: 'accepted',
  reply: '250 ok',
  recipients: [{ address, state: 'accepted', reply: '250 ok' }],
})
const later = (blocks = false): SendOutcome => ({
  kind: 'not-sent',
  problem: 'Not now.',
  lasting: false,
  ...(blocks ? { blocks: 'account' as const } : {}),
})
const nthTry = async (seen: { tries: Try[] }, n: number): Promise<Try> =>
  await until(`there is a try number ${n}`, () => seen.tries[n - 1])

describe('a mail that is sent', () => {
  it('leaves after the time for Undo, once, and is Done with its copy in Sent', async () => {
    const { server, desk } = await open()
    const sent = createFakeSent()
    desk.source = sent
    desk.accounts = desk.accounts.map((account) => ({
      ...account,
      imap: { host: 'h', port: 1, tls: 'implicit', user: 'u', folders: ['INBOX'], sent: 'auto' },
    }))
    const id = await desk.send({ bcc: [{ address: 'secret@y.test' }] })
    await desk.clock.advance(9999)
    expect([server.mails.length, (await desk.delivery(id)).state]).toEqual([0, 'queued'])
    await desk.clock.advance(1)
    const delivery = await desk.rests(id, 'filed')
    expect(delivery).toMatchObject({ sent_copy: 'filed', problem: null, attempts: 1 })
    expect(server.mails[0]?.to).toEqual(['ann@x.test', 'secret@y.test'])
    expect(server.mails[0]?.raw.toString()).not.toContain('secret')
    const [copy] = sent.sent.values()
    expect(Buffer.from(copy ?? []).toString()).toMatch(/^Bcc: secret@y\.test\r\n/)
    const interaction = await desk.store.interaction(delivery.interaction_id)
    expect(interaction).toMatchObject({ status: 3, stopped_reason: 'Sent' })
    await desk.clock.advance(24 * HOUR)
    expect([server.mails.length, sent.appends]).toEqual([1, 1])
  })

  it('is taken back while Undo can, and never leaves', async () => {
    const { server, desk } = await open()
    const id = await desk.send()
    await desk.clock.advance(5 * SECOND)
    const draft = await desk.store.undoSend(id)
    expect(draft.text).toBe('It is on its way.')
    await desk.clock.advance(HOUR)
    expect(server.mails).toEqual([])
  })

  it('waits its turn in its account, and not for another account', async () => {
    const { desk } = await open()
    const [support] = desk.accounts
    if (!support) throw new Error('there is no account')
    desk.accounts = [support, { ...support, id: 'billing', address: 'billing@acme.test' }]
    const seen = handSink(desk)
    for (const n of [1, 2, 3]) {
      await desk.send({ to: [{ address: `a${n}@x.test` }] })
      await desk.clock.advance(1)
    }
    await desk.send({ to: [{ address: 'b1@x.test' }], account_id: 'billing' })
    await desk.clock.advance(MINUTE)
    expect(seen.tries.map(({ to }) => to)).toEqual(['a1@x.test', 'b1@x.test'])
    seen.tries[0]?.answer(accepted('a1@x.test'))
    expect((await nthTry(seen, 3)).to).toBe('a2@x.test')
    seen.tries[2]?.answer(accepted('a2@x.test'))
    expect((await nthTry(seen, 4)).to).toBe('a3@x.test')
    seen.tries[3]?.answer(accepted('a3@x.test'))
    seen.tries[1]?.answer(accepted('b1@x.test'))
    expect(seen.most).toBe(2)
  })

  it('is not claimed a second time while it is being sent', async () => {
    const { desk } = await open()
    const seen = handSink(desk)
    const id = await desk.send()
    await desk.clock.advance(MINUTE)
    for (let i = 0; i < 5; i++) {
      desk.outbox.wake()
      desk.outbox.online('support')
      await desk.clock.advance(HOUR)
    }
    expect(seen.tries).toHaveLength(1)
    seen.tries[0]?.answer(accepted())
    await desk.rests(id, 'filed')
  })
})

describe('a mail that could not be sent', () => {
  it('is tried again after 30 s, 2 min, 10 min, 30 min and then every hour', async () => {
    const { desk } = await open()
    const at: number[] = []
    desk.sinkFor = () => ({
      async send() {
        at.push(desk.clock.now())
        return later()
      },
    })
    const id = await desk.send()
    await desk.clock.advance(4 * HOUR)
    await until('it was tried', () => at.length >= 7)
    const waits = at.slice(1).map((moment, i) => moment - (at[i] ?? 0))
    expect(waits.slice(0, 6)).toEqual([30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, HOUR])
    expect(await desk.delivery(id)).toMatchObject({ state: 'queued', problem: 'Not now.' })
  })

  it('is tried again at once when the line is back', async () => {
    const { server, desk } = await open()
    const { port } = server
    await server.stop()
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    await until('the try failed', async () => (await desk.delivery(id)).problem !== null)
    expect(await desk.delivery(id)).toMatchObject({
      state: 'queued',
      problem: expect.stringContaining('refuses connections'),
    })
    const back = await startSmtpSink({ user: 'ada', password: 'pw', port })
    stops.push(() => back.stop())
    desk.outbox.online('support')
    await desk.rests(id, 'filed')
    expect(back.mails).toHaveLength(1)
  })

  it('does not free what Undo still holds when the line is back', async () => {
    const { server, desk } = await open()
    const id = await desk.send()
    desk.outbox.online('support')
    await desk.clock.advance(9 * SECOND)
    expect([(await desk.delivery(id)).state, server.mails.length]).toEqual(['queued', 0])
  })

  it('holds back what else its account has, so that a wrong password is tried once', async () => {
    const { server, desk } = await open()
    server.refuse.auth = [535, 'no']
    const first = await desk.send({ to: [{ address: 'a1@x.test' }] })
    await desk.clock.advance(1)
    const second = await desk.send({ to: [{ address: 'a2@x.test' }] })
    await desk.clock.advance(10 * SECOND)
    await until('both wait', async () => (await desk.delivery(second)).problem !== null)
    await desk.clock.advance(59 * MINUTE)
    expect(server.logins).toHaveLength(1)
    expect((await desk.delivery(second)).problem).toContain('refused the password for support@acme.test')
    server.refuse.auth = null
    desk.outbox.online('support')
    await desk.rests(first, 'filed')
    await desk.rests(second, 'filed')
    expect(server.mails.map(({ to }) => to[0])).toEqual(['a1@x.test', 'a2@x.test'])
  })

  it('because of its recipient holds nothing else back', async () => {
    const { server, desk } = await open()
    server.refuse.rcpt['slow@x.test'] = [450, 'Greylisted']
    const slow = await desk.send({ to: [{ address: 'slow@x.test' }] })
    const quick = await desk.send()
    await desk.clock.advance(10 * SECOND)
    await desk.rests(quick, 'filed')
    // Both are due at the same millisecond: either may be tried first.
    await until('the try failed', async () => (await desk.delivery(slow)).problem !== null)
    expect((await desk.delivery(slow)).state).toBe('queued')
    server.refuse.rcpt = {}
    await desk.clock.advance(30 * SECOND)
    await desk.rests(slow, 'filed')
  })

  it('by a 4xx to its data is certain, and tried again', async () => {
    const { server, desk } = await open()
    server.refuse.data = [451, 'Later']
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    await until('the try failed', async () => (await desk.delivery(id)).problem !== null)
    server.refuse.data = null
    await desk.clock.advance(30 * SECOND)
    await desk.rests(id, 'filed')
    expect(server.mails).toHaveLength(1)
  })

  it('because its account is gone comes back to its writer', async () => {
    const { desk } = await open()
    const id = await desk.send()
    desk.accounts = []
    await desk.clock.advance(10 * SECOND)
    const delivery = await desk.rests(id, 'rejected')
    expect(delivery.problem).toContain('can’t send any more')
    expect((await desk.store.takeBack(id)).text).toBe('It is on its way.')
  })

  it('because its bytes were damaged on disk is not sent damaged', async () => {
    const { server, desk } = await open()
    const id = await desk.send()
    const file = desk.blobs.path((await desk.store.owed(id)).wire_sha256)
    chmodSync(file, 0o600)
    writeFileSync(file, 'other bytes')
    await desk.clock.advance(10 * SECOND)
    expect((await desk.rests(id, 'rejected')).problem).toContain('missing or damaged')
    expect(server.mails).toEqual([])
  })
})

describe('a refusal', () => {
  it('brings the mail back to its writer with the server’s words', async () => {
    const { server, desk } = await open()
    server.refuse.rcpt['ann@x.test'] = [550, 'No such user']
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    const delivery = await desk.rests(id, 'rejected')
    expect(delivery.recipients).toEqual([
      { address: 'ann@x.test', state: 'rejected', reply: '550 No such user' },
    ])
    expect(await desk.store.interaction(delivery.interaction_id)).toMatchObject({ status: 2 })
    await desk.clock.advance(24 * HOUR)
    expect((await desk.delivery(id)).attempts).toBe(1)
  })

  it('of one recipient is told, and the others have it', async () => {
    const { server, desk } = await open()
    server.refuse.rcpt['bob@x.test'] = [550, 'No such user']
    const id = await desk.send({ cc: [{ address: 'bob@x.test' }] })
    await desk.clock.advance(10 * SECOND)
    const delivery = await desk.rests(id, 'filed')
    expect(delivery.recipients.map(({ state }) => state)).toEqual(['accepted', 'rejected'])
    expect(delivery.problem).toBe(
      'The others have it, but the server doesn’t take mail for bob@x.test (“550 No such user”). Correct the address and write to them again.',
    )
  })
})

describe('a mail of which nobody knows', () => {
  const unknown: SendOutcome = { kind: 'unknown', problem: 'The line broke.' }

  async function lost() {
    const { server, desk } = await open()
    const sent = createFakeSent()
    desk.source = sent
    const seen = handSink(desk)
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    return { server, desk, sent, seen, id }
  }

  it('is looked for in Sent at once', async () => {
    const { desk, sent, seen, id } = await lost()
    sent.sent.set((await desk.store.owed(id)).message_id, new Uint8Array())
    seen.tries[0]?.answer(unknown)
    expect(await desk.rests(id, 'filed')).toMatchObject({
      problem: null,
      recipients: [{ state: 'accepted', reply: 'Found in the Sent folder.' }],
    })
  })

  it('is looked for again when the folder can be reached', async () => {
    const { desk, sent, seen, id } = await lost()
    sent.online = false
    seen.tries[0]?.answer(unknown)
    await desk.rests(id, 'unknown')
    sent.sent.set((await desk.store.owed(id)).message_id, new Uint8Array())
    sent.online = true
    desk.outbox.online('support')
    await desk.rests(id, 'filed')
  })

  it('is looked for a little later, where the server files slowly', async () => {
    const { desk, sent, seen, id } = await lost()
    seen.tries[0]?.answer(unknown)
    await desk.rests(id, 'unknown')
    sent.sent.set((await desk.store.owed(id)).message_id, new Uint8Array())
    await desk.clock.advance(2 * MINUTE)
    await desk.rests(id, 'filed')
  })

  it('not found there stays unknown, and only the agent sends it again', async () => {
    const { desk, seen, id } = await lost()
    seen.tries[0]?.answer(unknown)
    await desk.rests(id, 'unknown')
    desk.outbox.online('support')
    await desk.clock.advance(24 * HOUR)
    expect([seen.tries.length, (await desk.delivery(id)).state]).toEqual([1, 'unknown'])
    await desk.store.sendAgain(id, desk.clock.now())
    ;(await nthTry(seen, 2)).answer(accepted())
    await desk.rests(id, 'filed')
  })

  it('after a restart is looked for too', async () => {
    const { desk, sent, seen, id } = await lost()
    const { message_id } = await desk.store.owed(id)
    await desk.store.markDataStarted(id)
    desk.die()
    sent.sent.set(message_id, new Uint8Array())
    await desk.restart()
    desk.outbox.online('support')
    await desk.rests(id, 'filed')
    expect(seen.tries).toHaveLength(1)
  })
})

describe('the copy in Sent', () => {
  async function accept(change: (sent: ReturnType<typeof createFakeSent>) => void) {
    const { server, desk } = await open()
    const sent = createFakeSent()
    change(sent)
    desk.source = sent
    desk.accounts = desk.accounts.map((account) => ({
      ...account,
      imap: { host: 'h', port: 1, tls: 'implicit', user: 'u', folders: ['INBOX'], sent: 'auto' },
    }))
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    return { server, desk, sent, id }
  }

  it('is filed when the folder can be reached again, and the mail is not sent again for it', async () => {
    const { server, desk, sent, id } = await accept((sent) => (sent.online = false))
    await desk.rests(id, 'accepted')
    await desk.clock.advance(3 * MINUTE)
    expect(await desk.delivery(id)).toMatchObject({ state: 'accepted', sent_copy: 'owed', problem: null })
    sent.online = true
    desk.outbox.online('support')
    expect(await desk.rests(id, 'filed')).toMatchObject({ sent_copy: 'filed', problem: null })
    expect([server.mails.length, sent.appends]).toEqual([1, 1])
  })

  it('that can’t be filed for long is told, and tried on', async () => {
    const { desk, sent, id } = await accept((sent) => (sent.online = false))
    await desk.rests(id, 'accepted')
    await desk.clock.advance(2 * HOUR)
    await until('it is told', async () => (await desk.delivery(id)).sent_copy === 'failed')
    expect((await desk.delivery(id)).problem).toContain('its copy is not in the Sent folder yet')
    sent.online = true
    await desk.clock.advance(2 * HOUR)
    expect(await desk.rests(id, 'filed')).toMatchObject({ sent_copy: 'filed', problem: null })
  })

  it('is not wanted where there is no Sent folder', async () => {
    const { desk, id } = await accept((sent) => (sent.fileSent = async () => 'no-sent-folder'))
    expect(await desk.rests(id, 'filed')).toMatchObject({ sent_copy: 'none' })
  })

  it('is filed after the agent says that an unknown mail was sent', async () => {
    const { desk, sent, id } = await accept((sent) => (sent.online = false))
    await desk.rests(id, 'accepted')
    sent.online = true
    await desk.clock.advance(HOUR)
    desk.outbox.wake()
    await desk.rests(id, 'filed')
  })
})

describe('closing', () => {
  it('waits for a running send to end', async () => {
    const { desk } = await open()
    const seen = handSink(desk)
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    const closed = desk.outbox.close()
    const order: string[] = []
    const done = closed.then(() => order.push('closed'))
    await desk.clock.advance(4 * SECOND)
    expect(order).toEqual([])
    seen.tries[0]?.answer(later())
    await done
    expect((await desk.delivery(id)).state).toBe('queued')
  })

  it('does not wait longer than 5 s, and begins no data any more', async () => {
    const { desk } = await open()
    const seen = handSink(desk)
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    const closed = desk.outbox.close()
    await desk.clock.advance(5 * SECOND)
    await closed
    expect((await desk.delivery(id)).state).toBe('claimed')
    seen.tries[0]?.answer(accepted())
    await desk.clock.advance(SECOND)
    expect((await desk.delivery(id)).state).not.toBe('data_started')
  })

  it('puts what it had only claimed back in its place', async () => {
    const { desk } = await open()
    const seen = handSink(desk)
    await desk.send()
    const second = await desk.send()
    await desk.clock.advance(10 * SECOND)
    const closed = desk.outbox.close()
    seen.tries[0]?.answer(later())
    await closed
    expect(await desk.delivery(second)).toMatchObject({ state: 'queued', problem: null })
    expect(seen.tries).toHaveLength(1)
  })
})

it('an outcome that can’t be written down is not forgotten', async () => {
  const { server, desk } = await open()
  const id = await desk.send()
  const { resolveSend } = desk.store
  let full = true
  desk.store.resolveSend = async (...args) => {
    if (full) throw new Error('disk full')
    await resolveSend(...args)
  }
  await desk.clock.advance(10 * SECOND)
  await until('it was tried', () => desk.lines.some((line) => line.includes('could not be written down')))
  expect((await desk.delivery(id)).state).toBe('data_started')
  full = false
  await desk.clock.advance(10 * SECOND)
  await desk.rests(id, 'filed')
  expect(server.mails).toHaveLength(1)
})

it('an account that is set up again is used as it is now', async () => {
  const { server, desk } = await open()
  desk.accounts = [smtpAccount({ port: 1 }, { user: 'ada' })]
  const id = await desk.send()
  await desk.clock.advance(10 * SECOND)
  await until('the try failed', async () => (await desk.delivery(id)).problem !== null)
  desk.accounts = [smtpAccount(server, { user: 'ada' })]
  desk.outbox.online('support')
  await desk.rests(id, 'filed')
})
