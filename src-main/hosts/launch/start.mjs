// npm start: the desk in Electron; where Electron's program can't be had or can't run here, the same desk on the
// same data in the browser.
import { fetchElectron } from './electron-program.mjs'
import { ensureBuilt, ensureInstalled, launch, root, run, runBuilt, say, typedIn } from './prepare.mjs'

const args = process.argv.slice(2)

await launch(async () => {
  await ensureInstalled()
  const [electron] = await Promise.all([fetchElectron(), ensureBuilt()])
  if (!electron.program)
    return await inBrowser(`Electron’s program could not be fetched (${electron.reason})`)
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
    return await inBrowser('Electron finds no display here')

  let said = ''
  const code = await run(electron.program, [root, ...args], {
    cwd: typedIn(),
    onError: (text) => {
      said = (said + text).slice(-8000)
      process.stderr.write(text)
    },
  })
  const obstacle = whyNot(code, said)
  return obstacle === null ? code : await inBrowser(`Electron can’t run here (${obstacle})`)
})

/** Why Electron itself didn't come up; null where the desk ran, whatever came of it. */
function whyNot(code, said) {
  if (said.includes('without --no-sandbox')) return 'it refuses to run as root'
  if (/error while loading shared libraries: (\S+?):/.test(said)) return `${RegExp.$1} is missing`
  if (/Missing X server|Unable to open X display|cannot open display/i.test(said))
    return 'it finds no display'
  if (/sandbox/i.test(said) && typeof code === 'string') return 'its sandbox isn’t allowed on this system'
  return null
}

async function inBrowser(reason) {
  say(`${reason}; opening the same desk in the browser.`)
  let line = ''
  return await runBuilt('browser', args, {
    onOutput: (text) => {
      line += text
      if (!line.includes('\n')) return
      say(`Workbin is open at ${JSON.parse(line).ui}\nCtrl+C ends it.`)
      line = ''
    },
    // What goes well is in the log file; here only what the user should know.
    onError: (text) => process.stderr.write(text.replace(/^\S+ INFO .*\n/gm, '')),
  })
}
