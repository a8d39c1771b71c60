import type { ImapFlow } from 'imapflow'
import { CoreError } from '../contract/errors.ts'
import type { MailSource, MailSourceOptions, SourceState, SourceTiming } from './connector.ts'
import { explain } from './imap-errors.ts'
import { imapSettings, type Line, type LineOptions, openLine } from './imap-line.ts'
import { backoff } from './imap-plan.ts'
import { fileInSent, holdsMessage } from './imap-sent.ts'
import { createSession, type Session, type Task } from './imap-session.ts'
import { createWakeUp } from './wake-up.ts'

export { testImap } from './imap-test.ts'

const TIMING: SourceTiming = {
  reconnectFirst: 1000,
  reconnectMax: 60_000,
  // imapflow notices a half-open line after twice this.
  socketTimeout: 75_000,
  idleRestart: 4.5 * 60_000,
  poll: 60_000,
}

/** After a fault that only the agent can end (a wrong password), so that no account gets locked by hammering. */
const LASTING_PAUSE = 15 * 60_000

/** How long `stop` waits for a server before it closes the line under it; milliseconds. */
const STOP_PATIENCE = 1000

/**
 * The mail of one account over IMAP4rev1 (RFC 3501, 9051). One line listens to the first folder and looks at the
 * others; while older mail is missing a second line fetches it, newest first. Each reconnect is a new client.
 * What was committed is the truth: after any break the server's UIDs are compared with the stored ones.
 */
export function createImapSource(options: MailSourceOptions): MailSource {
  const { account, log } = options
  const timing: SourceTiming = { ...TIMING, ...options.timing }
  const wakeUp = createWakeUp()
  const tasks: { readonly run: Task; readonly refuse: (why: CoreError) => void }[] = []
  let state: SourceState = { connection: 'stopped', problem: null, syncing: null, lastSync: null }
  let running: Promise<void> | null = null
  let stopped = false
  let paused = false
  let retryNow = false
  let session: Session | null = null
  let client: ImapFlow | null = null

  function report(change: Partial<SourceState>): void {
    const next = { ...state, ...change }
    const same = Object.entries(next).every(([name, value]) => Reflect.get(state, name) === value)
    state = next
    if (!same) options.report(state)
  }

  async function open(more: Pick<LineOptions, 'onClient' | 'onVanished'>): Promise<Line> {
    const password = await options.password()
    if (password === null || password === '')
      throw new CoreError(
        'refused',
        `There is no password for ${imapSettings(account).user}. Enter it under Settings.`,
      )
    return await openLine({ account, password, ...timing, ...more })
  }

  async function run(): Promise<void> {
    report({ connection: 'connecting', problem: null })
    for (let failures = 0; !isStopped();) {
      try {
        await connected(failures, () => (failures = 0))
      } catch (error) {
        if (isStopped()) break
        failures += 1
        await pauseAfter(error, failures)
      }
    }
    refuseTasks(new CoreError('closed', 'The mailbox is being closed.'))
    report({ connection: 'stopped', problem: null, syncing: null })
  }

  async function connected(setbacks: number, onLooked: () => void): Promise<void> {
    const line = await open({
      onClient(opened) {
        client = opened
        if (isStopped()) opened.close()
      },
      onVanished: (path, uid) => session?.vanished(path, uid),
    })
    try {
      session = createSession(line, paused, {
        source: options,
        timing,
        openLine: open,
        setbacks,
        nextTask: () => tasks.shift()?.run ?? null,
        report(change) {
          if (change.connection === 'online') log('info', 'the mailbox is connected', { account: account.id })
          // Only a whole look proves that it works; a login alone may be followed by the same fault again.
          if (change.lastSync !== undefined) onLooked()
          report(change)
        },
      })
      if (isStopped()) session.stop()
      await session.run()
    } finally {
      session = null
      await line.close()
      client = null
    }
  }

  async function pauseAfter(error: unknown, failures: number): Promise<void> {
    const fault = account.imap ? explain(error, account.imap) : { lasting: true, problem: messageOf(error) }
    log('warn', 'the mailbox is not connected', { account: account.id, problem: fault.problem })
    report({ connection: fault.lasting ? 'failed' : 'offline', problem: fault.problem, syncing: null })
    refuseTasks(new CoreError(fault.lasting ? 'refused' : 'unreachable', fault.problem, { cause: error }))
    const wait = fault.lasting
      ? LASTING_PAUSE
      : backoff(failures, timing.reconnectFirst, timing.reconnectMax, Math.random())
    retryNow = false
    const isAsked = () => retryNow
    await wakeUp.pause(wait, () => isStopped() || isAsked())
    if (isAsked()) report({ connection: 'connecting' })
  }

  // A function, so that TypeScript doesn't take a value from before an await for the one after it.
  function isStopped(): boolean {
    return stopped
  }

  function refuseTasks(why: CoreError): void {
    for (const task of tasks.splice(0)) task.refuse(why)
  }

  /** Runs something on the line that listens; refused at once while there is none. */
  async function onLine<T>(work: (client: ImapFlow, sent: string | null) => Promise<T>): Promise<T> {
    if (stopped || running === null || state.connection === 'offline' || state.connection === 'failed')
      throw new CoreError(
        state.connection === 'failed' ? 'refused' : 'unreachable',
        state.problem ?? 'The mailbox is not connected.',
      )
    return await new Promise<T>((resolve, reject) => {
      tasks.push({
        refuse: reject,
        async run(client, sent) {
          try {
            resolve(await work(client, sent))
          } catch (error) {
            reject(inWords(error))
            // The line's end is noticed by the session; what only this task couldn't do isn't its affair.
          }
        },
      })
      session?.wake()
    })
  }

  function inWords(error: unknown): CoreError {
    if (error instanceof CoreError) return error
    const { problem, cause } = explain(error, imapSettings(account))
    return new CoreError('unreachable', problem, { cause })
  }

  return {
    start() {
      if (running !== null) return
      stopped = false
      running = run()
    },
    async stop() {
      if (running === null) return
      stopped = true
      session?.stop()
      wakeUp.wake()
      // Before login there is nobody to say goodbye to.
      if (session === null) client?.close()
      const patience = setTimeout(() => client?.close(), STOP_PATIENCE)
      await running
      clearTimeout(patience)
      running = null
    },
    lookNow() {
      if (session) session.look()
      else {
        retryNow = true
        wakeUp.wake()
      }
    },
    pauseHistory() {
      paused = true
      session?.pauseHistory(true)
    },
    resumeHistory() {
      paused = false
      session?.pauseHistory(false)
    },
    fileSent: (messageId, mime) =>
      onLine(async (client, sent) =>
        sent === null ? 'no-sent-folder' : await fileInSent(client, sent, messageId, mime),
      ),
    async findInSent(messageId) {
      try {
        return await onLine(async (client, sent) =>
          sent === null ? null : await holdsMessage(client, sent, messageId),
        )
      } catch (error) {
        if (error instanceof CoreError && error.code === 'invalid') throw error
        return null
      }
    },
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
