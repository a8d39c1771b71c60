import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { MailSource, MailSourceOptions } from '../../../src-main/connectors/connector.ts'
import { createImapSource } from '../../../src-main/connectors/imap.ts'
import type { Account, ImapSettings } from '../../../src-main/contract/settings.ts'
import { type Dovecot, hasDovecot, startDovecot } from '../../support/dovecot.ts'
import { accountFor, mailNumber, type MailRecorder, recordMail } from '../../support/mail-recorder.ts'
import { until } from '../../support/until.ts'

// Every test has a mailbox of its own on one server.
const users = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`u${index}@test.local`, 'secret']))
let dovecot: Dovecot
let taken = 0
const running: MailSource[] = []

beforeAll(async () => {
  dovecot = await startDovecot({ users, allMail: true })
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((source) => source.stop()))
})
afterAll(() => dovecot.stop())

const fast = { reconnectFirst: 20, reconnectMax: 100 }

interface Desk {
  readonly user: string
  readonly recorder: MailRecorder
  readonly source: MailSource
}

function nextUser(): string {
  return `u${taken++}@test.local`
}

function desk(
  user: string,
  imap: Partial<ImapSettings> = {},
  more: { account?: Partial<Account>; timing?: MailSourceOptions['timing']; recorder?: MailRecorder } = {},
): Desk {
  const recorder = more.recorder ?? recordMail({ ...fast, ...more.timing })
  const account = accountFor({ port: dovecot.imapPort, user, ...imap }, more.account)
  const source = createImapSource({ account, password: async () => 'secret', ...recorder.options })
  running.push(source)
  source.start()
  return { user, recorder, source }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)
const subjects = (texts: readonly string[]) => texts.map((text) => /^Subject: (.*)$/m.exec(text)?.[1])
const isDone = (recorder: MailRecorder, folder = 'INBOX') => {
  const cursor = recorder.cursors.get(folder)?.cursor
  return typeof cursor === 'object' && cursor !== null && Reflect.get(cursor, 'done') === true
}

test.runIf(hasDovecot)(
  'a first sync takes the newest mails first, each once, and says how far it is',
  async () => {
    const user = nextUser()
    dovecot.deliver(
      user,
      numbers(0, 750).map((number) => mailNumber(number)),
    )
    dovecot.deliver(user, mailNumber(9000), 'Sent')
    const { recorder } = desk(user)
    await recorder.until(() => isDone(recorder) && recorder.mails.length === 751, 'all mail')

    const inbox = recorder.batches.filter(({ cursor }) => cursor.folder === 'INBOX')
    expect(inbox.every(({ mails }) => mails.length <= 100)).toBe(true)
    expect(inbox[0]?.mails.map(({ uid }) => uid)).toEqual(numbers(651, 751))
    const first = inbox.map(({ mails }) => mails[0]?.uid ?? 0)
    expect(first).toEqual(first.toSorted((a, b) => b - a))
    expect(subjects(recorder.held('INBOX'))).toEqual(numbers(0, 750).map((number) => `mail ${number}`))
    expect(recorder.cursors.get('Sent')).toMatchObject({ role: 'outbound', on_server: 1 })
    expect(recorder.cursors.get('INBOX')).toMatchObject({ role: 'inbound', on_server: 750 })
    const shown = recorder.states.flatMap(({ syncing }) => (syncing ? [syncing] : []))
    expect(shown[0]).toMatchObject({ folder: 'INBOX', done: 0, total: 750 })
    await recorder.until(() => recorder.state.syncing === null, 'the progress to end')
    expect(recorder.state).toMatchObject({ connection: 'online', problem: null })
  },
)

test.runIf(hasDovecot)('mail comes byte for byte, with its arrival and whether it was read', async () => {
  const user = nextUser()
  const odd = Buffer.concat([
    Buffer.from('Subject: odd\r\n\r\n{12}\r\n* 1 FETCH (\r\n)\r\n'),
    Buffer.from([0xff, 0xfe, 0x80, 0x0d, 0x0a]),
  ])
  dovecot.deliver(user, odd)
  const before = Date.now()
  const { recorder } = desk(user)
  await recorder.until(() => recorder.mails.length === 1, 'the mail')
  const [mail] = recorder.batches[0]?.mails ?? []
  expect(Buffer.from(mail?.raw ?? []).equals(odd)).toBe(true)
  expect(mail?.seen).toBe(false)
  expect(Math.abs((mail?.received ?? 0) - before)).toBeLessThan(60_000)
  // BODY.PEEK: taking a mail in doesn't mark it as read for others.
  expect(dovecot.flags(user)).toEqual([''])
})

