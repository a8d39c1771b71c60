import Database from 'better-sqlite3'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ServedApis } from './api.ts'

export interface Answered {
  readonly status: number
  readonly headers: Headers
  /** JSON where it is some; else text. */
  readonly body: unknown
}

/** Asks once. A body that is no string goes as JSON. */
export async function ask(
  apis: Pick<ServedApis, 'url'>,
  method: string,
  path: string,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown } = {},
): Promise<Answered> {
  const { body, headers = {} } = options
  const response = await fetch(`${apis.url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = (response.headers.get('content-type') ?? '').startsWith('application/json')
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
}

/** The same by the `curl` that a reader of the documents has. */
export async function curl(...args: readonly string[]): Promise<{ status: number; body: unknown }> {
  const { stdout } = await promisify(execFile)('curl', ['-sS', '-w', '\n%{http_code}', ...args])
  const end = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(end + 1)), body: JSON.parse(stdout.slice(0, end)) }
}

/** Everything that a refused request could leave behind: rows of every table, blobs, uploads. */
export function stored(apis: ServedApis): unknown {
  const db = new Database(join(apis.dataDir, 'workbin.db'), { readonly: true })
  try {
    const tables = db
      .prepare<[], { name: string }>(
        "select name from sqlite_master where type = 'table' and sql not like 'create virtual%' order by name",
      )
      .all()
    const rows = tables.map(({ name }) => [name, db.prepare(`select count(*) from "${name}"`).pluck().get()])
    return { rows, blobs: [...apis.blobs.all()].toSorted(), uploads: apis.uploadsLeft() }
  } finally {
    db.close()
  }
}
