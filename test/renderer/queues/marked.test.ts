import { expect, it } from 'vitest'
import { markWords } from '../../../src-renderer/queues/marked.ts'

const marked = (text: string, ...words: string[]) =>
  markWords(text, words)
    .map((piece) => (piece.marked ? `[${piece.text}]` : piece.text))
    .join('')

it('the beginnings of words that were found are marked', () => {
  expect(marked('Invoice 2291 charged twice', 'inv', 'charg')).toBe('[Inv]oice 2291 [charg]ed twice')
  expect(marked('reinvoice', 'inv')).toBe('reinvoice')
})

it('accents and case don’t matter, and nothing of the text is lost', () => {
  expect(marked('Größe, cafe\u0301 and CAFÉ', 'cafe', 'grosse')).toBe('Größe, [cafe\u0301] and [CAFÉ]')
  expect(marked('Élodie', 'elo')).toBe('[Élo]die')
})

it('words of scripts without spaces are marked where they stand', () => {
  expect(marked('ご注文の返品について', '返品')).toBe('ご注文の[返品]について')
})

it('without words nothing is marked', () => {
  expect(marked('Hello', '')).toBe('Hello')
})