test.runIf(hasDovecot)('new mail is heard of while history is still being fetched', async () => {
  const user = nextUser()
  dovecot.deliver(
    user,
    numbers(0, 800).map((number) => mailNumber(number)),
  )
  const recorder = recordMail(fast)
  let delivered = 0
  recorder.beforeCommit = async (mails) => {
    if (recorder.batches.length === 3 && delivered === 0) {
      delivered = Date.now()
      dovecot.deliver(user, mailNumber(5000))
    }
    // History waits for the new mail, so this only ends if the new mail overtakes it.
    const isHistory = mails.length > 0 && !mails.some(({ raw }) => Buffer.from(raw).includes('mail 5000'))
    if (isHistory && recorder.batches.length >= 5)
      await until('the new mail', () => recorder.mails.some(({ text }) => text.includes('mail 5000')))
  }
  desk(user, {}, { recorder })
  await recorder.until(() => recorder.mails.length === 801 && isDone(recorder), 'all mail')
  expect(new Set(recorder.mails.map(({ uid }) => uid)).size).toBe(801)
})

test.runIf(hasDovecot)('new mail is taken in as IDLE announces it', async () => {
  const user = nextUser()
  const { recorder } = desk(user, {}, { timing: { poll: 3_600_000 } })
  await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
  for (const number of [1, 2, 3]) {
    dovecot.deliver(user, mailNumber(number))
    await recorder.until(() => recorder.mails.length === number, `mail ${number}`)
  }
  expect(subjects(recorder.held('INBOX'))).toEqual(['mail 1', 'mail 2', 'mail 3'])
  expect(recorder.cursors.get('INBOX')?.on_server).toBe(3)
})

test.runIf(hasDovecot)(
  'a stop in the midst of history is clean, and the next start goes on where it was',
  async () => {
    const user = nextUser()
    dovecot.deliver(
      user,
      numbers(0, 900).map((number) => mailNumber(number)),
    )
    const recorder = recordMail(fast)
    for (let starts = 0; !isDone(recorder); starts += 1) {
      expect(starts).toBeLessThan(10)
      const { source } = desk(user, {}, { recorder })
      const before = recorder.batches.length
      await recorder.until(() => isDone(recorder) || recorder.batches.length >= before + 2, 'two batches')
      await source.stop()
      expect(recorder.state.connection).toBe('stopped')
      const held = recorder.mails.length
      // Nothing more is committed after a stop.
      await new Promise((resolve) => setImmediate(resolve))
      expect(recorder.mails.length).toBe(held)
    }
    expect(recorder.mails.length).toBe(900)
    expect(subjects(recorder.held('INBOX'))).toEqual(numbers(0, 900).map((number) => `mail ${number}`))
  },
)

test.runIf(hasDovecot)(
  'a batch that can’t be committed is taken in again, and nothing is skipped',
  async () => {
    const user = nextUser()
    dovecot.deliver(
      user,
      numbers(0, 500).map((number) => mailNumber(number)),
    )
    const recorder = recordMail(fast)
    let refused = 0
    recorder.beforeCommit = (mails) => {
      if (mails.length > 0 && recorder.batches.length % 2 === 1 && refused < 4) {
        refused += 1
        throw new Error('the disk is full')
      }
    }
    desk(user, {}, { recorder })
    await recorder.until(() => isDone(recorder), 'all mail')
    expect(refused).toBe(4)
    expect(recorder.mails.length).toBe(500)
  },
)

