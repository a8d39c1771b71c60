import { describe, expect, it } from 'vitest'
import type { Attachment, Interaction } from '../../../src-main/contract/domain.ts'
import {
  carriedAttachments,
  replyContent,
  type ReplyRequest,
} from '../../../src-main/outbox/reply-content.ts'
import { forwardSubject, replySubject } from '../../../src-main/outbox/subject.ts'

const inbound: Interaction = {
  interaction_id: '0000abcd00000001',
  customer_id: 'c1',
  status: 0,
  entity_type: 0,
  type: 'Inbound',
  media_type: 'email',
  thread_id: '0000abcd00000001',
  creator_app_id: 1,
  allow_children: true,
  start_date: '2026-05-03T10:02:00.000Z',
  sent_date: '2026-05-03T10:01:00.000Z',
  subject: 'Where is it?',
  from: { address: 'ann@x.test', personal: 'Ann Lee' },
  to: [
    { address: 'Support@Acme.test', personal: 'Support' },
    { address: 'bob@x.test', personal: 'Bob' },
  ],
  cc: [{ address: 'BOB@x.test' }, { address: 'cleo@x.test' }, { address: 'ada@acme.test' }],
}
const outbound: Interaction = {
  ...inbound,
  entity_type: 1,
  type: 'Outbound',
  from: { address: 'support@acme.test' },
  to: [{ address: 'ann@x.test' }],
  cc: [{ address: 'cleo@x.test' }],
  bcc: [{ address: 'boss@y.test' }],
}

function content(
  kind: ReplyRequest['kind'],
  interaction: Interaction | null,
  special: Partial<ReplyRequest> = {},
) {
  return replyContent({
    kind,
    parent: interaction && {
      interaction,
      body: {
        interaction_id: interaction.interaction_id,
        text: 'Hello,\r\nwhere?\n',
        html: '<p>Hello</p>',
        quote_at: null,
        inline: [],
      },
      messageId: 'm1@x.test',
    },
    agent: { signature: { text: 'Ada Moss\nSupport', html: null } },
    account: { id: 'support' },
    ownAddresses: ['support@acme.test', 'ADA@acme.test'],
    locale: 'en-GB',
    timeZone: 'UTC',
    ...special,
  })
}
const people = (kind: ReplyRequest['kind'], interaction: Interaction) => {
  const { to, cc, bcc } = content(kind, interaction)
  return [to, cc, bcc].map((list) => list.map(({ address }) => address))
}

describe('recipients of an answer', () => {
  it('are the author for a reply', () => {
    expect(content('reply', inbound).to).toEqual([{ address: 'ann@x.test', personal: 'Ann Lee' }])
  })

  it('are where the author asked answers to go', () => {
    expect(people('reply', { ...inbound, reply_to: { address: 'orders@x.test' } })).toEqual([
      ['orders@x.test'],
      [],
      [],
    ])
  })

  it('are the author again where Reply-To names only ourselves', () => {
    expect(people('reply', { ...inbound, reply_to: { address: 'support@acme.test' } })).toEqual([
      ['ann@x.test'],
      [],
      [],
    ])
  })

  it('are everybody once for reply all, and never ourselves', () => {
    expect(people('reply-all', inbound)).toEqual([['ann@x.test', 'bob@x.test'], ['cleo@x.test'], []])
  })

  it('are the recipients of our own mail when it is answered', () => {
    expect(people('reply', outbound)).toEqual([['ann@x.test'], [], []])
    expect(people('reply-all', outbound)).toEqual([['ann@x.test'], ['cleo@x.test'], ['boss@y.test']])
  })

  it('are ourselves where nobody else is left', () => {
    const note = { ...outbound, to: [{ address: 'ada@acme.test' }], cc: [], bcc: [] }
    expect(people('reply-all', note)).toEqual([['ada@acme.test'], [], []])
  })

  it('are nobody yet for a forward and a new mail', () => {
    expect(people('forward', inbound)).toEqual([[], [], []])
    expect(content('new', null, { to: [{ address: 'dora@x.test' }] }).to).toEqual([
      { address: 'dora@x.test' },
    ])
  })

  it('keep a display name from breaking out of its field', () => {
    const evil = { ...inbound, from: { address: 'ann@x.test', personal: 'Ann\r\nBcc: eve@x.test' } }
    expect(content('reply', evil).to).toEqual([{ address: 'ann@x.test', personal: 'Ann Bcc: eve@x.test' }])
  })
})

