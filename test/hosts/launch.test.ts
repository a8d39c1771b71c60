import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { _electron } from 'playwright-core'
import { afterAll, describe, expect, it } from 'vitest'
import { isInstalled } from '../../src-main/hosts/launch/prepare.mjs'
import { realElectron } from '../support/electron.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'launch-'))
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))

function start(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(root, 'src-main/hosts/launch', command), ...args], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_package_json: '', DISPLAY: '', WAYLAND_DISPLAY: '', ...env },
  })
  const said = { out: '', error: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.error += chunk.toString()))
  return { child, said, ended: once(child, 'close').then(([code]) => code as number) }
}

describe('npm run serve', () => {
  it('prints one line from the desk itself, takes paths from where it was typed, and ends it with itself', async () => {
    const { child, ended, said } = start('serve.mjs', ['--data', 'desk', '--no-open'])
    await until('the line', () => said.out.includes('\n'), 60_000)
    const ready = JSON.parse(said.out) as { pid: number; data: string; api: string | null }
    expect(ready).toMatchObject({ ready: true, api: null, data: join(dir, 'desk') })
    expect(ready.pid).not.toBe(child.pid)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(said.out.trimEnd().split('\n')).toHaveLength(1)
    expect(() => process.kill(ready.pid, 0)).toThrow()
  })

  it('ends the desk when the shell that npm put between is killed', async () => {
    const script = `"${process.execPath}" "${join(root, 'src-main/hosts/launch/serve.mjs')}" --data desk2 --no-open; true`
    const shell = spawn('sh', ['-c', script], { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] })
    let out = ''
    shell.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    await until('the line', () => out.includes('\n'), 60_000)
    const { pid } = JSON.parse(out) as { pid: number }
    shell.kill('SIGTERM')
    await until('the desk’s end', () => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    })
  })

  it('passes the desk’s exit code on', async () => {
    expect(await start('serve.mjs', ['--ui-port', 'x']).ended).toBe(1)
    const { ended, said } = start('workbin.mjs', ['check', '--data', 'nowhere'])
    expect(await ended).toBe(1)
    expect(said.error).toContain(`There is no desk in ${join(dir, 'nowhere')}.`)
  })
})

describe('npm start', () => {
  it('opens the same desk in the browser where Electron can’t be had, and says so in one line', async () => {
    const { child, ended, said } = start('start.mjs', ['--data', 'desk3'], {
      ELECTRON_SKIP_BINARY_DOWNLOAD: '1',
      // No browser either: the address is all that is left.
      PATH: dir,
    })
    await until('the address', () => said.error.includes('Open this address yourself'), 60_000)
    const why = realElectron
      ? 'Electron finds no display here'
      : 'Electron’s program could not be fetched (its download is switched off)'
    expect(said.error).toContain(`${why}; opening the same desk in the browser.\n`)
    expect(said.error).toMatch(/Workbin is open at http:\/\/127\.0\.0\.1:\d+\/#[0-9a-f]{64}\n/)
    expect(said.error).not.toContain(' INFO ')
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })

  it.skipIf(!realElectron || !process.env.DISPLAY)(
    'opens it in the real Electron where that is there',
    async () => {
      const app = await _electron.launch({
        executablePath: realElectron ?? '',
        args: [root, '--data', join(dir, 'real'), ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
      })
      const page = await app.firstWindow()
      await page.getByText('Welcome to Workbin').waitFor()
      expect(page.url()).toBe('app://desk/')
      await app.close()
    },
  )
})

it('what is installed is what the lock file names', () => {
  expect(isInstalled()).toBe(true)
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: object
  }
  expect(Object.keys(packages).length).toBeGreaterThan(100)
})
