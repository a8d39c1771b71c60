import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DraftContent, DraftKind } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { prepareSend, type SendDesk } from '../../../src-main/outbox/prepare-send.ts'
import { arrival } from '../../support/open-store.ts'
import { AGENT, openSendingDesk, type SendingDesk } from './sending.ts'

let desk: SendingDesk
beforeEach(async () => {
  desk = await openSendingDesk({ port: 1 })
})
afterEach(() => desk.close())

/** Ann's mail as it came in: raw bytes first, then the interaction. */
async function arrived(subject = 'Where is it?') {
  const raw = Buffer.from(
    `Message-ID: <m2@x.test>\r\nReferences: <m0@x.test>\r\n <m1@x.test>\r\nFrom: ann@x.test\r\nSubject: ${subject}\r\n\r\nHello\r\n`,
  )
  const [filed] = await desk.store.ingest(
    [arrival({ raw: desk.blobs.put(raw), message_id: 'm2@x.test', subject }, { received: desk.clock.now() })],
    null,
  )
  if (!filed) throw new Error('nothing was filed')
  return filed
}

async function draftOf(
  content: Partial<DraftContent> = {},
  kind: DraftKind = 'new',
  parent?: { interaction_id: string; thread_id: string },
) {
  const blank = await desk.store.draft(await desk.write(content))
  if (!parent) return blank
  const { account_id, to, cc, bcc, subject, format, html, text, quote, standard_response_ids } = blank
  return await desk.store.createDraft({
    kind,
    owner_id: 7,
    thread_id: parent.thread_id,
    parent_id: parent.interaction_id,
    attachments: [],
    content: { account_id, to, cc, bcc, subject, format, html, text, quote, standard_response_ids },
  })
}

async function press(draft: { id: string; revision: number }, special: Partial<SendDesk> = {}) {
  return await prepareSend(
    { draft_id: draft.id, revision: draft.revision, done: null, seen: null },
    {
      store: desk.store,
      blobs: desk.blobs,
      clock: desk.clock,
      agent: AGENT,
      accounts: desk.accounts,
      undoSendSeconds: 10,
      subjectToken: false,
      sample: false,
      ...special,
    },
  )
}
async function wireOf(outboxId: string): Promise<string> {
  const { wire_sha256 } = await desk.store.owed(outboxId)
  return Buffer.from(desk.blobs.read(wire_sha256) ?? []).toString()
}
async function refusal(work: Promise<unknown>): Promise<CoreError> {
  const error: unknown = await work.catch((error: unknown) => error)
  if (!(error instanceof CoreError)) throw new Error('it was not refused')
  return error
}
const blobCount = () =>
  readdirSync(desk.blobs.folder, { recursive: true }).filter((name) => /\/.{62}$/.test(String(name))).length

describe('pressing Send', () => {
  it('freezes the mail and queues it for after Undo', async () => {
    const draft = await draftOf()
    const sent = await press(draft)
    expect(sent.due_at).toBe(desk.clock.now() + 10_000)
    const owed = await desk.store.owed(sent.outbox_id)
    expect(owed).toMatchObject({
      state: 'queued',
      envelope: { from: 'support@acme.test', to: ['ann@x.test'] },
    })
    expect(await wireOf(sent.outbox_id)).toContain(`Message-ID: <${owed.message_id}>`)
    expect((await refusal(desk.store.draft(draft.id))).code).toBe('not-found')
  })

  it('keeps one Message-ID and the same bytes through every try', async () => {
    const sent = await press(await draftOf())
    const before = await desk.store.owed(sent.outbox_id)
    await desk.clock.advance(10_000)
    await desk.clock.advance(86_400_000)
    const { message_id, wire_sha256 } = await desk.store.owed(sent.outbox_id)
    expect([message_id, wire_sha256]).toEqual([before.message_id, before.wire_sha256])
  })

  it('puts an answer into its conversation by the raw mail’s own ids', async () => {
    const parent = await arrived()
    const sent = await press(await draftOf({}, 'reply', parent))
    const wire = await wireOf(sent.outbox_id)
    expect(wire).toContain('In-Reply-To: <m2@x.test>\r\nReferences: <m0@x.test> <m1@x.test> <m2@x.test>\r\n')
    expect(sent.thread_id).toBe(parent.thread_id)
  })

  it('adds the thread’s token to the subject where that is wished, once', async () => {
    const parent = await arrived()
    const token = `[#${parent.thread_id}]`
    for (const subject of ['Re: Where?', `Re: Where? ${token}`]) {
      const sent = await press(await draftOf({ subject }, 'reply', parent), { subjectToken: true })
      expect(await wireOf(sent.outbox_id)).toContain(`Subject: Re: Where? ${token}\r\n`)
    }
    const fresh = await press(await draftOf({ subject: 'New' }), { subjectToken: true })
    expect(await wireOf(fresh.outbox_id)).toContain('Subject: New\r\n')
  })

  it.each([
    [{ imap: null, host: 'h' }, 'none'],
    [{ imap: { sent: 'auto' as const }, host: 'mail.acme.test' }, 'owed'],
    [{ imap: { sent: null }, host: 'mail.acme.test' }, 'none'],
    [{ imap: { sent: 'auto' as const }, host: 'smtp.gmail.com' }, 'none'],
    [{ imap: { sent: 'auto' as const }, host: 'smtp.office365.com' }, 'none'],
  ])('owes Sent a copy only where nobody else files it: %j', async ({ imap, host }, sentCopy) => {
    desk.accounts = desk.accounts.map((account) => ({
      ...account,
      smtp: account.smtp && { ...account.smtp, host },
      imap: imap && { host: 'i', port: 993, tls: 'implicit', user: 'u', folders: [], ...imap },
    }))
    const sent = await press(await draftOf())
    expect((await desk.delivery(sent.outbox_id)).sent_copy).toBe(sentCopy)
  })
})

