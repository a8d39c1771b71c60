import { activityApi } from './activity.ts'
import type { Api } from './api.ts'
import { contactsEmailApi } from './contacts-email.ts'
import type { ApiContext } from './desk.ts'
import { gmsEmailApi } from './gms-email.ts'
import { interactionsApi } from './interactions.ts'
import { secureMailApi } from './secure-mail.ts'

/** The five, in the order in which they are described. */
export const servedApis: readonly ((context: ApiContext) => Api)[] = [
  gmsEmailApi,
  interactionsApi,
  contactsEmailApi,
  secureMailApi,
  activityApi,
]
