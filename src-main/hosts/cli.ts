import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Job } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { restoreBackup } from '../core/backup-file.ts'
import { type HostedCore, startCore } from '../core/start-core.ts'
import { lockData } from './data-lock.ts'
import { openLogFile } from './log-file.ts'
import { placesBeside } from './places.ts'
import { plainSecrets } from './secret-backends.ts'

/**
 * Work on a data folder without a desk (contracts: the command line): progress on standard error, the outcome
 * as the last line on standard output; 0 when it is done, 3 while a desk runs, 1 otherwise.
 */

const usage = `Usage: npm run -s workbin -- COMMAND
  import PATH… --data DIR [--queue NAME] [--account ID]   take in .eml and .mbox files, Maildirs and folders of them
  export --data DIR --to FOLDER                           everything, as plain files
  check --data DIR                                        verify the data folder
  backup --data DIR --to FILE                             a verified copy in one file
  restore FILE --data DIR                                 a backup into an empty folder`

interface Command {
  readonly name: 'import' | 'export' | 'check' | 'backup' | 'restore'
  readonly paths: readonly string[]
  readonly data: string
  readonly to: string
  readonly queue: string | null
  readonly account: string | null
}

interface Outcome {
  readonly line: Readonly<Record<string, unknown>>
  readonly ok: boolean
}

/** Which options each command takes beside --data, and how many paths. */
const commands = {
  import: { options: ['queue', 'account'], paths: [1, Infinity] },
  export: { options: ['to'], paths: [0, 0] },
  check: { options: [], paths: [0, 0] },
  backup: { options: ['to'], paths: [0, 0] },
  restore: { options: [], paths: [1, 1] },
} as const satisfies Record<Command['name'], { options: readonly string[]; paths: readonly [number, number] }>

function isCommand(name: string | undefined): name is Command['name'] {
  return name !== undefined && Object.hasOwn(commands, name)
}

function wrong(what: string): CoreError {
  return new CoreError('invalid', `${what}\n${usage}`)
}

function readCommand(args: readonly string[]): Command {
  let parsed
  try {
    parsed = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        to: { type: 'string' },
        queue: { type: 'string' },
        account: { type: 'string' },
      },
    })
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : 'The arguments can’t be read.')
  }
  const [name, ...paths] = parsed.positionals
  const { account, data, queue, to } = parsed.values
  if (!isCommand(name)) throw wrong(name === undefined ? 'Name a command.' : `There is no command “${name}”.`)
  const takes: { options: readonly string[]; paths: readonly [number, number] } = commands[name]
  for (const option of ['to', 'queue', 'account'] as const)
    if (parsed.values[option] !== undefined && !takes.options.includes(option))
      throw wrong(`“${name}” takes no --${option}.`)
  if (data === undefined) throw wrong(`“${name}” needs --data DIR.`)
  if (takes.options.includes('to') && to === undefined)
    throw wrong(`“${name}” needs --to ${name === 'backup' ? 'FILE' : 'FOLDER'}.`)
  if (paths.length < takes.paths[0])
    throw wrong(
      name === 'restore' ? '“restore” needs the backup’s FILE.' : '“import” needs at least one PATH.',
    )
  if (paths.length > takes.paths[1]) throw wrong(`“${name}” takes no path “${paths[takes.paths[1]]}”.`)
  return {
    name,
    paths: paths.map((path) => resolve(path)),
    data: resolve(data),
    to: resolve(to ?? '.'),
    queue: queue ?? null,
    account: account ?? null,
  }
}

async function run(command: Command): Promise<Outcome> {
  const { data, name, paths } = command
  const needsDesk = name !== 'import' && name !== 'restore'
  if (needsDesk && !existsSync(join(data, 'workbin.db')))
    throw new CoreError('not-found', `There is no desk in ${data}.`)
  for (const path of paths)
    if (!existsSync(path)) throw new CoreError('not-found', `There is no file or folder ${path}.`)
  const unlock = lockData(data)
  try {
    if (name === 'restore') {
      const [file = ''] = paths
      say(`Restoring ${file} …`)
      return { line: { ...(await restoreBackup(file, data)) }, ok: true }
    }
    return await withCore(data, (core) => work(command, core))
  } finally {
    unlock()
  }
}

