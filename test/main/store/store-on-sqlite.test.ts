import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import { contactCases } from './cases/contacts.ts'
import { ingestCases } from './cases/ingest.ts'
import { listCases } from './cases/lists.ts'
import { triageCases } from './cases/triage.ts'
import { userDataCases } from './cases/user-data.ts'

// The cases know only the Store interface, so that another engine can be held to them.
ingestCases(openSqliteStore)
triageCases(openSqliteStore)
userDataCases(openSqliteStore)
contactCases(openSqliteStore)
listCases(openSqliteStore)