describe('the subject', () => {
  it.each([
    ['Where?', 'Re: Where?'],
    ['Re: Where?', 'Re: Where?'],
    ['RE: Re: re : Where?', 'Re: Where?'],
    ['AW: Where?', 'Re: Where?'],
    ['SV: VS: Where?', 'Re: Where?'],
    ['RE[2]: Where?', 'Re: Where?'],
    ['Re (3): Re^4: Where?', 'Re: Where?'],
    ['Antw: Where?', 'Re: Where?'],
    ['回复：Where?', 'Re: Where?'],
    ['Fwd: Where?', 'Re: Fwd: Where?'],
    ['Re: Fwd: Where?', 'Re: Fwd: Where?'],
    ['Reply: Where?', 'Re: Reply: Where?'],
    ['Re Where?', 'Re: Re Where?'],
    ['', 'Re:'],
    ['A\r\nBcc: eve@x.test', 'Re: A Bcc: eve@x.test'],
  ])('%j is answered as %j', (subject, expected) => {
    expect(replySubject(subject)).toBe(expected)
  })

  it.each([
    ['Where?', 'Fwd: Where?'],
    ['Fwd: Where?', 'Fwd: Where?'],
    ['FW: WG: TR: Where?', 'Fwd: Where?'],
    ['Re: Where?', 'Fwd: Re: Where?'],
  ])('%j is forwarded as %j', (subject, expected) => {
    expect(forwardSubject(subject)).toBe(expected)
  })
})

describe('the composer', () => {
  it('opens with the signature, and the original quoted below', () => {
    expect(content('reply', inbound)).toMatchObject({
      account_id: 'support',
      subject: 'Re: Where is it?',
      format: 'rich',
      text: '\n\n-- \nAda Moss\nSupport',
      html: '<p></p><p>-- <br>Ada Moss<br>Support</p>',
      quote: {
        attribution: 'On 3 May 2026 at 10:01, Ann Lee <ann@x.test> wrote:',
        text: 'Hello,\nwhere?\n',
        html: null,
      },
    })
  })

  it('says who wrote it in the agent’s language', () => {
    expect(content('reply', inbound, { locale: 'de' }).quote?.attribution).toBe(
      'Am 3. Mai 2026 um 10:01 schrieb Ann Lee <ann@x.test>:',
    )
    expect(content('reply', inbound, { locale: 'en-US' }).quote?.attribution).toBe(
      'On May 3, 2026 at 10:01 AM, Ann Lee <ann@x.test> wrote:',
    )
  })

  it('puts the original’s head above what is forwarded', () => {
    expect(content('forward', inbound).quote?.attribution.split('\n')).toEqual([
      '---------- Forwarded message ----------',
      'From: Ann Lee <ann@x.test>',
      'Date: 3 May 2026, 10:01',
      'Subject: Where is it?',
      'To: Support <Support@Acme.test>, Bob <bob@x.test>',
      'Cc: <BOB@x.test>, <cleo@x.test>, <ada@acme.test>',
    ])
  })

  it('quotes nothing in a new mail', () => {
    expect(content('new', inbound)).toMatchObject({ to: [], subject: '', quote: null })
  })

  it('leaves the signature out where there is none', () => {
    const none = { agent: { signature: { text: '', html: null } } }
    expect(content('new', null, none)).toMatchObject({ text: '', html: '<p></p>' })
  })
})

it('a forward carries every file of the original, pictures in the text included, and an answer none', () => {
  const file: Attachment = {
    id: '1',
    name: 'a.pdf',
    content_type: 'application/pdf',
    size: 3,
    sha256: 'x',
    content_id: null,
    inline: false,
  }
  const picture: Attachment = {
    ...file,
    id: '2',
    name: null,
    content_type: 'image/png',
    content_id: 'p@x',
    inline: true,
  }
  expect(carriedAttachments('forward', [file, picture])).toEqual([
    { name: 'a.pdf', content_type: 'application/pdf', size: 3, sha256: 'x', content_id: null, inline: false },
    { name: null, content_type: 'image/png', size: 3, sha256: 'x', content_id: 'p@x', inline: true },
  ])
  expect(carriedAttachments('reply', [file, picture])).toEqual([])
})
