import type { Log } from '../connectors/connector.ts'
import type { Far } from '../core/thread-line.ts'
import type { WriteTerms } from '../store/api-store.ts'
import type { ApiDesk, ServedSettings } from './desk.ts'
import type { ListenOptions } from './listener.ts'
import { receiveTerms, type SentTerms, sendTerms } from './patience.ts'
import type { ApiServer } from './server.ts'
import type { ApiUse } from './use.ts'

/** What the APIs' thread is started with. */
export interface ApiThreadData {
  /** DIR/tmp. */
  readonly tmp: string
}

export interface Listening {
  readonly url: string
  readonly served: ReturnType<ApiServer['served']>
}

/** What the APIs' thread answers to the core. */
export type ApiThreadCalls = {
  /** Throws `invalid` where it can't listen. */
  start: (listen: ListenOptions, settings: ServedSettings) => Promise<Listening>
  /** Settings changed; nothing is interrupted. */
  tell: (settings: ServedSettings) => Promise<Listening['served']>
  stop: () => Promise<void>
}

/** What the core answers to the APIs' thread. */
export type ApiCoreCalls = {
  log: (lines: readonly Parameters<Log>[]) => Promise<void>
  record: (use: readonly ApiUse[]) => Promise<void>
} & DeskCalls

/** The desk's calls as they cross: their terms as plain data. */
type DeskCalls = { [K in keyof ApiDesk]: (...args: Sent<Parameters<ApiDesk[K]>>) => ReturnType<ApiDesk[K]> }
type Sent<T extends readonly unknown[]> = { [I in keyof T]: T[I] extends WriteTerms ? SentTerms : T[I] }

/** The desk for the APIs' thread, whose every word is asked on the core's thread. */
export function farDesk(core: Far<ApiCoreCalls>): ApiDesk {
  return {
    createInteraction: (input, terms) => core.call('createInteraction', input, sendTerms(terms)),
    updateInteraction: (id, patch, terms) => core.call('updateInteraction', id, patch, sendTerms(terms)),
    apiInteraction: (id) => core.call('apiInteraction', id),
    apiInteractions: (filter, page) => core.call('apiInteractions', filter, page),
    hasContact: (id) => core.call('hasContact', id),
    secureMails: (mailbox, status, page) => core.call('secureMails', mailbox, status, page),
    countSecureMails: (mailbox, status) => core.call('countSecureMails', mailbox, status),
    secureMail: (id) => core.call('secureMail', id),
    markSecureMailRead: (id, stop, terms) => core.call('markSecureMailRead', id, stop, sendTerms(terms)),
    deleteSecureMail: (id, terms) => core.call('deleteSecureMail', id, sendTerms(terms)),
    purgeSecureMail: (id, terms) => core.call('purgeSecureMail', id, sendTerms(terms)),
    answeredActivity: (id) => core.call('answeredActivity', id),
    uploads: (ids, customer) => core.call('uploads', ids, customer),
    receive: (submission, files, terms) => core.call('receive', submission, files, sendTerms(terms)),
    keepUpload: (upload, file, terms) => core.call('keepUpload', upload, file, sendTerms(terms)),
    html: (interaction_id) => core.call('html', interaction_id),
    blob: (sha256) => core.call('blob', sha256),
    registerEntity: (entity) => core.call('registerEntity', entity),
  }
}

/** The desk's words as the core's thread answers them. */
export function answeringDesk(desk: ApiDesk): DeskCalls {
  return {
    ...desk,
    createInteraction: (input, terms) => desk.createInteraction(input, receiveTerms(terms)),
    updateInteraction: (id, patch, terms) => desk.updateInteraction(id, patch, receiveTerms(terms)),
    markSecureMailRead: (id, stop, terms) => desk.markSecureMailRead(id, stop, receiveTerms(terms)),
    deleteSecureMail: (id, terms) => desk.deleteSecureMail(id, receiveTerms(terms)),
    purgeSecureMail: (id, terms) => desk.purgeSecureMail(id, receiveTerms(terms)),
    receive: (submission, files, terms) => desk.receive(submission, files, receiveTerms(terms)),
    keepUpload: (upload, file, terms) => desk.keepUpload(upload, file, receiveTerms(terms)),
  }
}
