import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { fetchRemoteImage, isPrivateAddress } from '../../../src-main/connectors/remote-image.ts'

let server: Server | null = null
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
  server = null
})

async function serving(
  answers: Record<string, { status?: number; type?: string; body?: Uint8Array; location?: string }>,
): Promise<{ origin: string; seen: { url: string; headers: IncomingHttpHeaders }[] }> {
  const seen: { url: string; headers: IncomingHttpHeaders }[] = []
  const started = createServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers })
    const answer = answers[request.url ?? '']
    if (answer?.type) response.setHeader('content-type', answer.type)
    if (answer?.location) response.setHeader('location', answer.location)
    response.writeHead(answer ? (answer.status ?? 200) : 404).end(answer?.body)
  })
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  // A listening TCP server's address is never a pipe's name.
  const { port } = started.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, seen }
}

const anywhere = () => false

test('an image comes back with its type, asked for without cookies or referrer', async () => {
  const { origin, seen } = await serving({ '/a.png': { type: 'image/png', body: Buffer.from('png') } })
  const image = await fetchRemoteImage(`${origin}/a.png`, anywhere)
  expect(image).toEqual({ contentType: 'image/png', bytes: Buffer.from('png') })
  expect(seen[0]?.headers).not.toHaveProperty('cookie')
  expect(seen[0]?.headers).not.toHaveProperty('referer')
})

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '192.168.0.9',
  '172.31.255.255',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '::1',
  '::',
  'fd00::1',
  'fe80::1',
  '::ffff:127.0.0.1',
  '64:ff9b::7f00:1',
  'not an address',
])('%s is private', (address) => expect(isPrivateAddress(address)).toBe(true))

test.each(['93.184.216.34', '2606:2800:220:1::1'])('%s is public', (address) =>
  expect(isPrivateAddress(address)).toBe(false),
)

test('a private address is refused before any request leaves, by number or by name', async () => {
  const { origin, seen } = await serving({ '/a.png': { type: 'image/png', body: Buffer.from('png') } })
  const { port } = new URL(origin)
  for (const url of [`${origin}/a.png`, `http://localhost:${port}/a.png`, `http://[::1]:${port}/a.png`])
    await expect(fetchRemoteImage(url)).rejects.toMatchObject({ code: 'refused' })
  expect(seen).toEqual([])
})

test('a redirect into a private network is refused', async () => {
  const { origin, seen } = await serving({
    '/out': { status: 302, location: 'http://10.0.0.1/secret.png' },
  })
  const refusesTen = (address: string) => address.startsWith('10.')
  await expect(fetchRemoteImage(`${origin}/out`, refusesTen)).rejects.toMatchObject({ code: 'refused' })
  expect(seen.map(({ url }) => url)).toEqual(['/out'])
})

test('what is no picture is refused: a page, SVG, an error', async () => {
  const { origin } = await serving({
    '/page': { type: 'text/html', body: Buffer.from('<p>') },
    '/drawing': { type: 'image/svg+xml', body: Buffer.from('<svg/>') },
  })
  for (const path of ['/page', '/drawing', '/missing'])
    await expect(fetchRemoteImage(origin + path, anywhere)).rejects.toMatchObject({ code: 'refused' })
})

test('an image over 10 MB is refused', async () => {
  const { origin } = await serving({
    '/big.png': { type: 'image/png', body: Buffer.alloc(10 * 1024 * 1024 + 1) },
  })
  await expect(fetchRemoteImage(`${origin}/big.png`, anywhere)).rejects.toMatchObject({ code: 'refused' })
})

test.each([
  'file:///etc/passwd',
  'ftp://example.test/a.png',
  'http://user:pass@example.test/a.png',
  'nonsense',
])('%s is not fetched', async (url) => {
  await expect(fetchRemoteImage(url, anywhere)).rejects.toMatchObject({ code: 'invalid' })
})
