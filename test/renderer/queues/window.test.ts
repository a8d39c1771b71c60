import { expect, it } from 'vitest'
import { rowsInView, rowShift, scrollToRow } from '../../../src-renderer/queues/window.ts'

it('only the rows in view and a few around them are drawn', () => {
  expect(rowsInView(0, 600, 60, 5_000, 6)).toEqual({ from: 0, to: 16 })
  expect(rowsInView(6_030, 600, 60, 5_000, 6)).toEqual({ from: 94, to: 117 })
  expect(rowsInView(299_400, 600, 60, 5_000, 6)).toEqual({ from: 4_984, to: 5_000 })
  expect(rowsInView(0, 600, 60, 0, 6)).toEqual({ from: 0, to: 0 })
  expect(rowsInView(-50, 600, 60, 3, 6)).toEqual({ from: 0, to: 3 })
})

it('a list that became shorter than where it was scrolled to still draws its end', () => {
  const { from, to } = rowsInView(6_000, 600, 60, 20, 6)
  expect(to).toBe(20)
  expect(from).toBeLessThanOrEqual(to)
})

it('a row is scrolled to only where it is not wholly in view', () => {
  expect(scrollToRow(600, 600, 60, 5)).toBe(300)
  expect(scrollToRow(600, 600, 60, 12)).toBe(600)
  expect(scrollToRow(600, 600, 60, 20)).toBe(660)
})

it('rows that come or go above move the list by as many, so that what is seen stays', () => {
  expect(rowShift(['a', 'b', 'c', 'd'], ['x', 'y', 'a', 'b', 'c', 'd'], 1)).toBe(2)
  expect(rowShift(['a', 'b', 'c', 'd'], ['b', 'c', 'd'], 2)).toBe(-1)
  expect(rowShift(['a', 'b', 'c', 'd'], ['a', 'd'], 1)).toBe(-2)
  expect(rowShift(['a'], ['x'], 0)).toBe(0)
})
