import {
  app,
  BrowserWindow,
  type ContextMenuParams,
  dialog,
  ipcMain,
  type IpcMainEvent,
  Menu,
  type MenuItemConstructorOptions,
  Notification,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  type WebContents,
} from 'electron'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CoreError } from '../contract/errors.ts'
import type { ThreadId } from '../contract/domain.ts'
import type { CoreFiles } from '../core/host-services.ts'
import { type HostedCore, startCore } from '../core/start-core.ts'
import type { SecretBackend } from '../secrets.ts'
import { noticeOf } from './attention.ts'
import { lockData } from './data-lock.ts'
import { openLogFile } from './log-file.ts'
import { mayOpen } from './open-outside.ts'
import { type PageServer, refusal, servePage } from './page.ts'
import { defaultDataDir, placesBeside } from './places.ts'
import { hidingFrom, systemSecrets } from './secret-backends.ts'
import { readSettingsFile } from './settings-file.ts'
import { placeWindow, readWindowState, SMALLEST, writeWindowState } from './window-state.ts'

/**
 * The desk as a desktop application: a window that shows the page from app://desk and relays its messages to
 * the core. Whatever the page is not meant to do (navigate, open windows, ask permissions, reach the network)
 * is denied here, for every page there may ever be.
 */

const PAGE = 'app://desk/'
/** A clean end must fit in 5 s; what isn't closed by then is rolled back at the next start. */
const CLOSE_MS = 4_500

// --- before the program is ready: what can't be changed later

app.setName('Workbin')
app.enableSandbox()
protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true } },
])

const { values: given } = parseArgs({
  // Chromium's own switches stand beside ours.
  args: process.argv.slice(app.isPackaged ? 1 : 2),
  strict: false,
  options: { data: { type: 'string' }, settings: { type: 'string' } },
})
const dataDir = resolve(typeof given.data === 'string' ? given.data : defaultDataDir())
// Electron allows one instance for each of these folders, which makes it one for each data folder.
app.setPath('userData', join(dataDir, 'electron'))

let window: BrowserWindow | null = null

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', () => {
    if (!window) return
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
  })
  app.whenReady().then(open).catch(fail)
} else app.quit()

/** Says in one sentence why the desk can't open, and ends. */
function fail(error: unknown): void {
  const known = error instanceof CoreError
  const message = known ? error.message : `Workbin could not start: ${String(error)}`
  process.stderr.write(`${message}\n`)
  dialog.showErrorBox('Workbin can’t open', message)
  app.exit(known && error.code === 'locked' ? 3 : 1)
}

function open(): void {
  const places = placesBeside(import.meta.url)
  const settingsFile = typeof given.settings === 'string' ? readSettingsFile(resolve(given.settings)) : null
  const unlock = lockData(dataDir)
  const { close: closeLog, hide, log } = openLogFile(join(dataDir, 'logs'))

  // The page loads while the core starts; what it asks waits.
  const core = secretBackend().then((backend) =>
    startCore({
      dataDir,
      host: 'electron',
      version: places.version,
      coreWorker: places.coreWorker,
      parseWorker: places.parseWorker,
      apiWorker: places.apiWorker,
      apiPort: null,
      resourcesDir: places.resourcesDir,
      secrets: hidingFrom(hide, backend),
      openLink: async (url) => {
        if (mayOpen(url)) await shell.openExternal(url)
      },
      log,
      ...(settingsFile === null ? {} : { settingsFile }),
    }),
  )
  core.catch(fail)

  guardSession(log)
  servePages(
    servePage({ rendererDir: places.rendererDir, tmpDir: join(dataDir, 'tmp'), files: filesOf(core), log }),
  )
  app.on('web-contents-created', (_event, contents) => guardContents(contents))
  const line = relay(core)
  Menu.setApplicationMenu(Menu.buildFromTemplate(menu()))

  window = openWindow(places.preload)
  app.on('activate', () => (window ??= openWindow(places.preload)))
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })

  void core.then((started) => {
    started.onAttention((attention) => {
      app.setBadgeCount(attention.unread)
      const notice = noticeOf(attention, window?.isFocused() ?? false)
      if (notice) notify(notice.title, notice.body, () => line.show(notice.thread))
    })
    started.onCrash(() => fail(new CoreError('internal', 'Workbin’s core stopped. Start Workbin again.')))
  })

  // The windows are closed by then, so that the page could save what was being typed.
  let closing = false
  app.on('will-quit', (event) => {
    event.preventDefault()
    if (closing) return
    closing = true
    log('info', 'Closing')
    setTimeout(() => app.exit(0), CLOSE_MS).unref()
    void core
      .then((started) => started.close())
      .catch((error: unknown) => log('error', 'Closing failed', { error: String(error) }))
      .then(() => {
        unlock()
        closeLog()
        app.exit(0)
      })
  })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => app.quit())
}

