import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Api } from '../../src-main/api/api.ts'
import type { ApiContext, ApiDesk } from '../../src-main/api/desk.ts'
import { startApi } from '../../src-main/api/server.ts'
import type { ApiUse } from '../../src-main/api/use.ts'
import type { SettingsFile } from '../../src-main/contract/settings.ts'
import { createApiDesk } from '../../src-main/core/api-desk.ts'
import { mergeSettingsFile, storedSettings } from '../../src-main/core/stored-settings.ts'
import { openSecrets } from '../../src-main/secrets.ts'
import { type Blobs, openBlobs } from '../../src-main/store/blobs.ts'
import { openSqliteStore } from '../../src-main/store/sqlite/open-store.ts'
import type { Store } from '../../src-main/store/store.ts'
import { START } from './open-store.ts'

/** APIs at work over a real store: on 127.0.0.1, in this process. */
export interface ServedApis {
  /** `http://127.0.0.1:<port>`, without a slash. */
  readonly url: string
  readonly store: Store
  readonly desk: ApiDesk
  readonly blobs: Blobs
  readonly dataDir: string
  now(): number
  /** Turns the clock on, ms. */
  pass(ms: number): void
  /** Merges settings as a settings file would, and tells the APIs. */
  set(file: SettingsFile): Promise<void>
  /** Names of the files in DIR/tmp. */
  uploadsLeft(): readonly string[]
  /** What was logged, oldest first. */
  readonly lines: readonly { level: string; message: string; detail: Readonly<Record<string, unknown>> }[]
  /** Requests and refusals that were told so far; the rest is with `close`. */
  readonly use: readonly ApiUse[]
  close(): Promise<void>
}

/**
 * Serves `apis` over a real store in a folder of its own. `settings` is `api` of a settings file, keys and all;
 * `file` the other parts of one; `desk` may stand in for calls of the desk, to make it fail.
 */
export async function serveApis(
  options: {
    readonly apis?: readonly ((context: ApiContext) => Api)[]
    readonly settings?: SettingsFile['api']
    readonly file?: Omit<SettingsFile, 'api'>
    readonly desk?: (desk: ApiDesk) => Partial<ApiDesk>
    /** Over it instead of a new one; its owner closes it. */
    readonly store?: Store
    readonly idleMs?: number
    readonly busyMs?: number
  } = {},
): Promise<ServedApis> {
  const dataDir = mkdtempSync(join(tmpdir(), 'workbin-api-'))
  const tmp = join(dataDir, 'tmp')
  mkdirSync(tmp)
  let at = START
  const now = () => at
  const store = options.store ?? openSqliteStore({ file: join(dataDir, 'workbin.db'), now })
  const blobs = openBlobs(join(dataDir, 'blobs'))
  const secrets = await openSecrets(dataDir, {
    kind: 'plain',
    wrap: async (plain) => plain,
    unwrap: async (wrapped) => wrapped,
  })
  const stored = storedSettings(store, secrets)
  await mergeSettingsFile(
    { ...options.file, ...(options.settings ? { api: options.settings } : {}) },
    store,
    secrets,
  )
  let served = await stored.servedSettings()
  const real = createApiDesk({ store, blobs, settings: stored })
  const desk: ApiDesk = { ...real, ...options.desk?.(real) }
  const lines: { level: string; message: string; detail: Readonly<Record<string, unknown>> }[] = []
  const use: ApiUse[] = []

  const server = await startApi({
    listen: '127.0.0.1',
    port: 0,
    tls: { cert: null, key: null },
    apis: options.apis ?? [],
    context: { desk, settings: () => served, now, tmp },
    log: (level, message, detail = {}) => void lines.push({ level, message, detail }),
    record: (told) => void use.push(...told),
    ...(options.idleMs === undefined ? {} : { idleMs: options.idleMs }),
    ...(options.busyMs === undefined ? {} : { busyMs: options.busyMs }),
  })
  return {
    url: server.url,
    store,
    desk,
    blobs,
    dataDir,
    now,
    pass(ms) {
      at += ms
    },
    async set(file) {
      await mergeSettingsFile(file, store, secrets)
      served = await stored.servedSettings()
      await server.refresh()
    },
    uploadsLeft: () => readdirSync(tmp),
    lines,
    use,
    async close() {
      await server.close()
      real.close()
      if (!options.store) await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
