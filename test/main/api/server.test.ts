import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiServer, startApi } from '../../../src-main/api/server.ts'

let api: ApiServer
const options = { listen: '127.0.0.1', port: 0, tls: { cert: null, key: null }, log: () => undefined }
beforeAll(async () => {
  api = await startApi(options)
})
afterAll(() => api.close())

describe('the API’s listener', () => {
  it.each(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'answers 404 as JSON to %s of what no API serves',
    async (method) => {
      const answer = await fetch(`${api.url}/any/where?x=1`, { method })
      expect([answer.status, await answer.json()]).toEqual([
        404,
        { code: 'not-found', message: 'There is nothing at this address.' },
      ])
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      expect(answer.headers.get('server')).toBeNull()
    },
  )

  it('refuses a header block beyond 16 KB and an address beyond 8 KB', async () => {
    expect((await fetch(api.url, { headers: { 'x-long': 'a'.repeat(20_000) } })).status).toBe(431)
    expect((await fetch(`${api.url}/${'a'.repeat(9_000)}`)).status).toBe(414)
  })

  it('answers what is no HTTP without naming anything of ours', async () => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    socket.write('nonsense\r\n\r\n')
    const [data] = await once(socket, 'data')
    expect(String(data)).toMatch(/^HTTP\/1\.1 400 /)
    expect(String(data)).not.toMatch(/node_modules|\.ts|\.js/)
  })

  it('says what is wrong where it can’t listen', async () => {
    const port = Number(new URL(api.url).port)
    await expect(startApi({ ...options, port })).rejects.toMatchObject({
      code: 'invalid',
      message: `The API can’t listen on 127.0.0.1 port ${port}: it is in use. Choose another with --api-port or api.listen.`,
    })
    await expect(startApi({ ...options, listen: '203.0.113.1' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(startApi({ ...options, tls: { cert: '/a', key: null } })).rejects.toMatchObject({
      code: 'invalid',
    })
    await expect(startApi({ ...options, tls: { cert: '/no', key: '/no' } })).rejects.toMatchObject({
      message: 'api.tls.cert: the file /no can’t be read.',
    })
  })
})
