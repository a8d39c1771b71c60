import { describe, expect, test } from 'vitest'
import { decideThread, type ThreadLookup } from '../../../src-main/intake/threading.ts'
import type { ParsedMail } from '../../../src-main/store/store.ts'

const OWN = 'support@desk.test'
const FIRST = '0000000000000001'
const SECOND = '0000000000000002'
const THIRD = '0000000000000003'

interface Stored {
  readonly id: string
  readonly thread: string
  readonly messageId?: string
  readonly references?: readonly string[]
  readonly people: readonly string[]
}

function desk(...stored: readonly Stored[]): ThreadLookup {
  const known = (mail: Stored) => ({ interaction_id: mail.id, thread_id: mail.thread })
  return {
    byMessageId: (id) => stored.filter((mail) => mail.messageId === id).map(known),
    waitingFor: (id) => stored.filter((mail) => mail.references?.includes(id)).map(known),
    byToken: (thread) => (stored.some((mail) => mail.thread === thread) ? thread : null),
    participants: (thread) =>
      new Set(stored.filter((mail) => mail.thread === thread).flatMap((mail) => mail.people)),
    isOwn: (address) => address === OWN,
  }
}

function mail(fields: Partial<ParsedMail> & { sender?: string } = {}): ParsedMail {
  const { sender = 'ann@acme.example', ...rest } = fields
  return {
    raw: { sha256: '0'.repeat(64), size: 1 },
    content_key: '0'.repeat(64),
    message_id: 'this@x',
    references: [],
    in_reply_to: 0,
    from: { address: sender },
    from_as_written: null,
    reply_to: null,
    to: [{ address: OWN }],
    cc: [],
    bcc: [],
    subject: 'Printer',
    sent_date: null,
    timeshift: null,
    received: null,
    text: '',
    html: null,
    quote_at: null,
    snippet: '',
    attachments: [],
    machine: null,
    report: null,
    held_back: null,
    ...rest,
  }
}

const ann: Stored = { id: FIRST, thread: FIRST, messageId: 'first@x', people: ['ann@acme.example', OWN] }

describe('what joins a thread', () => {
  test('an answer joins the thread of the mail that it answers', () => {
    expect(decideThread(mail({ references: ['first@x'], in_reply_to: 1 }), 'in', desk(ann))).toEqual({
      thread_id: FIRST,
      parent_id: FIRST,
      reason: 'in-reply-to',
      merge: [],
    })
  })

  test('without In-Reply-To the nearest known reference is the parent', () => {
    const answer: Stored = { ...ann, id: SECOND, messageId: 'second@x' }
    const decision = decideThread(
      mail({ references: ['gone@x', 'second@x', 'first@x'] }),
      'in',
      desk(ann, answer),
    )
    expect(decision).toEqual({ thread_id: FIRST, parent_id: SECOND, reason: 'references', merge: [] })
  })

  test('a broken In-Reply-To leaves the references to decide', () => {
    const decision = decideThread(
      mail({ references: ['gone@x', 'first@x'], in_reply_to: 1 }),
      'in',
      desk(ann),
    )
    expect(decision).toMatchObject({ thread_id: FIRST, reason: 'references' })
  })

  test('a parent that comes late joins the mails that wait for it', () => {
    const child: Stored = { id: SECOND, thread: SECOND, references: ['this@x'], people: ['ann@acme.example'] }
    expect(decideThread(mail(), 'in', desk(child))).toEqual({
      thread_id: SECOND,
      parent_id: null,
      reason: 'late-parent',
      merge: [],
    })
  })

  test('a late parent brings two waiting threads together under the older id', () => {
    const one: Stored = { id: THIRD, thread: THIRD, references: ['this@x'], people: ['ann@acme.example'] }
    const two: Stored = { id: SECOND, thread: SECOND, references: ['this@x'], people: ['ann@acme.example'] }
    expect(decideThread(mail(), 'in', desk(one, two))).toMatchObject({
      thread_id: SECOND,
      reason: 'late-parent',
      merge: [THIRD],
    })
  })

  test('ancestors in different threads merge them', () => {
    const other: Stored = { ...ann, id: SECOND, thread: SECOND, messageId: 'second@x' }
    const decision = decideThread(
      mail({ references: ['second@x', 'first@x'], in_reply_to: 1 }),
      'in',
      desk(ann, other),
    )
    expect(decision).toEqual({ thread_id: FIRST, parent_id: SECOND, reason: 'in-reply-to', merge: [SECOND] })
  })

  test('two answers to a mail that never came stand together', () => {
    const sibling: Stored = {
      id: FIRST,
      thread: FIRST,
      references: ['never-came@x'],
      people: ['ann@acme.example'],
    }
    const decision = decideThread(mail({ references: ['never-came@x'], in_reply_to: 1 }), 'in', desk(sibling))
    expect(decision).toEqual({ thread_id: FIRST, parent_id: null, reason: 'in-reply-to', merge: [] })
  })

  test('a subject token joins where no header does', () => {
    const decision = decideThread(mail({ subject: `Re: Printer [#${FIRST}]` }), 'in', desk(ann))
    expect(decision).toEqual({ thread_id: FIRST, parent_id: null, reason: 'subject-token', merge: [] })
  })

  test('a header wins over a subject token', () => {
    const other: Stored = { ...ann, id: SECOND, thread: SECOND, messageId: 'second@x' }
    const decision = decideThread(
      mail({ references: ['second@x'], in_reply_to: 1, subject: `[#${FIRST}]` }),
      'in',
      desk(ann, other),
    )
    expect(decision).toMatchObject({ thread_id: SECOND, reason: 'in-reply-to', merge: [] })
  })

  test('a mail that names itself is no ancestor of itself', () => {
    const twin: Stored = { ...ann, messageId: 'this@x' }
    expect(decideThread(mail({ references: ['this@x'] }), 'in', desk(twin)).reason).toBe('new')
  })

  test('the same subject joins nothing', () => {
    expect(decideThread(mail({ subject: 'Printer' }), 'in', desk(ann)).reason).toBe('new')
  })
})

