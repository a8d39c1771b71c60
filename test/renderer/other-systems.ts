import type {
  ApiKey,
  ApiName,
  ApiRefusal,
  ApisState,
  RemoteKind,
  RemoteMail,
  RemoteMailHead,
  RemoteState,
  ServedApi,
} from '../../src-main/contract/domain.ts'

/** What the core says about served APIs and remote systems, for the page's tests. */

const uuid = (number: number) => `01890000-0000-7000-8000-${String(number).padStart(12, '0')}`

export function refusal(part: Partial<ApiRefusal> = {}): ApiRefusal {
  return {
    id: uuid(900),
    at: Date.UTC(2026, 4, 4, 9),
    method: 'POST',
    path: '/genesys/2/email/desk',
    status: 400,
    key: null,
    reason: 'lastName is missing.',
    ...part,
  }
}

export function served(api: ApiName, part: Partial<ServedApi> = {}): ServedApi {
  return {
    api,
    calls: [{ method: 'POST', url: `http://127.0.0.1:4100/${api}` }],
    state: 'open',
    requests_today: 0,
    refusals_today: 0,
    last_refusals: [],
    ...part,
  }
}

export function apiKey(number: number, part: Partial<ApiKey> = {}): ApiKey {
  return {
    id: uuid(number),
    name: `Key ${String(number)}`,
    scopes: ['interactions:read'],
    tenants: null,
    customer: null,
    made: Date.UTC(2026, 4, 1),
    last_used: null,
    ...part,
  }
}

export function apisState(part: Partial<ApisState> = {}): ApisState {
  return {
    url: 'http://127.0.0.1:4100',
    docs: 'http://127.0.0.1:4100/docs',
    problem: null,
    apis: (['email', 'interactions', 'contacts', 'securemail', 'activity'] as const).map((api) =>
      served(api),
    ),
    keys: [],
    ...part,
  }
}

export function remote(id: string, kind: RemoteKind, part: Partial<RemoteState> = {}): RemoteState {
  return {
    id,
    kind,
    url: 'https://remote.test',
    options: {},
    has_key: true,
    capabilities: {
      send: kind === 'gms-email' || kind === 'secure-mail' || kind === 'activity-response',
      mailbox: kind === 'secure-mail',
      pull: kind === 'interactions',
      report: kind === 'contacts-email',
    },
    connection: 'idle',
    problem: null,
    last_contact: null,
    owed: { waiting: 0, failed: 0 },
    ...part,
  }
}

export function remoteHead(number: number, part: Partial<RemoteMailHead> = {}): RemoteMailHead {
  return {
    id: `mail-${String(number)}`,
    direction: 'inbound',
    read: false,
    subject: `Statement ${String(number)}`,
    from: 'ann@x.test',
    to: ['desk@remote.test'],
    date: '2026-05-04T09:00:00.000Z',
    has_attachments: false,
    ...part,
  }
}

export function remoteMail(number: number, part: Partial<RemoteMail> = {}): RemoteMail {
  return { ...remoteHead(number), text: `Text of ${String(number)}`, html: null, attachments: [], ...part }
}
