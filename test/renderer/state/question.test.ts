import { expect, it } from 'vitest'
import { Question } from '../../../src-renderer/state/question.ts'

function later<T>() {
  let answer: (value: T) => void = () => {}
  let fail: (error: unknown) => void = () => {}
  const promise = new Promise<T>((resolve, reject) => {
    answer = resolve
    fail = reject
  })
  return { promise, answer, fail }
}

it('a newer question wins over an older answer that comes later', async () => {
  const taken: string[] = []
  const question = new Question<string>(
    (answer) => taken.push(answer),
    () => {},
  )
  const older = later<string>()
  const newer = later<string>()
  const first = question.ask(() => older.promise)
  const second = question.ask(() => newer.promise)
  newer.answer('newer')
  await second
  older.answer('older')
  await first
  expect(taken).toEqual(['newer'])
})

it('the failure of an older question is nobody’s business', async () => {
  const failures: unknown[] = []
  const question = new Question<string>(
    () => {},
    (error) => failures.push(error),
  )
  const older = later<string>()
  const first = question.ask(() => older.promise)
  await question.ask(() => Promise.resolve('newer'))
  older.fail(new Error('too late'))
  await first
  expect(failures).toEqual([])
})

it('a storm of changes asks at most once more after the answer under way', async () => {
  let asked = 0
  const answers: ReturnType<typeof later<number>>[] = []
  const taken: number[] = []
  const question = new Question<number>(
    (answer) => taken.push(answer),
    () => {},
  )
  const first = question.ask(() => {
    asked++
    const next = later<number>()
    answers.push(next)
    return next.promise
  })
  for (let i = 0; i < 50; i++) void question.again()
  expect(asked).toBe(1)
  answers[0]?.answer(1)
  await first
  expect(asked).toBe(2)
  answers[1]?.answer(2)
  await Promise.resolve()
  await Promise.resolve()
  expect(taken).toEqual([1, 2])
})

it('what was stopped takes no answer and asks no more', async () => {
  const taken: string[] = []
  const question = new Question<string>(
    (answer) => taken.push(answer),
    () => {},
  )
  const slow = later<string>()
  const asked = question.ask(() => slow.promise)
  question.stop()
  slow.answer('late')
  await asked
  await question.again()
  expect(taken).toEqual([])
})
