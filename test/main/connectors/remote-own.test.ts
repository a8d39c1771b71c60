import { afterEach, describe, expect, it } from 'vitest'
import { activityApi } from '../../../src-main/api/activity.ts'
import { gmsEmailApi } from '../../../src-main/api/gms-email.ts'
import { secureMailApi } from '../../../src-main/api/secure-mail.ts'
import type { RemoteConnector, SendOutcome, WrittenMail } from '../../../src-main/connectors/connector.ts'
import { createRemoteActivity } from '../../../src-main/connectors/remote-activity.ts'
import { createRemoteGms } from '../../../src-main/connectors/remote-gms.ts'
import { createRemoteSecureMail } from '../../../src-main/connectors/remote-secure-mail.ts'
import type { RemoteKind } from '../../../src-main/contract/domain.ts'
import type { RemoteSettings } from '../../../src-main/contract/settings.ts'
import { serveApis, type ServedApis } from '../../support/api.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { NOW, submission } from '../../support/submissions.ts'
import { handOver, writtenFile, writtenMail } from '../../support/written-mail.ts'

/** Each connector against the desk's own APIs, over a line that breaks. */

const ANN = 'ann@x.test'
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function served(): Promise<{ other: ServedApis; line: FaultProxy }> {
  const other = await serveApis({
    apis: [gmsEmailApi, secureMailApi, activityApi],
    settings: {
      defaultMailbox: 'support@desk.test',
      email: { apikey: 'k-form' },
      activity: {
        aliases: [{ address: 'help@desk.test', active: true }],
        customers: [{ id: '1000', addresses: [ANN] }],
      },
      keys: [
        {
          key: 'k-portal',
          name: 'Portal',
          scopes: ['securemail:read', 'securemail:write', 'securemail:purge'],
        },
        { key: 'k-look', name: 'Looker', scopes: ['securemail:read', 'securemail:write'] },
        { key: 'k-ann', name: 'Ann', scopes: ['activity:respond'], customer: '1000' },
      ],
    },
  })
  stops.push(() => other.close())
  const line = await startFaultProxy(Number(new URL(other.url).port))
  stops.push(() => line.stop())
  return { other, line }
}
const MAKERS = {
  'gms-email': [createRemoteGms, 'k-form'],
  'secure-mail': [createRemoteSecureMail, 'k-portal'],
  'activity-response': [createRemoteActivity, 'k-ann'],
} as const
function connector(
  kind: keyof typeof MAKERS & RemoteKind,
  { port }: FaultProxy,
  remote: Partial<RemoteSettings> = {},
): RemoteConnector {
  const [make, key] = MAKERS[kind]
  return make({
    remote: { id: 'first', kind, url: `http://127.0.0.1:${port}`, options: {}, ...remote },
    key: remote.key ?? key,
    log: () => {},
    limits: { timeout: 5_000 },
  })
}
const send = async (connector: RemoteConnector, mail: Partial<WrittenMail>): Promise<SendOutcome> =>
  (await handOver(connector.sink, writtenMail(mail))).outcome
const stored = async (other: ServedApis) =>
  (await other.store.apiInteractions({}, { index: 0, count: 200 })).map(({ subject }) => subject)
const problem = (outcome: SendOutcome) => ('problem' in outcome ? outcome.problem : '')

describe('every connector against our own APIs', () => {
  it('is found ready with the right key, and stopped at the key with a wrong one', async () => {
    const { other, line } = await served()
    for (const kind of ['gms-email', 'secure-mail', 'activity-response'] as const) {
      expect(await connector(kind, line).test(), kind).toMatchObject({ ok: true })
      const { ok, steps } = await connector(kind, line, { key: 'wrong' }).test()
      expect([ok, steps.at(-1)?.step], kind).toEqual([false, 'key'])
      const elsewhere = { url: `http://127.0.0.1:${line.port}/elsewhere` }
      expect((await connector(kind, line, elsewhere).test()).steps.at(-1), kind).toMatchObject({
        step: 'answer',
        ok: false,
      })
    }
    expect(await stored(other)).toEqual([])
  })

  const gms = { to: [{ address: 'sales@desk.test' }], subject: 'GMS' }
  const secure = {
    subject: 'Secure',
    target: { kind: 'secure-mail', address: ANN, box: '', parent_id: null },
  } as const
  it.each([
    ['gms-email', gms],
    ['secure-mail', secure],
    ['activity-response', null],
  ] as const)(
    '%s: what was stored unanswered is unknown, and asked for again it is not doubled',
    async (kind, mail) => {
      const { other, line } = await served()
      const written = mail ?? (await answerTo(other))
      line.faults.cutAfter = 1
      expect((await send(connector(kind, line), written)).kind).toBe('unknown')
      const after = await stored(other)
      expect(after).toHaveLength(mail ? 1 : 2)
      line.faults.cutAfter = null
      expect((await send(connector(kind, line), written)).kind).toBe('accepted')
      expect(await stored(other)).toEqual(after)
    },
  )

  it.each([
    ['gms-email', gms],
    ['secure-mail', secure],
  ] as const)('%s: where the line never stood, nothing is stored', async (kind, mail) => {
    const { other, line } = await served()
    await line.away()
    expect((await send(connector(kind, line), mail)).kind).toBe('not-sent')
    await line.back()
    expect(await stored(other)).toEqual([])
  })
})

