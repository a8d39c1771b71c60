import type { RemoteConnector } from '../connectors/connector.ts'
import { createRemoteActivity } from '../connectors/remote-activity.ts'
import { createRemoteContacts, type Reporter } from '../connectors/remote-contacts.ts'
import { createRemoteGms } from '../connectors/remote-gms.ts'
import { createRemoteInteractions, type InteractionKeeper } from '../connectors/remote-interactions.ts'
import { createRemoteSecureMail } from '../connectors/remote-secure-mail.ts'
import type { RemoteSetup } from '../connectors/remote-sink.ts'
import { assertNever } from '../contract/errors.ts'

/** What connectors ask of the desk. */
export interface ConnectorNeeds {
  readonly keeper: InteractionKeeper
  readonly reporter: () => Promise<Reporter>
}

/** The connector that speaks a remote's kind. */
export function connectorFor(setup: RemoteSetup, { keeper, reporter }: ConnectorNeeds): RemoteConnector {
  const { kind } = setup.remote
  switch (kind) {
    case 'gms-email':
      return createRemoteGms(setup)
    case 'interactions':
      return createRemoteInteractions({ ...setup, ...keeper })
    case 'contacts-email':
      return createRemoteContacts({ ...setup, reporter })
    case 'secure-mail':
      return createRemoteSecureMail(setup)
    case 'activity-response':
      return createRemoteActivity(setup)
    default:
      return assertNever(kind)
  }
}
