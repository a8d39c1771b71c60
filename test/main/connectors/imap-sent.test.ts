import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { MailSource } from '../../../src-main/connectors/connector.ts'
import { createImapSource } from '../../../src-main/connectors/imap.ts'
import type { ImapSettings } from '../../../src-main/contract/settings.ts'
import { type Dovecot, hasDovecot, startDovecot } from '../../support/dovecot.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { accountFor, type MailRecorder, recordMail } from '../../support/mail-recorder.ts'

const users = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`u${index}@test.local`, 'secret']))
let dovecot: Dovecot
let taken = 0
const running: MailSource[] = []
let proxy: FaultProxy | null = null

beforeAll(async () => {
  dovecot = await startDovecot({ users })
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((source) => source.stop()))
  await proxy?.stop()
  proxy = null
})
afterAll(() => dovecot.stop())

async function online(
  imap: Partial<ImapSettings> = {},
): Promise<{ user: string; source: MailSource; recorder: MailRecorder }> {
  const user = `u${taken++}@test.local`
  const recorder = recordMail({ reconnectFirst: 10, reconnectMax: 50, poll: 3_600_000 })
  const account = accountFor({ port: dovecot.imapPort, user, ...imap })
  const source = createImapSource({ account, password: async () => 'secret', ...recorder.options })
  running.push(source)
  source.start()
  await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
  return { user, source, recorder }
}

const sentMail = (id: string) =>
  Buffer.from(
    `From: a@test.local\r\nTo: b@test.local\r\nSubject: answer\r\nMessage-ID: <${id}>\r\n\r\nHello\r\n`,
  )

test.runIf(hasDovecot)('a sent mail is filed once, read, and comes back as outbound', async () => {
  const { user, source, recorder } = await online()
  const mail = sentMail('one@desk.test')
  expect(await source.findInSent('one@desk.test')).toBe(false)
  expect(await source.fileSent('one@desk.test', mail)).toBe('filed')
  expect(await source.fileSent('one@desk.test', mail)).toBe('already-there')
  expect(await source.fileSent('<one@desk.test>', mail)).toBe('already-there')
  expect(await source.findInSent('one@desk.test')).toBe(true)
  // Dovecot keeps lines on disk without CR.
  expect(dovecot.messages(user, 'Sent')).toEqual([mail.toString().replaceAll('\r\n', '\n')])
  expect(dovecot.flags(user, 'Sent')).toEqual(['S'])
  source.lookNow()
  await recorder.until(() => recorder.held('Sent').length === 1, 'the copy')
  expect(recorder.batches.at(-1)).toMatchObject({ cursor: { role: 'outbound' }, mails: [{ seen: true }] })
})

test.runIf(hasDovecot)('only the whole Message-ID counts, even where the server finds more', async () => {
  proxy = await startFaultProxy(dovecot.imapPort)
  // A server whose search finds any mail: the id isn't taken at its word.
  proxy.faults.fromClient = (piece) =>
    Buffer.from(piece.toString('latin1').replace(/SEARCH HEADER MESSAGE-ID .*/, 'SEARCH ALL'), 'latin1')
  const { user, source } = await online({ port: proxy.port })
  expect(await source.fileSent('xone@desk.test', sentMail('xone@desk.test'))).toBe('filed')
  expect(await source.findInSent('one@desk.test')).toBe(false)
  expect(await source.findInSent('xone@desk.tes')).toBe(false)
  expect(await source.findInSent('xone@desk.test')).toBe(true)
  expect(await source.fileSent('one@desk.test', sentMail('one@desk.test'))).toBe('filed')
  expect(dovecot.messages(user, 'Sent').length).toBe(2)
})

test.runIf(hasDovecot)('no Message-ID can begin another command', async () => {
  const { user, source } = await online()
  const odd = ['a"b@desk.test', 'a\\b@desk.test', 'a) (b@desk.test', 'a{3}@desk.test', 'ä€@desk.test', '*@%']
  for (const id of odd) {
    expect([id, await source.fileSent(id, sentMail(id))]).toEqual([id, 'filed'])
    expect([id, await source.findInSent(id)]).toEqual([id, true])
  }
  const bad = ['a\r\nX1 DELETE Sent\r\n@desk.test', 'a\nb@desk.test', 'a\0b@desk.test', '', '<>']
  for (const id of bad) {
    await expect(source.fileSent(id, sentMail('x'))).rejects.toMatchObject({ code: 'invalid' })
    await expect(source.findInSent(id)).rejects.toMatchObject({ code: 'invalid' })
  }
  expect(dovecot.messages(user, 'Sent').length).toBe(odd.length)
})

test.runIf(hasDovecot)(
  'Sent is found by special use, else by a usual name, else by the name given',
  async () => {
    const plain = await startDovecot({ noSpecialUse: true })
    try {
      const byName = await online({ port: plain.imapPort, user: 'alice@test.local' })
      expect(await byName.source.fileSent('a@b', sentMail('a@b'))).toBe('filed')
      expect(plain.messages('alice@test.local', 'Sent').length).toBe(1)
      await byName.source.stop()
    } finally {
      await plain.stop()
    }
    const given = await online({ sent: 'Archive' })
    expect(await given.source.fileSent('a@b', sentMail('a@b'))).toBe('filed')
    expect(dovecot.messages(given.user, 'Archive').length).toBe(1)
    const none = await online({ sent: null })
    expect(await none.source.fileSent('a@b', sentMail('a@b'))).toBe('no-sent-folder')
    expect(await none.source.findInSent('a@b')).toBeNull()
    const missing = await online({ sent: 'Nowhere' })
    expect(await missing.source.fileSent('a@b', sentMail('a@b'))).toBe('no-sent-folder')
  },
)

test.runIf(hasDovecot)('a copy whose answer is lost is not filed a second time', async () => {
  proxy = await startFaultProxy(dovecot.imapPort)
  const { faults } = proxy
  const { user, source, recorder } = await online({ port: proxy.port })
  // The server stores it, and its answer never comes.
  faults.fromServer = (piece) => {
    if (!piece.toString('latin1').includes('APPENDUID')) return piece
    faults.fromServer = null
    proxy?.cut()
    return Buffer.alloc(0)
  }
  await expect(source.fileSent('lost@desk.test', sentMail('lost@desk.test'))).rejects.toMatchObject({
    code: 'unreachable',
  })
  expect(dovecot.messages(user, 'Sent').length).toBe(1)
  await recorder.until(() => recorder.states.some(({ connection }) => connection === 'offline'), 'the loss')
  await recorder.until(() => recorder.state.connection === 'online', 'the line')
  expect(await source.fileSent('lost@desk.test', sentMail('lost@desk.test'))).toBe('already-there')
  expect(dovecot.messages(user, 'Sent').length).toBe(1)
})

test.runIf(hasDovecot)('without a connection nothing is claimed about Sent', async () => {
  proxy = await startFaultProxy(dovecot.imapPort)
  const { source, recorder } = await online({ port: proxy.port })
  await proxy.away()
  await recorder.until(() => recorder.state.connection === 'offline', 'the loss')
  expect(await source.findInSent('a@b')).toBeNull()
  await expect(source.fileSent('a@b', sentMail('a@b'))).rejects.toMatchObject({ code: 'unreachable' })
})
