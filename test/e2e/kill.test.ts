import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { Core } from '../../src-main/contract/core.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { manyMails } from '../support/mails.ts'
import { seeded } from '../support/seeded.ts'
import { endServes, startServe, temporaryFolder } from '../support/serve.ts'
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts'
import { until } from '../support/until.ts'

/**
 * The desk is killed (SIGKILL) at moments spread over what it does, twenty times each, and started again on the same
 * data. Whatever it had acknowledged must be there once, and nothing may be sent twice.
 */
const KILLS = 20
const cli = resolve(import.meta.dirname, '../../out/main/cli.js')
const random = seeded(20_260_101)
const USER = 'support@test.local'

let dovecot: Dovecot | null = null
let smtp: SmtpSink | null = null
afterEach(async () => {
  await endServes()
  await dovecot?.stop()
  await smtp?.stop()
  dovecot = smtp = null
})

const checkSchema = z.looseObject({
  ok: z.boolean(),
  interactions: z.number(),
  problems: z.array(z.string()),
})

async function runCli(args: readonly string[]): Promise<{ code: number | null; last: unknown; log: string }> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let log = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const [code] = await once(child, 'close')
  const line = out.trim().split('\n').at(-1) ?? ''
  return { code: typeof code === 'number' ? code : null, last: line ? JSON.parse(line) : null, log }
}

async function mustCheck(data: string, interactions: number): Promise<void> {
  const { last, log } = await runCli(['check', '--data', data])
  expect(checkSchema.parse(last), log).toMatchObject({ ok: true, interactions, problems: [] })
}

const pause = (ms: number) => new Promise<undefined>((resolve) => setTimeout(resolve, ms))

test('an import that is killed twenty times ends with every mail once', async () => {
  const data = await temporaryFolder()
  const source = await temporaryFolder()
  const mails = manyMails(3_000)
  writeFileSync(
    join(source, 'all.mbox'),
    mails
      .map((text) => `From x@y.test Mon Jan  5 09:00:00 2026\n${text.replaceAll('\r\n', '\n')}\n`)
      .join(''),
  )
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [cli, 'import', source, '--data', data], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    // From the first moments of start-up into the midst of the import.
    await Promise.race([pause(150 + random() * 900), ended])
    child.kill('SIGKILL')
    await ended
  }
  const { code, last, log } = await runCli(['import', source, '--data', data])
  expect(code, log).toBe(0)
  const report = z.looseObject({ found: z.number(), stored: z.number(), duplicates: z.number() }).parse(last)
  expect(report.found).toBe(mails.length)
  expect(report.stored + report.duplicates).toBe(mails.length)
  await mustCheck(data, mails.length)
})

test('a first sync that is killed twenty times ends with every mail once', async () => {
  const server = (dovecot = await startDovecot())
  const mails = manyMails(3_000)
  server.deliver(USER, mails)
  const data = await temporaryFolder()
  const settings = { accounts: [account(server, null)] }
  for (let kill = 0; kill < KILLS; kill++) {
    const desk = await startServe({ data, settings })
    await pause(random() * 400)
    await desk.kill()
  }
  const desk = await startServe({ data, settings })
  const { core } = await desk.connect()
  await until(
    'every mail accounted for',
    async () => {
      const inbox = (await core.overview({})).accounts[0]?.folders.find(({ folder }) => folder === 'INBOX')
      return inbox && inbox.stored + inbox.duplicates === mails.length
    },
    60_000,
  )
  expect(await desk.stop()).toBe(0)
  await mustCheck(data, mails.length)
})

test('a draft that was saved is there after twenty kills while typing', async () => {
  const data = await temporaryFolder()
  const first = await startServe({ data })
  const { id } = await (await first.connect()).core.startDraft({ kind: 'new', parent_id: null })
  await first.kill()
  for (let kill = 0; kill < KILLS; kill++) {
    const desk = await startServe({ data })
    const { core } = await desk.connect()
    const draft = await core.draft({ draft_id: id })
    let { revision } = draft
    let saved = draft.text
    const typed: string[] = [saved]
    const killed = pause(random() * 150).then(() => desk.kill())
    // One letter after another, each save acknowledged before the next, until the line is gone.
    for (;;) {
      const next = `${saved}x`
      typed.push(next)
      try {
        ;({ revision } = await core.saveDraft({ draft_id: id, revision, patch: { text: next } }))
      } catch {
        break
      }
      saved = next
    }
    await killed

    const again = await startServe({ data })
    const page = await again.connect()
    const found = await page.core.draft({ draft_id: id })
    // The last one may have been durable before its acknowledgement was lost with the process.
    expect([saved, typed.at(-1)]).toContain(found.text)
    await again.kill()
  }
  await mustCheck(data, 0)
})

test('a mail is sent once, however often the desk is killed while sending', async () => {
  const server = (dovecot = await startDovecot())
  const sink = (smtp = await startSmtpSink())
  const data = await temporaryFolder()
  const settings = { accounts: [account(server, sink)], undoSendSeconds: 0 }
  const outboxIds: { id: string; messageTo: string }[] = []

  for (let kill = 0; kill < KILLS; kill++) {
    const desk = await startServe({ data, settings })
    const { core } = await desk.connect()
    const to = `customer${kill}@shop.test`
    const draft = await core.startDraft({ kind: 'new', parent_id: null })
    const { revision } = await core.saveDraft({
      draft_id: draft.id,
      revision: draft.revision,
      patch: {
        account_id: 'support',
        to: [{ address: to }],
        subject: `Mail ${kill}`,
        text: 'Hello',
        html: '<p>Hello</p>',
      },
    })
    const sent = await core.send({ draft_id: draft.id, revision, done: null, seen: null })
    outboxIds.push({ id: sent.outbox_id, messageTo: to })
    await pause(random() * 60)
    await desk.kill()
  }

  const desk = await startServe({ data, settings })
  const { core } = await desk.connect()
  for (const { id } of outboxIds) await until('the mail to be settled', async () => settled(core, id), 60_000)
  for (const { id, messageTo } of outboxIds) {
    const { state } = await core.delivery({ outbox_id: id })
    const taken = sink.mails.filter((mail) => mail.to.includes(messageTo)).length
    // `unknown` says so to the agent; it is never sent again by itself.
    if (state === 'unknown') expect(taken).toBeLessThanOrEqual(1)
    else expect({ state, taken }).toEqual({ state: 'filed', taken: 1 })
  }
  const copies = server.messages(USER, 'Sent').map((text) => /^Message-ID: (.*)$/im.exec(text)?.[1])
  expect(new Set(copies).size).toBe(copies.length)
  await desk.stop()
  await mustCheck(data, outboxIds.length)
})

async function settled(core: Core, outbox_id: string): Promise<boolean> {
  const { state } = await core.delivery({ outbox_id })
  return state === 'filed' || state === 'unknown'
}

function account(server: Dovecot, sink: SmtpSink | null): unknown {
  return {
    id: 'support',
    address: USER,
    personal: 'Support',
    imap: { host: '127.0.0.1', port: server.imapPort, tls: 'none', user: USER, password: 'secret' },
    smtp: sink ? { host: '127.0.0.1', port: sink.port, tls: 'none', user: '' } : null,
    queue: 'Support',
  }
}