describe('Send is stopped, and the draft stays,', () => {
  async function stopped(
    content: Partial<DraftContent>,
    special: Partial<SendDesk> = {},
    parent?: Awaited<ReturnType<typeof arrived>>,
  ) {
    const draft = await draftOf(content, 'reply', parent)
    const blobs = blobCount()
    const error = await refusal(press(draft, special))
    expect((await desk.store.draft(draft.id)).revision).toBe(draft.revision)
    expect(blobCount()).toBe(blobs)
    return error
  }

  it.each([
    ['the subject', { subject: 'About <$Interaction.Subject$>' }],
    ['the text', { text: 'Dear <$Contact.Title$>' }],
    ['the rich text', { format: 'rich' as const, html: '<p>Dear &lt;$Contact.Title$&gt;</p>' }],
  ])('by a field code in %s', async (_place, content) => {
    const error = await stopped(content)
    expect([error.code, error.detail]).toMatchObject([
      'unresolved-code',
      [{ code: expect.stringMatching(/^<\$.*\$>$/) }],
    ])
  })

  it('but not by what a customer wrote that looks like one', async () => {
    const parent = await arrived('What is <$Contact.Title$>?')
    const quote = { attribution: 'Ann wrote:', text: 'I see <$Contact.Title$>', html: null }
    const draft = await draftOf({ subject: 'Re: What is <$Contact.Title$>?', quote }, 'reply', parent)
    await expect(press(draft)).resolves.toHaveProperty('outbox_id')
  })

  it('without a recipient', async () => {
    expect((await stopped({ to: [] })).code).toBe('recipients')
  })

  it('without an account, with one that is gone, or with one that can’t send', async () => {
    expect((await stopped({ account_id: null }, { accounts: [] })).message).toContain(
      'Connect one under Settings',
    )
    expect((await stopped({ account_id: 'gone' })).message).toContain('Choose another one in From')
    const silent = desk.accounts.map((account) => ({ ...account, smtp: null }))
    expect((await stopped({}, { accounts: silent })).message).toContain('has no outgoing mail server')
  })

  it('by an older revision', async () => {
    const draft = await draftOf()
    await desk.store.saveDraft(draft.id, draft.revision, { subject: 'Changed' })
    expect((await refusal(press(draft))).code).toBe('conflict')
  })

  it('by an attachment whose bytes are gone, by name', async () => {
    const draft = await draftOf()
    const blob = desk.blobs.put(Buffer.from('bytes'))
    const { revision } = await desk.store.addDraftAttachment(draft.id, {
      name: 'invoice.pdf',
      content_type: 'application/pdf',
      ...blob,
      content_id: null,
      inline: false,
    })
    desk.blobs.remove(blob.sha256)
    const error = await refusal(press({ id: draft.id, revision }))
    expect([error.code, error.message]).toMatchObject([
      'attachment-missing',
      expect.stringContaining('“invoice.pdf”'),
    ])
  })
})

it('on the sample desk no server is needed, and no copy wanted', async () => {
  const accounts = desk.accounts.map((account) => ({ ...account, smtp: null }))
  const sent = await press(await draftOf(), { accounts, sample: true })
  expect(await desk.delivery(sent.outbox_id)).toMatchObject({ sample: true, sent_copy: 'none' })
})
