import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { servedApis } from '../../../src-main/api/served-apis.ts'
import { type ServedApis, serveApis } from '../../support/api.ts'

const run = promisify(execFile)

let served: ServedApis
beforeAll(async () => {
  served = await serveApis({
    apis: servedApis,
    settings: {
      publicUrl: 'https://desk.test/in',
      contacts: { entities: [{ tenantName: 'Acme Corp', orgName: 'Sales', catName: 'Leads' }] },
      activity: { customers: [{ id: '1000', addresses: ['ann@customer.test'] }] },
      keys: [
        { key: 'ann', name: 'Ann', scopes: ['activity:respond'], customer: '1000' },
        {
          key: 'key',
          name: 'Everything',
          scopes: [
            'interactions:read',
            'interactions:write',
            'contacts:write',
            'securemail:read',
            'securemail:write',
          ],
        },
      ],
    },
  })
})
afterAll(() => served.close())

interface Document {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly operationId: string
            readonly parameters: readonly {
              readonly name: string
              readonly in: string
              readonly required: boolean
            }[]
            readonly responses: Readonly<Record<string, { readonly description: string }>>
            readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
          }
        >
      >
    >
  >
  readonly components: { readonly securitySchemes: Readonly<Record<string, unknown>> }
}

async function document(): Promise<Document> {
  const answer = await fetch(`${served.url}/openapi.json`)
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  return (await answer.json()) as Document
}

describe('/openapi.json', () => {
  it('describes every call of every API at each of its paths', async () => {
    const { openapi, servers, tags, paths } = await document()
    expect([openapi, servers]).toEqual(['3.1.0', [{ url: 'https://desk.test/in' }]])
    expect(tags).toHaveLength(5)
    expect(Object.entries(paths).map(([path, calls]) => `${Object.keys(calls).join(' ')} ${path}`)).toEqual(
      expect.arrayContaining([
        'post /genesys/2/email/{serviceName}',
        'get put /interactions/{interaction_id}',
        'get put /genesys/1/cs/interactions/{interaction_id}',
        'get post /interactions',
        'post /contacts/email',
        'get post /nexus/v3/securemail',
        'get /nexus/v3/securemail/count',
        'get delete /nexus/v3/securemail/{secureMailId}',
        'post /core/casemgr/v3/activity/{ids}/response',
      ]),
    )
  })

  it('is consistent: parameters of paths, ids, security schemes, answers', async () => {
    const { paths, components } = await document()
    const ids = new Set<string>()
    for (const [path, calls] of Object.entries(paths))
      for (const [method, { operationId, parameters, responses, security }] of Object.entries(calls)) {
        expect(ids, `${method} ${path}`).not.toContain(operationId)
        ids.add(operationId)
        const inPath = parameters.filter((one) => one.in === 'path')
        expect(inPath.map(({ name }) => `{${name}}`).sort()).toEqual((path.match(/\{\w+\}/g) ?? []).sort())
        expect(inPath.every(({ required }) => required)).toBe(true)
        for (const { description } of Object.values(responses)) expect(description).not.toBe('')
        for (const scheme of security ?? [])
          for (const name of Object.keys(scheme)) expect(components.securitySchemes).toHaveProperty(name)
      }
  })

  it('is made of the schemas that check what comes', async () => {
    const text = JSON.stringify(await document())
    expect(text).toContain('"maxLength":78')
    expect(text).not.toContain('$schema')
  })
})

describe('/docs', () => {
  it('is a page of its own: nothing is loaded, nothing runs, nobody frames it', async () => {
    const answer = await fetch(`${served.url}/docs`)
    const page = await answer.text()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    )
    expect(page).not.toMatch(/<script|<link|<img|<iframe|src=|url\(|@import|javascript:/i)
    expect(page.match(/href="[^"]*"/g)?.filter((href) => !href.startsWith('href="#'))).toEqual([
      'href="openapi.json"',
    ])
  })

  it('answers HEAD, asks for no key, and takes its addresses from the settings, never from Host', async () => {
    expect((await fetch(`${served.url}/docs`, { method: 'HEAD' })).status).toBe(200)
    const page = await (
      await fetch(`${served.url}/docs`, { headers: { 'x-forwarded-host': 'evil.test' } })
    ).text()
    expect(page).toContain('https://desk.test/in/contacts/email')
    expect(page).not.toContain('evil.test')
    expect((await fetch(`${served.url}/docs`, { method: 'POST' })).status).toBe(404)
  })

  it('has a line for each call that works when pasted into a shell', async () => {
    await served.set({ api: { publicUrl: null } })
    const page = await (await fetch(`${served.url}/docs`)).text()
    const lines = [...page.matchAll(/<pre[^>]*>([^<]*)<\/pre>/g)].map(([, line = '']) =>
      line
        .replaceAll('&#39;', "'")
        .replaceAll('&quot;', '"')
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&amp;', '&'),
    )
    expect(lines.length).toBeGreaterThan(15)
    const outcomes: Record<string, string> = {}
    for (const line of lines) {
      const { stdout } = await run('sh', ['-c', `${line} -o /dev/null -w '%{http_code}'`], {
        env: { ...process.env, WORKBIN_KEY: line.includes('/casemgr/') ? 'ann' : 'key' },
      })
      outcomes[line.split(' -H ')[0] ?? ''] = stdout
    }
    // Those that send something are taken; those that name a thing in capitals don't find it.
    const said = Object.values(outcomes)
    expect(said.filter((status) => !['200', '201', '202', '400', '403', '404'].includes(status))).toEqual([])
    const to = (part: string) =>
      Object.entries(outcomes)
        .filter(([line]) => line.includes(part))
        .map(([, status]) => status)
    expect(to('/genesys/2/email/')).toEqual(['200'])
    expect(to('/contacts/email')).toEqual(['202'])
    expect(to('/interactions?status')).toEqual(['200'])
    expect(to('/securemail?address')).toEqual(['200'])
    expect(to("v3/securemail'")).toEqual(['200'])
    expect(to('v3/attachment')).toEqual(['201'])
    expect(to('/activity/')).toEqual(['403'])
  })
})
