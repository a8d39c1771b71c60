import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRemoteActivity } from '../../../src-main/connectors/remote-activity.ts'
import { createRemoteGms } from '../../../src-main/connectors/remote-gms.ts'
import { createRemoteSecureMail } from '../../../src-main/connectors/remote-secure-mail.ts'
import type { RemoteConnector } from '../../../src-main/connectors/connector.ts'
import type { DraftContent, RemoteKind, RemoteTarget, Uuid } from '../../../src-main/contract/domain.ts'
import { startDraft } from '../../../src-main/core/remote-drafts.ts'
import { prepareSend } from '../../../src-main/outbox/prepare-send.ts'
import { type Reply, type ScriptedHttp, startScriptedHttp } from '../../support/scripted-http.ts'
import { startSmtpSink, type SmtpSink } from '../../support/smtp-sink.ts'
import { until } from '../../support/until.ts'
import { AGENT, createFakeSent, openSendingDesk, type SendingDesk } from './sending.ts'

const SECOND = 1000
const HOUR = 3_600_000
const TAKEN: Reply = { body: { statusCode: 0, interactionId: '0000KaA0C8XH003Z' } }
const GMS: RemoteTarget = { kind: 'gms-email' }
let http: ScriptedHttp
let smtp: SmtpSink
let desk: SendingDesk
/** When each request came, by the desk's clock. */
let times: number[]
let reply: Reply
beforeEach(async () => {
  http = await startScriptedHttp()
  smtp = await startSmtpSink({ user: 'ada', password: 'pw' })
  desk = await openSendingDesk(smtp)
  times = []
  reply = TAKEN
  http.answer = () => {
    times.push(desk.clock.now())
    return reply
  }
  connect('gms-email', createRemoteGms)
})
afterEach(async () => {
  await desk.close()
  await smtp.stop()
  await http.stop()
})

function connect(kind: RemoteKind, make: (setup: Parameters<typeof createRemoteGms>[0]) => RemoteConnector) {
  const { sink } = make({
    remote: { id: 'form', kind, url: http.url, options: {} },
    key: 'k',
    log: () => {},
  })
  if (sink) desk.remotes.set('form', sink)
}
async function write(target: RemoteTarget = GMS, kind: RemoteKind = target.kind, to = 'help@partner.test') {
  const settings = await desk.settings()
  await settings.saveAgent({ ...AGENT, signature: { text: '', html: null } })
  return await startDraft({
    store: desk.store,
    settings,
    remote: { id: 'form', kind },
    request: {
      remote_id: 'form',
      target,
      to: to === '' ? [] : [{ address: to }],
      subject: 'Your order',
    },
  })
}
async function press(draft: { readonly id: Uuid; readonly revision: number }, undoSendSeconds = 0) {
  const { store, blobs, clock, accounts } = desk
  const sent = await prepareSend(
    { draft_id: draft.id, revision: draft.revision, done: null, seen: null },
    { store, blobs, clock, accounts, agent: AGENT, undoSendSeconds, subjectToken: false, sample: false },
  )
  desk.outbox.wake()
  return sent
}
async function send(target: RemoteTarget = GMS, patch: Partial<DraftContent> = {}) {
  const draft = await write(target)
  const saved = await desk.store.saveDraft(draft.id, draft.revision, {
    text: 'It is on its way.',
    format: 'plain',
    ...(patch.to ? { to: [...patch.to] } : {}),
    ...(patch.cc ? { cc: [...patch.cc] } : {}),
  })
  return await press({ id: draft.id, revision: saved.revision })
}
/** Lets real requests end before the clock turns on. */
async function tried(count: number): Promise<void> {
  await until(`there were ${count} tries`, async () => {
    await desk.clock.advance(0)
    return times.length >= count
  })
}
async function waits(id: Uuid) {
  return await until('it waits again', async () => {
    await desk.clock.advance(0)
    const delivery = await desk.delivery(id)
    return delivery.state === 'queued' && delivery.problem !== null && delivery
  })
}

describe('a draft for a remote system', () => {
  it('remembers where it goes, as plain text where only that is taken', async () => {
    expect(await write()).toMatchObject({
      kind: 'new',
      account_id: 'remote:form',
      remote: GMS,
      to: [{ address: 'help@partner.test' }],
      subject: 'Your order',
      format: 'plain',
      thread_id: null,
      secure: null,
    })
  })
  it('for a mailbox is written to its owner', async () => {
    const target = { kind: 'secure-mail', address: 'ann@x.test', box: '', parent_id: 'm1' } as const
    expect(await write(target, 'secure-mail', '')).toMatchObject({
      to: [{ address: 'ann@x.test' }],
      remote: target,
      format: 'rich',
    })
  })
  it('is refused where the remote speaks something else, and on the sample desk', async () => {
    await expect(write(GMS, 'interactions')).rejects.toMatchObject({ code: 'invalid' })
    await desk.store.saveSetting('sample', true)
    await expect(write()).rejects.toMatchObject({ code: 'sample' })
  })
  it.each<[string, Partial<DraftContent>]>([
    ['a second recipient', { to: [{ address: 'a@x.test' }, { address: 'b@x.test' }] }],
    ['Cc', { cc: [{ address: 'b@x.test' }] }],
    ['nobody', { to: [] }],
  ])('doesn’t leave with %s', async (_what, patch) => {
    await expect(send(GMS, patch)).rejects.toMatchObject({ code: 'recipients' })
  })
})

