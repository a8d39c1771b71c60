import type { ImapFlow } from 'imapflow'
import type { MailSourceOptions, SourceState, SourceTiming } from './connector.ts'
import { explain, isRefusal, isTooMany } from './imap-errors.ts'
import { FolderSync } from './imap-folder.ts'
import { chooseFolders } from './imap-folders.ts'
import { imapSettings, type Line, type LineOptions } from './imap-line.ts'
import { backoff, batchAfter } from './imap-plan.ts'
import { listenTo } from './imap-listener.ts'
import { createSyncProgress } from './imap-progress.ts'
import { createWakeUp } from './wake-up.ts'

/** Batches that are being filed at the same time, while the next one is fetched. */
const FILING = 2

/** Inbound folders beside the first that get a listening line of their own; servers grant few. */
const LISTENERS = 4

/** Groups of mails that one line's history is filing, and what went wrong with any of them. */
interface Lane {
  readonly filing: Set<Promise<void>>
  readonly faults: unknown[]
}
const newLane = (): Lane => ({ filing: new Set(), faults: [] })

/** Something to do on the line that listens, between two looks. */
export type Task = (client: ImapFlow, sent: string | null) => Promise<void>

export interface SessionOptions {
  readonly source: MailSourceOptions
  readonly timing: SourceTiming
  /** Opens a further line like the first one. */
  readonly openLine: (more: Pick<LineOptions, 'onClient' | 'onVanished'>) => Promise<Line>
  /** Says what changed in the state. */
  readonly report: (change: Partial<SourceState>) => void
  /** Lines that broke in a row before this one. */
  readonly setbacks: number
  /** Takes the next task; null when there is none. */
  readonly nextTask: () => Task | null
}

/** What happens on one connection, from login until it ends. */
export interface Session {
  /** Resolves when stopped; throws what ended the line. */
  run(): Promise<void>
  /** Ends it in good order; `run` resolves. */
  stop(): void
  /** Looks at every folder now. */
  look(): void
  /** There is a task. */
  wake(): void
  /** A mail left the folder that is open on the listening line; 0 where the server doesn't say which. */
  vanished(path: string, uid: number): void
  pauseHistory(paused: boolean): void
}

