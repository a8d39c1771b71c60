import { describe, expect, it } from 'vitest'
import type { Attention } from '../../../src-main/core/host-services.ts'
import { noticeOf } from '../../../src-main/hosts/attention.ts'

const ann = { address: 'ann@x.test', personal: 'Ann Lee' }
const mail = (thread_id: string, subject: string, from: Attention['arrived'][number]['from'] = ann) => ({
  thread_id,
  subject,
  from,
})
const attention = (arrived: Attention['arrived'], change: Partial<Attention> = {}): Attention => ({
  unread: 3,
  arrived,
  arrivedCount: arrived.length,
  notifications: true,
  ...change,
})

describe('a notification of new work', () => {
  it('names who wrote and what, and opens it', () => {
    expect(noticeOf(attention([mail('t1', 'My order')]), false)).toEqual({
      title: 'Ann Lee',
      body: 'My order',
      thread: 't1',
    })
  })

  it('of several counts them and lists the newest', () => {
    const three = [mail('t1', 'a'), mail('t2', ''), mail('t3', 'c')]
    expect(noticeOf(attention(three, { arrivedCount: 12 }), false)).toEqual({
      title: '12 new mails',
      body: 'a\n(no subject)\nc',
      thread: null,
    })
  })

  it.each([
    ['is not shown to who is looking at the desk', attention([mail('t', 'x')]), true],
    ['is not shown where the agent wants none', attention([mail('t', 'x')], { notifications: false }), false],
    ['is not shown where nothing came', attention([]), false],
  ])('%s', (_what, given, looking) => {
    expect(noticeOf(given, looking)).toBeNull()
  })

  it('carries no markup, control or bidirectional characters, and no end of text', () => {
    const notice = noticeOf(
      attention([mail('t', `<img src="http://x">\u202E\n${'x'.repeat(900)}`, { address: 'a<b>@x.test' })]),
      false,
    )
    expect(notice?.title).toBe('a‹b›@x.test')
    expect(notice?.body).toHaveLength(200)
    expect(notice?.body).not.toMatch(/[<>\u202E\n]/)
  })
})
