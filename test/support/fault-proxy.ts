import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP line between the desk and a server, on loopback, that breaks on demand. Everything can be changed while it runs. */
export interface FaultProxy {
  readonly host: '127.0.0.1'
  readonly port: number
  /** What happens to bytes from now on, on lines that are open as well. */
  readonly faults: Faults
  /** Lines accepted so far. */
  readonly accepted: number
  /** Lines open now. */
  readonly open: number
  /** Everything the clients sent so far, over all lines. */
  fromClients(): Buffer
  /** Resets every line that is open. */
  cut(): void
  /** Takes the network away: cuts every line and refuses new ones. */
  away(): Promise<void>
  /** Brings it back, on the same port. */
  back(): Promise<void>
  stop(): Promise<void>
}

export interface Faults {
  /** Resets a line once so many bytes came from the server; null: never. A function is asked once for each line. */
  cutAfter: number | null | (() => number | null)
  /** Ends a line in good order once so many bytes came from the server: a truncated answer. Counted per line. */
  truncateAfter: number | null
  /** Forwards nothing and closes nothing: a half-open line. */
  halfOpen: boolean
  /** Holds every piece back for so many milliseconds. */
  delay: number
  /** Forwards byte by byte. */
  split: boolean
  /** Rewrites what the server says, piece by piece; null: as it is. */
  fromServer: ((piece: Buffer) => Buffer) | null
  /** Rewrites what the client says, piece by piece; null: as it is. */
  fromClient: ((piece: Buffer) => Buffer) | null
}

/** Forwards to `target` on loopback, without fault until told otherwise. */
export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const faults: Faults = {
    cutAfter: null,
    truncateAfter: null,
    halfOpen: false,
    delay: 0,
    split: false,
    fromServer: null,
    fromClient: null,
  }
  const lines = new Set<Line>()
  const sent: Buffer[] = []
  let accepted = 0

  function accept(client: Socket): void {
    accepted += 1
    const server = connect(target, '127.0.0.1')
    const line: Line = { client, server, close: () => closeLine(line) }
    lines.add(line)
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', line.close)
    }
    client.on('close', line.close)
    // What the server said last still has to arrive; a half-open line doesn't even tell that it is closed.
    server.on('close', () => {
      if (!faults.halfOpen) client.end()
    })
    let received = 0
    const ownCut = typeof faults.cutAfter === 'function' ? faults.cutAfter() : null
    const toServer = forwarder(server, faults)
    const toClient = forwarder(client, faults)
    client.on('data', (piece) => {
      const bytes = Buffer.from(piece)
      sent.push(bytes)
      toServer(faults.fromClient?.(bytes) ?? bytes)
    })
    server.on('data', (piece) => {
      let bytes: Buffer = Buffer.from(piece)
      if (faults.fromServer) bytes = faults.fromServer(bytes)
      received += bytes.length
      const cutAfter = typeof faults.cutAfter === 'number' ? faults.cutAfter : ownCut
      const limit = cutAfter ?? faults.truncateAfter
      if (limit === null || received < limit) return toClient(bytes)
      const rest = bytes.subarray(0, Math.max(0, bytes.length - (received - limit)))
      if (cutAfter === null) {
        client.end(rest)
        server.destroy()
      } else {
        // A reset throws away what the client hasn't read; the bytes before it should arrive.
        client.write(rest, () => line.close())
      }
    })
  }

  function closeLine(line: Line): void {
    lines.delete(line)
    line.client.resetAndDestroy()
    line.server.destroy()
  }

  let server = await listen(0, accept)
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port')
  const { port } = address

  function cut(): void {
    for (const line of [...lines]) line.close()
  }
  async function away(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    cut()
    await closed
  }

  return {
    host: '127.0.0.1',
    port,
    faults,
    get accepted() {
      return accepted
    },
    get open() {
      return lines.size
    },
    fromClients: () => Buffer.concat(sent),
    cut,
    away,
    async back() {
      if (!server.listening) server = await listen(port, accept)
    },
    stop: away,
  }
}

interface Line {
  readonly client: Socket
  readonly server: Socket
  readonly close: () => void
}

/** Writes pieces in order, with the faults that are set when each has its turn. */
function forwarder(to: Socket, faults: Faults): (piece: Buffer) => void {
  let turn: Promise<void> = Promise.resolve()
  let waiting = 0
  async function write(piece: Buffer): Promise<void> {
    if (faults.delay > 0) await new Promise((resolve) => setTimeout(resolve, faults.delay))
    if (faults.halfOpen) return
    if (!faults.split) return pass(to, piece)
    for (const byte of piece) {
      pass(to, Buffer.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return (piece) => {
    if (waiting === 0 && !faults.split && faults.delay === 0) {
      if (!faults.halfOpen) pass(to, piece)
      return
    }
    waiting += 1
    turn = turn.then(() => write(piece)).finally(() => (waiting -= 1))
  }
}

function pass(to: Socket, piece: Buffer): void {
  if (!to.destroyed) to.write(piece)
}

async function listen(port: number, accept: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: false }, accept)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
