import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { endServes, startServe, temporaryFolder } from '../support/serve.ts'

/** README makes no claim that a reader can't check: its settings start a desk, and its lines work as they stand. */

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)
afterEach(endServes)

test('every curl line of README works, in its order, on a desk with README’s settings', async () => {
  const apis = section(readFileSync(join(root, 'README.md'), 'utf8'), 'The APIs')
  const [settings = ''] = blocks(apis, 'json')
  const lines = blocks(apis, 'sh').flatMap((block) => block.trim().split('\n'))
  expect(lines.length).toBeGreaterThanOrEqual(6)

  const desk = await startServe({
    data: await temporaryFolder(),
    settings: JSON.parse(settings) as unknown,
    args: ['--api-port', '0'],
  })
  const here = new URL(desk.api ?? '').host
  const answers: unknown[] = []
  for (const line of lines) {
    expect(line).toMatch(/^curl /)
    const { stdout } = await run('bash', ['-c', line.replaceAll('127.0.0.1:40124', here)], { cwd: root })
    answers.push(JSON.parse(stdout))
  }

  const [form, list, reported, posted, box, answered] = answers
  expect(form).toEqual({ statusCode: 0, interactionId: idOf(form) })
  expect(list).toMatchObject([
    {
      interaction_id: idOf(form),
      activity_id: 1001,
      subject: 'Help with account',
      udata: { AccountNumber: '4711' },
      attachments: [{ name: 'notes.txt' }],
    },
  ])
  expect(reported).toEqual({ status: 202, message: 'accepted' })
  expect(posted).toMatchObject({ status: { code: 'SUCCESS' } })
  expect(box).toMatchObject({ data: [{ subject: 'My contract', status: 'unread', direction: 'inbound' }] })
  expect(answered).toMatchObject({ id: expect.any(String) })

  // What they sent is on the desk: the answer stands in the form's thread.
  const { core } = await desk.connect()
  const { thread_id, messages } = await core.thread({ thread_id: idOf(form) })
  expect(thread_id).toBe(idOf(form))
  expect(messages.map(({ interaction }) => interaction.subject)).toEqual([
    'Help with account',
    'Help with account',
  ])
  expect((await core.overview({})).all.total).toBe(3)
})

function section(text: string, title: string): string {
  const [, rest = ''] = text.split(`\n## ${title}\n`)
  return rest.split('\n## ')[0] ?? ''
}

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, code = '']) => code,
  )
}

function idOf(answer: unknown): string {
  return z.looseObject({ interactionId: z.string() }).parse(answer).interactionId
}