async function withCore(data: string, use: (core: HostedCore) => Promise<Outcome>): Promise<Outcome> {
  const places = placesBeside(import.meta.url)
  const { close: closeLog, log } = openLogFile(join(data, 'logs'), { stderr: false })
  const core = await startCore({
    dataDir: data,
    host: 'browser',
    version: places.version,
    coreWorker: places.coreWorker,
    parseWorker: places.parseWorker,
    apiWorker: places.apiWorker,
    apiPort: null,
    resourcesDir: places.resourcesDir,
    // Nothing here needs a password, and a keychain might ask somebody who isn't there.
    secrets: plainSecrets,
    openLink: null,
    log,
    atRest: true,
  })
  // Ctrl+C ends the work, not the data: what is committed stays, the rest is rolled back.
  const stop = () => {
    void core.close().finally(() => process.exit(1))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    return await use(core)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    await core.close()
    closeLog()
  }
}

async function work(command: Command, core: HostedCore): Promise<Outcome> {
  switch (command.name) {
    case 'import':
      return await importMail(command, core)
    case 'export': {
      say(`Exporting to ${command.to} …`)
      return { line: await core.owner.exportTo(command.to), ok: true }
    }
    case 'check': {
      say('Checking …')
      const { interactions, ok, problems } = await core.owner.check()
      return { line: { ok, interactions, problems }, ok }
    }
    case 'backup': {
      say(`Backing up to ${command.to} …`)
      return { line: { ...(await core.owner.backupTo(command.to)) }, ok: true }
    }
    case 'restore':
      throw new CoreError('internal', 'A restore needs no core.')
  }
}

async function importMail(command: Command, core: HostedCore): Promise<Outcome> {
  const began = performance.now()
  let said = 0
  const job = await core.owner.importPaths(command.paths, {
    queue: command.queue,
    account: command.account,
    onProgress: (progress) => {
      if (performance.now() - said < 1_000) return
      said = performance.now()
      say(describe(progress))
    },
  })
  say(describe(job))
  for (const name of job.not_mail) say(`Not mail: ${name}`)
  for (const { reason, what } of job.held_back_reasons) say(`Held back: ${what}: ${reason}`)
  if (job.held_back > job.held_back_reasons.length)
    say(
      `Held back: ${job.held_back - job.held_back_reasons.length} more; the desk shows them with their reasons.`,
    )
  if (job.state !== 'done')
    throw new CoreError(
      'internal',
      job.problem ?? 'The import was stopped. What was stored stays; run it again.',
    )
  const seconds = Math.round((performance.now() - began) / 10) / 100
  const { duplicates, found, held_back: heldBack, stored } = job
  return { line: { found, stored, duplicates, heldBack, seconds }, ok: true }
}

function describe(job: Job): string {
  const share = job.bytes_total > 0 ? ` (${Math.floor((100 * job.bytes) / job.bytes_total)} %)` : ''
  return `${job.found} found, ${job.stored} stored, ${job.duplicates} duplicates, ${job.held_back} held back${share}`
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

try {
  const { line, ok } = await run(readCommand(process.argv.slice(2)))
  // Written whole before the process ends: a pipe takes it asynchronously.
  await new Promise<void>((resolve) => process.stdout.write(`${JSON.stringify(line)}\n`, () => resolve()))
  process.exit(ok ? 0 : 1)
} catch (error) {
  const known = error instanceof CoreError
  say(known ? error.message : `Workbin could not do this: ${String(error)}`)
  process.exit(known && error.code === 'locked' ? 3 : 1)
}
