import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DraftKind } from '../../../src-main/contract/domain.ts'
import type { DraftPatch } from '../../../src-main/contract/core.ts'
import { createCompose } from '../../../src-main/core/compose.ts'
import type { Received } from '../../../src-main/store/api-store.ts'
import { startSmtpSink, type SmtpSink } from '../../support/smtp-sink.ts'
import { NOW, submission } from '../../support/submissions.ts'
import { AGENT, openSendingDesk, type SendingDesk } from './sending.ts'

const ANN = 'Ann@Customer.test'
const BOX = { address: ANN, box: 'billing' }
let server: SmtpSink
let desk: SendingDesk
beforeEach(async () => {
  server = await startSmtpSink({ user: 'ada', password: 'pw' })
  desk = await openSendingDesk(server)
})
afterEach(async () => {
  await desk.close()
  await server.stop()
})

/** Ann's secure mail as the portal hands it in. */
async function arrived(): Promise<Received> {
  return await desk.store.receive(
    submission({
      from: { address: ANN, personal: 'Ann Lee' },
      to: [{ address: 'support@acme.test' }],
      subject: 'My contract',
      text: 'A copy, please.',
      received: desk.clock.now(),
      came_by: 'api:securemail',
      secure: BOX,
    }),
    NOW,
  )
}
async function compose() {
  const { store, blobs, clock, outbox } = desk
  const settings = await desk.settings()
  await settings.saveAgent({ ...AGENT, signature: { text: 'Ada Moss', html: null } })
  await settings.saveAccounts(desk.accounts)
  return createCompose({ store, blobs, clock, outbox, settings })
}
async function start(kind: DraftKind, { interaction_id }: { readonly interaction_id: string }) {
  return await (await compose()).startDraft({ kind, parent_id: interaction_id })
}
async function send(draft: { readonly id: string; readonly revision: number }, patch: DraftPatch = {}) {
  const { revision } = await desk.store.saveDraft(draft.id, draft.revision, {
    format: 'plain',
    text: 'Here it is.',
    ...patch,
  })
  return await (await compose()).send({ draft_id: draft.id, revision, done: null, seen: null })
}
async function inTheBox() {
  const mails = await desk.store.secureMails(BOX, 'all', { index: 0, count: 10 })
  return (mails ?? []).map(({ direction, read, interaction }) => ({
    direction,
    read,
    text: interaction.text.split('\n')[0],
  }))
}
const THEIRS = { direction: 'inbound', read: false, text: 'A copy, please.' }
const OURS = { direction: 'outbound', read: false, text: 'Here it is.' }

