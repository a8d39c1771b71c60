import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endServes } from '../support/serve.ts'
import { benchApi } from './api.ts'
import { unpackCorpus } from './corpus.ts'
import { type Figure, megabytes, table } from './figures.ts'
import { benchImap } from './imap.ts'
import { benchImport } from './import.ts'
import { benchStalls } from './stalls.ts'
import { benchStart } from './start.ts'
import { benchStore } from './store.ts'

/** npm run bench -- --corpus MAIL.tar.xz [--runs N] [--only import,imap,store,start,stalls,api] [--interactions N] */
const { values } = parseArgs({
  options: {
    corpus: { type: 'string' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: 'store,api,import,imap,start,stalls' },
    interactions: { type: 'string', default: '200000' },
  },
})
const wanted = new Set(values.only.split(','))
const runs = Number(values.runs)
const needsCorpus = ['import', 'imap', 'start', 'stalls'].some((part) => wanted.has(part))
if (needsCorpus && !values.corpus) {
  process.stderr.write('Give a tar archive of mails, one a file: npm run bench -- --corpus MAIL.tar.xz\n')
  process.exit(1)
}

const work = mkdtempSync(join(tmpdir(), 'workbin-bench-'))
const figures: Figure[] = []
async function part(name: string, bench: () => Promise<readonly Figure[]>): Promise<void> {
  if (!wanted.has(name)) return
  process.stderr.write(`${name} …\n`)
  figures.push(...(await bench()))
}

try {
  await part('store', () => benchStore(join(work, 'store'), Number(values.interactions)))
  await part('api', () => benchApi(join(work, 'api'), runs))
  if (values.corpus && needsCorpus) {
    const corpus = unpackCorpus(values.corpus, join(work, 'corpus'))
    await part('import', () => benchImport(corpus, work, runs))
    await part('imap', () => benchImap(corpus, work, runs))
    await part('start', () => benchStart(corpus, work, runs))
    await part('stalls', () => benchStalls(corpus, work))
  }
} finally {
  await endServes()
  rmSync(work, { recursive: true, force: true })
}

const [cpu] = cpus()
process.stdout.write(
  `\n${cpu?.model ?? 'unknown processor'}, ${cpus().length} cores, ${megabytes(totalmem())}; Node ${process.version}; ` +
    `medians of ${runs} runs, each beside its peer's.\n\n${table(figures)}\n`,
)
