import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CoreError } from '../contract/errors.ts'
import { startCore } from '../core/start-core.ts'
import { lockData } from './data-lock.ts'
import { openLogFile } from './log-file.ts'
import { openInBrowser } from './open-outside.ts'
import { defaultDataDir, placesBeside } from './places.ts'
import { hidingFrom, systemSecrets } from './secret-backends.ts'
import { readSettingsFile } from './settings-file.ts'
import { startUiServer } from './ui-server.ts'

/**
 * The desk without Electron (contracts: settings file and start command). One line of JSON on standard output
 * says where it is; SIGTERM and SIGINT end it cleanly.
 */

const usage = `Usage: npm run serve -- [--data DIR] [--settings FILE] [--ui-port N] [--api-port N] [--no-open]`

/** A clean end must fit in 5 s; what isn't closed by then is rolled back at the next start. */
const CLOSE_MS = 4_500

interface Arguments {
  readonly data: string
  readonly settings: string | null
  readonly uiPort: number
  readonly apiPort: number | null
  readonly open: boolean
}

function readArguments(args: readonly string[]): Arguments {
  let values
  try {
    ;({ values } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        data: { type: 'string' },
        settings: { type: 'string' },
        'ui-port': { type: 'string' },
        'api-port': { type: 'string' },
        'no-open': { type: 'boolean', default: false },
      },
    }))
  } catch (error) {
    throw new CoreError('invalid', `${error instanceof Error ? error.message : ''} ${usage}`, {
      cause: error,
    })
  }
  return {
    data: resolve(values.data ?? defaultDataDir()),
    settings: values.settings === undefined ? null : resolve(values.settings),
    uiPort: readPort('--ui-port', values['ui-port']) ?? 0,
    apiPort: readPort('--api-port', values['api-port']),
    open: !values['no-open'],
  }
}

function readPort(name: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new CoreError('invalid', `${name} takes a number from 0 to 65535. ${usage}`)
  return port
}

async function serve(args: readonly string[]): Promise<void> {
  const { apiPort, data, open, settings, uiPort } = readArguments(args)
  const places = placesBeside(import.meta.url)
  const settingsFile = settings === null ? null : readSettingsFile(settings)

  const unlock = lockData(data)
  const { close: closeLog, hide, log } = openLogFile(join(data, 'logs'))
  // What was opened, newest first, so that a start that fails half-way closes as a finished one does.
  const opened: (() => Promise<void>)[] = []
  let closing: Promise<void> | null = null
  const close = () =>
    (closing ??= (async () => {
      for (const end of opened)
        await end().catch((error: unknown) => log('error', 'Closing failed', { error: String(error) }))
      unlock()
      closeLog()
    })())
  const end = (code: number) => {
    // Whatever hangs must not keep the process: nothing acknowledged depends on a clean end.
    setTimeout(() => process.exit(code), CLOSE_MS).unref()
    void close().then(() => process.exit(code))
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (closing === null) log('info', 'Closing', { signal })
      end(0)
    })

  try {
    const core = await startCore({
      dataDir: data,
      host: 'browser',
      version: places.version,
      coreWorker: places.coreWorker,
      parseWorker: places.parseWorker,
      apiWorker: places.apiWorker,
      apiPort,
      resourcesDir: places.resourcesDir,
      secrets: hidingFrom(hide, await systemSecrets()),
      openLink: null,
      log,
      ...(settingsFile === null ? {} : { settingsFile }),
    })
    opened.unshift(() => core.close())
    core.onCrash(() => end(1))

    const api = await core.apiUrl()
    const ui = await startUiServer({
      port: uiPort,
      core,
      rendererDir: places.rendererDir,
      tmpDir: join(data, 'tmp'),
      log,
    })
    opened.unshift(() => ui.close())
    hide(new URL(ui.url).hash.slice(1))

    log('info', 'The desk is open', { ui: ui.origin, api, pid: process.pid, data })
    process.stdout.write(`${JSON.stringify({ ready: true, ui: ui.url, api, pid: process.pid, data })}\n`)
    if (open && !(await openInBrowser(ui.oneTimeUrl())))
      process.stderr.write(`No browser could be opened. Open this address yourself: ${ui.url}\n`)
  } catch (error) {
    await close()
    throw error
  }
}

// A reader that went away must not end the desk.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

try {
  await serve(process.argv.slice(2))
} catch (error) {
  const known = error instanceof CoreError
  process.stderr.write(`${known ? error.message : `Workbin could not start: ${String(error)}`}\n`)
  process.exit(known && error.code === 'locked' ? 3 : 1)
}