/** An activity of Ann's, and the mail that answers it. */
async function answerTo(
  other: ServedApis,
  special: Partial<WrittenMail> = {},
): Promise<Partial<WrittenMail>> {
  const { activity_id } = await other.store.receive(
    submission({
      customer: { id: '1000', address: ANN, first_name: '', last_name: '' },
      from: { address: ANN },
      to: [{ address: 'help@desk.test' }],
      subject: 'The zip',
    }),
    NOW,
  )
  return {
    target: { kind: 'activity-response', activity_id: String(activity_id), customer: null },
    to: [{ address: 'help@desk.test' }],
    subject: 'Re: The zip',
    ...special,
  }
}

describe('our own form service', () => {
  it('gets the mail whole, with its files and user data', async () => {
    const { other, line } = await served()
    const outcome = await send(connector('gms-email', line), {
      to: [{ address: 'sales@desk.test' }],
      text: 'Zeile 1\nGröße: 100 %',
      udata: { Order: 'HP=7' },
      attachments: [writtenFile('Übersicht.pdf', 'pdf')],
    })
    const [mail] = await other.store.apiInteractions({}, { index: 0, count: 2 })
    expect(mail).toMatchObject({
      text: 'Zeile 1\nGröße: 100 %',
      from: { address: 'support@acme.test', personal: 'Ada Moss' },
      to: [{ address: 'sales@desk.test' }],
      udata: { Order: 'HP=7' },
      attachments: [{ name: 'Übersicht.pdf', size: 3 }],
    })
    expect(outcome).toMatchObject({ kind: 'accepted' })
    expect(outcome.kind === 'accepted' && outcome.reply).toContain(mail?.interaction_id)
  })
  it('is waited for while it is paused, and its refusal is told in its words', async () => {
    const { other, line } = await served()
    const mail = { to: [{ address: 'sales@desk.test' }] }
    await other.set({ api: { paused: true } })
    expect(await send(connector('gms-email', line), mail)).toMatchObject({ kind: 'not-sent', lasting: false })
    await other.set({ api: { paused: false } })
    const lax = connector('gms-email', line, { options: { file_types: 'exe' } })
    const refused = await send(lax, { ...mail, attachments: [writtenFile('a.exe')] })
    expect(refused.kind).toBe('rejected')
    expect(problem(refused)).toContain('(203)')
    expect(await stored(other)).toEqual([])
  })
})

