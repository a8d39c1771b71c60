import { expect, test } from 'vitest'
import type { Job } from '../../../src-main/contract/domain.ts'
import { createJobs } from '../../../src-main/core/jobs.ts'

const NOW = Date.UTC(2026, 0, 2)

test('a job reports its progress and ends as done', async () => {
  const seen: Job[] = []
  const jobs = createJobs(
    () => NOW,
    (job) => seen.push(job),
  )
  const { id } = jobs.start('import', 'mail.mbox', async (run) => {
    run.report({ found: 3 })
    run.report({ stored: 2, duplicates: 1 })
  })
  const ended = await jobs.ended(id)
  expect(ended).toMatchObject({
    state: 'done',
    found: 3,
    stored: 2,
    duplicates: 1,
    ended: NOW,
    problem: null,
  })
  expect(seen.map(({ state }) => state)).toEqual(['running', 'running', 'running', 'done'])
})

test('a job that is stopped ends as stopped, whatever it throws then', async () => {
  const jobs = createJobs(
    () => NOW,
    () => undefined,
  )
  const started = Promise.withResolvers<undefined>()
  const { id } = jobs.start('import', 'mail.mbox', ({ signal }) => {
    started.resolve(undefined)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
  })
  await started.promise
  jobs.stop(id)
  expect(await jobs.ended(id)).toMatchObject({ state: 'stopped', problem: null })
})

test('a job that fails says why', async () => {
  const jobs = createJobs(
    () => NOW,
    () => undefined,
  )
  const { id } = jobs.start('import', 'mail.mbox', async () => {
    throw new Error('The disk is full.')
  })
  expect(await jobs.ended(id)).toMatchObject({ state: 'failed', problem: 'The disk is full.' })
})

test('a running job is not dismissed, an ended one is', async () => {
  const jobs = createJobs(
    () => NOW,
    () => undefined,
  )
  const gate = Promise.withResolvers<undefined>()
  const { id } = jobs.start('import', 'mail.mbox', () => gate.promise)
  expect(() => jobs.dismiss(id)).toThrow('still running')
  gate.resolve(undefined)
  await jobs.ended(id)
  jobs.dismiss(id)
  expect(jobs.list()).toEqual([])
})
