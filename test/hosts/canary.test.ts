import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { once } from 'node:events'
import { connect } from '../../src-main/contract/rpc.ts'
import { endServes, startServe } from '../support/serve.ts'

const folder = mkdtempSync(join(tmpdir(), 'canary-'))
afterAll(async () => {
  await endServes()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** Every way in which the canary may stand in a file. */
function forms(secret: string): Buffer[] {
  const plain = Buffer.from(secret)
  return [
    plain,
    Buffer.from(plain.toString('base64').replace(/=+$/, '')),
    Buffer.from(plain.toString('hex')),
    Buffer.from(encodeURIComponent(secret)),
    Buffer.from(secret, 'utf16le'),
  ]
}

function filesUnder(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
}

it('a password is found in no log, database or message to the page, and in its own file alone', async () => {
  const fromFile = 'canary-from-file-Zq7'
  const fromPage = 'canary-from-page-Zq8'
  const data = join(folder, 'desk')
  const server = { host: '127.0.0.1', port: 9, tls: 'none' as const, user: 'ada' }
  const desk = await startServe({
    data,
    settings: {
      accounts: [
        {
          id: 'one',
          address: 'one@desk.test',
          imap: { ...server, password: fromFile },
          smtp: { ...server, password: fromFile },
        },
      ],
      api: { keys: [{ key: 'canary-api-key-Zq9', name: 'CRM', scopes: ['interactions:read'] }] },
    },
    args: ['--api-port', '0'],
  })
  const { hash, host, origin } = new URL(desk.ui)
  const socket = new WebSocket(`ws://${host}/rpc`, ['workbin', hash.slice(1)], { origin })
  await once(socket, 'open')
  const received: string[] = []
  const { core } = connect({
    post: (message) => socket.send(JSON.stringify(message)),
    onMessage: (listener) =>
      socket.on('message', (bytes: Buffer) => {
        received.push(bytes.toString())
        listener(JSON.parse(bytes.toString()))
      }),
  })
  const account = {
    id: 'two',
    address: 'two@desk.test',
    personal: '',
    imap: { ...server, folders: ['INBOX'], sent: 'auto' as const },
    smtp: server,
    trustedCertificate: null,
    queue: null,
    since: null,
  }
  await core.saveAccount({ account, imapPassword: fromPage, smtpPassword: fromPage })
  await core.testAccount({ account, imapPassword: fromPage, smtpPassword: fromPage }).catch(() => undefined)
  await core.syncNow({ account_id: 'two' }).catch(() => undefined)
  await core.settings({})
  await core.overview({})
  socket.terminate()
  expect(await desk.stop()).toBe(0)

  const found: string[] = []
  for (const secret of [fromFile, fromPage, 'canary-api-key-Zq9']) {
    for (const form of forms(secret)) {
      for (const file of filesUnder(data))
        if (readFileSync(file).includes(form)) found.push(file.slice(data.length + 1))
      if (received.some((message) => message.includes(form.toString()))) found.push('a message to the page')
      if (desk.log().includes(form.toString())) found.push('standard error')
    }
  }
  // The test must be able to see it: without a keychain the passwords are in their 0600 file.
  expect([...new Set(found)]).toEqual(['secrets.json'])
  expect(readFileSync(join(data, 'secrets.json'), 'utf8')).not.toContain('canary-api-key')
})
