import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** Where a line can break, in the order of a session. From `after-354` on, bytes of the mail may have left. */
export const DROP_POINTS = [
  'before-greeting',
  'after-greeting',
  'within-ehlo',
  'at-auth',
  'after-auth',
  'at-mail',
  'at-rcpt',
  'after-rcpt',
  'at-data',
  'after-354',
  'first-byte',
  'middle',
  'final-dot',
  'after-250',
] as const
export type DropPoint = (typeof DROP_POINTS)[number]

/** An SMTP server in which every step can break, to the byte. */
export interface ScriptedSmtp {
  readonly port: number
  /** What was taken for good: the whole mails after their final dot. */
  readonly taken: readonly string[]
  readonly sessions: number
  /** Sessions break here; null: none does. */
  dropAt: DropPoint | null
  /** Goes silent there instead of closing. */
  stallAt: DropPoint | null
  /** Whether a mail whose line breaks after the final dot was taken all the same. */
  takesUnanswered: boolean
  /** Called right before a line breaks. */
  onDrop: () => void
  stop(): Promise<void>
}

export async function startScriptedSmtp(
  options: { readonly pipelining?: boolean } = {},
): Promise<ScriptedSmtp> {
  const taken: string[] = []
  const sockets = new Set<Socket>()
  let sessions = 0
  const server = createServer((socket) => {
    sessions += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    serve(socket)
  })

  /** True where the session ends here. */
  function breaks(socket: Socket, point: DropPoint): boolean {
    if (scripted.stallAt === point) {
      socket.pause()
      return true
    }
    if (scripted.dropAt !== point) return false
    scripted.onDrop()
    socket.destroy()
    return true
  }

  function serve(socket: Socket): void {
    let buffer = ''
    let data: string | null = null
    if (breaks(socket, 'before-greeting')) return
    socket.write('220 scripted ESMTP\r\n')
    if (scripted.dropAt === 'after-greeting') {
      socket.once('data', () => breaks(socket, 'after-greeting'))
      return
    }
    socket.on('data', (piece) => {
      buffer += piece.toString('latin1')
      for (;;) {
        if (socket.destroyed) return
        if (data !== null) {
          data += buffer
          buffer = ''
          if (data.length > 0 && breaks(socket, 'first-byte')) return
          if (data.length > 60_000 && breaks(socket, 'middle')) return
          const end = data.indexOf('\r\n.\r\n')
          if (end < 0) return
          const mail = data.slice(0, end + 2).replace(/^\.\./gm, '.')
          buffer = data.slice(end + 5)
          data = null
          const unanswered = scripted.dropAt === 'final-dot' || scripted.stallAt === 'final-dot'
          if (!unanswered || scripted.takesUnanswered) taken.push(mail)
          if (breaks(socket, 'final-dot')) return
          socket.write('250 2.0.0 taken\r\n', () => breaks(socket, 'after-250'))
          if (scripted.dropAt === 'after-250') return
          continue
        }
        const end = buffer.indexOf('\r\n')
        if (end < 0) return
        const line = buffer.slice(0, end)
        buffer = buffer.slice(end + 2)
        if (!command(socket, line)) return
        if (/^DATA$/i.test(line)) data = ''
      }
    })
  }

  /** False where the session ended. */
  function command(socket: Socket, line: string): boolean {
    const [verb = ''] = line.toUpperCase().split(/[ :]/)
    switch (verb) {
      case 'EHLO':
        if (scripted.dropAt === 'within-ehlo') {
          socket.write('250-scripted\r\n250-AU', () => breaks(socket, 'within-ehlo'))
          return false
        }
        socket.write(`250-scripted\r\n${options.pipelining ? '250-PIPELINING\r\n' : ''}250 AUTH PLAIN\r\n`)
        return true
      case 'AUTH':
        if (breaks(socket, 'at-auth')) return false
        if (scripted.dropAt === 'after-auth') {
          socket.write('235 welcome\r\n', () => breaks(socket, 'after-auth'))
          return false
        }
        socket.write('235 welcome\r\n')
        return true
      case 'MAIL':
        if (breaks(socket, 'at-mail')) return false
        socket.write('250 sender\r\n')
        return true
      case 'RCPT':
        if (breaks(socket, 'at-rcpt')) return false
        if (scripted.dropAt === 'after-rcpt') {
          socket.write('250 recipient\r\n', () => breaks(socket, 'after-rcpt'))
          return false
        }
        socket.write('250 recipient\r\n')
        return true
      case 'DATA':
        if (breaks(socket, 'at-data')) return false
        if (scripted.dropAt === 'after-354') {
          socket.write('354 go on\r\n', () => breaks(socket, 'after-354'))
          return false
        }
        socket.write('354 go on\r\n')
        return true
      case 'QUIT':
        socket.end('221 bye\r\n')
        return false
      default:
        socket.write('250 ok\r\n')
        return true
    }
  }

  const scripted: { -readonly [K in keyof ScriptedSmtp]: ScriptedSmtp[K] } = {
    taken,
    get sessions() {
      return sessions
    },
    dropAt: null,
    stallAt: null,
    takesUnanswered: true,
    onDrop: () => {},
    port: 0,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const place = server.address()
  if (place === null || typeof place === 'string') throw new Error('the scripted server has no port')
  scripted.port = place.port
  return scripted
}
