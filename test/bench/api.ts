import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startServe } from '../support/serve.ts'
import { type Figure, median, milliseconds, percentile } from './figures.ts'

/** Connections that are kept open, each with one request under way. */
const CONNECTIONS = 32
const WARM_UP_MS = 1_500
const MEASURED_MS = 5_000

/**
 * Accepted mails of a web form a second, every answer durable (synchronous=FULL), against one fastify route that
 * writes one durable row for each request: in turns, by the same client.
 */
export async function benchApi(work: string, runs: number): Promise<readonly Figure[]> {
  mkdirSync(work, { recursive: true })
  const desks: Rate[] = []
  const peers: Rate[] = []
  for (let run = 0; run < runs; run++) {
    peers.push(await peer(join(work, `bare-${run}.db`)))
    const desk = await startServe({ data: join(work, `desk-${run}`), settings: { api: {} } })
    try {
      desks.push(await flood(desk.api ?? ''))
    } finally {
      await desk.stop()
    }
  }
  const perSecond = (rates: readonly Rate[]) => median(rates.map((rate) => rate.perSecond))
  const p99 = (rates: readonly Rate[]) => median(rates.map((rate) => rate.p99))
  const share = perSecond(desks) / perSecond(peers)
  return [
    {
      what: `POST /genesys/2/email, durable, ${CONNECTIONS} connections`,
      desk: `${perSecond(desks).toFixed(0)}/s`,
      peer: `fastify and one row: ${perSecond(peers).toFixed(0)}/s`,
      aim: '≥ 50 %',
      met: share >= 0.5,
    },
    {
      what: 'the same, the slowest hundredth (p50)',
      desk: `${milliseconds(p99(desks))} (${milliseconds(median(desks.map(({ p50 }) => p50)))})`,
      peer: `${milliseconds(p99(peers))} (${milliseconds(median(peers.map(({ p50 }) => p50)))})`,
      aim: '',
      met: null,
    },
  ]
}

async function peer(file: string): Promise<Rate> {
  const program = join(import.meta.dirname, 'bare-route.ts')
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return await flood(url)
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}

interface Rate {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

/** Every connection sends its next mail when the last one was accepted. Throws at the first that wasn't. */
async function flood(url: string): Promise<Rate> {
  const times: number[] = []
  const started = performance.now()
  const measured = started + WARM_UP_MS
  const end = measured + MEASURED_MS
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, n) => {
      const line = await openLine(url)
      for (let i = 0; performance.now() < end; i++) {
        const sent = performance.now()
        await line.send(mail(n, i))
        const now = performance.now()
        if (sent >= measured && now <= end) times.push(now - sent)
      }
      line.close()
    }),
  )
  return {
    perSecond: (times.length / MEASURED_MS) * 1_000,
    p50: percentile(times, 50),
    p99: percentile(times, 99),
  }
}

/** A mail as a small form sends it; one customer writes now and then. */
function mail(connection: number, i: number): Buffer {
  const body = new URLSearchParams({
    firstName: 'Ann',
    lastName: `Lee ${connection}`,
    fromAddress: `ann.${connection}.${i % 20}@customer.test`,
    subject: `Where is my order ${connection}-${i}?`,
    text: 'It was promised for last week, and nothing has arrived.\n'.repeat(8),
    userData: `order=${i}`,
  }).toString()
  return Buffer.from(
    'POST /genesys/2/email/desk HTTP/1.1\r\nHost: desk.test\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

interface Line {
  send(request: Buffer): Promise<void>
  close(): void
}

/** As little client as there can be: it shares the computer with what it measures. */
async function openLine(url: string): Promise<Line> {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  await once(socket, 'connect')
  let waiting: { resolve: () => void; reject: (error: Error) => void } | null = null
  let text = ''
  const fail = (error: Error) => {
    waiting?.reject(error)
    waiting = null
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('The line was closed.')))
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const at = text.indexOf('\r\n\r\n')
    if (at === -1) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN)
    if (text.length < at + 4 + length) return
    const answer = text
    text = ''
    const { resolve } = waiting ?? { resolve: () => undefined }
    if (!answer.includes('"statusCode":0')) return fail(new Error(`Not accepted: ${answer}`))
    waiting = null
    resolve()
  })
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}