describe('an answer to a secure mail', () => {
  it.each(['reply', 'reply-all'] as const)('(%s) begins with the mailbox and nobody else', async (kind) => {
    const draft = await start(kind, await arrived())
    expect(draft).toMatchObject({
      kind,
      account_id: 'secure-mail',
      to: [{ address: ANN, personal: 'Ann Lee' }],
      cc: [],
      bcc: [],
      subject: 'Re: My contract',
      secure: BOX,
    })
    expect(draft.quote?.attribution).toContain(`Ann Lee <${ANN}>`)
  })

  it('lies in the mailbox after the time for Undo, and no server ever hears of it', async () => {
    const mail = await arrived()
    const sent = await send(await start('reply', mail))
    await desk.clock.advance(9_999)
    expect(await inTheBox()).toEqual([THEIRS])
    await desk.clock.advance(1)
    expect(await desk.rests(sent.outbox_id, 'filed')).toMatchObject({
      sent_copy: 'none',
      problem: null,
      recipients: [{ address: 'Ann@customer.test', state: 'accepted' }],
    })
    expect(await inTheBox()).toEqual([OURS, THEIRS])
    const answer = await desk.store.interaction(sent.interaction_id)
    expect(answer).toMatchObject({
      status: 3,
      stopped_reason: 'Sent',
      sub_type: 'OutboundReply',
      parent_id: mail.interaction_id,
      thread_id: mail.thread_id,
      from: { address: 'support@acme.test' },
    })
    await desk.clock.advance(24 * 3_600_000)
    desk.outbox.wake()
    await desk.clock.advance(1)
    expect(await inTheBox()).toEqual([OURS, THEIRS])
    expect([server.mails, server.logins]).toEqual([[], []])
  })

  it('is taken back in time, and nothing of it lies in the mailbox', async () => {
    const sent = await send(await start('reply', await arrived()))
    const draft = await desk.store.undoSend(sent.outbox_id)
    await desk.clock.advance(60_000)
    expect(draft).toMatchObject({ account_id: 'secure-mail', secure: BOX })
    expect(await inTheBox()).toEqual([THEIRS])
  })

  it('goes there whatever account was chosen for it', async () => {
    const sent = await send(await start('reply', await arrived()), { account_id: 'support' })
    await desk.clock.advance(10_000)
    await desk.rests(sent.outbox_id, 'filed')
    expect(await inTheBox()).toEqual([OURS, THEIRS])
    expect(server.mails).toEqual([])
  })

  it('goes there without any account, from the address that the customer wrote to', async () => {
    desk.accounts = []
    const sent = await send(await start('reply', await arrived()))
    await desk.clock.advance(10_000)
    await desk.rests(sent.outbox_id, 'filed')
    expect(await desk.store.interaction(sent.interaction_id)).toMatchObject({
      from: { address: 'support@acme.test' },
    })
  })

  it.each<[string, DraftPatch]>([
    ['Cc', { cc: [{ address: 'bob@x.test' }] }],
    ['Bcc', { bcc: [{ address: 'bob@x.test' }] }],
    ['a second recipient', { to: [{ address: ANN }, { address: 'bob@x.test' }] }],
    ['another recipient', { to: [{ address: 'bob@x.test' }] }],
    ['nobody', { to: [] }],
  ])('is not sent with %s', async (_what, patch) => {
    const draft = await start('reply', await arrived())
    await expect(send(draft, patch)).rejects.toMatchObject({
      code: 'recipients',
      message: expect.stringContaining(`secure mailbox of ${ANN}`),
    })
    expect((await desk.store.draft(draft.id)).secure).toEqual(BOX)
    await desk.clock.advance(60_000)
    expect([await inTheBox(), server.mails]).toEqual([[THEIRS], []])
  })

  it('goes there, too, when it answers our own answer', async () => {
    const mail = await arrived()
    const first = await send(await start('reply', mail))
    await desk.clock.advance(10_000)
    await desk.rests(first.outbox_id, 'filed')
    const again = await start('reply', first)
    expect(again).toMatchObject({ account_id: 'secure-mail', to: [{ address: ANN }], secure: BOX })
    const second = await send(again)
    await desk.clock.advance(10_000)
    await desk.rests(second.outbox_id, 'filed')
    expect(await inTheBox()).toEqual([OURS, OURS, THEIRS])
    expect(server.mails).toEqual([])
  })

  it('is delivered once by the next start when the desk died over it', async () => {
    const sent = await send(await start('reply', await arrived()))
    // Claimed, and then the process is gone.
    await desk.store.claimDue(desk.clock.now() + 10_000, 10)
    desk.die()
    await desk.restart()
    await desk.clock.advance(10_000)
    await desk.rests(sent.outbox_id, 'filed')
    await desk.restart()
    await desk.clock.advance(10_000)
    expect(await inTheBox()).toEqual([OURS, THEIRS])
    expect(server.mails).toEqual([])
  })
})

it('a forwarded secure mail is an e-mail of the agent’s account', async () => {
  const draft = await start('forward', await arrived())
  expect(draft).toMatchObject({ account_id: 'support', secure: null })
  const sent = await send(draft, { to: [{ address: 'expert@x.test' }] })
  await desk.clock.advance(10_000)
  await desk.rests(sent.outbox_id, 'filed')
  expect(server.mails.map(({ to }) => to)).toEqual([['expert@x.test']])
  expect(await inTheBox()).toEqual([THEIRS])
})
