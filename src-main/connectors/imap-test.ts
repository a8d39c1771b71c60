import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { ConnectionTest } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Account, ImapSettings } from '../contract/settings.ts'
import { explain, LineLost } from './imap-errors.ts'
import { chooseFolders } from './imap-folders.ts'
import { imapSettings, type Line, openLine } from './imap-line.ts'
import { CertificateRefused, NotLoopback, readPin, type ShownCertificate } from './imap-tls.ts'

type Step = ConnectionTest['steps'][number]
type StepName = Step['step']

/** Milliseconds for the connection, and for each silence after it. */
const PATIENCE = 15_000

/**
 * Tries an account's IMAP server step by step and stops at the first step that fails, with a sentence on what to
 * do. A certificate that can't be verified is shown, so that the agent may trust its fingerprint. The password
 * leaves under the same conditions as in `openLine`.
 */
export async function testImap(account: Account, password: string | null): Promise<ConnectionTest> {
  const settings = imapSettings(account)
  const steps: Step[] = []
  let certificate: ShownCertificate | null = null
  let folders: ConnectionTest['folders'] = []
  let line: Line | null = null

  const pass = (step: StepName, message: string) =>
    void steps.push({ server: 'imap', step, ok: true, message })
  const answer = (failed?: { step: StepName; message: string }): ConnectionTest => {
    if (failed) steps.push({ server: 'imap', ok: false, ...failed })
    return {
      ok: !failed,
      steps,
      certificate: certificate && { server: 'imap', ...certificate },
      folders,
    }
  }

  try {
    pass('resolve', await resolveHost(settings.host))
  } catch (error) {
    return answer({ step: 'resolve', message: sentence(error, settings) })
  }

  const seen = { tcp: false, tls: false }
  try {
    line = await openLine({
      account,
      // An empty password would be refused before the connection is tried.
      password: password ?? '',
      socketTimeout: PATIENCE,
      idleRestart: 0,
      connectTimeout: PATIENCE,
      onStage(stage, socket) {
        seen[stage] = true
        if (stage === 'tcp')
          pass(
            'connect',
            `Connected to ${settings.host} (${socket.remoteAddress ?? '?'}) on port ${settings.port}.`,
          )
        else pass('certificate', certificateSentence(account, settings))
      },
    })
  } catch (error) {
    if (error instanceof CertificateRefused) certificate = error.certificate
    const step = failedStep(error, seen, settings)
    if (step === 'login' && seen.tcp) pass('greeting', `${settings.host} greets as an IMAP server.`)
    const message =
      step === 'login' && !password
        ? `There is no password for ${settings.user}. Enter it.`
        : sentence(error, settings)
    return answer({ step, message })
  }

  try {
    const { client } = line
    pass('greeting', `${settings.host} greets as an IMAP server.`)
    pass('login', `Logged in as ${settings.user}.`)
    const listed = await client.list()
    folders = listed
      .filter(({ flags }) => !flags.has('\\Noselect') && !flags.has('\\NonExistent'))
      .map(({ path, specialUse }) => ({ path, special_use: specialUse ?? null }))
    const choice = chooseFolders(listed, settings)
    const [absent] = choice.absent
    if (absent !== undefined)
      return answer({
        step: 'folders',
        message: `There is no folder “${absent}” in this mailbox. Choose from the ${folders.length} that it has.`,
      })
    const [first] = choice.folders
    if (!first)
      return answer({
        step: 'folders',
        message: 'No folder is chosen. Choose at least one that mail is taken from.',
      })
    pass('folders', foldersSentence(folders.length, choice.sent, settings))
    const mailbox = await client.mailboxOpen(first.path, { readOnly: true })
    const news = client.capabilities.has('IDLE')
      ? 'New mail arrives at once.'
      : 'New mail is looked for every minute.'
    pass('ready', `“${first.path}” holds ${mailbox.exists} mail(s). ${news}`)
    return answer()
  } catch (error) {
    return answer({ step: 'folders', message: sentence(error, settings) })
  } finally {
    await line.close()
  }
}

async function resolveHost(host: string): Promise<string> {
  const literal = host.replace(/^\[|\]$/g, '')
  if (isIP(literal)) return `${literal} is an address.`
  const found = await lookup(host, { all: true })
  return `${host} is ${found.map(({ address }) => address).join(', ')}.`
}

/** The step that an error of `openLine` belongs to. */
function failedStep(error: unknown, seen: { tcp: boolean; tls: boolean }, settings: ImapSettings): StepName {
  if (error instanceof CertificateRefused) return 'certificate'
  if (error instanceof CoreError) return error.code === 'invalid' ? 'certificate' : 'connect'
  if (error instanceof NotLoopback || !seen.tcp) return 'connect'
  const field = (name: string): unknown =>
    typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
  if (field('authenticationFailed') === true) return 'login'
  if (settings.tls === 'implicit' && !seen.tls) return 'certificate'
  const given = field('code')
  const code = typeof given === 'string' ? given : ''
  if (field('tlsFailed') === true || code === 'STARTTLS_INJECTION') return 'certificate'
  const beforeGreeting = code === 'GREETING_TIMEOUT' || code.startsWith('ClosedAfterConnect')
  if (beforeGreeting || error instanceof LineLost) return 'greeting'
  return field('responseStatus') === undefined ? 'greeting' : 'login'
}

function certificateSentence(account: Account, { host }: ImapSettings): string {
  return readPin(account.trustedCertificate) === null
    ? `The connection is encrypted and the certificate of ${host} is valid.`
    : `The connection is encrypted and ${host} shows the certificate that you trusted.`
}

function foldersSentence(count: number, sent: string | null, settings: ImapSettings): string {
  const found = `The mailbox has ${count} folder(s).`
  if (settings.sent === null) return `${found} Sent mail is neither filed nor read, as chosen.`
  if (sent === null)
    return `${found} None of them is known as Sent: choose one, or sent mail is not filed on the server.`
  return `${found} Sent mail is filed in “${sent}”.`
}

/** The fault without what a running mailbox would do about it. */
function sentence(error: unknown, settings: ImapSettings): string {
  return explain(error, settings).problem.replace(/[;.] Workbin [a-z ]+ by itself\.$/, '.')
}
