import { afterEach, describe, expect, it } from 'vitest'
import type { Delivery, Uuid } from '../../../src-main/contract/domain.ts'
import { DROP_POINTS, startScriptedSmtp, type ScriptedSmtp } from '../../support/scripted-smtp.ts'
import { until } from '../../support/until.ts'
import { openSendingDesk, type SendingDesk } from './sending.ts'

const DAY = 86_400_000
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** Every point where the line can break, once the server takes what it can't acknowledge and once it doesn't. */
const cases = DROP_POINTS.flatMap((point) =>
  (point === 'final-dot' ? [true, false] : [false]).map((takesUnanswered) => ({ point, takesUnanswered })),
)
const isCertain = (point: (typeof DROP_POINTS)[number]) =>
  DROP_POINTS.indexOf(point) < DROP_POINTS.indexOf('after-354')

async function open(pipelining: boolean) {
  const server = await startScriptedSmtp({ pipelining })
  stops.push(() => server.stop())
  const desk = await openSendingDesk(server)
  stops.push(() => desk.close())
  return { server, desk }
}

/** Records every state that the mail was seen in. */
function watch(desk: SendingDesk, id: Uuid, states: Delivery['state'][]): void {
  desk.store.onChanges(() => {
    void desk.store.delivery(id).then(
      ({ state }) => states.push(state),
      () => {},
    )
  })
}

/** Whatever happened, a day later: sent at most once, and either known to be sent, or waiting for the agent's word. */
async function aDayLater(desk: SendingDesk, server: ScriptedSmtp, id: Uuid, taken: number) {
  await desk.clock.advance(DAY)
  const delivery = await desk.rests(id, 'filed', 'unknown')
  const { sessions } = server
  desk.outbox.online('support')
  await desk.clock.advance(DAY)
  // Whoever is at rest stays at rest.
  expect([server.taken.length, server.sessions]).toEqual([taken, sessions])
  return delivery
}

describe.each([false, true])('a mail whose line breaks (commands sent ahead: %s)', (pipelining) => {
  it.each(cases)(
    'at $point, the server taking it unanswered: $takesUnanswered, is sent once or is unknown',
    async ({ point, takesUnanswered }) => {
      const { server, desk } = await open(pipelining)
      server.dropAt = point
      server.takesUnanswered = takesUnanswered
      server.onDrop = () => {
        server.dropAt = null
      }
      const id = await desk.send({ text: 'words '.repeat(15_000) })
      const states: Delivery['state'][] = []
      watch(desk, id, states)
      await desk.clock.advance(10_000)
      await until('the line broke', () => server.dropAt === null)
      await desk.rests(id, 'queued', 'unknown', 'filed')
      const acknowledged = point === 'after-250'
      await desk.clock.advance(30_000)
      const delivery = await desk.rests(id, 'unknown', 'filed')

      if (isCertain(point)) expect([delivery.state, server.taken.length]).toEqual(['filed', 1])
      else if (acknowledged)
        expect([delivery.state, server.taken.length, server.sessions]).toEqual(['filed', 1, 1])
      else if (point !== 'after-354')
        expect([delivery.state, server.taken.length, server.sessions]).toEqual([
          'unknown',
          takesUnanswered ? 1 : 0,
          1,
        ])
      if (delivery.state === 'unknown') expect(states).toContain('data_started')
      await aDayLater(desk, server, id, server.taken.length)
    },
  )

  it.each(cases)(
    'at $point while the desk dies, the server taking it unanswered: $takesUnanswered, is sent once or is unknown after the restart',
    async ({ point, takesUnanswered }) => {
      const { server, desk } = await open(pipelining)
      server.dropAt = point
      server.takesUnanswered = takesUnanswered
      server.onDrop = () => {
        server.dropAt = null
        desk.die()
      }
      const id = await desk.send({ text: 'words '.repeat(15_000) })
      await desk.clock.advance(10_000)
      await until('the line broke', () => server.dropAt === null)
      const takenBefore = server.taken.length

      await desk.restart()
      await desk.clock.advance(30_000)
      const delivery = await desk.rests(id, 'unknown', 'filed')
      if (isCertain(point)) expect([delivery.state, server.taken.length]).toEqual(['filed', 1])
      // What may have arrived is never sent again by itself.
      else if (takenBefore > 0) expect([delivery.state, server.taken.length]).toEqual(['unknown', 1])
      if (DROP_POINTS.indexOf(point) > DROP_POINTS.indexOf('after-354'))
        expect(delivery.state).toBe('unknown')
      await aDayLater(desk, server, id, server.taken.length)
    },
  )
})