describe('our own secure mailboxes', () => {
  it('are paged through, read, answered and emptied', async () => {
    const { other, line } = await served()
    const portal = connector('secure-mail', line, { options: { markRead: true } })
    const { mailbox } = portal
    if (!mailbox) throw new Error('there is no mailbox')
    const place = { address: 'ANN@x.test', box: 'billing' }
    const page = { index: 0, count: 10 }
    expect([await mailbox.list(place, 'all', page), await mailbox.count(place, 'all')]).toEqual([[], 0])

    const target = { kind: 'secure-mail', ...place, parent_id: null } as const
    expect(
      await send(portal, {
        target,
        subject: 'First',
        html: '<p>It is</p>',
        udata: { Order: '7', __proto__x: 'y' },
        attachments: [writtenFile('a.pdf', 'pdf', { content_type: 'application/pdf' })],
      }),
    ).toMatchObject({ kind: 'accepted' })
    const [first] = await mailbox.list(place, 'unread', page)
    expect(first).toMatchObject({
      subject: 'First',
      direction: 'inbound',
      read: false,
      has_attachments: true,
    })
    const id = first?.id ?? ''
    expect(await mailbox.mail(id, false)).toMatchObject({
      text: 'It is on its way.',
      html: '<p>It is</p>',
      read: false,
      attachments: [{ name: 'a.pdf', content_type: 'application/pdf', size: 3 }],
    })
    expect(await mailbox.userData(id)).toEqual({ Order: '7' })

    other.pass(1000)
    expect(
      await send(portal, {
        interaction_id: '0000KaA0C8XH003Y',
        target: { ...target, parent_id: id },
        subject: 'Second',
      }),
    ).toMatchObject({ kind: 'accepted' })
    const both = await mailbox.list(place, 'all', page)
    expect(both.map(({ subject }) => subject)).toEqual(['Second', 'First'])
    expect((await mailbox.list(place, 'all', { index: 1, count: 1 })).map(({ id }) => id)).toEqual([id])
    expect(await mailbox.count({ ...place, box: '' }, 'all')).toBe(0)

    expect((await mailbox.mail(id, true)).read).toBe(true)
    expect([await mailbox.count(place, 'unread'), await mailbox.count(place, 'read')]).toEqual([1, 1])
    await mailbox.remove(both[0]?.id ?? '', 'delete')
    expect(await mailbox.count(place, 'all')).toBe(1)
    const looker = connector('secure-mail', line, { key: 'k-look' }).mailbox
    await expect(looker?.remove(id, 'purge')).rejects.toMatchObject({ code: 'refused', status: 403 })
    await mailbox.remove(id, 'purge')
    expect(await mailbox.count(place, 'all')).toBe(0)
    await expect(mailbox.mail(id, false)).rejects.toMatchObject({ code: 'refused', status: 404 })
  })
  it('refuse a file in their words, and while they are paused let the mail wait', async () => {
    const { other, line } = await served()
    const target = { kind: 'secure-mail', address: ANN, box: '', parent_id: null } as const
    const refused = await send(connector('secure-mail', line), {
      target,
      attachments: [writtenFile('a.exe')],
    })
    expect(refused.kind).toBe('rejected')
    expect(problem(refused)).toContain('INVALID_FILE_TYPE')
    await other.set({ api: { paused: true } })
    const paused = await send(connector('secure-mail', line), { target })
    expect(paused).toMatchObject({ kind: 'not-sent', lasting: false, remote: { retryAfter: 60 } })
    expect(await stored(other)).toEqual([])
  })
})

describe('our own activities', () => {
  it('are answered with files, in their thread', async () => {
    const { other, line } = await served()
    const outcome = await send(
      connector('activity-response', line),
      await answerTo(other, {
        html: '<p>See <img src="cid:logo"></p>',
        attachments: [
          writtenFile('a.pdf', 'pdf', { content_type: 'application/pdf' }),
          writtenFile('logo.png', 'png', { content_type: 'image/png', inline: true, content_id: 'logo' }),
        ],
      }),
    )
    const all = await other.store.apiInteractions({}, { index: 0, count: 10 })
    const answer = all.find(({ subject }) => subject === 'Re: The zip')
    const asked = all.find(({ subject }) => subject === 'The zip')
    expect(answer).toMatchObject({
      sub_type: 'InboundCustomerReply',
      thread_id: asked?.thread_id,
      from: { address: ANN },
      to: [{ address: 'help@desk.test' }],
    })
    expect(answer?.attachments.map(({ name, inline, content_id }) => [name, inline, content_id])).toEqual([
      ['a.pdf', false, null],
      ['logo.png', true, 'logo'],
    ])
    expect(outcome.kind === 'accepted' && outcome.reply).toContain(`activity ${answer?.activity_id}.`)
  })
  it('refuse in their words', async () => {
    const { other, line } = await served()
    const mail = await answerTo(other)
    const partner = connector('activity-response', line)
    expect(problem(await send(partner, { ...mail, to: [{ address: 'no@desk.test' }] }))).toContain('400-107')
    const unknown = { kind: 'activity-response', activity_id: '99999', customer: null } as const
    expect(problem(await send(partner, { ...mail, target: unknown }))).toContain('400-113')
    if (mail.target?.kind !== 'activity-response') throw new Error('it answers nothing')
    const foreign = { ...mail.target, customer: '2000' }
    expect(problem(await send(partner, { ...mail, target: foreign }))).toContain('400-114')
    expect(await stored(other)).toEqual(['The zip'])
  })
})
