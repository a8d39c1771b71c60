import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { X509Certificate, randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, Socket, type AddressInfo, type Server } from 'node:net'
import { dirname, join } from 'node:path'

/** A real Dovecot of a test's own, on loopback, gone with the test. */
export interface Dovecot {
  readonly host: '127.0.0.1'
  readonly imapPort: number
  readonly imapsPort: number
  readonly lmtpPort: number
  readonly certificatePem: string
  /** `AB:CD:…` */
  readonly fingerprint256: string
  /** User to password. */
  readonly users: Readonly<Record<string, string>>
  /** Files the mails in the user's folder (default INBOX), in order; returns when a session can see them. */
  deliver(user: string, raw: RawMail | readonly RawMail[], folder?: string): void
  /** The raw mails in the user's folder as they lie on disk, in no particular order. */
  messages(user: string, folder?: string): string[]
  /** The flags of each mail in the folder as Maildir letters (S: seen), in no particular order. */
  flags(user: string, folder?: string): string[]
  /** Removes mails behind the server's back, as another mail program would expunge them. */
  remove(user: string, which: (text: string) => boolean, folder?: string): void
  /** Gives mails another time of arrival, before the server has seen them. */
  age(user: string, which: (text: string) => boolean, arrived: Date, folder?: string): void
  /** The folder on disk, made if missing: `cur`, `new` and `tmp` are in it. */
  maildir(user: string, folder?: string): string
  /** Gives the folder a new UIDVALIDITY and its mails new UIDs; drops who is connected. */
  resetUidValidity(user: string, folder?: string): Promise<void>
  /** SIGKILLs every session that is logged in: the line goes without a word. */
  killConnections(): Promise<void>
  /** SIGSTOPs every session: half-open lines. Returns the way to let them go on. */
  stopProcesses(): () => void
  /** SIGKILLs the whole server. */
  kill(): Promise<void>
  /** Starts it again after `kill`, on the same ports. */
  restart(): Promise<void>
  /** Kills it and removes its folder. */
  stop(): Promise<void>
}

export type RawMail = string | Uint8Array

export interface DovecotOptions {
  /** User to password; default alice, bob and support `@test.local`, all with the password `secret`. */
  readonly users?: Readonly<Record<string, string>>
  /** What is announced after login, instead of all that Dovecot can; leave IDLE out to test polling. */
  readonly capability?: string
  /** Adds the virtual folder `Virtual/All`, which repeats every message. */
  readonly allMail?: boolean
  /** Marks no folder with \Sent, \Drafts, … (they are found by name then). */
  readonly noSpecialUse?: boolean
}

/** Whether Debian's Dovecot is installed; tests that need it say so. */
export const hasDovecot = existsSync('/usr/sbin/dovecot')

const NOBODY = 65534
const isRoot = process.getuid?.() === 0
const uid = isRoot ? NOBODY : (process.getuid?.() ?? NOBODY)
const gid = isRoot ? NOBODY : (process.getgid?.() ?? NOBODY)
const MASTER = '/usr/sbin/dovecot'