describe('a mail for a remote system', () => {
  it('leaves once by its connector, and is Done without a copy in Sent', async () => {
    const { outbox_id, interaction_id } = await send()
    expect(await desk.rests(outbox_id, 'filed')).toMatchObject({
      sent_copy: 'none',
      attempts: 1,
      problem: null,
      recipients: [{ address: 'help@partner.test', state: 'accepted' }],
    })
    expect(await desk.store.interaction(interaction_id)).toMatchObject({
      status: 3,
      stopped_reason: 'Sent',
      from: { address: desk.accounts[0]?.address },
    })
    expect(http.requests).toHaveLength(1)
    expect(http.requests[0]?.headers['idempotency-key']).toBe(interaction_id)
    expect(Object.fromEntries(new URLSearchParams(http.requests[0]?.body.toString()))).toMatchObject({
      firstName: 'Ada',
      lastName: 'Moss',
      text: 'It is on its way.\n',
      mailbox: 'help@partner.test',
    })
    expect(smtp.mails).toEqual([])
  })

  it('waits 1, 2, 4 and 8 s between its five tries, then an hour, and says why', async () => {
    reply = { body: { statusCode: 1 } }
    const begun = desk.clock.now()
    const { outbox_id } = await send()
    for (const wait of [1, 2, 4, 8]) {
      const before = times.length
      await tried(before || 1)
      await waits(outbox_id)
      await desk.clock.advance(wait * SECOND - 1)
      expect(times.length).toBe(Math.max(before, 1))
      await desk.clock.advance(1)
      await tried(Math.max(before, 1) + 1)
    }
    expect(times.map((at) => (at - begun) / SECOND)).toEqual([0, 1, 3, 7, 15])
    const held = await waits(outbox_id)
    expect(held).toMatchObject({ due_at: begun + 15 * SECOND + HOUR, attempts: 5 })
    expect(held.problem).toContain('no mail at the moment')
    reply = TAKEN
    await desk.clock.advance(HOUR)
    await desk.rests(outbox_id, 'filed')
    expect(times).toHaveLength(6)
  })

  it('waits as long as the remote asks, and holds back what else goes there', async () => {
    reply = { status: 429, headers: { 'retry-after': '30' }, body: {} }
    const first = await send()
    await tried(1)
    expect((await waits(first.outbox_id)).due_at).toBe(desk.clock.now() + 30 * SECOND)
    const second = await send()
    await waits(second.outbox_id)
    expect(times).toHaveLength(1)
    reply = TAKEN
    await desk.clock.advance(30 * SECOND)
    await desk.rests(first.outbox_id, 'filed')
    await desk.rests(second.outbox_id, 'filed')
    expect(times).toHaveLength(3)
  })

  it('goes at once when the remote is there again', async () => {
    reply = { status: 503, headers: { 'retry-after': '600' }, body: '' }
    const { outbox_id } = await send()
    await tried(1)
    await waits(outbox_id)
    reply = TAKEN
    desk.outbox.online('remote:form')
    await desk.rests(outbox_id, 'filed')
    expect(times).toHaveLength(2)
  })

  it('that may have arrived waits for the agent, over restarts, and is repeated only by the agent’s word', async () => {
    reply = 'reset'
    const { outbox_id, interaction_id } = await send()
    expect((await desk.rests(outbox_id, 'unknown')).problem).toContain('Look there before you send it again')
    reply = TAKEN
    await desk.restart()
    await desk.clock.advance(48 * HOUR)
    expect(await desk.delivery(outbox_id)).toMatchObject({ state: 'unknown' })
    expect(http.requests).toHaveLength(1)
    await desk.store.sendAgain(outbox_id, desk.clock.now())
    await desk.rests(outbox_id, 'filed')
    expect(http.requests.map(({ headers }) => headers['idempotency-key'])).toEqual([
      interaction_id,
      interaction_id,
    ])
  })

  it('over which the desk died is unknown at the next start, and not asked for twice', async () => {
    reply = 'silence'
    const { outbox_id } = await send()
    await tried(1)
    desk.die()
    reply = TAKEN
    await desk.restart()
    await desk.clock.advance(HOUR)
    const delivery = await desk.delivery(outbox_id)
    expect(delivery.state).toBe('unknown')
    expect(delivery.problem).toContain('Look into the remote system')
    expect(http.requests).toHaveLength(1)
  })

  it('that waits goes on waiting over a restart, with where it goes', async () => {
    await http.stop()
    const { outbox_id } = await send({ kind: 'gms-email' })
    await waits(outbox_id)
    await desk.restart()
    expect(await desk.store.owed(outbox_id)).toMatchObject({
      account_id: 'remote:form',
      target: GMS,
    })
    http = await startScriptedHttp()
    http.answer = () => TAKEN
    connect('gms-email', createRemoteGms)
    await desk.clock.advance(HOUR)
    await desk.rests(outbox_id, 'filed')
    expect(http.requests).toHaveLength(1)
  })

  it('that is refused comes back with the remote’s words, and taken back is the same draft', async () => {
    reply = { status: 400, body: { statusCode: 2, errors: [{ code: 107, advice: 'No such mailbox.' }] } }
    const { outbox_id } = await send()
    expect((await desk.rests(outbox_id, 'rejected')).problem).toContain('No such mailbox. (107)')
    await desk.clock.advance(24 * HOUR)
    expect(http.requests).toHaveLength(1)
    expect(await desk.store.takeBack(outbox_id)).toMatchObject({
      account_id: 'remote:form',
      remote: GMS,
      text: 'It is on its way.',
    })
  })

  it('is refused when the remote is gone', async () => {
    desk.remotes.clear()
    const { outbox_id } = await send()
    expect((await desk.rests(outbox_id, 'rejected')).problem).toContain('can’t send any more')
    expect(http.requests).toEqual([])
  })

  it('goes into a remote mailbox, as an answer to the mail there', async () => {
    connect('secure-mail', createRemoteSecureMail)
    reply = { body: { status: { code: 'SUCCESS' }, secureMailId: 'm2' } }
    const target = { kind: 'secure-mail', address: 'help@partner.test', box: 'abc', parent_id: 'm1' } as const
    const { outbox_id } = await send(target)
    await desk.rests(outbox_id, 'filed')
    expect(http.requests[0]?.url).toBe('/nexus/v3/securemail?securebox=abc')
    expect(JSON.parse(http.requests[0]?.body.toString() ?? '')).toMatchObject({
      data: { address: 'help@partner.test', text: 'It is on its way.\n', parentId: 'm1' },
    })
    await expect(send(target, { to: [{ address: 'bob@x.test' }] })).rejects.toMatchObject({
      code: 'recipients',
    })
  })

  it('answers a remote activity with its files', async () => {
    connect('activity-response', createRemoteActivity)
    http.answer = ({ url }) =>
      url.endsWith('/attachment')
        ? { status: 201, body: { altId: 'alt' } }
        : { status: 201, headers: { location: '/a/7' } }
    const target = { kind: 'activity-response', activity_id: '1001', customer: '2000' } as const
    const draft = await write(target)
    const blob = desk.blobs.put(Buffer.from('pdf'))
    const { revision } = await desk.store.addDraftAttachment(draft.id, {
      name: 'a.pdf',
      content_type: 'application/pdf',
      size: blob.size,
      sha256: blob.sha256,
      content_id: null,
      inline: false,
    })
    const { outbox_id } = await press({ id: draft.id, revision })
    await desk.rests(outbox_id, 'filed')
    expect(http.requests.map(({ url }) => url)).toEqual([
      '/core/casemgr/v3/attachment',
      '/core/casemgr/v3/activity/1001/response?customer=2000',
    ])
    expect(http.requests[0]?.body.toString()).toContain('\r\n\r\npdf\r\n')
    expect(JSON.parse(http.requests[1]?.body.toString() ?? '')).toMatchObject({
      attachments: { attachment: [{ altId: 'alt' }] },
    })
  })

  it('with a file that is damaged on disk never leaves', async () => {
    connect('activity-response', createRemoteActivity)
    const draft = await write({ kind: 'activity-response', activity_id: '1001', customer: null })
    const blob = desk.blobs.put(Buffer.from('pdf'))
    const { revision } = await desk.store.addDraftAttachment(draft.id, {
      name: 'a.pdf',
      content_type: 'application/pdf',
      size: blob.size,
      sha256: blob.sha256,
      content_id: null,
      inline: false,
    })
    const { outbox_id } = await press({ id: draft.id, revision }, 10)
    desk.blobs.remove(blob.sha256)
    await desk.clock.advance(10 * SECOND)
    expect((await desk.rests(outbox_id, 'rejected')).problem).toContain('“a.pdf” is missing')
    expect(http.requests).toEqual([])
  })
})

describe('an account that sends through a remote system', () => {
  beforeEach(() => {
    desk.accounts = desk.accounts.map((account) => ({
      ...account,
      through: 'form',
      smtp: null,
      imap: { host: 'h', port: 1, tls: 'implicit', user: 'u', folders: ['INBOX'], sent: 'auto' },
    }))
  })
  it('needs no mail server to send, and files its copy as ever', async () => {
    const sent = createFakeSent()
    desk.source = sent
    const id = await desk.send()
    await desk.clock.advance(10 * SECOND)
    expect(await desk.rests(id, 'filed')).toMatchObject({ sent_copy: 'filed' })
    const form = Object.fromEntries(new URLSearchParams(http.requests[0]?.body.toString()))
    expect(form).toMatchObject({ fromAddress: desk.accounts[0]?.address, mailbox: 'ann@x.test' })
    expect([sent.sent.size, smtp.mails.length]).toEqual([1, 0])
  })
  it('writes to one recipient at a time', async () => {
    await expect(desk.send({ cc: [{ address: 'bob@x.test' }] })).rejects.toMatchObject({
      code: 'recipients',
    })
  })
})
