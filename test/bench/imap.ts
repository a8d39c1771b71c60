import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDovecot } from '../support/dovecot.ts'
import { startServe } from '../support/serve.ts'
import { until } from '../support/until.ts'
import type { Corpus } from './corpus.ts'
import { type Figure, median, seconds } from './figures.ts'
import { notmuchNewIn } from './import.ts'
import { run } from './processes.ts'

const USER = 'bench@test.local'
const PASSWORD = 'secret'

/** From a fresh desk to every mail of an IMAP folder searchable, beside `mbsync` and `notmuch new` in turn. */
export async function benchImap(corpus: Corpus, work: string, runs: number): Promise<readonly Figure[]> {
  const dovecot = await startDovecot({ users: { [USER]: PASSWORD } })
  try {
    dovecot.deliver(
      USER,
      corpus.files.map((file) => readFileSync(file)),
    )
    const ours: number[] = []
    const theirs: number[] = []
    for (let i = 0; i < runs; i++) {
      ours.push(await sync(dovecot.imapPort, corpus.files.length, join(work, 'imap')))
      theirs.push(await mbsync(dovecot.imapPort, join(work, 'mbsync')))
    }
    const ratio = median(ours) / median(theirs)
    return [
      {
        what: `IMAP to searchable, ${corpus.files.length} mails`,
        desk: `${((corpus.files.length / median(ours)) * 1000).toFixed(0)}/s, ${seconds(median(ours))}`,
        peer: `mbsync + notmuch new ${seconds(median(theirs))}`,
        aim: '',
        met: null,
      },
      {
        what: 'IMAP to searchable, share of mbsync + notmuch',
        desk: ratio.toFixed(2),
        peer: '1',
        aim: '<= 0.35',
        met: ratio <= 0.35,
      },
    ]
  } finally {
    await dovecot.stop()
  }
}

async function sync(port: number, total: number, data: string): Promise<number> {
  rmSync(data, { recursive: true, force: true })
  const imap = { host: '127.0.0.1', port, tls: 'none', user: USER, password: PASSWORD, sent: null }
  const started = performance.now()
  const desk = await startServe({
    data,
    settings: { accounts: [{ id: 'bench', address: USER, imap }] },
  })
  const page = await desk.connect()
  try {
    await until(
      'every mail accounted for',
      async () => {
        const { accounts } = await page.core.overview({})
        const folder = accounts[0]?.folders[0]
        return folder && folder.stored + folder.duplicates + folder.held_back >= total
      },
      600_000,
    )
    return performance.now() - started
  } finally {
    page.close()
    await desk.stop()
  }
}

async function mbsync(port: number, folder: string): Promise<number> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'mail'), { recursive: true })
  const config = join(folder, 'mbsyncrc')
  writeFileSync(
    config,
    `IMAPStore far
Host 127.0.0.1
Port ${port}
User ${USER}
Pass ${PASSWORD}
SSLType None
AuthMechs LOGIN

MaildirStore near
Path ${folder}/mail/
Inbox ${folder}/mail/INBOX

Channel bench
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
`,
  )
  const pulled = await run('mbsync', ['-c', config, 'bench'])
  const indexed = await notmuchNewIn(folder)
  return pulled.ms + indexed.ms
}
