import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLogFile } from '../../../src-main/hosts/log-file.ts'

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'log-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const now = () => new Date('2026-11-21T10:00:00Z')
const open = (limit?: number) =>
  openLogFile(join(dir, 'logs'), { stderr: false, now, ...(limit === undefined ? {} : { limit }) })
const lines = (name = 'workbin.log') =>
  readFileSync(join(dir, 'logs', name), 'utf8')
    .split('\n')
    .slice(0, -1)

describe('the log', () => {
  it('is one line for each event, however it is worded', () => {
    const { log } = open()
    log('info', 'Started', { port: 4711 })
    log('warn', 'Two\nlines\r\n2026-11-21T10:00:00.000Z INFO forged')
    expect(lines()).toEqual([
      '2026-11-21T10:00:00.000Z INFO Started {"port":4711}',
      '2026-11-21T10:00:00.000Z WARN Two lines 2026-11-21T10:00:00.000Z INFO forged',
    ])
  })

  it('hides secrets by name and by value', () => {
    const { hide, log } = open()
    hide('hunter"22')
    log('error', 'Login with hunter"22 failed', {
      password: 'abc',
      nested: { apiKey: 'def', has_password: true },
      tried: 'imap://me:hunter%2222@host',
      base64: Buffer.from('hunter"22').toString('base64'),
      json: 'hunter"22',
    })
    expect(lines()).toEqual([
      '2026-11-21T10:00:00.000Z ERROR Login with [hidden] failed {"password":"[hidden]","nested":{"apiKey":"[hidden]","has_password":true},"tried":"imap://me:[hidden]@host","base64":"[hidden]","json":"[hidden]"}',
    ])
  })

  it('keeps an error’s message and survives what can’t be written', () => {
    const { log } = open()
    const ring: Record<string, unknown> = {}
    ring.self = ring
    log('error', 'a', { error: new Error('broken') })
    log('error', 'b', ring)
    log('error', 'c', { big: 10n })
    expect(lines()[0]).toContain('"message":"broken"')
    expect(lines().slice(1)).toEqual([
      '2026-11-21T10:00:00.000Z ERROR b (what belongs here could not be written)',
      '2026-11-21T10:00:00.000Z ERROR c {"big":"10"}',
    ])
  })

  it('is rotated by size, and the oldest goes', () => {
    const { log, close } = open(100)
    for (let n = 0; n < 40; n++) log('info', `line ${n} ${'x'.repeat(40)}`)
    close()
    const files = readdirSync(join(dir, 'logs')).sort()
    expect(files).toEqual(['workbin.log', 'workbin.log.1', 'workbin.log.2', 'workbin.log.3', 'workbin.log.4'])
    expect(lines().at(-1)).toContain('line 39')
    expect(lines('workbin.log.1').at(-1)).toContain('line 37')
  })

  it.skipIf(process.platform === 'win32')('is for its owner alone', () => {
    open().log('info', 'x')
    expect(statSync(join(dir, 'logs', 'workbin.log')).mode & 0o777).toBe(0o600)
    expect(statSync(join(dir, 'logs')).mode & 0o777).toBe(0o700)
  })

  it('never throws, even with nowhere to write', () => {
    writeFileSync(join(dir, 'logs'), 'a file')
    expect(() => open().log('info', 'x')).not.toThrow()
  })
})
