// npm test: everything that must be green, from a fresh clone: installs what the tests need, checks types and
// style, builds, runs every test. The last line sums up; the exit code is 0 only when nothing failed.
// Plain JavaScript for Node 20, since it runs before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { ensureBuilt, ensureInstalled, findNode, root } from '../src-main/hosts/launch/prepare.mjs'

/** What the system must have, and the Debian packages that bring it. */
const systemParts = [
  { name: 'Chromium', packages: ['chromium'], there: () => findChromium() !== null },
  {
    name: 'Dovecot (IMAP and LMTP)',
    packages: ['dovecot-imapd', 'dovecot-lmtpd'],
    there: () => existsSync('/usr/sbin/dovecot') && existsSync('/usr/lib/dovecot/lmtp'),
  },
  // The documents' own samples are run as they stand.
  { name: 'curl', packages: ['curl'], there: () => existsSync('/usr/bin/curl') },
]

const totals = { passed: 0, failed: 0, skipped: 0 }
const began = Date.now()

function heading(text) {
  process.stdout.write(`\n── ${text}\n`)
}

function end(code) {
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''
  process.stdout.write(`\nTook ${Math.round((Date.now() - began) / 1000)} s\n`)
  process.stdout.write(`${totals.passed} passed, ${totals.failed} failed${skipped}\n`)
  process.exit(code)
}

function findChromium() {
  const names = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  return [process.env.CHROMIUM, ...names].find((path) => path && existsSync(path)) ?? null
}

/** Runs a command with its output as it comes; true when it ended well. */
function command(program, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
    child.once('error', (error) => {
      process.stdout.write(`${error.message}\n`)
      resolve(false)
    })
    child.once('exit', (code) => resolve(code === 0))
  })
}

/** Installs the missing system parts where that is possible without asking: as root on Debian. */
async function ensureSystem() {
  const missing = systemParts.filter((part) => !part.there())
  if (missing.length === 0) return true
  const packages = missing.flatMap((part) => part.packages)
  const apt = existsSync('/etc/debian_version') && process.getuid?.() === 0
  if (apt) {
    heading(`Installing ${packages.join(', ')}`)
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    const install = ['install', '-y', '--no-install-recommends', ...packages]
    // The lists of a fresh image are empty or old: they are fetched only when the packages aren't found.
    if (!(await command('apt-get', ['-q', ...install], env))) {
      await command('apt-get', ['-q', 'update'], env)
      await command('apt-get', ['-q', ...install], env)
    }
  }
  const still = systemParts.filter((part) => !part.there())
  for (const part of still)
    process.stdout.write(
      `Missing: ${part.name}. Install it (Debian: apt-get install ${part.packages.join(' ')}), then run npm test again.\n`,
    )
  return still.length === 0
}

/** A check that has no tests of its own counts as one. */
async function check(name, program, args, env) {
  heading(name)
  const ok = await command(program, args, env)
  totals[ok ? 'passed' : 'failed']++
  process.stdout.write(`${ok ? '✓' : '✗'} ${name}\n`)
  return ok
}

async function tests(program, env) {
  heading('tests')
  const folder = mkdtempSync(join(tmpdir(), 'workbin-test-'))
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const ok = await command(
    program,
    [
      ...[vitest, 'run', '--config', 'test/vitest.config.ts'],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ],
    env,
  )
  try {
    const { numFailedTests, numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, 'utf8'),
    )
    totals.passed += numPassedTests
    totals.failed += numFailedTests
    totals.skipped += numPendingTests + numTodoTests
    // A file that can't be loaded or whose setup fails has no failed test.
    const broken = testResults.filter(
      ({ assertionResults, status }) =>
        status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
    ).length
    totals.failed += broken
    // An error outside every test makes the run red, too.
    if (!ok && numFailedTests + broken === 0) totals.failed++
  } catch {
    totals.failed++
    process.stdout.write('The tests ended without a report.\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  await ensureInstalled()
} catch (error) {
  process.stdout.write(`${error.message}\n`)
  totals.failed++
  end(1)
}
const { env: nodeEnv, program } = findNode()
// Tools started by name must find the same Node.
const env = {
  ...nodeEnv,
  PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
  CI: process.env.CI ?? '1',
}
if (!(await ensureSystem())) {
  totals.failed++
  end(1)
}

const bin = (name, ...path) => join(root, 'node_modules', name, ...path)
const tsc = bin('typescript', 'bin/tsc')
for (const part of ['src-main/contract', 'src-main', 'test'])
  await check(`types of ${part}`, program, [tsc, '-p', part], env)
await check(
  'types of src-renderer',
  program,
  [bin('svelte-check', 'bin/svelte-check'), '--tsconfig', 'src-renderer/tsconfig.json', '--fail-on-warnings'],
  env,
)
const sources = ['src-main', 'src-renderer', 'test', 'electron.vite.config.ts']
await check(
  'lint',
  program,
  [bin('eslint', 'bin/eslint.js'), '--config', 'test/eslint.config.js', '--max-warnings', '0', ...sources],
  env,
)
await check(
  'format',
  program,
  [bin('prettier', 'bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
  env,
)

heading('build')
try {
  await ensureBuilt()
  totals.passed++
  process.stdout.write('✓ build\n')
} catch (error) {
  totals.failed++
  process.stdout.write(`✗ build: ${error.message}\n`)
  end(1)
}

await tests(program, env)
end(totals.failed === 0 ? 0 : 1)
