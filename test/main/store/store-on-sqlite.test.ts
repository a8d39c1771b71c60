import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import { ingestCases } from './cases/ingest.ts'
import { triageCases } from './cases/triage.ts'

// The cases know only the Store interface, so that another engine can be held to them.
ingestCases(openSqliteStore)
triageCases(openSqliteStore)
