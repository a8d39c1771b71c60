import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A line to a server on which exactly the bytes go out that a test writes. */
export interface RawLine {
  readonly socket: Socket
  write(text: string | Uint8Array): void
  /** All that came until the server ended the line; '' where it came to nothing. */
  rest(): Promise<string>
}

export async function rawLine(url: string): Promise<RawLine> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  // A reset after the answer is the server's right.
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const ended = new Promise<void>((resolve) => socket.once('end', () => resolve()))
  return {
    socket,
    write: (text) => void socket.write(text),
    async rest() {
      await Promise.race([closed, ended])
      return Buffer.concat(chunks).toString('utf8')
    },
  }
}

/** Sends `text` and waits for the end of the line. */
export async function exchange(url: string, text: string | Uint8Array): Promise<string> {
  const line = await rawLine(url)
  line.write(text)
  const answer = await line.rest()
  line.socket.destroy()
  return answer
}
