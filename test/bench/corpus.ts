import { execFileSync } from 'node:child_process'
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
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

/** The corpus as one mbox file, as an agent would import it. */
export function asMbox(corpus: Corpus, file: string): void {
  rmSync(file, { force: true })
  for (const mail of corpus.files) {
    const text = readFileSync(mail, 'latin1')
      .replace(/^From .*\n/, '')
      .replace(/^(>*From )/gm, '>$1')
    appendFileSync(file, `From bench@example.test Thu Jan  1 00:00:00 2026\n${text}\n\n`, 'latin1')
  }
}
