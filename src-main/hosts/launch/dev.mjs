// npm run dev: the desk with hot reload, in Electron where its program is there, else in the browser.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, watch } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { electronProgram, ensureInstalled, findNode, launch, root, run, say, typedIn } from './prepare.mjs'

const args = process.argv.slice(2)

await launch(async () => {
  await ensureInstalled()
  const { env, program } = findNode()
  if (electronProgram()) {
    // What Vite builds for itself is not what the next start should take for built.
    rmSync(join(root, 'out/sources.sha256'), { force: true })
    const vite = join(root, 'node_modules/electron-vite/bin/electron-vite.js')
    const code = await run(program, [vite, 'dev', '--watch', '--', ...args], { env })
    return typeof code === 'number' ? code : 1
  }
  say('Electron’s program isn’t there; developing in the browser.')
  return await inBrowser(program, env)
})

/** Vite serves the page; the core runs from its sources and starts again when they change. */
async function inBrowser(program, env) {
  // The host lists the built page as it starts; here Vite stands before it.
  mkdirSync(join(root, 'out/renderer'), { recursive: true })
  const core = await startCore(program, env)
  const { createServer } = await import('vite')
  const { svelte } = await import('@sveltejs/vite-plugin-svelte')
  const server = await createServer({
    configFile: false,
    root: join(root, 'src-renderer'),
    plugins: [svelte({ configFile: join(root, 'src-renderer/svelte.config.js') })],
    server: {
      host: '127.0.0.1',
      port: 5173,
      proxy: {
        '^/(rpc$|(attachments|messages|remote-images|drafts)/|uploads\\b)': {
          target: core.origin,
          ws: true,
          changeOrigin: true,
          configure: (proxy) => {
            // The host answers only its own origin; what comes from another page than ours stays a stranger.
            const own = (request, headers) => {
              if (headers.origin === server.resolvedUrls?.local[0]?.replace(/\/$/, ''))
                request.setHeader('origin', core.origin)
            }
            proxy.on('proxyReq', (request, from) => own(request, from.headers))
            proxy.on('proxyReqWs', (request, from) => {
              own(request, from.headers)
              request.setHeader('sec-websocket-protocol', `workbin, ${core.token()}`)
            })
            proxy.on('error', () => undefined)
          },
        },
      },
    },
  })
  await server.listen()
  say(
    `Workbin is open at ${server.resolvedUrls?.local[0]}\nThe page reloads as it changes, the core starts again. Ctrl+C ends both.`,
  )
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve)
  })
  await Promise.all([server.close(), core.stop()])
  return 0
}

async function startCore(program, env) {
  const port = await freePort()
  let token = ''
  let child = null
  let stopping = false

  const start = () =>
    new Promise((resolve) => {
      child = spawn(
        program,
        [join(root, 'src-main/hosts/browser.ts'), ...args, '--ui-port', String(port), '--no-open'],
        { cwd: typedIn(), env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
      )
      let line = ''
      child.stdout.setEncoding('utf8').on('data', (text) => {
        line += text
        if (!line.includes('\n')) return
        token = new URL(JSON.parse(line).ui).hash.slice(1)
        resolve(true)
      })
      child.once('exit', (code) => {
        if (!stopping && code !== 0) say('The core ended; it starts again when a file changes.')
        resolve(false)
      })
    })
  const stop = () =>
    new Promise((resolve) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return resolve()
      child.once('exit', () => resolve())
      child.kill('SIGTERM')
    })

  await start()
  let soon
  let restarting = Promise.resolve()
  const watcher = watch(join(root, 'src-main'), { recursive: true }, () => {
    clearTimeout(soon)
    soon = setTimeout(() => {
      restarting = restarting.then(async () => {
        if (stopping) return
        say('Starting the core again …')
        await stop()
        await start()
      })
    }, 200)
  })
  return {
    origin: `http://127.0.0.1:${port}`,
    token: () => token,
    async stop() {
      stopping = true
      watcher.close()
      clearTimeout(soon)
      await stop()
    },
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createTcpServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
