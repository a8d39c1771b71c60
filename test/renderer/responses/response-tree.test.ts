import { expect, it } from 'vitest'
import type { ResponseTree } from '../../../src-main/contract/domain.ts'
import {
  categoryPath,
  matchNames,
  treeKey,
  treeRows,
  withoutCodes,
} from '../../../src-renderer/responses/response-tree.ts'

const response = (id: string, category_id: string | null, position = 0, used = 0) => ({
  id,
  category_id,
  name: `Response ${id}`,
  language: 'en',
  status: 'approved' as const,
  position,
  snippet: '',
  used,
})
const tree: ResponseTree = {
  categories: [
    { id: 'orders', parent_id: null, name: 'Orders', position: 0 },
    { id: 'delivery', parent_id: 'orders', name: 'Delivery', position: 0 },
    { id: 'empty', parent_id: null, name: 'Empty', position: 1 },
  ],
  responses: [
    response('late', 'delivery', 1),
    response('soon', 'delivery', 0),
    response('order', 'orders'),
    response('loose', 'gone'),
  ],
}
const all = { folded: new Set<string>(), found: null, empty: false }
const ids = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id)

it('categories come before responses, each in its order; what lost its category stands at the top', () => {
  expect(ids(treeRows(tree, all))).toEqual(['orders', 'delivery', 'soon', 'late', 'order', 'loose'])
})
it('empty categories are shown for editing only', () => {
  expect(ids(treeRows(tree, { ...all, empty: true }))).toContain('empty')
})
it('a folded category hides what is in it, a search unfolds it', () => {
  const folded = new Set(['orders'])
  expect(ids(treeRows(tree, { ...all, folded }))).toEqual(['orders', 'loose'])
  expect(ids(treeRows(tree, { ...all, folded, found: ['late'] }))).toEqual(['orders', 'delivery', 'late'])
})
it('categories that contain each other don’t hang the page', () => {
  const loop: ResponseTree = {
    categories: [
      { id: 'a', parent_id: 'b', name: 'A', position: 0 },
      { id: 'b', parent_id: 'a', name: 'B', position: 0 },
    ],
    responses: [response('x', 'a')],
  }
  expect(ids(treeRows(loop, all))).toEqual([])
  expect(categoryPath(loop, 'a')).toContain('A')
})

const rows = treeRows(tree, all)
it.each([
  [null, 'ArrowDown', { kind: 'go', id: 'orders' }],
  ['orders', 'ArrowDown', { kind: 'go', id: 'delivery' }],
  ['loose', 'ArrowDown', null],
  ['delivery', 'ArrowUp', { kind: 'go', id: 'orders' }],
  ['orders', 'ArrowRight', { kind: 'go', id: 'delivery' }],
  ['late', 'ArrowRight', null],
  ['late', 'ArrowLeft', { kind: 'go', id: 'delivery' }],
  ['delivery', 'ArrowLeft', { kind: 'fold', id: 'delivery' }],
  ['late', 'Home', { kind: 'go', id: 'orders' }],
  ['orders', 'End', { kind: 'go', id: 'loose' }],
  ['late', 'Enter', { kind: 'choose', id: 'late' }],
  ['orders', 'Enter', { kind: 'fold', id: 'orders' }],
  ['orders', 'x', null],
])('on %s the key %s does %j', (current, key, move) => {
  expect(treeKey(rows, current, key)).toEqual(move)
})

it('a folded category unfolds with the arrow to the right', () => {
  const folded = treeRows(tree, { ...all, folded: new Set(['orders']) })
  expect(treeKey(folded, 'orders', 'ArrowRight')).toEqual({ kind: 'unfold', id: 'orders' })
})

it('names are found by the beginnings and the middles of words, accents folded, most used first', () => {
  const named: ResponseTree = {
    categories: [{ id: 'c', parent_id: null, name: 'Rückgabe', position: 0 }],
    responses: [
      { ...response('1', null), name: 'Invoice attached' },
      { ...response('2', null, 0, 9), name: 'Correct the invoice' },
      { ...response('3', null, 0, 1), name: 'Invoice lost' },
      { ...response('4', 'c'), name: 'Adresse' },
    ],
  }
  expect(ids(matchNames(named, 'inv'))).toEqual(['3', '1', '2'])
  expect(ids(matchNames(named, 'ruckgabe'))).toEqual(['4'])
  expect(ids(matchNames(named, 'inv lost'))).toEqual(['3'])
})

it('a line of a list shows no field codes, whole or cut off', () => {
  expect(withoutCodes('Hello <$Contact.FirstName | "there"$>, your order <$Interaction.Att')).toBe(
    'Hello …, your order …',
  )
  expect(withoutCodes('It costs <5 $ each')).toBe('It costs <5 $ each')
})
