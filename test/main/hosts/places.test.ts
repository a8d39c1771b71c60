import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { mayOpen } from '../../../src-main/hosts/open-outside.ts'
import { defaultDataDir, placesBeside } from '../../../src-main/hosts/places.ts'

const root = resolve(import.meta.dirname, '../../..')

it('a host run from its source finds the sources of the workers', () => {
  const places = placesBeside(pathToFileURL(resolve(root, 'src-main/hosts/browser.ts')).href)
  expect(places).toMatchObject({ root, rendererDir: resolve(root, 'out/renderer'), version: '0.1.0' })
  expect(existsSync(fileURLToPath(places.coreWorker))).toBe(true)
  expect(existsSync(fileURLToPath(places.parseWorker))).toBe(true)
})

it('a built host finds the built workers beside itself', () => {
  const places = placesBeside(pathToFileURL(resolve(root, 'out/main/electron.js')).href)
  expect(places.root).toBe(root)
  expect(fileURLToPath(places.coreWorker)).toBe(resolve(root, 'out/main/core-worker.js'))
  expect(places.preload).toBe(resolve(root, 'out/preload/preload.cjs'))
})

it.each([
  ['linux', {}, '/home/ada/.local/share/workbin/desk'],
  ['linux', { XDG_DATA_HOME: '/data' }, '/data/workbin/desk'],
  ['linux', { XDG_DATA_HOME: 'relative' }, '/home/ada/.local/share/workbin/desk'],
  ['darwin', {}, '/home/ada/Library/Application Support/Workbin/desk'],
  ['win32', { APPDATA: '/roaming' }, '/roaming/Workbin/desk'],
] as const)('on %s with %j data is kept in %s', (platform, env, folder) => {
  expect(defaultDataDir(platform, env, '/home/ada')).toBe(folder)
})

it.each([
  ['https://x.test/a?b#c', true],
  ['http://x.test', true],
  ['mailto:a@x.test', true],
  ['file:///etc/passwd', false],
  ['javascript:alert(1)', false],
  ['data:text/html,x', false],
  ['smb://host/share', false],
  ['not a url', false],
  [`https://x.test/${'a'.repeat(9000)}`, false],
])('%s may be opened outside: %s', (url, may) => {
  expect(mayOpen(url)).toBe(may)
})