test.runIf(hasDovecot)('history pauses and goes on; new mail arrives all the while', async () => {
  const user = nextUser()
  dovecot.deliver(
    user,
    numbers(0, 700).map((number) => mailNumber(number)),
  )
  const recorder = recordMail(fast)
  const { source } = desk(user, {}, { recorder })
  recorder.beforeCommit = () => {
    if (recorder.batches.length === 2) source.pauseHistory()
  }
  await recorder.until(() => recorder.batches.length >= 3, 'the pause')
  dovecot.deliver(
    user,
    numbers(7000, 7300).map((number) => mailNumber(number)),
  )
  await recorder.until(
    () => recorder.mails.filter(({ text }) => text.includes('Subject: mail 7')).length === 300,
    'the new mails',
  )
  expect(isDone(recorder)).toBe(false)
  expect(recorder.state.syncing).toMatchObject({ rate: 0 })
  source.resumeHistory()
  await recorder.until(() => isDone(recorder) && recorder.mails.length === 1000, 'the rest')
})

test.runIf(hasDovecot)(
  'a folder that is numbered anew is compared from the start, and the old places are forgotten',
  async () => {
    const user = nextUser()
    dovecot.deliver(
      user,
      numbers(0, 260).map((number) => mailNumber(number)),
    )
    const { recorder } = desk(user)
    await recorder.until(() => isDone(recorder), 'all mail')
    const before = recorder.cursors.get('INBOX')?.uidvalidity ?? ''
    expect(recorder.knows('INBOX', before).length).toBe(260)

    await dovecot.resetUidValidity(user)
    await recorder.until(() => {
      const after = recorder.cursors.get('INBOX')?.uidvalidity
      return after !== before && isDone(recorder)
    }, 'the new numbering')
    expect(recorder.knows('INBOX', before)).toEqual([])
    expect(subjects(recorder.held('INBOX')).toSorted()).toEqual(
      numbers(0, 260)
        .map((number) => `mail ${number}`)
        .toSorted(),
    )
  },
)

test.runIf(hasDovecot)(
  'expunged mail is told, whether it happens under our eyes or while we are away',
  async () => {
    const user = nextUser()
    dovecot.deliver(
      user,
      numbers(0, 10).map((number) => mailNumber(number)),
    )
    const recorder = recordMail(fast)
    const { source } = desk(user, {}, { recorder })
    await recorder.until(() => isDone(recorder), 'all mail')
    dovecot.remove(user, (text) => /Subject: mail [24]$/m.test(text))
    await recorder.until(() => recorder.held('INBOX').length === 8, 'two to vanish')
    await recorder.until(() => recorder.cursors.get('INBOX')?.on_server === 8, 'the ledger')
    await source.stop()

    dovecot.remove(user, (text) => /Subject: mail [01]$/m.test(text))
    dovecot.deliver(user, [mailNumber(100), mailNumber(101)])
    desk(user, {}, { recorder })
    await recorder.until(
      () => recorder.held('INBOX').length === 8 && recorder.mails.length === 12,
      'the change',
    )
    expect(subjects(recorder.held('INBOX'))).toEqual(
      [3, 5, 6, 7, 8, 9, 100, 101].map((number) => `mail ${number}`),
    )
    await recorder.until(() => recorder.cursors.get('INBOX')?.on_server === 8, 'the ledger')
  },
)

test.runIf(hasDovecot)(
  'only mail since the day asked for is taken in; an earlier day fetches the rest',
  async () => {
    const user = nextUser()
    dovecot.deliver(
      user,
      numbers(0, 6).map((number) => mailNumber(number)),
    )
    const old = new Date('2020-01-01T12:00:00Z')
    dovecot.age(user, (text) => /Subject: mail [0-3]$/m.test(text), old)
    const recorder = recordMail(fast)
    const { source } = desk(user, {}, { recorder, account: { since: '2024-06-01' } })
    await recorder.until(() => isDone(recorder), 'the newer mail')
    expect(subjects(recorder.held('INBOX'))).toEqual(['mail 4', 'mail 5'])
    expect(recorder.cursors.get('INBOX')?.on_server).toBe(2)
    await source.stop()

    desk(user, {}, { recorder })
    await recorder.until(() => recorder.held('INBOX').length === 6, 'the older mail')
    expect(recorder.mails.length).toBe(6)
  },
)

