import { spawn } from 'node:child_process'

/** Schemes that may be opened outside the desk. */
const opened = new Set(['http:', 'https:', 'mailto:'])

/** Whether the operating system may be asked to open this address. */
export function mayOpen(url: string): boolean {
  if (url.length > 8192 || !URL.canParse(url)) return false
  return opened.has(new URL(url).protocol)
}

/** Shows an address in the system's browser. Resolves false where there is none to start. */
export async function openInBrowser(url: string): Promise<boolean> {
  if (!mayOpen(url)) return false
  const [command, args] = opener(url)
  return await new Promise<boolean>((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true, windowsHide: true })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      // xdg-open ends at once with 3 where no browser is installed; a browser that it became runs on.
      const shown = setTimeout(() => resolve(true), 2_000)
      child.once('exit', (code) => {
        clearTimeout(shown)
        resolve(code === 0)
      })
    })
  })
}

function opener(url: string): [string, string[]] {
  switch (process.platform) {
    case 'darwin':
      return ['open', [url]]
    case 'win32':
      // Not `start`, whose shell would read the address's & and ^.
      return ['rundll32', ['url.dll,FileProtocolHandler', url]]
    default:
      return ['xdg-open', [url]]
  }
}
