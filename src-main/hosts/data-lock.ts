import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CoreError } from '../contract/errors.ts'

const lockSchema = z.object({
  pid: z.int().min(1),
  /** When the process began, as its system tells it; null where the system doesn't. */
  began: z.string().nullable(),
  mark: z.string(),
})
type Lock = z.output<typeof lockSchema>

/** How long another start may take to replace the lock of a desk that died. */
const TAKEOVER_MS = 5_000

/**
 * Makes this process the only desk on the data folder, by DIR/desk.lock with its process id. The lock of a
 * process that is gone is taken over. Throws `locked` while another desk runs. Returns the way to let go,
 * which also happens when the process exits.
 */
export function lockData(dataDir: string): () => void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new CoreError('disk', `The data folder ${dataDir} can’t be made. Choose another with --data.`, {
      cause: error,
    })
  }
  const file = join(dataDir, 'desk.lock')
  const mine: Lock = { pid: process.pid, began: beganAt(process.pid), mark: randomUUID() }

  if (!create(file, mine)) takeOver(file, mine)

  let held = true
  const release = () => {
    if (!held) return
    held = false
    process.off('exit', release)
    if (read(file)?.mark === mine.mark) rmSync(file, { force: true })
  }
  process.on('exit', release)
  return release
}

/** The process id of the desk that runs on this data folder, or null. */
export function runningDesk(dataDir: string): number | null {
  const lock = read(join(dataDir, 'desk.lock'))
  return lock && runs(lock) ? lock.pid : null
}

function takeOver(file: string, mine: Lock): void {
  // One at a time: two that both found a dead lock would each remove what the other just made.
  const guard = `${file}.takeover`
  const until = Date.now() + TAKEOVER_MS
  while (!makeFolder(guard)) {
    const since = statSync(guard, { throwIfNoEntry: false })?.mtimeMs
    if (since !== undefined && Date.now() - since > TAKEOVER_MS) removeFolder(guard)
    else if (Date.now() > until) throw locked(read(file)?.pid ?? null)
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
  }
  try {
    const there = read(file)
    if (there && runs(there)) throw locked(there.pid)
    rmSync(file, { force: true })
    if (!create(file, mine)) throw locked(read(file)?.pid ?? null)
  } finally {
    removeFolder(guard)
  }
}

function locked(pid: number | null): CoreError {
  return new CoreError(
    'locked',
    `A desk already runs on this data folder${pid === null ? '' : ` (process ${pid})`}. Close it first, or choose another folder with --data.`,
  )
}

function create(file: string, lock: Lock): boolean {
  try {
    writeFileSync(file, `${JSON.stringify(lock)}\n`, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (has(error, 'EEXIST')) return false
    throw new CoreError('disk', 'Workbin may not write to its data folder. Check its permissions.', {
      cause: error,
    })
  }
}

/** Null for a lock that is missing or was never written whole. */
function read(file: string): Lock | null {
  try {
    return lockSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}

function runs(lock: Lock): boolean {
  try {
    process.kill(lock.pid, 0)
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if (!has(error, 'EPERM')) return false
  }
  // A process id comes again, after a restart of the computer almost surely.
  return lock.began === null || lock.began === beganAt(lock.pid)
}

/** Boot and start time of a process on Linux, which together never come again; null elsewhere. */
function beganAt(pid: number): string | null {
  if (process.platform !== 'linux') return null
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Field 22 (proc(5)), counted behind the name, which may itself hold blanks and brackets.
    const started = status.slice(status.lastIndexOf(')') + 2).split(' ')[19]
    return started === undefined ? null : `${boot}/${started}`
  } catch {
    return null
  }
}

function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder)
    return true
  } catch (error) {
    if (has(error, 'EEXIST')) return false
    throw error
  }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!has(error, 'ENOENT')) throw error
  }
}

function has(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
