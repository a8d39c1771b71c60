import { openSqliteStore } from '../../src-main/store/sqlite/open-store.ts'
import { NOW, submission } from './submissions.ts'

// Files so many mails asked for at once, and dies without closing: what is counted is what their commit costs.
const [, , file = '', count = '0'] = process.argv
const store = openSqliteStore({ file, now: () => Date.now() })
await store.setting('preferences')
await Promise.all(Array.from({ length: Number(count) }, async () => store.receive(submission(), NOW)))
process.stdout.write('done\n')
process.kill(process.pid, 'SIGKILL')
