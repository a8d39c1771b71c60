import { describe, expect, test } from 'vitest'
import { parseMail } from '../../../src-main/intake/parse-mail.ts'

const kind = (fields: string, from = 'ann@acme.example') =>
  parseMail(Buffer.from(`From: ${from}\nSubject: Hello\n${fields}\nText\n`)).mail.machine?.kind ?? null

describe('a machine wrote it', () => {
  test.each([
    ['Auto-Submitted: auto-replied', 'auto-reply'],
    ['Auto-Submitted: Auto-Replied (vacation)', 'auto-reply'],
    ['X-Autoreply: yes', 'auto-reply'],
    ['Precedence: auto_reply', 'auto-reply'],
    ['Return-Path: <>', 'auto-reply'],
    ['Auto-Submitted: auto-generated', 'bulk'],
    ['Precedence: bulk', 'bulk'],
    ['Precedence: junk', 'bulk'],
    ['List-Unsubscribe: <https://news.example/u>', 'bulk'],
    ['List-Id: <users.lists.example>', 'list'],
    ['Precedence: list', 'list'],
    ['Mailing-List: contact users@lists.example', 'list'],
    ['X-Failed-Recipients: zoe@x.example', 'bounce'],
  ])('%s: %s', (field, expected) => {
    expect(kind(`${field}\n`)).toBe(expected)
  })

  test('the mail system with an empty return path sends bounces', () => {
    expect(kind('Return-Path: <>\n', 'MAILER-DAEMON@mx.example')).toBe('bounce')
  })

  test('a report that only says delayed is no bounce', () => {
    const report =
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n' +
      '--b\n\nDelayed.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n' +
      'Final-Recipient: rfc822; zoe@x.example\nAction: delayed\n--b--'
    expect(kind(report)).toBe('report')
  })
})

describe('a person wrote it', () => {
  test.each([
    ['X-Auto-Response-Suppress: All'],
    ['Auto-Submitted: no'],
    ['Return-Path: <ann@acme.example>'],
    ['Precedence: normal'],
    ['X-Autoreply: no'],
  ])('%s', (field) => {
    expect(kind(`${field}\n`)).toBeNull()
  })
})
