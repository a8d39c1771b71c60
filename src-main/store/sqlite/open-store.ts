import type { Instant } from '../../contract/domain.ts'
import type { Store } from '../store.ts'
import { apiInteractions } from './api-interactions.ts'
import { apiUploads } from './api-uploads.ts'
import { apiUse } from './api-use.ts'
import { answered } from './answered-activity.ts'
import { backup } from './backup.ts'
import { checking } from './check.ts'
import { contacts } from './contacts.ts'
import { drafts } from './drafts.ts'
import { openEngine, translate } from './engine.ts'
import { exporting } from './export.ts'
import { folders } from './folders.ts'
import { history } from './history.ts'
import { ingest } from './ingest.ts'
import { lists } from './lists.ts'
import { namedCustomers } from './named-customers.ts'
import { outbox } from './outbox.ts'
import { owedCalls } from './owed-calls.ts'
import { pulled } from './pulled.ts'
import { receiving } from './received.ts'
import { responses } from './responses.ts'
import { search } from './search.ts'
import { secureMail } from './secure-mail.ts'
import { settings } from './settings.ts'
import { threadDetail } from './thread-detail.ts'
import { triage } from './triage.ts'
import { undo } from './undo.ts'
import { userData } from './user-data.ts'

/**
 * Opens or makes the interaction store in one SQLite file, migrated (with a copy beside it before a migration).
 * Throws CoreError `newer-database`, `disk`.
 */
export function openSqliteStore(options: { readonly file: string; readonly now: () => Instant }): Store {
  const engine = openEngine(options.file, options.now)
  return translatingErrors({
    onChanges: (listener) => engine.onChanges(listener),
    close: async () => engine.close(),
    ...ingest(engine),
    ...folders(engine),
    ...lists(engine),
    ...search(engine),
    ...threadDetail(engine),
    ...history(engine),
    ...triage(engine),
    ...undo(engine),
    ...userData(engine),
    ...drafts(engine),
    ...outbox(engine),
    ...owedCalls(engine),
    ...pulled(engine),
    ...responses(engine),
    ...contacts(engine),
    ...settings(engine),
    ...exporting(engine),
    ...checking(engine),
    ...backup(engine),
    ...receiving(engine),
    ...apiInteractions(engine),
    ...secureMail(engine),
    ...answered(engine),
    ...namedCustomers(engine),
    ...apiUploads(engine),
    ...apiUse(engine),
  })
}

/** Also questions meet a damaged file or a closed store, so every answer passes here. */
function translatingErrors(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function' || name === 'onChanges') return member
      return async (...given: unknown[]) => {
        try {
          const answer: unknown = await Reflect.apply(member, target, given)
          return answer
        } catch (error) {
          throw translate(error)
        }
      }
    },
  })
}
