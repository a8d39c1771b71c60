import { openSqliteStore } from '../../../src-main/store/sqlite/open-store.ts'
import { apiInteractionCases } from './cases/api-interactions.ts'
import { apiStormCases } from './cases/api-storm.ts'
import { bothWaysCases } from './cases/both-ways.ts'
import { changedInteractionCases } from './cases/changed-interactions.ts'
import { contactCases } from './cases/contacts.ts'
import { draftCases } from './cases/drafts.ts'
import { ingestCases } from './cases/ingest.ts'
import { listCases } from './cases/lists.ts'
import { outboxCases } from './cases/outbox.ts'
import { owedCallCases } from './cases/owed-calls.ts'
import { pulledCases } from './cases/pulled.ts'
import { receivedCases } from './cases/received.ts'
import { responseCases } from './cases/responses.ts'
import { searchCases } from './cases/search.ts'
import { secureMailCases } from './cases/secure-mail.ts'
import { servedCases } from './cases/served.ts'
import { settingsCases } from './cases/settings.ts'
import { triageCases } from './cases/triage.ts'
import { userDataCases } from './cases/user-data.ts'
import { wholeStoreCases } from './cases/whole-store.ts'

// The cases know only the Store interface, so that another engine can be held to them.
ingestCases(openSqliteStore)
triageCases(openSqliteStore)
userDataCases(openSqliteStore)
contactCases(openSqliteStore)
listCases(openSqliteStore)
bothWaysCases(openSqliteStore)
wholeStoreCases(openSqliteStore)
searchCases(openSqliteStore)
draftCases(openSqliteStore)
outboxCases(openSqliteStore)
responseCases(openSqliteStore)
settingsCases(openSqliteStore)
receivedCases(openSqliteStore)
apiInteractionCases(openSqliteStore)
changedInteractionCases(openSqliteStore)
secureMailCases(openSqliteStore)
servedCases(openSqliteStore)
owedCallCases(openSqliteStore)
pulledCases(openSqliteStore)
apiStormCases(openSqliteStore)
