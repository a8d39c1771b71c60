import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../connectors/connector.ts'

/** Bytes of one log file, and how many older ones are kept. */
const LIMIT = 5 * 1_048_576
const KEPT = 4

export interface LogFile {
  readonly log: Log
  /** From now on this value is written as `[hidden]`, wherever it turns up. */
  hide(secret: string): void
  close(): void
}

/**
 * Writes DIR/logs/workbin.log, one line each, rotated at 5 MB with four older ones, and the same lines to
 * standard error. Secrets are hidden by their names and by their values. Never throws: a desk whose disk is
 * full goes on.
 */
export function openLogFile(
  folder: string,
  options: { stderr?: boolean; limit?: number; now?: () => Date } = {},
): LogFile {
  const { stderr = true, limit = LIMIT, now = () => new Date() } = options
  const file = join(folder, 'workbin.log')
  const hidden = new Set<string>()
  let open: number | null = null
  let size = 0

  function write(line: string): void {
    try {
      if (size >= limit) rotate()
      size += writeSync(opened(), line)
    } catch {
      // Nowhere left to say it but standard error, which has the line already.
    }
  }

  function opened(): number {
    if (open === null) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      open = openSync(file, 'a', 0o600)
      size = fstatSync(open).size
    }
    return open
  }

  function rotate(): void {
    close()
    rmSync(`${file}.${KEPT}`, { force: true })
    for (let n = KEPT - 1; n >= 1; n--) rename(`${file}.${n}`, `${file}.${n + 1}`)
    rename(file, `${file}.1`)
  }

  function close(): void {
    if (open !== null) closeSync(open)
    open = null
    size = 0
  }

  return {
    log(level, message, detail) {
      const facts = detail && Object.keys(detail).length > 0 ? ` ${toText(detail)}` : ''
      let line = `${now().toISOString()} ${level.toUpperCase()} ${oneLine(message)}${facts}\n`
      for (const secret of hidden) line = line.replaceAll(secret, '[hidden]')
      if (stderr) process.stderr.write(line)
      write(line)
    },
    hide(secret) {
      // Shorter ones would blank out ordinary words.
      if (secret.length < 4) return
      hidden.add(secret)
      hidden.add(JSON.stringify(secret).slice(1, -1))
      hidden.add(encodeURIComponent(secret))
      hidden.add(Buffer.from(secret).toString('base64'))
    },
    close,
  }
}

const secretName = /passw|secret|token|api-?_?key|authorization|cookie|credential|^key$|^pass$/i

function toText(detail: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(detail, (key, value: unknown) => {
      if (secretName.test(key) && value !== null && typeof value !== 'boolean') return '[hidden]'
      if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
      return typeof value === 'bigint' ? String(value) : value
    })
  } catch {
    return '(what belongs here could not be written)'
  }
}

/** A line break in a message must not begin a line that reads like one of ours. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
