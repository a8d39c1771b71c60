import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CoreError } from '../../../src-main/contract/errors.ts'
import type { CoreFiles } from '../../../src-main/core/host-services.ts'
import { DRAFT_UPLOAD_LIMIT, pagePolicy, servePage, type PageServer } from '../../../src-main/hosts/page.ts'

const ATTACHMENT = '01890a5d-ac96-774b-bcce-b302099a8057'
const DRAFT = '01890a5d-ac96-774b-bcce-b302099a8058'
const MESSAGE = '0001a2B3c4D5e6F7'

let folder: string
let server: PageServer
const taken: { what: string; name: string; type?: string; inline?: boolean; bytes: string }[] = []

/** The core's side: what the page asks for by URL. */
function files(): CoreFiles {
  const at = (name: string, contentType: string) => {
    const path = join(folder, 'blob')
    writeFileSync(path, 'the bytes')
    return { path, name, contentType, size: 9 }
  }
  return {
    async attachment(id) {
      if (id !== ATTACHMENT) throw new CoreError('not-found', 'There is no such attachment.')
      return at('cat.png', 'image/png')
    },
    async rawMail() {
      return at('Re: hello.eml', 'message/rfc822')
    },
    async remoteImage(_id, url) {
      if (url.endsWith('.svg')) return { contentType: 'image/svg+xml', bytes: Buffer.from('<svg/>') }
      if (!url.startsWith('https:')) throw new CoreError('invalid', 'Only http and https.')
      return { contentType: 'image/gif', bytes: Buffer.from('GIF89a') }
    },
    async attach(_draft, file, name, type, inline) {
      taken.push({ what: 'attach', name, type, inline, bytes: readFileSync(file, 'utf8') })
      if (name === 'refuse') throw new CoreError('conflict', 'This draft was sent.')
      rmSync(file)
      return {
        revision: 2,
        attachment: {
          id: ATTACHMENT,
          name,
          content_type: type,
          size: 5,
          sha256: '',
          content_id: null,
          inline,
        },
      }
    },
    async upload(file, name) {
      taken.push({ what: 'upload', name, bytes: readFileSync(file, 'utf8') })
      rmSync(file)
      return { id: DRAFT }
    },
  }
}

