import { expect, it } from 'vitest'
import type { Delivery } from '../../../src-main/contract/domain.ts'
import { deliveryLine } from '../../../src-renderer/thread/delivery.ts'

const delivery: Delivery = {
  outbox_id: '00000000-0000-7000-8000-000000000001',
  interaction_id: '0000000000000001',
  state: 'filed',
  due_at: 10_000,
  can_undo: false,
  changed_at: 0,
  attempts: 1,
  recipients: [{ address: 'ann@x.test', state: 'accepted', reply: null }],
  problem: null,
  sent_copy: 'filed',
  sample: false,
}

it('a mail that can be taken back counts down', () => {
  expect(deliveryLine({ ...delivery, state: 'queued', can_undo: true }, 2_500)).toEqual({
    tone: 'wait',
    label: 'Leaves in 8 s',
    note: null,
    actions: ['undo'],
  })
})

it('a mail that waits for the line says why and can be tried at once', () => {
  expect(deliveryLine({ ...delivery, state: 'queued', problem: 'No line.' }, 0)).toEqual({
    tone: 'warn',
    label: 'Waiting to be sent',
    note: 'No line.',
    actions: ['retry'],
  })
})

it('a sent mail says no more than that', () => {
  expect(deliveryLine(delivery, 0)).toEqual({ tone: 'ok', label: 'Sent', note: null, actions: [] })
})

it('a partly refused mail counts the refused', () => {
  const recipients = [
    ...delivery.recipients,
    { address: 'bo@x.test', state: 'rejected', reply: '550 no' } as const,
  ]
  expect(deliveryLine({ ...delivery, recipients }, 0)).toMatchObject({
    tone: 'warn',
    label: 'Sent, refused for 1 recipient',
  })
})

it('a refused mail can be edited or tried again', () => {
  expect(deliveryLine({ ...delivery, state: 'rejected', problem: 'User unknown.' }, 0)).toEqual({
    tone: 'bad',
    label: 'Not sent',
    note: 'User unknown.',
    actions: ['take-back', 'retry'],
  })
})

it('an uncertain mail is never sent again by itself: the agent is asked', () => {
  expect(deliveryLine({ ...delivery, state: 'unknown' }, 0)).toMatchObject({
    tone: 'warn',
    actions: ['was-sent', 'send-again'],
  })
})

it('a mail of the sample desk says that it stayed here', () => {
  expect(deliveryLine({ ...delivery, sample: true }, 0).note).toContain('stayed on this computer')
})
