import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findMails } from '../../../src-main/intake/mail-files.ts'
import { isSeparator, unquoteFrom } from '../../../src-main/intake/mbox.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mails-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function put(name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  return file
}

/** What was found: `file: raw bytes as the worker will store them`, or `file: -` for no mail. */
async function found(...paths: string[]): Promise<string[]> {
  const lines: string[] = []
  for await (const entry of findMails(paths.length > 0 ? paths : [folder])) {
    if (entry.kind === 'no-mail') lines.push(`${relative(folder, entry.file)}: -`)
    else {
      const { file, offset, length, unquote } = entry.slice
      const bytes = readFileSync(file).subarray(offset, offset + length)
      const text = (unquote ? unquoteFrom(bytes) : bytes).toString()
      lines.push(`${relative(folder, file)}: ${text}${entry.seen ? ' (seen)' : ''}`)
    }
  }
  return lines
}

const ONE = 'From: a@x\nSubject: 1\n\nOne\n'
const TWO = 'From: b@x\nSubject: 2\n\nTwo\n'
const LINE = 'From a@x Mon May  4 10:01:02 2026\n'

describe('an mbox', () => {
  test('is split at its separators, without them and without the empty line before the next', async () => {
    await put('a.mbox', `${LINE}${ONE}\n${LINE}${TWO}\n`)
    expect(await found()).toEqual([`a.mbox: ${ONE}`, `a.mbox: ${TWO}`])
  })

  test('with CRLF is split the same way', async () => {
    const crlf = (text: string) => text.replaceAll('\n', '\r\n')
    await put('a.mbox', crlf(`${LINE}${ONE}\n${LINE}${TWO}\n`))
    expect(await found()).toEqual([`a.mbox: ${crlf(ONE)}`, `a.mbox: ${crlf(TWO)}`])
  })

  test('keeps From lines that are text: without an empty line before, without a date, or quoted', async () => {
    const text = `${ONE}${LINE}\nFrom here to there\n\n>From a@x Mon May  4 10:01:02 2026\n>>From x\n`
    await put('a.mbox', `${LINE}${text}\n${LINE}${TWO}`)
    expect(await found()).toEqual([
      `a.mbox: ${text.replace('\n>From', '\nFrom').replace('>>From', '>From')}`,
      `a.mbox: ${TWO}`,
    ])
  })

  test('of many mails of every size is split alike at the borders of what is read at once', async () => {
    const mails = Array.from(
      { length: 60 },
      (_, i) => `Subject: ${i}\nFrom: a@x\n\n${`${i} words\n`.repeat(7_919 * (i % 5) + i)}`,
    )
    await put('big.mbox', mails.map((mail) => `${LINE}${mail}\n`).join(''))
    expect(await found()).toEqual(mails.map((mail) => `big.mbox: ${mail}`))
  })

  test('without a file ending is known by its second separator', async () => {
    await put('Inbox', `${LINE}${ONE}\n${LINE}${TWO}\n`)
    expect(await found()).toEqual([`Inbox: ${ONE}`, `Inbox: ${TWO}`])
  })

  test('that is none is named', async () => {
    await put('a.mbox', 'PK\u0003\u0004 zip\n')
    await put('empty.mbox', '')
    expect(await found()).toEqual(['a.mbox: -'])
  })

  test.each([
    ['From MAILER-DAEMON Fri Jul  8 12:08:34 2011', true],
    ['From - Mon May 04 10:01:02 2026', true],
    ['From 1234567890@xxx Mon May 04 10:01:02 +0000 2026', true],
    ['From a@x Mon, 4 May 2026 10:01:02 +0200', true],
    ['From a@x 2026-05-04T10:01:02', true],
    ['From the desk of Ann', false],
    ['From Monday on we are closed', false],
    ['from a@x Mon May  4 10:01:02 2026', false],
  ])('separator or not: %s', (line, expected) => {
    expect(isSeparator(line)).toBe(expected)
  })
})

describe('other files', () => {
  test('an .eml is a mail as it says, its leading From line left out', async () => {
    await put('a.eml', ONE)
    await put('b.eml', `${LINE}${TWO}\n`)
    await put('c.EML', 'no header at all')
    expect(await found()).toEqual([`a.eml: ${ONE}`, `b.eml: ${TWO}\n`, 'c.EML: no header at all'])
  })

  test('any other is a mail when it begins as one', async () => {
    await put('00001.7c53336b', `${LINE}${ONE}\n`)
    await put('message', TWO)
    await put('list.txt', 'Name: Ann\nColour: blue\n')
    await put('picture.png', '\u0089PNG\r\n')
    await put('nothing', '')
    expect(await found()).toEqual([
      `00001.7c53336b: ${ONE}\n`,
      'list.txt: -',
      `message: ${TWO}`,
      'nothing: -',
      'picture.png: -',
    ])
  })

  test('folders are searched through, and a link back ends nothing', async () => {
    await put('a/b/c.eml', ONE)
    await symlink(folder, join(folder, 'a', 'loop'))
    expect(await found()).toEqual([`a/b/c.eml: ${ONE}`])
  })

  test('a Maildir gives its cur and new with the flag for read, and none of its bookkeeping', async () => {
    await put('Maildir/cur/1.host:2,RS', ONE)
    await put('Maildir/cur/2.host:2,F', TWO)
    await put('Maildir/new/3.host', TWO)
    await put('Maildir/tmp/4.host', TWO)
    await put('Maildir/dovecot-uidlist', '3 V1\n')
    await put('Maildir/.Sent/cur/5.host:2,S', ONE)
    await mkdir(join(folder, 'Maildir/.Sent/new'), { recursive: true })
    expect(await found()).toEqual([
      `Maildir/.Sent/cur/5.host:2,S: ${ONE} (seen)`,
      `Maildir/cur/1.host:2,RS: ${ONE} (seen)`,
      `Maildir/cur/2.host:2,F: ${TWO}`,
      `Maildir/new/3.host: ${TWO}`,
    ])
  })
})
