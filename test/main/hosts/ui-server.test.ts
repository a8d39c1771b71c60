import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CoreError } from '../../../src-main/contract/errors.ts'
import type { CoreFiles } from '../../../src-main/core/host-services.ts'
import { startUiServer, type UiServer } from '../../../src-main/hosts/ui-server.ts'

const BIG = 8 * 1_048_576
const nothingHere = async (): Promise<never> => {
  throw new CoreError('not-found', 'There is no such file.')
}
const files: CoreFiles = {
  attachment: nothingHere,
  rawMail: nothingHere,
  remoteImage: nothingHere,
  attach: nothingHere,
  upload: nothingHere,
}

let folder: string
let server: UiServer
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ui-server-'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'big.js'), Buffer.alloc(BIG, 'a'))
  server = await startUiServer({
    port: 0,
    core: {
      files,
      connectPage() {
        throw new CoreError('closed', 'Workbin is closing.')
      },
    },
    rendererDir: folder,
    tmpDir: join(folder, 'tmp'),
    log: () => undefined,
  })
})
afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a large file arrives whole, however often the line is full on the way', async () => {
  const warnings: string[] = []
  const note = (warning: Error) => warnings.push(warning.message)
  process.on('warning', note)
  try {
    const answer = await fetch(`${server.origin}/big.js`)
    expect((await answer.arrayBuffer()).byteLength).toBe(BIG)
  } finally {
    process.off('warning', note)
  }
  expect(warnings).toEqual([])
})

test('a file that breaks off does not look like a whole one', async () => {
  rmSync(join(folder, 'big.js'))
  await expect(fetch(`${server.origin}/big.js`).then((answer) => answer.text())).rejects.toThrow()
})

test('a page that leaves half way stops nothing', async () => {
  const answer = await fetch(`${server.origin}/big.js`)
  await answer.body?.cancel()
  expect(await (await fetch(`${server.origin}/`)).text()).toBe('<!doctype html>')
})
