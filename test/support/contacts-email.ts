/** The document's own message (contract 03), as sent from the agent to two participants. */
export const SAMPLE = {
  metadata: { tenantName: 'Acme Corp', orgName: 'Sales', catName: 'Leads' },
  data: {
    convId: '0238ef3c-4252-11ea-b77f-2e728ce88125',
    msgId: '0238f22a-4252-11ea-b77f-2e728ce88125',
    lang: 'us-en',
    sub: 'Goods Delivary Status',
    ts: 1577836800000,
    body: "Hi John, I'm writing this email to enquire about the my delivary status",
    agentId: 'Agent1',
    psId: 'Participant1',
    agentEmailId: 'agent1@xyz.com',
    psEmailId: 'ps1@acmecorp.com',
    from: 'agent1@xyz.com',
    to: ['ps1@acmecorp.com', 'ps2@acmecorp.com'],
    journeyId: '02d8f01e-42b0-11ea-b77f-2e728ce88125',
  },
} as const

/** The sample with other members; undefined leaves one out. */
export function message(
  data: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {},
): { readonly metadata: Record<string, unknown>; readonly data: Record<string, unknown> } {
  return { metadata: { ...SAMPLE.metadata, ...metadata }, data: { ...SAMPLE.data, ...data } }
}

/** What the participant writes back. */
export const incoming = (data: Readonly<Record<string, unknown>> = {}) =>
  message({ from: 'ps1@acmecorp.com', to: ['agent1@xyz.com'], ...data })
