import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockData, runningDesk } from '../../../src-main/hosts/data-lock.ts'

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'lock-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const lockFile = () => join(dir, 'desk.lock')
const source = new URL('../../../src-main/hosts/data-lock.ts', import.meta.url).href

/** Another process that locks the folder, says so or why not, and holds on. */
async function otherDesk(folder = dir) {
  const program = `
    import { lockData } from ${JSON.stringify(source)}
    try { lockData(${JSON.stringify(folder)}); console.log('holds') } catch (error) { console.log(error.code) }
    process.stdin.resume(); process.stdin.on('end', () => process.exit(0))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  return { child, said: String(line).trim() }
}

describe('the lock of a data folder', () => {
  it('is held until it is let go, with this process’s id', () => {
    const release = lockData(dir)
    expect(JSON.parse(readFileSync(lockFile(), 'utf8'))).toMatchObject({ pid: process.pid })
    expect(runningDesk(dir)).toBe(process.pid)
    expect(() => lockData(dir)).toThrow(expect.objectContaining({ code: 'locked' }))
    release()
    expect(existsSync(lockFile())).toBe(false)
    expect(runningDesk(dir)).toBeNull()
    lockData(dir)()
  })

  it('refuses a second desk in one sentence that names the first', async () => {
    const { child, said } = await otherDesk()
    expect(said).toBe('holds')
    expect(runningDesk(dir)).toBe(child.pid)
    expect(() => lockData(dir)).toThrow(
      `A desk already runs on this data folder (process ${child.pid}). Close it first, or choose another folder with --data.`,
    )
    child.stdin.end()
    await once(child, 'exit')
    expect(existsSync(lockFile())).toBe(false)
  })

  it('is taken over from a desk that was killed', async () => {
    const { child } = await otherDesk()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(existsSync(lockFile())).toBe(true)
    expect(runningDesk(dir)).toBeNull()
    lockData(dir)()
  })

  it('of a killed desk goes to one of many that start at once', async () => {
    const { child } = await otherDesk()
    child.kill('SIGKILL')
    await once(child, 'exit')
    const desks = await Promise.all(Array.from({ length: 6 }, () => otherDesk()))
    const holders = desks.filter(({ said }) => said === 'holds')
    expect(holders.map(({ child }) => child.pid)).toEqual([runningDesk(dir)])
    expect(desks.filter(({ said }) => said === 'locked')).toHaveLength(5)
    for (const desk of desks) {
      desk.child.stdin.end()
      await once(desk.child, 'exit')
    }
  })

  it.skipIf(process.platform !== 'linux')('of a process whose id was given to another is taken over', () => {
    writeFileSync(lockFile(), JSON.stringify({ pid: process.pid, began: 'another-boot/1', mark: 'x' }))
    lockData(dir)()
  })

  it.each(['', '{"pid":', '{"pid":-1}', 'null'])(
    'that holds %j was never whole, and is taken over',
    (text) => {
      writeFileSync(lockFile(), text)
      lockData(dir)()
    },
  )

  it('a takeover that was itself killed doesn’t block for ever', () => {
    writeFileSync(lockFile(), '{"pid":')
    mkdirSync(`${lockFile()}.takeover`)
    const before = new Date(Date.now() - 60_000)
    utimesSync(`${lockFile()}.takeover`, before, before)
    lockData(dir)()
  })

  it('belongs to one data folder', async () => {
    const release = lockData(dir)
    const other = mkdtempSync(join(tmpdir(), 'lock-'))
    lockData(other)()
    rmSync(other, { recursive: true })
    release()
  })

  it('a folder that can’t be written to is named as such', () => {
    writeFileSync(join(dir, 'file'), '')
    expect(() => lockData(join(dir, 'file'))).toThrow(expect.objectContaining({ code: 'disk' }))
  })
})
