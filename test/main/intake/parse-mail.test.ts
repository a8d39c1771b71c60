import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import { describe, expect, test } from 'vitest'
import { contentKey } from '../../../src-main/intake/content-key.ts'
import { parseMail } from '../../../src-main/intake/parse-mail.ts'

const parsed = (text: string) => parseMail(Buffer.from(text)).mail
const HEAD = 'From: ann@acme.example\nTo: support@desk.test\nMessage-ID: <m@x>\nSubject: Hello\n'

describe('limits', () => {
  test('a mail of 200,000 parts is held back with its sender, its subject and its raw text', () => {
    const bomb = `${HEAD}Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(200_000)}`
    expect(parsed(bomb)).toMatchObject({
      held_back: 'It has more than 1,000 parts.',
      from: { address: 'ann@acme.example' },
      subject: 'Hello',
      message_id: 'm@x',
      attachments: [],
    })
  })

  test('parts nested more than 64 deep are held back', () => {
    let nested = 'Content-Type: text/plain\n\nx\n'
    for (let i = 0; i < 70; i++)
      nested = `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n${nested}\n--b${i}--\n`
    expect(parsed(HEAD + nested).held_back).toBe('Its parts are nested more than 64 deep.')
  })

  test('a header of more than 1 MB is held back', () => {
    expect(parsed(`${HEAD}X-Long: ${'x'.repeat(1_100_000)}\n\nHi`).held_back).toBe(
      'Its header is longer than 1 MB.',
    )
  })

  test('an empty file is held back', () => {
    expect(parsed('').held_back).not.toBeNull()
  })

  test('text beyond two million characters is cut and says so', () => {
    const { text } = parsed(`${HEAD}\n${'long line\n'.repeat(250_000)}`)
    expect(text.length).toBeLessThan(2_001_000)
    expect(text.endsWith('[… the original mail goes on]')).toBe(true)
  })

  test.each([
    ['quotes that never close', `${HEAD}Cc: ${'"a '.repeat(100_000)}\n\n`],
    ['spaces without end', `${HEAD}Cc: a${' '.repeat(900_000)}b\n\n${' '.repeat(900_000)}.\n`],
    ['dots without end', `${HEAD}Content-Type: text/plain; name="${'.'.repeat(900_000)}x"\n\nx`],
    ['brackets that never close', `${HEAD}Cc: ${'<a '.repeat(100_000)}${'('.repeat(100_000)}\n\n`],
    [
      'encoded words that never end',
      `${HEAD}X-A: ${'=?utf-8?q?'.repeat(80_000)}\nCc: ${'=?a?q?'.repeat(30_000)}\n\n`,
    ],
    ['parameters without end', `${HEAD}Content-Type: text/plain; ${'a*1="'.repeat(100_000)}\n\n`],
    ['tags that never close', `${HEAD}Content-Type: text/html\n\n${'<a href="'.repeat(200_000)}`],
    ['line breaks without end', `${HEAD}Content-Type: text/html\n\n${'<br>x'.repeat(1_600_000)}`],
    ['quotes that close late', `${HEAD}Content-Type: text/html\n\n${'<a href="x>'.repeat(400_000)}"`],
    ['comments that never close', `${HEAD}Content-Type: text/html\n\n${'<!-- <div>'.repeat(200_000)}`],
    [
      'elements that never close',
      `${HEAD}Content-Type: text/html\n\n${'<div style="'.repeat(100_000)}${'<b>'.repeat(200_000)}`,
    ],
    [
      'boundaries that are none',
      `${HEAD}Content-Type: multipart/mixed; boundary=b\n\n${'--bb\n'.repeat(400_000)}`,
    ],
    ['quotes in quotes', `${HEAD}\n${'> '.repeat(400_000)}\n${'On wrote:\n'.repeat(40_000)}`],
    ['brackets of ids', `${HEAD}References: ${'<'.repeat(500_000)}\n\n`],
  ])('%s are read once and no more', (_name, text) => {
    // Quadratic work on these sizes takes minutes and ends as this test's timeout.
    expect(parsed(text).held_back).toBeNull()
  })
})

describe('the content key', () => {
  const mail = `${HEAD}Date: Mon, 4 May 2026 10:01:02 +0200\n\nBody\n`
  test('is the same with other line ends', () => {
    expect(contentKey(Buffer.from(mail.replaceAll('\n', '\r\n')))).toBe(contentKey(Buffer.from(mail)))
  })

  test('is the same with other traces of the way', () => {
    const traces =
      'Return-Path: <a@x>\nReceived: from a\n\tby b; Mon\nDelivered-To: c@x\nX-Original-To: d@x\n' +
      'Authentication-Results: none\nDKIM-Signature: v=1;\n b=abc\nARC-Seal: i=1\nARC-Authentication-Results: i=1\n'
    expect(contentKey(Buffer.from(traces + mail))).toBe(contentKey(Buffer.from(mail)))
  })

  test('differs with another body, another field, and for a mail without an id with another trace', () => {
    const anonymous = mail.replace('Message-ID: <m@x>\n', '')
    const keys = [mail, `${mail}!`, `X-Tag: 1\n${mail}`, anonymous, `Received: from a\n${anonymous}`]
    expect(new Set(keys.map((text) => contentKey(Buffer.from(text)))).size).toBe(keys.length)
  })
})

test('an independent parser finds the same attachments, byte for byte', async () => {
  const folder = join(import.meta.dirname, '../../fixtures/mail')
  // Where mailparser is known to differ: these faults are why the parser is our own.
  const otherwise =
    /digest|several-texts|delivery-report|read-receipt|truncated|bidi|trailing-spaces|no-boundary|calendar|uuencoded/
  const differing: string[] = []
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.eml') && !otherwise.test(name))) {
    const raw = readFileSync(join(folder, file))
    const theirs = (await simpleParser(raw)).attachments.map(({ content }) =>
      createHash('sha256').update(content).digest('hex'),
    )
    const ours = parseMail(raw).mail.attachments.map(({ sha256 }) => sha256)
    if (ours.join() !== theirs.join()) differing.push(file)
  }
  expect(differing).toEqual([])
})