/** Starts a Dovecot; ready when it greets, in under a second. */
export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  if (!hasDovecot) throw new Error('Dovecot is missing: apt-get install dovecot-imapd dovecot-lmtpd')
  const users = options.users ?? {
    'alice@test.local': 'secret',
    'bob@test.local': 'secret',
    'support@test.local': 'secret',
  }
  // A unix socket's path ends at 108 bytes, so the folder's name is short.
  const root = mkdtempSync('/tmp/dv-')
  for (const folder of ['run', 'state', 'mail', 'log']) mkdirSync(join(root, folder))
  const [imapPort, imapsPort, lmtpPort] = await freePorts()

  execFileSync('openssl', [
    ...[
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '3650',
    ],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', join(root, 'key.pem'), '-out', join(root, 'cert.pem')],
  ])
  const certificatePem = readFileSync(join(root, 'cert.pem'), 'utf8')
  const lines = Object.entries(users).map(([user, password]) => `${user}:{PLAIN}${password}::::::`)
  writeFileSync(join(root, 'users'), lines.join('\n') + '\n')
  writeFileSync(join(root, 'dovecot.conf'), configuration(root, { imapPort, imapsPort, lmtpPort, options }))
  if (options.allMail) {
    for (const user of Object.keys(users)) {
      const virtual = join(root, 'mail', user, 'virtual', 'All')
      mkdirSync(virtual, { recursive: true })
      writeFileSync(join(virtual, 'dovecot-virtual'), 'INBOX\nSent\n  all\n')
    }
  }
  own(root)

  let master: ChildProcess | null = null
  let guard: ChildProcess | null = null
  let stopped = false

  async function launch(): Promise<void> {
    const command = [MASTER, '-F', '-c', join(root, 'dovecot.conf')]
    const [program, ...args] = isRoot
      ? ['setpriv', '--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups', ...command]
      : command
    const child = spawn(program ?? MASTER, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (bytes) => (said += String(bytes)))
    master = child
    await greeting(imapPort, () =>
      child.exitCode === null ? null : `Dovecot ended with ${child.exitCode}: ${said} ${readLog(root)}`,
    )
    child.stderr.destroy()
    child.unref()
    guard = startGuard(child.pid ?? 0, root)
  }

  function sessions(): number[] {
    return master?.pid === undefined ? [] : groupMembers(master.pid, 'imap')
  }
  function killGroup(): void {
    if (master?.pid === undefined) return
    try {
      process.kill(-master.pid, 'SIGKILL')
    } catch {
      // Gone already.
    }
  }
  async function kill(): Promise<void> {
    const pid = master?.pid
    guard?.kill('SIGKILL')
    guard = null
    killGroup()
    if (pid !== undefined) await until(() => groupMembers(pid).length === 0, 'Dovecot to be gone')
    master = null
  }
  function atExit(): void {
    killGroup()
    rmSync(root, { recursive: true, force: true })
  }
  process.once('exit', atExit)

  function home(user: string): string {
    if (!(user in users)) throw new Error(`this Dovecot has no user ${user}`)
    return join(root, 'mail', user, 'Maildir')
  }
  function maildir(user: string, folder = 'INBOX'): string {
    const place = folder === 'INBOX' ? home(user) : join(home(user), `.${folder.replaceAll('/', '.')}`)
    if (!existsSync(join(place, 'cur'))) {
      for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(place, part), { recursive: true })
      if (folder !== 'INBOX') writeFileSync(join(place, 'maildirfolder'), '')
      own(join(root, 'mail', user))
    }
    return place
  }

  function files(user: string, folder?: string): string[] {
    const place = maildir(user, folder)
    return ['cur', 'new'].flatMap((part) =>
      readdirSync(join(place, part)).map((name) => join(place, part, name)),
    )
  }

  await launch()
  return {
    host: '127.0.0.1',
    imapPort,
    imapsPort,
    lmtpPort,
    certificatePem,
    fingerprint256: new X509Certificate(certificatePem).fingerprint256,
    users,
    deliver(user, raw, folder) {
      const place = maildir(user, folder)
      const mails = typeof raw === 'string' || raw instanceof Uint8Array ? [raw] : raw
      for (const mail of mails) {
        // Dovecot gives UIDs in the order of names, so names count up.
        const name = `${Date.now()}.${String(delivered++).padStart(9, '0')}_${randomUUID()}.test`
        const temporary = join(place, 'tmp', name)
        writeFileSync(temporary, mail)
        if (isRoot) chownSync(temporary, uid, gid)
        renameSync(temporary, join(place, 'new', name))
      }
    },
    messages: (user, folder) => files(user, folder).map((file) => readFileSync(file, 'utf8')),
    flags: (user, folder) => files(user, folder).map((file) => file.split(':2,')[1] ?? ''),
    remove(user, which, folder) {
      for (const file of files(user, folder)) if (which(readFileSync(file, 'utf8'))) rmSync(file)
    },
    age(user, which, arrived, folder) {
      for (const file of files(user, folder))
        if (which(readFileSync(file, 'utf8'))) utimesSync(file, arrived, arrived)
    },
    maildir,
    async resetUidValidity(user, folder) {
      const place = maildir(user, folder)
      await killSessions(sessions)
      for (const name of readdirSync(place))
        if (name === 'dovecot-uidlist' || name.startsWith('dovecot.index')) rmSync(join(place, name))
    },
    killConnections: () => killSessions(sessions),
    stopProcesses() {
      const pids = sessions()
      for (const pid of pids) signal(pid, 'SIGSTOP')
      return () => {
        for (const pid of pids) signal(pid, 'SIGCONT')
      }
    },
    kill,
    async restart() {
      await kill()
      for (const file of readdirSync(join(root, 'run'))) rmSync(join(root, 'run', file), { recursive: true })
      await launch()
    },
    async stop() {
      if (stopped) return
      stopped = true
      await kill()
      process.removeListener('exit', atExit)
      rmSync(root, { recursive: true, force: true })
    },
  }
}

let delivered = 0

