import { openSqliteStore } from '../../src-main/store/sqlite/open-store.ts'

// Commits fifty times and dies without closing: what is counted is what the commits cost, not the end.
const [, , file = ''] = process.argv
const store = openSqliteStore({ file, now: () => Date.now() })
for (let i = 0; i < 50; i++) await store.saveSetting('preferences', { i })
process.stdout.write('done\n')
process.kill(process.pid, 'SIGKILL')