/** A session on a line: looks at every folder, fetches what is missing, then listens to the first folder. */
export function createSession(line: Line, paused: boolean, options: SessionOptions): Session {
  const { source, timing, report } = options
  const { client } = line
  const wakeUp = createWakeUp()
  let stopped = false
  let lookAll = true
  let folders: FolderSync[] = []
  let sent: string | null = null
  let absent: readonly string[] = []
  let history: Promise<void> | null = null
  let historyClient: ImapFlow | null = null
  /** The server grants no second line: history shares the first one. */
  let shared = false
  /** Lines of history that broke in a row. */
  let setbacks = 0
  /** Folders that the server refused at this look. */
  const refused = new Map<FolderSync, string>()
  const progress = createSyncProgress(report)
  let listeners: readonly { close(): Promise<void> }[] = []
  const cancelled = () => stopped
  /** Whether history is to do nothing now. */
  const resting = () => stopped || paused

  const wantsHistory = (folder: FolderSync) => folder.wantsHistory && !refused.has(folder)

  client.on('exists', () => wakeUp.wake())

  async function run(): Promise<void> {
    const poll = setInterval(look, timing.poll)
    void line.ended.then(() => wakeUp.wake())
    try {
      await begin()
      while (!stopped) {
        if (!client.usable) throw await line.ended
        wakeUp.clear()
        await runTasks()
        await lookAround()
        if (shared && (await shareLine())) continue
        startHistory()
        if (!wakeUp.isAwake()) await listen()
      }
    } catch (error) {
      // Commands only say that the connection is gone; the line knows why.
      throw client.usable ? error : await line.ended
    } finally {
      stopped = true
      clearInterval(poll)
      wakeUp.wake()
      historyClient?.close()
      await Promise.all([history, ...listeners.map((listener) => listener.close())])
      progress.end()
    }
  }

  function look(): void {
    lookAll = true
    wakeUp.wake()
  }

  async function begin(): Promise<void> {
    const choice = chooseFolders(await client.list(), imapSettings(source.account))
    const cursors = await source.cursors()
    folders = choice.folders.map(
      (folder) =>
        new FolderSync(
          folder,
          cursors.find((cursor) => cursor.folder === folder.path),
          { ...source, batchMails: () => batchAfter(options.setbacks + setbacks) },
        ),
    )
    sent = choice.sent
    absent = choice.absent
    report({ connection: 'online', problem: problem() })
    listeners = choice.folders
      .filter(({ role }) => role === 'inbound')
      .slice(1, 1 + LISTENERS)
      .map(({ path }) => listenTo(path, options.openLine, timing.poll, look, source.log))
  }

  async function runTasks(): Promise<void> {
    for (let task = options.nextTask(); task && !stopped; task = options.nextTask()) await task(client, sent)
  }

  async function lookAround(): Promise<void> {
    const all = lookAll
    lookAll = false
    if (all) refused.clear()
    const [first, ...others] = folders
    // Newest work first: the folder that is listened to, then the others, then back to it.
    await lookAt(first)
    if (all) {
      for (const folder of others) {
        if (stopped) return
        if (await folder.changed(client)) await lookAt(folder)
      }
      if (others.length > 0) await lookAt(first)
      report({ lastSync: source.now(), problem: problem() })
    }
    progress.show(folders, paused)
  }

  /** A folder that the server refuses to open or to search doesn't keep the others waiting. */
  async function lookAt(folder: FolderSync | undefined): Promise<void> {
    if (!folder || stopped || refused.has(folder)) return
    try {
      await folder.look(client, paused, cancelled)
    } catch (error) {
      if (!isRefusal(error) || !client.usable) throw error
      refuse(folder, error)
    }
  }

  function refuse(folder: FolderSync, error: Error): void {
    const { problem } = explain(error, imapSettings(source.account))
    refused.set(folder, problem)
    source.log('warn', 'the server refuses a folder', {
      account: source.account.id,
      folder: folder.path,
      problem,
    })
  }

  /** Waits for news: by IDLE where the server can, else until the next poll. */
  let shortIdles = 0
  async function listen(): Promise<void> {
    const canIdle = client.capabilities.has('IDLE') && client.mailbox !== false && shortIdles < 5
    if (!canIdle) return await wakeUp.wait()
    const began = performance.now()
    await Promise.race([wakeUp.wait(), client.idle().catch(() => false)])
    // A server that ends every IDLE at once is polled instead.
    if (!wakeUp.isAwake() && performance.now() - began < 1000) shortIdles += 1
    else shortIdles = 0
  }

  function problem(): string | null {
    const [name] = absent
    if (name !== undefined)
      return `There is no folder “${name}” in the mailbox of ${source.account.address}. Choose its folders again under Settings.`
    const [barred] = refused.keys()
    if (barred)
      return `The mail server refuses the folder “${barred.path}”. Workbin tries again at every look; check who may read it, or take it out under Settings.`
    const withheld = folders.find((folder) => folder.withheld > 0)
    if (withheld)
      return `The mail server lists ${withheld.withheld} mail(s) in “${withheld.path}” that it doesn't hand over. Workbin asks again at every look; open them in another mail program.`
    return null
  }

  // --- history: what is missing below the newest mails, on a line of its own

  function startHistory(): void {
    if (history || paused || stopped || shared || !folders.some(wantsHistory)) return
    history = runHistory().finally(() => (history = null))
  }

  async function runHistory(): Promise<void> {
    while (!resting() && folders.some(wantsHistory)) {
      let own: Line | null = null
      try {
        own = await options.openLine({
          onClient(client) {
            historyClient = client
            if (stopped) client.close()
          },
        })
        const lane = newLane()
        try {
          while (!resting() && (await round(own.client, lane))) setbacks = 0
        } finally {
          await settle(lane)
        }
        if (lane.faults.length > 0) throw lane.faults[0]
      } catch (error) {
        if (cancelled()) return
        const fault = explain(error, imapSettings(source.account))
        setbacks += 1
        source.log('warn', 'fetching older mail was interrupted', {
          account: source.account.id,
          problem: fault.problem,
        })
        if (isTooMany(error) || fault.lasting || setbacks >= 3) {
          shared = true
          wakeUp.wake()
          return
        }
        await wakeUp.pause(
          backoff(setbacks, timing.reconnectFirst, timing.reconnectMax, Math.random()),
          () => stopped,
        )
      } finally {
        await own?.close()
        historyClient = null
      }
    }
    // A folder whose numbering changed meanwhile has to be compared again; a refused one waits for the next poll.
    if (refused.size === 0) look()
    else report({ problem: problem() })
  }

  /** One turn for every folder that wants it; false when none did. */
  async function round(on: ImapFlow, lane: Lane): Promise<boolean> {
    const waiting = folders.filter(wantsHistory)
    for (const folder of waiting) {
      if (resting()) break
      await turn(on, folder, lane)
    }
    return waiting.length > 0
  }

  /** Fetches a folder's next mails; while two groups are being filed, the next one waits. */
  async function turn(on: ImapFlow, folder: FolderSync, lane: Lane, most?: number): Promise<void> {
    try {
      for await (const group of folder.history(on, most)) {
        if (group.fault) lane.faults.push(group.fault)
        const filed: Promise<void> = folder
          .file(group)
          .catch((error: unknown) => void lane.faults.push(error))
          .finally(() => {
            lane.filing.delete(filed)
            progress.show(folders, paused, folder)
          })
        lane.filing.add(filed)
        if (lane.filing.size >= FILING) await Promise.race(lane.filing)
        if (resting() || lane.faults.length > 0) break
      }
    } catch (error) {
      if (!isRefusal(error) || !on.usable) throw error
      refuse(folder, error)
    }
    if (lane.faults.length > 0) throw lane.faults[0]
  }

  async function settle(lane: Lane): Promise<void> {
    await Promise.all(lane.filing)
    for (const folder of folders) folder.putBack()
    progress.show(folders, paused)
  }

  /** One batch of history on the first line, then new mail has its turn again; false when nothing is left. */
  async function shareLine(): Promise<boolean> {
    const folder = folders.find(wantsHistory)
    if (!folder || resting()) return false
    const lane = newLane()
    try {
      await turn(client, folder, lane, 1)
    } finally {
      await settle(lane)
    }
    if (lane.faults.length > 0) throw lane.faults[0]
    return true
  }

  return {
    run,
    stop() {
      stopped = true
      wakeUp.wake()
    },
    look,
    wake: () => wakeUp.wake(),
    vanished(path, uid) {
      folders.find((folder) => folder.path === path)?.noteGone(uid)
      wakeUp.wake()
    },
    pauseHistory(value) {
      paused = value
      progress.show(folders, paused)
      wakeUp.wake()
    },
  }
}
