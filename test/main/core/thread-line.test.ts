import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { joinThreads } from '../../../src-main/core/thread-line.ts'

type Calls = { add: (a: number, b: number) => Promise<number>; fail: () => Promise<never> }

const open: MessageChannel[] = []
afterEach(() => {
  for (const { port1, port2 } of open.splice(0)) {
    port1.close()
    port2.close()
  }
})

function joined() {
  const channel = new MessageChannel()
  open.push(channel)
  joinThreads(channel.port2, {
    add: async (a: number, b: number) => a + b,
    fail: async () => {
      throw new CoreError('disk', 'The disk is full.', { detail: { free: 0 } })
    },
  })
  return joinThreads<Calls>(channel.port1, {})
}

test('a call is answered by the far thread', async () => {
  const far = joined()
  expect(await far.call('add', 2, 3)).toBe(5)
})

test('an error arrives as the CoreError that it was', async () => {
  const far = joined()
  await expect(far.call('fail')).rejects.toMatchObject({
    name: 'CoreError',
    code: 'disk',
    message: 'The disk is full.',
    detail: { free: 0 },
  })
})

test('cutting the line fails what is under way', async () => {
  const channel = new MessageChannel()
  open.push(channel)
  const far = joinThreads<Calls>(channel.port1, {})
  const answer = far.call('add', 1, 1)
  far.cut('Workbin is closing.')
  await expect(answer).rejects.toMatchObject({ code: 'closed', message: 'Workbin is closing.' })
})
