import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { quotedRest, snippetOf } from '../../../src-main/intake/quoted-text.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/quoted-text')

describe('what is new in a mail ends where the quote begins', () => {
  for (const file of readdirSync(FOLDER).filter((name) => !name.endsWith('.new.txt'))) {
    test(file.slice(0, -4), () => {
      const text = readFileSync(join(FOLDER, file), 'utf8')
      const at = quotedRest(text)
      expect(text.slice(0, at ?? text.length)).toBe(
        readFileSync(join(FOLDER, file.replace(/txt$/, 'new.txt')), 'utf8'),
      )
    })
  }
})

describe('the snippet', () => {
  test('is what is new, on one line', () => {
    const text = 'Thanks,\n\tthat   works.\n\nOn Mon, 4 May 2026 at 10:02, Ann wrote:\n> Old\n'
    expect(snippetOf(text, quotedRest(text))).toBe('Thanks, that works.')
  })

  test('skips quotes that stand before the answer, and the signature', () => {
    const text = 'On Mon, 4 May 2026 at 10:02, Ann wrote:\n> Does it work?\n\nYes.\n-- \nBob\nAcme Corp\n'
    expect(snippetOf(text, quotedRest(text))).toBe('Yes.')
  })

  test('of a mail that only quotes is its quote', () => {
    expect(snippetOf('> Old\n> words\n', null)).toBe('Old words')
  })

  test('has at most 200 characters and cuts none in two', () => {
    const snippet = snippetOf('😀'.repeat(300), null)
    expect(snippet.length).toBeLessThanOrEqual(200)
    expect(snippet.isWellFormed()).toBe(true)
    expect(snippetOf('word '.repeat(100), null)).toMatch(/word…$/)
  })

  test('has no invisible characters and no ruled lines', () => {
    expect(snippetOf('\u200b\u200bHi\u00a0there\n==========\nend', null)).toBe('Hi there end')
  })
})
