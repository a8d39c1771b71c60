import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Real mails, one a file, unpacked from a tar archive. */
export interface Corpus {
  readonly folder: string
  readonly files: readonly string[]
}

export function unpackCorpus(archive: string, into: string): Corpus {
  mkdirSync(into, { recursive: true })
  execFileSync('tar', ['xf', archive, '-C', into])
  const files = readdirSync(into, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(isMail)
    .sort()
  return { folder: into, files }
}

function isMail(file: string): boolean {
  return /^(From |[!-9;-~]+:)/.test(readFileSync(file, 'latin1').slice(0, 200))
}

/** The corpus as a Maildir, as a peer wants it. */
export function asMaildir(corpus: Corpus, folder: string): void {
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(folder, part), { recursive: true })
  for (const [i, file] of corpus.files.entries()) copyFileSync(file, join(folder, 'cur', `${i}.bench:2,`))
}