const tmp = () => readdirSync(join(folder, 'tmp'))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'page-'))
  taken.length = 0
  mkdirSync(join(folder, 'renderer/assets'), { recursive: true })
  mkdirSync(join(folder, 'tmp'))
  writeFileSync(join(folder, 'renderer/index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'renderer/assets/index-abc.js'), 'run()')
  writeFileSync(join(folder, 'renderer/assets/index-abc.js.map'), '{}')
  writeFileSync(join(folder, 'secret'), 'not the page')
  server = servePage({
    rendererDir: join(folder, 'renderer'),
    tmpDir: join(folder, 'tmp'),
    files: files(),
    log: () => undefined,
  })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const url = (path: string) => `app://desk${path}`
const get = (path: string) => server.bytes(new Request(url(path)))
const post = (path: string, body: BodyInit | null, headers: Record<string, string> = {}) =>
  server.bytes(new Request(url(path), Object.assign({ method: 'POST', body, headers }, { duplex: 'half' })))

describe('the built page', () => {
  it('is served under the policy that lets it run its own scripts and nothing else', async () => {
    const response = server.page(new Request(url('/')))
    expect(await response?.text()).toBe('<!doctype html>')
    expect(Object.fromEntries(response?.headers ?? [])).toEqual({
      'cache-control': 'no-cache',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
        "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
      'content-type': 'text/html; charset=utf-8',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=()',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
  })

  it('may connect where its host says', () => {
    expect(pagePolicy(['ws://127.0.0.1:4711'])).toContain("connect-src 'self' ws://127.0.0.1:4711;")
  })

  it.each([
    '/../secret',
    '/%2e%2e/secret',
    '/assets/..%2f..%2fsecret',
    '/assets/index-abc.js.map',
    '/nothing',
    '/assets',
  ])('%s is none of its files', (path) => {
    expect(server.page(new Request(url(path)))).toBeNull()
  })

  it('takes no other method', () => {
    expect(server.page(new Request(url('/'), { method: 'POST', body: 'x' }))?.status).toBe(405)
  })
})

describe('bytes by URL', () => {
  it('a picture is shown, fenced', async () => {
    const response = await get(`/attachments/${ATTACHMENT}`)
    expect(await response.text()).toBe('the bytes')
    expect(Object.fromEntries(response.headers)).toEqual({
      'cache-control': 'no-store',
      'content-disposition': `inline; filename="cat.png"; filename*=UTF-8''cat.png`,
      'content-length': '9',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-type': 'image/png',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
  })

  it('the same picture is saved where that is asked', async () => {
    const { headers } = await get(`/attachments/${ATTACHMENT}?save=1`)
    expect(headers.get('content-disposition')).toMatch(/^attachment; /)
    expect(headers.get('content-type')).toBe('application/octet-stream')
  })

  it('raw mail is only ever saved', async () => {
    const { headers } = await get(`/messages/${MESSAGE}.eml`)
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="Re_ hello.eml"; filename*=UTF-8''Re_%20hello.eml`,
    )
  })

  it('a remote picture is handed over, unless it could run something', async () => {
    const shown = await get(`/remote-images/${MESSAGE}?url=${encodeURIComponent('https://x.test/a.gif')}`)
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'image/gif'])
    const refused = await get(`/remote-images/${MESSAGE}?url=${encodeURIComponent('https://x.test/a.svg')}`)
    expect(refused.status).toBe(400)
  })

  it('an error is JSON with its code and what to do', async () => {
    const response = await get(`/attachments/${DRAFT}`)
    expect([response.status, await response.json()]).toEqual([
      404,
      { code: 'not-found', message: 'There is no such attachment.' },
    ])
  })

  it.each([
    '/attachments/..',
    '/attachments/x',
    '/messages/../../x.eml',
    '/messages/short.eml',
    '/drafts/x/attachments',
    '/',
  ])('%s is nowhere', async (path) => {
    expect((await get(path)).status).toBe(404)
  })

  it('a write by GET is refused', async () => {
    const response = await get(`/uploads?name=x`)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('uploads', () => {
  it('a draft’s attachment is written beside the data, handed over and leaves nothing behind', async () => {
    const response = await post(
      `/drafts/${DRAFT}/attachments?name=a%20b.txt&type=text/plain&inline=1`,
      'hello',
    )
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ revision: 2, attachment: { name: 'a b.txt' } })
    expect(taken).toEqual([
      { what: 'attach', name: 'a b.txt', type: 'text/plain', inline: true, bytes: 'hello' },
    ])
    expect(tmp()).toEqual([])
  })

  it('a file to import is streamed through', async () => {
    const response = await post('/uploads?name=mail.mbox', 'From x')
    expect([response.status, await response.json()]).toEqual([200, { id: DRAFT }])
    expect(taken).toEqual([{ what: 'upload', name: 'mail.mbox', bytes: 'From x' }])
  })

  it('what the core refuses leaves no file', async () => {
    const response = await post(`/drafts/${DRAFT}/attachments?name=refuse`, 'hello')
    expect([response.status, await response.json()]).toEqual([
      409,
      { code: 'conflict', message: 'This draft was sent.' },
    ])
    expect(tmp()).toEqual([])
  })

  it('more than the limit is refused before it is read', async () => {
    const response = await post(`/drafts/${DRAFT}/attachments?name=big`, 'x', {
      'content-length': String(DRAFT_UPLOAD_LIMIT + 1),
    })
    expect([response.status, (await response.json()).message]).toEqual([
      400,
      'The file is too large; at most 50 MB are taken.',
    ])
    expect(taken).toEqual([])
  })

  it('more than was announced stops where the limit is, and leaves no file', async () => {
    const piece = new Uint8Array(1_048_576)
    let pieces = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces += 1
        if (pieces > 200) controller.close()
        else controller.enqueue(piece)
      },
    })
    const response = await post(`/drafts/${DRAFT}/attachments?name=big`, body)
    expect(response.status).toBe(400)
    expect(pieces).toBeLessThan(60)
    expect(taken).toEqual([])
    expect(tmp()).toEqual([])
  })

  it('an upload that breaks off leaves no file', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(10))
        controller.error(new Error('reset'))
      },
    })
    const response = await post('/uploads?name=x.eml', body)
    expect([response.status, (await response.json()).code]).toEqual([503, 'closed'])
    expect(tmp()).toEqual([])
  })

  it('a nameless upload is refused', async () => {
    expect((await post('/uploads', 'x')).status).toBe(400)
  })
})
