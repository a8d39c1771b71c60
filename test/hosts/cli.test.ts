import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endServes, startServe } from '../support/serve.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'cli-'))
const at = (name: string) => join(dir, name)
afterAll(async () => {
  await endServes()
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
})

async function workbin(...args: readonly string[]) {
  const child = spawn(process.execPath, [join(root, 'out/main/cli.js'), ...args], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = await once(child, 'close')
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  return { code: code as number, stdout, stderr, line: last === '' ? null : (JSON.parse(last) as unknown) }
}

const mail = (n: number) =>
  `From: Ann <ann${n}@x.test>\r\nTo: support@desk.test\r\nSubject: Order ${n}\r\n` +
  `Message-ID: <${n}@x.test>\r\nDate: Mon, 05 Jan 2026 10:00:0${n} +0000\r\n\r\nHello ${n}\r\n`

beforeAll(() => {
  mkdirSync(at('mail'))
  for (const n of [1, 2, 3]) writeFileSync(at(`mail/${n}.eml`), mail(n))
  writeFileSync(at('mail/again.eml'), mail(1))
  writeFileSync(at('mail/notes.txt'), 'just some notes')
})

describe('the command line', () => {
  it('imports what is mail, once, and names what isn’t', async () => {
    const { code, line, stderr, stdout } = await workbin(
      'import',
      'mail',
      '--data',
      'desk',
      '--queue',
      'Support',
    )
    expect([code, line]).toEqual([
      0,
      { found: 4, stored: 3, duplicates: 1, heldBack: 0, seconds: expect.any(Number) },
    ])
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(stderr).toContain('notes.txt')
  })

  it('imports the same again as duplicates', async () => {
    const { line } = await workbin('import', 'mail', '--data', 'desk')
    expect(line).toMatchObject({ found: 4, stored: 0, duplicates: 4 })
  })

  it('checks', async () => {
    const { code, line } = await workbin('check', '--data', 'desk')
    expect([code, line]).toEqual([0, { ok: true, interactions: 3, problems: [] }])
  })

  it('exports', async () => {
    const { code, line } = await workbin('export', '--data', 'desk', '--to', 'exported')
    expect([code, line]).toEqual([0, { interactions: 3, mails: 3, attachments: 0, contacts: 3 }])
    expect(readdirSync(at('exported')).sort()).toEqual([
      'attachments',
      'contacts.jsonl',
      'interactions.jsonl',
      'mail',
      'outbox.jsonl',
      'responses.json',
      'settings.json',
    ])
  })

  it('backs up, and restores the same desk into an empty folder', async () => {
    const backup = await workbin('backup', '--data', 'desk', '--to', 'desk.workbin')
    expect([backup.code, backup.line]).toEqual([0, expect.objectContaining({ interactions: 3, missing: 0 })])
    const restored = await workbin('restore', 'desk.workbin', '--data', 'restored')
    expect([restored.code, restored.line]).toEqual([0, expect.objectContaining({ interactions: 3 })])
    expect((await workbin('check', '--data', 'restored')).line).toMatchObject({ ok: true, interactions: 3 })
    expect((await workbin('export', '--data', 'restored', '--to', 'exported-again')).line).toEqual({
      interactions: 3,
      mails: 3,
      attachments: 0,
      contacts: 3,
    })
    expect(readFileSync(at('exported-again/interactions.jsonl'), 'utf8')).toBe(
      readFileSync(at('exported/interactions.jsonl'), 'utf8'),
    )
  })

  it('a blob that was damaged is found', async () => {
    const blobs = at('restored/blobs')
    const [shelf = ''] = readdirSync(blobs).filter((name) => /^[0-9a-f]{2}$/.test(name))
    const [name = ''] = readdirSync(join(blobs, shelf))
    writeFileSync(join(blobs, shelf, name), 'something else')
    const { code, line } = await workbin('check', '--data', 'restored')
    expect([code, line]).toEqual([
      1,
      { ok: false, interactions: 3, problems: [expect.stringContaining(`${shelf}${name}`)] },
    ])
  })

  it.each([
    [[], /Name a command.*Usage/s],
    [['improt'], /There is no command “improt”/],
    [['import', '--data', 'desk'], /“import” needs at least one PATH/],
    [['import', 'mail'], /“import” needs --data DIR/],
    [['import', 'nowhere', '--data', 'desk'], /There is no file or folder .*nowhere/],
    [['export', '--data', 'desk'], /“export” needs --to FOLDER/],
    [['backup', '--data', 'desk'], /“backup” needs --to FILE/],
    [['backup', '--data', 'desk', '--to', 'desk.workbin'], /desk\.workbin is there already/],
    [['check', '--data', 'nodesk'], /There is no desk in .*nodesk/],
    [['check', '--data', 'desk', '--to', 'x'], /“check” takes no --to/],
    [['check', 'extra', '--data', 'desk'], /“check” takes no path “extra”/],
    [['restore', '--data', 'new'], /“restore” needs the backup’s FILE/],
    [['restore', 'desk.workbin', '--data', 'desk'], /desk is not empty\. Restore into an empty folder/],
    [['restore', 'mail/1.eml', '--data', 'new'], /This is no whole backup of a desk/],
    [['check', '--data', 'desk', '--nonsense'], /Unknown option '--nonsense'/],
  ])('%j says what is wrong and exits 1', async (args, message) => {
    const { code, stderr, stdout } = await workbin(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(message)
    expect(existsSync(at('nodesk'))).toBe(false)
  })

  it('beside a running desk every command exits 3', async () => {
    const desk = await startServe({ data: at('desk') })
    for (const args of [
      ['import', 'mail', '--data', 'desk'],
      ['export', '--data', 'desk', '--to', 'x'],
      ['check', '--data', 'desk'],
      ['backup', '--data', 'desk', '--to', 'y'],
      ['restore', 'desk.workbin', '--data', 'desk'],
    ]) {
      const { code, stderr, stdout } = await workbin(...args)
      expect([code, stdout], args[0]).toEqual([3, ''])
      expect(stderr).toContain(`A desk already runs on this data folder (process ${desk.pid}).`)
    }
    expect(await desk.stop()).toBe(0)
  })

  it('after a crash the write-ahead log is recovered first', async () => {
    const desk = await startServe({ data: at('desk') })
    const { core } = await desk.connect()
    await core.saveDisposition({ id: null, name: 'Crashed' })
    await desk.kill()
    expect((await workbin('check', '--data', 'desk')).line).toMatchObject({ ok: true, interactions: 3 })
    expect((await workbin('export', '--data', 'desk', '--to', 'after-crash')).code).toBe(0)
    expect(readFileSync(at('after-crash/settings.json'), 'utf8')).toContain('Crashed')
  })
})
