import { createHash, randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReceivedFile } from './desk.ts'

/** Writes bytes that came inside a body to a synced file in `tmp`; who asked for it removes it with the request. */
export async function keepFile(tmp: string, bytes: Uint8Array): Promise<ReceivedFile> {
  const file = join(tmp, randomUUID())
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  return { file, sha256: createHash('sha256').update(bytes).digest('hex') }
}