test.runIf(hasDovecot)(
  'further folders are looked at on request, and one that isn’t there is named',
  async () => {
    const user = nextUser()
    dovecot.maildir(user, 'Billing')
    const { recorder, source } = desk(user, { folders: ['INBOX', 'Billing', 'Nowhere'] })
    await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
    expect(recorder.state.problem).toBe(
      'There is no folder “Nowhere” in the mailbox of alice@test.local. Choose its folders again under Settings.',
    )
    dovecot.deliver(user, mailNumber(1), 'Billing')
    source.lookNow()
    await recorder.until(() => recorder.held('Billing').length === 1, 'the mail in Billing')
  },
)

test.runIf(hasDovecot)('further inbound folders are listened to as well', async () => {
  const user = nextUser()
  dovecot.maildir(user, 'Billing')
  dovecot.deliver(user, mailNumber(0), 'Billing')
  const { recorder } = desk(user, { folders: ['INBOX', 'Billing'] }, { timing: { poll: 3_600_000 } })
  await recorder.until(() => recorder.held('Billing').length === 1, 'the first look')
  for (const number of [1, 2]) {
    dovecot.deliver(user, mailNumber(number), 'Billing')
    await recorder.until(() => recorder.held('Billing').length === number + 1, `mail ${number}`)
  }
  dovecot.deliver(user, mailNumber(3))
  await recorder.until(() => recorder.held('INBOX').length === 1, 'the mail in INBOX')
})

test.runIf(hasDovecot)('a folder that repeats every mail gives each with its own place', async () => {
  const user = nextUser()
  dovecot.deliver(user, [mailNumber(1), mailNumber(2)])
  const { recorder } = desk(user, { folders: ['INBOX', 'Virtual/All'] })
  await recorder.until(() => recorder.held('INBOX').length === 2, 'INBOX')
  await recorder.until(() => recorder.held('Virtual/All').length === 2, 'All Mail')
})

test.runIf(hasDovecot)(
  'a large mail comes alone and whole; one beyond the limit comes as its header',
  async () => {
    const user = nextUser()
    const large = `${mailNumber(1)}${'0123456789abcdef'.repeat(4).concat('\r\n').repeat(140_000)}`
    dovecot.deliver(user, [mailNumber(0), large, mailNumber(2)])
    const { recorder } = desk(user)
    await recorder.until(() => isDone(recorder), 'all mail')
    const batch = recorder.batches.find(({ mails }) => mails.some(({ uid }) => uid === 2))
    expect(batch?.mails.length).toBe(1)
    expect(Buffer.from(batch?.mails[0]?.raw ?? []).equals(Buffer.from(large))).toBe(true)

    const huge = `${mailNumber(3)}${'x'
      .repeat(1022)
      .concat('\r\n')
      .repeat(103 * 1024)}`
    dovecot.deliver(user, huge.replace('Date:', 'Content-Type: multipart/mixed; boundary=x\r\nDate:'))
    await recorder.until(() => recorder.mails.length === 4, 'the huge one')
    const text = recorder.mails.at(-1)?.text ?? ''
    expect(text).toContain('Subject: mail 3\r\n')
    expect(text).toContain('Message-ID: <3@example.test>\r\n')
    expect(text).toMatch(/This mail has 103 MB, more than Workbin takes over \(100 MB\)/)
    expect(text).not.toContain('multipart')
  },
)

test.runIf(hasDovecot)('without IDLE the folder is polled', async () => {
  const polled = await startDovecot({ capability: 'IMAP4rev1 LITERAL+ UIDPLUS' })
  try {
    const recorder = recordMail({ ...fast, poll: 50 })
    desk('alice@test.local', { port: polled.imapPort }, { recorder })
    await recorder.until(() => recorder.state.lastSync !== null, 'the first look')
    polled.deliver(
      'alice@test.local',
      numbers(0, 4).map((number) => mailNumber(number)),
    )
    await recorder.until(() => recorder.mails.length === 4, 'the new mails')
    // Without QRESYNC an EXPUNGE names no UID.
    polled.remove('alice@test.local', (text) => /Subject: mail 2$/m.test(text))
    await recorder.until(() => recorder.held('INBOX').length === 3, 'one to vanish')
    expect(subjects(recorder.held('INBOX'))).toEqual(['mail 0', 'mail 1', 'mail 3'])
    await Promise.all(running.splice(0).map((source) => source.stop()))
  } finally {
    await polled.stop()
  }
})