// --- the page

function servePages(server: PageServer): void {
  // electron-vite's dev server, for hot reload; a packaged desk never asks another one.
  const devPage = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL
  protocol.handle('app', async (request) => {
    const url = new URL(request.url)
    if (url.host !== 'desk') return refusal('not-found', 'There is nothing at this address.')
    if (devPage && !/^\/(attachments|messages|remote-images|drafts|uploads)(\/|$)/.test(url.pathname))
      return await fetch(new URL(url.pathname + url.search, devPage))
    return server.page(request) ?? (await server.bytes(request))
  })
}

/** The core's files before there is a core. */
function filesOf(core: Promise<HostedCore>): CoreFiles {
  return {
    attachment: async (id) => (await core).files.attachment(id),
    rawMail: async (id) => (await core).files.rawMail(id),
    remoteImage: async (id, url) => (await core).files.remoteImage(id, url),
    attach: async (...args) => (await core).files.attach(...args),
    upload: async (file, name) => (await core).files.upload(file, name),
  }
}

function openWindow(preload: string): BrowserWindow {
  const stateFile = join(dataDir, 'window.json')
  const state = readWindowState(stateFile)
  const main = screen.getPrimaryDisplay()
  const others = screen.getAllDisplays().filter(({ id }) => id !== main.id)
  const opened = new BrowserWindow({
    ...placeWindow(
      state,
      [main, ...others].map(({ workArea }) => workArea),
    ),
    minWidth: SMALLEST.width,
    minHeight: SMALLEST.height,
    title: 'Workbin',
    show: false,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      safeDialogs: true,
      spellcheck: true,
      devTools: !app.isPackaged,
    },
  })
  if (state?.maximized) opened.maximize()
  opened.once('ready-to-show', () => opened.show())

  const keep = () =>
    writeWindowState(stateFile, { bounds: opened.getNormalBounds(), maximized: opened.isMaximized() })
  let waiting: ReturnType<typeof setTimeout> | undefined
  const keepSoon = () => {
    clearTimeout(waiting)
    waiting = setTimeout(keep, 500)
  }
  opened.on('resize', keepSoon)
  opened.on('move', keepSoon)
  opened.on('close', () => {
    clearTimeout(waiting)
    keep()
  })
  opened.on('closed', () => (window = null))

  const crashes: number[] = []
  opened.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || opened.isDestroyed()) return
    crashes.push(Date.now())
    // A page that dies as it starts would otherwise be started for ever.
    if (crashes.filter((at) => at > Date.now() - 60_000).length > 3)
      return fail(new CoreError('internal', 'The page of the desk keeps stopping. Start Workbin again.'))
    opened.webContents.reload()
  })
  void opened.loadURL(PAGE)
  return opened
}

/** Joins the window's page to the core: one line for each page that was loaded, the page before it cut off. */
function relay(core: Promise<HostedCore>): { show(thread: ThreadId | null): void } {
  let current: {
    readonly page: string
    readonly port: Promise<ReturnType<HostedCore['connectPage']>>
  } | null = null

  ipcMain.on('workbin', (event: IpcMainEvent, page: unknown, message: unknown) => {
    if (!fromOwnPage(event) || typeof page !== 'string') return
    if (current?.page !== page) {
      void current?.port.then((port) => port.close())
      const contents = event.sender
      const port = core.then((started) => started.connectPage())
      current = { page, port }
      port.then(
        (line) =>
          line.onMessage((answer) => {
            if (!contents.isDestroyed()) contents.send('workbin', page, answer)
          }),
        () => undefined,
      )
    }
    // Promises call back in the order of these lines, so messages keep theirs.
    current.port.then(
      (line) => line.post(message),
      () => undefined,
    )
  })

  return {
    show(thread) {
      window?.show()
      window?.focus()
      if (thread !== null && current) window?.webContents.send('workbin', current.page, { open: { thread } })
    },
  }
}

/** Only the main frame of our own page may speak with the core. */
function fromOwnPage(event: IpcMainEvent): boolean {
  const frame = event.senderFrame
  if (frame?.parent !== null || event.sender !== window?.webContents) return false
  return isOwn(frame.url)
}

