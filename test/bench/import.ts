import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { asMaildir, type Corpus } from './corpus.ts'
import { type Figure, median, megabytes, seconds } from './figures.ts'
import { run, sizeOf } from './processes.ts'

const cli = resolve(import.meta.dirname, '../../out/main/cli.js')

/** Import of the corpus from files, beside `notmuch new` on the same files, in turn. */
export async function benchImport(corpus: Corpus, work: string, runs: number): Promise<readonly Figure[]> {
  const ours: number[] = []
  const theirs: number[] = []
  let peak = 0
  let theirPeak = 0
  let size = 0
  let theirSize = 0
  let report = ''
  for (let i = 0; i < runs; i++) {
    const data = join(work, 'import')
    rmSync(data, { recursive: true, force: true })
    const desk = await run(process.execPath, [cli, 'import', corpus.folder, '--data', data])
    ours.push(desk.ms)
    peak = Math.max(peak, desk.peak)
    size = sizeOf(data)
    report = desk.output.trim().split('\n').at(-1) ?? ''

    const peer = await notmuchNew(corpus, join(work, 'notmuch'))
    theirs.push(peer.ms)
    theirPeak = Math.max(theirPeak, peer.peak)
    theirSize = peer.size
  }
  const rate = (corpus.files.length / median(ours)) * 1000
  const ratio = median(ours) / median(theirs)
  return [
    {
      what: `import ${corpus.files.length} mails, mails/s (${report})`,
      desk: `${rate.toFixed(0)}/s, ${seconds(median(ours))}`,
      peer: `notmuch new ${seconds(median(theirs))}`,
      aim: '>= 800/s',
      met: rate >= 800,
    },
    {
      what: 'import, share of notmuch’s time',
      desk: ratio.toFixed(2),
      peer: '1',
      aim: '<= 0.35',
      met: ratio <= 0.35,
    },
    { what: 'import, peak memory', desk: megabytes(peak), peer: megabytes(theirPeak), aim: '', met: null },
    {
      what: 'store size (mail, attachments, index)',
      desk: megabytes(size),
      peer: `${megabytes(theirSize)} index + ${megabytes(sizeOf(corpus.folder))} mail`,
      aim: '',
      met: null,
    },
  ]
}

/** Indexes a fresh copy of the corpus; only `notmuch new` is timed. */
export async function notmuchNew(
  corpus: Corpus,
  folder: string,
): Promise<{ ms: number; peak: number; size: number }> {
  rmSync(folder, { recursive: true, force: true })
  asMaildir(corpus, join(folder, 'mail'))
  return await notmuchNewIn(folder)
}

/** `notmuch new` over FOLDER/mail. */
export async function notmuchNewIn(folder: string): Promise<{ ms: number; peak: number; size: number }> {
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'config')
  writeFileSync(
    config,
    `[database]\npath=${join(folder, 'mail')}\n[user]\nname=Bench\nprimary_email=bench@example.test\n[new]\ntags=new\n[search]\n[maildir]\nsynchronize_flags=false\n`,
  )
  const { ms, peak } = await run('notmuch', ['new'], { env: { NOTMUCH_CONFIG: config } })
  return { ms, peak, size: sizeOf(join(folder, 'mail', '.notmuch')) }
}
