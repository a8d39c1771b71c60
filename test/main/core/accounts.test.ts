import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { MailSink } from '../../../src-main/connectors/connector.ts'
import type { AccountInput } from '../../../src-main/contract/core.ts'
import { type Account, accountSchema } from '../../../src-main/contract/settings.ts'
import { type Accounts, createAccounts } from '../../../src-main/core/accounts.ts'
import { storedSettings } from '../../../src-main/core/stored-settings.ts'
import { createIntake } from '../../../src-main/intake/intake.ts'
import { createParserPool, type ParserPool } from '../../../src-main/intake/mail-parser-pool.ts'
import { openSecrets } from '../../../src-main/secrets.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { openTestStore, type TestStore } from '../../support/open-store.ts'
import { startSmtpSink } from '../../support/smtp-sink.ts'
import { handOver, writtenMail } from '../../support/written-mail.ts'

/** By which way an account's mail leaves. */

let kept: TestStore
let accounts: Accounts
let pool: ParserPool
/** Remotes that were asked for a sink. */
let asked: string[]
/** The remote's sink; null while it isn't at work. */
let form: MailSink | null
const there: MailSink = {
  async send() {
    return { kind: 'accepted', recipients: [], reply: 'there' }
  },
}
beforeEach(async () => {
  kept = openTestStore()
  asked = []
  form = there
  const { store, folder: dataDir } = kept
  const secrets = await openSecrets(dataDir, {
    kind: 'plain',
    wrap: async (plain) => plain,
    unwrap: async (wrapped) => wrapped,
  })
  const clock = createFakeClock()
  const log = () => {}
  pool = createParserPool({
    worker: new URL('../../../src-main/intake/parse-worker.ts', import.meta.url),
    blobsDir: join(dataDir, 'blobs'),
  })
  accounts = createAccounts({
    store,
    secrets,
    dataDir,
    clock,
    log,
    settings: storedSettings(store, secrets),
    intake: createIntake({ store, pool, now: () => clock.now(), log }),
    async remoteSink(id) {
      asked.push(id)
      return id === 'form' ? form : null
    },
    onOnline() {},
    onState() {},
  })
  await store.saveSetting('remotes', [
    { id: 'form', kind: 'gms-email', url: 'https://x.test', options: {} },
    { id: 'crm', kind: 'interactions', url: 'https://x.test', options: {} },
    { id: 'portal', kind: 'secure-mail', url: 'https://x.test', options: {} },
  ])
})
afterEach(async () => {
  await accounts.close()
  await pool.close()
  await kept.close()
})

function account(special: Partial<Account> = {}): AccountInput {
  return { account: accountSchema.parse({ id: 'support', address: 'support@desk.test', ...special }) }
}

describe('an account’s mail', () => {
  it('leaves through the remote system that is set, whatever server it has', async () => {
    const server = await startSmtpSink()
    const smtp = { host: '127.0.0.1', port: server.port, tls: 'none', user: '' } as const
    await accounts.save(account({ through: 'form', smtp }))
    expect(await accounts.sink('support')).toBe(there)
    await accounts.save(account({ smtp }))
    expect(await accounts.sink('support')).not.toBe(there)
    expect(asked).toEqual(['form'])
    await server.stop()
  })

  it.each(['portal', 'nowhere'])(
    'can’t be set to leave through “%s”, which takes no such mail',
    async (through) => {
      await expect(accounts.save(account({ through }))).rejects.toMatchObject({ code: 'invalid' })
      expect(await accounts.states()).toEqual([])
    },
  )

  it('has no way out without a server and without a remote', async () => {
    await accounts.save(account())
    expect([await accounts.sink('support'), await accounts.sink('gone')]).toEqual([null, null])
  })

  it('of a remote system itself leaves by that, while it is there', async () => {
    expect([await accounts.sink('remote:form'), await accounts.sink('remote:gone')]).toEqual([there, null])
    expect(asked).toEqual(['form', 'gone'])
  })

  it('waits where its remote system is set up and not at work yet', async () => {
    await accounts.save(account({ through: 'form' }))
    form = null
    for (const id of ['remote:form', 'remote:portal', 'support']) {
      const sink = await accounts.sink(id)
      expect((await handOver(sink ?? undefined, writtenMail())).outcome, id).toMatchObject({
        kind: 'not-sent',
        lasting: false,
        blocks: 'account',
        remote: { retryAfter: null },
      })
    }
    expect(await accounts.sink('remote:crm')).toBe(null)
  })

  it('stays on this computer on the sample desk, even where it is for a remote system', async () => {
    await kept.store.saveSetting('sample', true)
    const sink = await accounts.sink('remote:form')
    expect((await handOver(sink ?? undefined, writtenMail())).outcome.kind).toBe('accepted')
    expect(readdirSync(join(kept.folder, 'sample-sent'))).toHaveLength(1)
    expect(asked).toEqual([])
  })

  it('never takes the name under which answers go to secure mailboxes', () => {
    expect(() => account({ id: 'secure-mail' })).toThrow('is the name of the secure mailboxes')
  })

  it('that leaves through a remote system has no server of its own to test', async () => {
    await expect(accounts.test(account({ through: 'form' }))).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('“form”'),
    })
  })
})