function isOwn(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { host, protocol } = new URL(url)
  return protocol === 'app:' && host === 'desk'
}

// --- what no page may do

function guardSession(log: (level: 'warn', message: string, detail: Record<string, unknown>) => void): void {
  const { defaultSession } = session
  defaultSession.setPermissionRequestHandler((_contents, permission, answer) => {
    log('warn', 'A permission was denied', { permission })
    answer(false)
  })
  defaultSession.setPermissionCheckHandler(() => false)
  defaultSession.setDevicePermissionHandler(() => false)
  // The page has no business on the network: what a mail names is fetched by the core, when the agent asks.
  const devPage = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL
  defaultSession.webRequest.onBeforeRequest(({ url }, answer) => {
    const inside = /^(app|blob|data|devtools|chrome-extension|about):/.test(url)
    const dev = devPage !== undefined && new URL(url).host === new URL(devPage).host
    answer({ cancel: !inside && !dev })
  })
  defaultSession.on('will-download', (event, item) => {
    if (!/^(app|blob):/.test(item.getURL())) event.preventDefault()
  })
}

function guardContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-navigate', (event) => event.preventDefault())
  contents.on('will-redirect', (event) => event.preventDefault())
  contents.on('will-frame-navigate', (event) => {
    // The mail's own frame is made by the page, from a string.
    if (event.url !== 'about:srcdoc' && event.url !== 'about:blank') event.preventDefault()
  })
  contents.on('will-attach-webview', (event) => event.preventDefault())
  contents.on('context-menu', (_event, params) => {
    const items = contextMenu(contents, params)
    if (items.length > 0) Menu.buildFromTemplate(items).popup()
  })
}

// --- menus and the system

function menu(): MenuItemConstructorOptions[] {
  const view: MenuItemConstructorOptions[] = [
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    { type: 'separator' },
    { role: 'togglefullscreen' },
  ]
  const developer: MenuItemConstructorOptions[] = [
    { type: 'separator' },
    { role: 'reload' },
    { role: 'toggleDevTools' },
  ]
  return [
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' } as const] : []),
    { role: 'fileMenu' },
    { role: 'editMenu' },
    { label: 'View', submenu: app.isPackaged ? view : [...view, ...developer] },
    { role: 'windowMenu' },
  ]
}

function contextMenu(contents: WebContents, params: ContextMenuParams): MenuItemConstructorOptions[] {
  const { dictionarySuggestions, editFlags, isEditable, misspelledWord, selectionText } = params
  if (!isEditable) return selectionText.trim() ? [{ role: 'copy' }] : []
  const suggestions = dictionarySuggestions.map((word): MenuItemConstructorOptions => ({
    label: word,
    click: () => contents.replaceMisspelling(word),
  }))
  const learn: MenuItemConstructorOptions[] = [
    {
      label: 'Add to dictionary',
      click: () => void contents.session.addWordToSpellCheckerDictionary(misspelledWord),
    },
    { type: 'separator' },
  ]
  return [
    ...suggestions,
    ...(misspelledWord ? learn : []),
    { role: 'undo', enabled: editFlags.canUndo },
    { role: 'redo', enabled: editFlags.canRedo },
    { type: 'separator' },
    { role: 'cut', enabled: editFlags.canCut },
    { role: 'copy', enabled: editFlags.canCopy },
    { role: 'paste', enabled: editFlags.canPaste },
    { role: 'pasteAndMatchStyle', enabled: editFlags.canPaste },
    { role: 'selectAll', enabled: editFlags.canSelectAll },
  ]
}

/** Notifications that are not held are collected as garbage, and their clicks with them. */
const shown = new Set<Notification>()

function notify(title: string, body: string, onClick: () => void): void {
  if (!Notification.isSupported()) return
  const notification = new Notification({ title, body })
  shown.add(notification)
  notification.on('click', onClick)
  notification.on('close', () => shown.delete(notification))
  notification.show()
}

/** Electron's safe storage where the system backs it, else what the browser host would use. */
async function secretBackend(): Promise<SecretBackend> {
  const weak =
    process.platform === 'linux' &&
    ['basic_text', 'unknown'].includes(safeStorage.getSelectedStorageBackend())
  if (weak || !(await safeStorage.isAsyncEncryptionAvailable())) return await systemSecrets()
  return {
    kind: 'safe-storage',
    wrap: async (plain) => (await safeStorage.encryptStringAsync(plain)).toString('base64'),
    unwrap: async (wrapped) => (await safeStorage.decryptStringAsync(Buffer.from(wrapped, 'base64'))).result,
  }
}