function configuration(
  root: string,
  server: { imapPort: number; imapsPort: number; lmtpPort: number; options: DovecotOptions },
): string {
  const { imapPort, imapsPort, lmtpPort, options } = server
  const owner = isRoot ? 'nobody' : execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()
  const group = isRoot ? 'nogroup' : execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()
  const boxes = ['Drafts', 'Sent', 'Trash', 'Junk', 'Archive'].map(
    (name) => `
  mailbox ${name} {
    auto = subscribe
    ${options.noSpecialUse ? '' : `special_use = \\${name}`}
  }`,
  )
  return `
base_dir = ${root}/run
state_dir = ${root}/state
log_path = ${root}/log/dovecot.log
instance_name = test-${imapPort}
default_internal_user = ${owner}
default_internal_group = ${group}
default_login_user = ${owner}
protocols = imap lmtp
listen = 127.0.0.1
hostname = localhost
postmaster_address = postmaster@test.local
ssl = yes
ssl_cert = <${root}/cert.pem
ssl_key = <${root}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
mail_max_userip_connections = 200
first_valid_uid = 0
first_valid_gid = 0
mail_fsync = never
mail_location = maildir:${root}/mail/%u/Maildir
mail_home = ${root}/mail/%u
mailbox_idle_check_interval = 1 secs
${options.capability === undefined ? '' : `imap_capability = ${options.capability}`}
${options.allMail ? 'mail_plugins = virtual' : ''}
namespace inbox {
  inbox = yes
  separator = /
${boxes.join('')}
}
${
  options.allMail
    ? `namespace virtual {
  prefix = Virtual/
  separator = /
  location = virtual:${root}/mail/%u/virtual
  mailbox All {
    special_use = \\All
  }
}`
    : ''
}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${root}/users
}
userdb {
  driver = passwd-file
  args = username_format=%u ${root}/users
  default_fields = uid=${uid} gid=${gid} home=${root}/mail/%u
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = ${imapsPort}
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${lmtpPort}
  }
}
`
}

/** Three ports that are free now, from below the range the system hands out by itself. */
async function freePorts(): Promise<[number, number, number]> {
  const servers: Server[] = []
  const ports: number[] = []
  while (ports.length < 3) {
    const server = createServer()
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(true))
      server.listen(port, '127.0.0.1', () => resolve(false))
    })
    if (taken) continue
    servers.push(server)
    const address = server.address()
    if (isInet(address)) ports.push(address.port)
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  const [a = 0, b = 0, c = 0] = ports
  return [a, b, c]
}

function isInet(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

/** Resolves with the first greeting; throws after 10 s or when `ended` has something to say. */
async function greeting(port: number, ended: () => string | null): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const greeted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', () => resolve(false))
      socket.once('close', () => resolve(false))
      socket.once('data', () => {
        resolve(true)
        socket.destroy()
      })
    })
    if (greeted) return
    const problem = ended()
    if (problem !== null) throw new Error(problem)
    if (Date.now() > deadline) throw new Error('Dovecot did not greet within 10 s')
    await pause()
  }
}

async function until(fact: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!fact()) {
    if (Date.now() > deadline) throw new Error(`waited 10 s for ${what}`)
    await pause()
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10))
}

async function killSessions(sessions: () => number[]): Promise<void> {
  const before = sessions()
  for (const pid of before) signal(pid, 'SIGKILL')
  await until(() => sessions().every((pid) => !before.includes(pid)), 'the sessions to be gone')
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended by itself.
  }
}

/** Living processes of a process group, all or those of one name. */
function groupMembers(group: number, name?: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    let stat: string
    try {
      stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
    } catch {
      return []
    }
    // pid (comm) state ppid pgrp …
    const [, comm, state, pgrp] = /^\d+ \((.*)\) (\S) \d+ (\d+)/s.exec(stat) ?? []
    if (Number(pgrp) !== group || state === 'Z') return []
    return name === undefined || comm === name ? [Number(entry)] : []
  })
}

/** Ends the server if this process dies without doing so, even by SIGKILL: its pipe closes then. */
function startGuard(pid: number, root: string): ChildProcess {
  const script = 'cat >/dev/null; kill -9 -- -"$1"; rm -rf "$2"'
  const guard = spawn('sh', ['-c', script, 'sh', String(pid), root], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  // A pipe to a child is a socket, which may be unreferenced; the types only say that it can be written to.
  if (guard.stdin instanceof Socket) guard.stdin.unref()
  return guard
}

function own(folder: string): void {
  if (!isRoot) return
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    chownSync(join(entry.parentPath, entry.name), uid, gid)
  chownSync(folder, uid, gid)
  chmodSync(folder, 0o755)
  if (dirname(folder).startsWith('/tmp/dv-')) chownSync(dirname(folder), uid, gid)
}

function readLog(root: string): string {
  const file = join(root, 'log', 'dovecot.log')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
