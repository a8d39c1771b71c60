// Electron's program is fetched from GitHub (or a mirror), apart from its package: it may not be there to have.
import { connect } from 'node:net'
import { join } from 'node:path'
import { electronProgram, findNode, root, run, say } from './prepare.mjs'

/** Longest wait for about 120 MB, ms; and for the server to answer at all. */
const FETCH_MS = 240_000
const REACH_MS = 5_000

/** The program, fetched where it is missing: `{ program }`, or `{ reason }` why there is none. */
export async function fetchElectron() {
  const there = electronProgram()
  if (there) return { program: there }
  if (process.env.ELECTRON_SKIP_BINARY_DOWNLOAD) return { reason: 'its download is switched off' }
  const server = downloadServer()
  if (server && !(await reaches(server))) return { reason: `${server.hostname} can’t be reached` }
  say('Fetching Electron, once (about 120 MB) …')
  const { env, program } = findNode()
  let said = ''
  const code = await Promise.race([
    run(program, [join(root, 'node_modules/electron/install.js')], {
      env,
      onOutput: () => undefined,
      onError: (text) => (said = (said + text).slice(-4000)),
    }).catch((error) => String(error)),
    new Promise((resolve) => setTimeout(resolve, FETCH_MS, 'late').unref()),
  ])
  const fetched = electronProgram()
  if (fetched) return { program: fetched }
  return { reason: code === 'late' ? 'it took too long' : firstReason(said) }
}

/** Null where a proxy stands between: only it knows what can be reached. */
function downloadServer() {
  const { env } = process
  if (env.HTTPS_PROXY || env.https_proxy || env.ALL_PROXY || env.all_proxy) return null
  const mirror = env.ELECTRON_MIRROR || env.npm_config_electron_mirror || 'https://github.com'
  return URL.canParse(mirror) ? new URL(mirror) : null
}

function reaches(server) {
  return new Promise((resolve) => {
    const port = Number(server.port) || (server.protocol === 'http:' ? 80 : 443)
    const socket = connect({ host: server.hostname, port })
    const answer = (reached) => {
      socket.destroy()
      resolve(reached)
    }
    socket.setTimeout(REACH_MS, () => answer(false))
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}

function firstReason(said) {
  const line = said.split('\n').find((text) => /error/i.test(text)) ?? ''
  return (
    line
      .replace(/^.*?error:?\s*/i, '')
      .trim()
      .slice(0, 200) || 'its installer failed'
  )
}