describe('who is no stranger', () => {
  const answering = { references: ['first@x'], in_reply_to: 1 }
  const apart = { thread_id: null, parent_id: null, reason: 'stranger-kept-apart', merge: [] }

  test('a stranger who quotes an id begins a thread of his own', () => {
    expect(decideThread(mail({ ...answering, sender: 'mallory@evil.example' }), 'in', desk(ann))).toEqual(
      apart,
    )
  })

  test('a stranger who quotes a subject token begins a thread of his own', () => {
    const decision = decideThread(
      mail({ sender: 'mallory@evil.example', subject: `[#${FIRST}]` }),
      'in',
      desk(ann),
    )
    expect(decision).toEqual(apart)
  })

  test('a stranger who waited for an id keeps its late parent apart, and that parent is new', () => {
    const bait: Stored = {
      id: FIRST,
      thread: FIRST,
      references: ['this@x'],
      people: ['mallory@evil.example', OWN],
    }
    expect(decideThread(mail(), 'in', desk(bait)).reason).toBe('new')
  })

  test('two customers of one public provider are strangers to each other', () => {
    const stored: Stored = { ...ann, people: ['ann@gmail.com', OWN] }
    expect(decideThread(mail({ ...answering, sender: 'eve@gmail.com' }), 'in', desk(stored))).toEqual(apart)
    const foreign: Stored = { ...ann, people: ['ann@yahoo.co.uk', OWN] }
    expect(decideThread(mail({ ...answering, sender: 'eve@yahoo.co.uk' }), 'in', desk(foreign))).toEqual(
      apart,
    )
  })

  test('a colleague from the organisation of the customer belongs', () => {
    const decision = decideThread(mail({ ...answering, sender: 'bob@mail.acme.example' }), 'in', desk(ann))
    expect(decision).toMatchObject({ thread_id: FIRST, reason: 'in-reply-to' })
  })

  test('two companies under one country are two organisations', () => {
    const stored: Stored = { ...ann, people: ['ann@acme.co.uk', OWN] }
    expect(decideThread(mail({ ...answering, sender: 'eve@evil.co.uk' }), 'in', desk(stored))).toEqual(apart)
    expect(decideThread(mail({ ...answering, sender: 'bob@acme.co.uk' }), 'in', desk(stored)).thread_id).toBe(
      FIRST,
    )
  })

  test('an address under our own domain is no pass for every thread', () => {
    expect(decideThread(mail({ ...answering, sender: 'visitor@desk.test' }), 'in', desk(ann))).toEqual(apart)
  })

  test('whoever keeps the customer in copy belongs', () => {
    const decision = decideThread(
      mail({ ...answering, sender: 'carrier@freight.example', cc: [{ address: 'Ann@ACME.example' }] }),
      'in',
      desk(ann),
    )
    expect(decision.thread_id).toBe(FIRST)
  })

  test('members of a mailing list stand in one thread', () => {
    const list: Stored = { ...ann, people: ['ann@acme.example', 'users@lists.example'] }
    const decision = decideThread(
      mail({ ...answering, sender: 'zoe@home.example', to: [{ address: 'users@lists.example' }] }),
      'in',
      desk(list),
    )
    expect(decision.thread_id).toBe(FIRST)
  })

  test('our own mail to the customer belongs, our own mail to somebody else does not', () => {
    const own = { ...answering, sender: OWN }
    const toAnn = mail({ ...own, to: [{ address: 'ann@acme.example' }] })
    const toZoe = mail({ ...own, to: [{ address: 'zoe@home.example' }] })
    expect(decideThread(toAnn, 'out', desk(ann)).thread_id).toBe(FIRST)
    expect(decideThread(toZoe, 'out', desk(ann))).toEqual(apart)
  })

  test('a delivery report belongs where its failed recipient is known', () => {
    const report = {
      message_id: 'first@x',
      recipients: [{ address: 'Ann@acme.example', action: 'failed', diagnostic: '550' }],
    }
    const daemon = { references: ['first@x'], sender: 'mailer-daemon@mx.example' }
    expect(decideThread(mail({ ...daemon, report }), 'in', desk(ann)).thread_id).toBe(FIRST)
    expect(decideThread(mail(daemon), 'in', desk(ann))).toEqual(apart)
  })

  test('of mails that share a reused id the one with the right people is the parent', () => {
    const bob: Stored = { id: SECOND, thread: SECOND, messageId: 'first@x', people: ['bob@b.example', OWN] }
    const answer = mail({ ...answering, sender: 'bob@b.example' })
    expect(decideThread(answer, 'in', desk(bob, ann))).toMatchObject({
      thread_id: SECOND,
      parent_id: SECOND,
      merge: [],
    })
    expect(decideThread(answer, 'in', desk(ann, bob)).thread_id).toBe(SECOND)
  })

  test('a reused id takes no answer away from the mail that was answered', () => {
    const form: Stored = {
      id: FIRST,
      thread: FIRST,
      messageId: 'this@x',
      people: ['form@site.example', 'ann@acme.example'],
    }
    const answer: Stored = {
      id: SECOND,
      thread: FIRST,
      references: ['this@x'],
      people: [OWN, 'ann@acme.example'],
    }
    expect(decideThread(mail({ sender: 'form@site.example' }), 'in', desk(form, answer)).reason).toBe('new')
  })
})
