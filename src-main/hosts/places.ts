import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where this build's own files are. */
export interface Places {
  /** The project's root, or the packaged program's. */
  readonly root: string
  readonly rendererDir: string
  readonly resourcesDir: string
  readonly coreWorker: URL
  readonly parseWorker: URL
  readonly apiWorker: URL
  readonly preload: string
  readonly version: string
}

/** Finds the build's files from a host's own `import.meta.url`, built (out/main/x.js) or source (src-main/hosts/x.ts). */
export function placesBeside(host: string): Places {
  const root = resolve(fileURLToPath(new URL('.', host)), '../..')
  const built = !host.endsWith('.ts')
  return {
    root,
    rendererDir: join(root, 'out/renderer'),
    resourcesDir: join(root, 'resources'),
    coreWorker: new URL(built ? './core-worker.js' : '../core/worker.ts', host),
    parseWorker: new URL(built ? './parse-worker.js' : '../intake/parse-worker.ts', host),
    apiWorker: new URL(built ? './api-worker.js' : '../api/worker.ts', host),
    preload: join(root, 'out/preload/preload.cjs'),
    version: readVersion(join(root, 'package.json')),
  }
}

function readVersion(file: string): string {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const named =
    typeof content === 'object' && content !== null && 'version' in content ? content.version : null
  return typeof named === 'string' ? named : '0.0.0'
}

/** The data folder used when none is named: where each system keeps a program's data. */
export function defaultDataDir(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): string {
  if (platform === 'win32') return join(env.APPDATA ?? join(home, 'AppData/Roaming'), 'Workbin', 'desk')
  if (platform === 'darwin') return join(home, 'Library/Application Support/Workbin/desk')
  // The XDG base directory specification asks that a relative value be ignored.
  const base = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local/share')
  return join(base, 'workbin', 'desk')
}
