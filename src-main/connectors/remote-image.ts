import { lookup as dnsLookup } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { CoreError } from '../contract/errors.ts'

const MAX_BYTES = 10 * 1024 * 1024
const MAX_REDIRECTS = 3
const TIMEOUT = 15_000
/** What a page may draw; never SVG, which is a document. */
const IMAGE = /^image\/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)\b/i

/** Addresses that mail must not make this computer talk to: itself, its network, link-local, multicast, reserved. */
const privateAddresses = new BlockList()
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  privateAddresses.addSubnet(net, prefix, 'ipv4')
for (const [net, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  privateAddresses.addSubnet(net, prefix, 'ipv6')

/** Whether an IP address is one that remote content may never be fetched from. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return true
  if (family === 6) {
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
    if (mapped) return isPrivateAddress(mapped)
    return privateAddresses.check(address, 'ipv6')
  }
  return privateAddresses.check(address, 'ipv4')
}

/**
 * Fetches one image that the agent asked for: http(s) only, no cookies, no referrer, private addresses refused at
 * the moment of connecting (so a name can't be turned afterwards), at most 10 MB in 15 s.
 * Throws `invalid`, `refused`, `unreachable`.
 */
export async function fetchRemoteImage(
  url: string,
  isRefused: (address: string) => boolean = isPrivateAddress,
): Promise<{ contentType: string; bytes: Uint8Array }> {
  let target = url
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await get(target, isRefused)
    if ('location' in answer) target = new URL(answer.location, target).href
    else return answer
  }
  throw new CoreError(
    'refused',
    'The image’s server only sends from one address to the next. It was not loaded.',
  )
}

function get(
  url: string,
  isRefused: (address: string) => boolean,
): Promise<{ location: string } | { contentType: string; bytes: Uint8Array }> {
  const target = URL.parse(url)
  if (!target || !/^https?:$/.test(target.protocol) || target.username || target.password)
    throw new CoreError('invalid', 'Only images at plain http or https addresses can be loaded.')
  const literal = target.hostname.replace(/^\[|\]$/g, '')
  if (isIP(literal) && isRefused(literal)) throw privateTarget()

  const guardedLookup: LookupFunction = (host, options, callback) => {
    dnsLookup(host, { ...options, all: true }, (error, addresses) => {
      // Node types them as always there, and leaves them out where there is an error.
      const found = error ? [] : addresses
      const refused = found.some(({ address }) => isRefused(address))
      const [first] = found
      if (!first) callback(error ?? new Error('no address'), '', 0)
      else if (refused) callback(Object.assign(new Error('private'), { code: 'EPRIVATE' }), '', 0)
      else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }

  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      if (error instanceof CoreError) reject(error)
      else if (error instanceof Error && 'code' in error && error.code === 'EPRIVATE') reject(privateTarget())
      else
        reject(
          new CoreError('unreachable', `${target.host} can't be reached, so its image was not loaded.`, {
            cause: error,
          }),
        )
    }
    const { request } = target.protocol === 'https:' ? https : http
    const asked = request(
      target,
      {
        agent: false,
        lookup: guardedLookup,
        signal: AbortSignal.timeout(TIMEOUT),
        headers: { accept: 'image/avif,image/webp,image/png,image/jpeg,image/gif;q=0.9' },
      },
      (answer) => {
        const { statusCode = 0, headers } = answer
        if (statusCode >= 300 && statusCode < 400 && headers.location) {
          answer.destroy()
          return resolve({ location: headers.location })
        }
        const contentType = headers['content-type'] ?? ''
        if (statusCode !== 200 || !IMAGE.test(contentType)) {
          answer.destroy()
          return fail(new CoreError('refused', `${target.host} did not answer with an image.`))
        }
        const chunks: Buffer[] = []
        let size = 0
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_BYTES) {
            answer.destroy()
            fail(new CoreError('refused', 'The image is larger than 10 MB. It was not loaded.'))
          } else chunks.push(chunk)
        })
        answer.on('end', () => resolve({ contentType, bytes: Buffer.concat(chunks) }))
        answer.on('error', fail)
      },
    )
    asked.on('error', fail)
    asked.end()
  })
}

function privateTarget(): CoreError {
  return new CoreError(
    'refused',
    'The image lies in a private network. Mail may not reach into it; it was not loaded.',
  )
}
