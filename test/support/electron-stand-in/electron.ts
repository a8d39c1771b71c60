import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  type BrowserContext,
  chromium,
  type Frame,
  type Page,
  type Request as PageRequest,
} from 'playwright-core'
import { pageScript } from './page-script.ts'
import type { Answer, Command, Record as Recorded, WindowRecord } from './record.ts'

/**
 * A stand-in for the `electron` module: the main process under test runs in this Node process, its window is a
 * page of a real Chromium. app:// files are really served (Chromium sees http://desk.localhost, which it takes for
 * secure as it does app://), the built preload really runs in the page and really carries its messages. Whatever
 * is passed is recorded; what Electron would refuse is refused.
 */

const record: Recorded = {
  appName: null,
  sandboxed: false,
  singleInstance: false,
  paths: {},
  schemes: [],
  handled: [],
  windows: [],
  menu: null,
  permissions: { request: false, check: false, device: false, network: false },
  notifications: [],
  badge: null,
  opened: [],
  errors: [],
  denied: [],
  events: [],
}

// --- Chromium, started when Electron would be ready

let context: BrowserContext | null = null
let origin = ''

async function startChromium(): Promise<void> {
  const server = createServer((request, response) => {
    void serveScheme(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The stand-in has no port')
  origin = `http://desk.localhost:${address.port}`
  context = await chromium.launchPersistentContext(process.env.STAND_IN_PROFILE ?? '', {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update'],
      // The test drives the same page beside us.
      `--remote-debugging-port=${process.env.STAND_IN_DEBUG_PORT ?? '0'}`,
    ],
    viewport: null,
    acceptDownloads: true,
  })
  await context.exposeBinding('__electron_send', ({ frame, page }, text: string) =>
    fromPage(page, frame, text),
  )
  await context.route('**/*', async (route, request) => {
    const page = pageOf(request)
    if (page && request.isNavigationRequest() && !mayNavigate(page, request))
      return await route.abort('aborted')
    if (!asksNetwork(request.url())) return await route.abort('blockedbyclient')
    await route.continue()
  })
  await context.routeWebSocket(/.*/, async (socket) => {
    if (asksNetwork(socket.url())) socket.connectToServer()
    else await socket.close()
  })
}

/** The URL that the main process knows, for one that Chromium knows. */
function asApp(url: string): string {
  if (url === origin) return 'app://desk'
  if (url.startsWith(`${origin}/`)) return `app://desk${url.slice(origin.length)}`
  return url.startsWith(`blob:${origin}`) ? `blob:app://desk${url.slice(`blob:${origin}`.length)}` : url
}

function asHttp(url: string): string {
  return url.startsWith('app://desk') ? `${origin}${url.slice('app://desk'.length)}` : url
}

async function serveScheme(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const handler = handlers.get('app')
  if (!handler || `http://${message.headers.host ?? ''}` !== origin) {
    response.writeHead(404).end()
    return
  }
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headers))
    if (typeof value === 'string' && name !== 'host') headers.set(name, asApp(value))
  const method = message.method ?? 'GET'
  const body = method === 'GET' || method === 'HEAD' ? null : Readable.toWeb(message)
  const request = new Request(`app://desk${message.url ?? '/'}`, {
    method,
    headers,
    body,
    duplex: 'half',
  } as RequestInit)
  const answer = await handler(request)
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body)
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) response.write(piece)
  response.end()
}

function asksNetwork(url: string): boolean {
  if (!session.defaultSession.onRequest) return true
  const answers: boolean[] = []
  session.defaultSession.onRequest({ url: asApp(url) }, ({ cancel }) => answers.push(cancel ?? false))
  if (!answers.includes(true)) return true
  record.denied.push(`network ${url}`)
  return false
}

// --- app

const ready = Promise.withResolvers<void>()

class App extends EventEmitter {
  readonly isPackaged = false
  #quitting = false

  setName(name: string): void {
    record.appName = name
  }
  enableSandbox(): void {
    early('app.enableSandbox')
    record.sandboxed = true
  }
  setPath(name: string, path: string): void {
    record.paths[name] = path
  }
  requestSingleInstanceLock(): boolean {
    if (!record.paths.userData)
      throw new Error('Set userData before asking for the lock: it names the instance')
    record.singleInstance = true
    return process.env.STAND_IN_SECOND !== '1'
  }
  whenReady(): Promise<void> {
    return ready.promise
  }
  setBadgeCount(count: number): boolean {
    record.badge = count
    return true
  }
  quit(): void {
    void this.#quit()
  }
  async #quit(): Promise<void> {
    if (this.#quitting) return
    this.#quitting = true
    record.events.push('quit asked')
    const before = new Cancellable()
    this.emit('before-quit', before)
    if (before.defaultPrevented) return void (this.#quitting = false)
    for (const window of [...windows]) await window.leave()
    const will = new Cancellable()
    this.emit('will-quit', will)
    if (!will.defaultPrevented) this.exit(0)
  }
  exit(code = 0): void {
    record.events.push(`exit ${code}`)
    const leave = () => process.exit(code)
    setTimeout(leave, 3_000).unref()
    if (context) context.close().then(leave, leave)
    else leave()
  }
  get quitting(): boolean {
    return this.#quitting
  }
}

class Cancellable {
  defaultPrevented = false
  preventDefault(): void {
    this.defaultPrevented = true
  }
}

export const app = new App()
let isReady = false

/** Calls that Electron takes only before it is ready. */
function early(what: string): void {
  if (isReady) throw new Error(`${what} must come before app is ready`)
}

function late(what: string): void {
  if (!isReady) throw new Error(`${what} can't be used before app is ready`)
}

// --- protocol

const handlers = new Map<string, (request: Request) => Promise<Response> | Response>()

export const protocol = {
  registerSchemesAsPrivileged(schemes: unknown[]): void {
    early('protocol.registerSchemesAsPrivileged')
    record.schemes.push(...schemes)
  },
  handle(scheme: string, handler: (request: Request) => Promise<Response> | Response): void {
    late('protocol.handle')
    if (handlers.has(scheme)) throw new Error(`${scheme} is handled already`)
    handlers.set(scheme, handler)
    record.handled.push(scheme)
  },
}

// --- windows

interface FrameStandIn {
  readonly url: string
  readonly parent: FrameStandIn | null
}

class WebContents extends EventEmitter {
  readonly window: BrowserWindow
  openHandler: ((details: { url: string }) => { action: string }) | null = null
  readonly session = {
    addWordToSpellCheckerDictionary: () => true,
  }

  constructor(window: BrowserWindow) {
    super()
    this.window = window
    app.emit('web-contents-created', {}, this)
  }
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.openHandler = handler
  }
  send(channel: string, ...args: unknown[]): void {
    // Electron throws where a message can't be cloned.
    structuredClone(args)
    this.window.deliver(channel, args)
  }
  isDestroyed(): boolean {
    return this.window.isDestroyed()
  }
  reload(): void {
    this.window.reload()
  }
  replaceMisspelling(): void {}
  get mainFrame(): FrameStandIn {
    return { url: asApp(this.window.page?.url() ?? ''), parent: null }
  }
}

const windows = new Set<BrowserWindow>()
/** Options of a window that Electron knows and the desk uses; another one is a typing error or a surprise. */
const knownOptions = new Set(
  [
    'x',
    'y',
    'width',
    'height',
    'minWidth',
    'minHeight',
    'title',
    'show',
    'webPreferences',
    'backgroundColor',
  ].concat(['icon', 'autoHideMenuBar']),
)

interface WindowOptions {
  readonly width: number
  readonly height: number
  readonly x: number
  readonly y: number
  readonly show?: boolean
  readonly webPreferences: { readonly preload: string }
}

export class BrowserWindow extends EventEmitter {
  readonly webContents: WebContents
  page: Page | null = null
  readonly #record: WindowRecord
  readonly #options: WindowOptions
  #bounds: { x: number; y: number; width: number; height: number }
  #destroyed = false
  /** The navigation that the main process itself asked for. */
  #loading: string | null = null
  /** Messages go one after the other, as the pipe carries them. */
  #delivering: Promise<void> = Promise.resolve()

  constructor(options: WindowOptions) {
    super()
    late('BrowserWindow')
    for (const key of Object.keys(options))
      if (!knownOptions.has(key)) throw new Error(`BrowserWindow takes no ${key}`)
    this.#options = options
    const { height, width, x, y } = options
    this.#bounds = { height, width, x, y }
    this.#record = {
      options,
      loaded: [],
      visible: options.show !== false,
      maximized: false,
      focused: false,
      reloads: 0,
    }
    record.windows.push(this.#record)
    windows.add(this)
    this.webContents = new WebContents(this)
  }

  async loadURL(url: string): Promise<void> {
    this.#record.loaded.push(url)
    await this.#open(url)
  }

  async #open(url: string): Promise<void> {
    if (!context) throw new Error('Chromium is not there')
    const [first] = context.pages()
    const page =
      first && windows.size === 1 && first.url() === 'about:blank' ? first : await context.newPage()
    this.page = page
    const preload = readFileSync(this.#options.webPreferences.preload, 'utf8')
    await page.addInitScript(pageScript(preload))
    await page.setViewportSize({ width: this.#bounds.width, height: this.#bounds.height })
    page.on('popup', (popup) => {
      const url = popup.url()
      const answer = this.webContents.openHandler?.({ url }) ?? { action: 'allow' }
      if (answer.action !== 'deny') return
      record.denied.push('window.open')
      void popup.close().catch(() => undefined)
    })
    page.on('download', (download) => {
      const event = new Cancellable()
      session.defaultSession.emit('will-download', event, { getURL: () => asApp(download.url()) })
      if (!event.defaultPrevented) return
      record.denied.push(`download ${download.url()}`)
      void download.cancel()
    })
    page.on('crash', () => this.crashed())
    page.on('close', () => {
      if (this.page === page) this.#gone()
    })
    page.once('load', () => this.emit('ready-to-show'))
    this.#loading = asHttp(url)
    await page.goto(asHttp(url)).catch((error: unknown) => {
      if (!this.#destroyed) process.stderr.write(`stand-in: ${String(error)}\n`)
    })
    this.#loading = null
  }

  /** Whether a navigation of the page goes ahead: our own, a reload, or one that nobody prevented. */
  mayNavigate(request: PageRequest): boolean {
    const url = request.url()
    const frame = request.frame()
    const main = frame === this.page?.mainFrame()
    if (main && (url === this.#loading || withoutHash(url) === withoutHash(frame.url()))) return true
    const event = Object.assign(new Cancellable(), { url: asApp(url), isMainFrame: main })
    this.webContents.emit('will-frame-navigate', event)
    if (main && !event.defaultPrevented) this.webContents.emit('will-navigate', event)
    if (event.defaultPrevented) record.denied.push(`navigate ${asApp(url)}`)
    return !event.defaultPrevented
  }

  deliver(channel: string, args: unknown[]): void {
    const { page } = this
    this.#delivering = this.#delivering.then(async () => {
      await page
        ?.evaluate(
          ([channel, args]) => {
            const deliver: unknown = Reflect.get(window, Symbol.for('electron-stand-in'))
            if (typeof deliver === 'function') Reflect.apply(deliver, null, [channel, args])
          },
          [channel, args] as const,
        )
        // A page that is just being left takes nothing any more.
        .catch(() => undefined)
    })
  }

  reload(): void {
    this.#record.reloads++
    const { page } = this
    // A crashed page of Chromium's can't be used again: the window gets a new one.
    this.page = null
    void this.#open('app://desk/').then(() => page?.close().catch(() => undefined))
  }

  crashed(): void {
    this.webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 1 })
  }

  /** As a click on the window's cross, or as Electron closes windows when it quits. */
  async leave(): Promise<void> {
    if (this.#destroyed) return
    const event = new Cancellable()
    this.emit('close', event)
    if (event.defaultPrevented) return
    const { page } = this
    if (page) {
      await page.close({ runBeforeUnload: false }).catch(() => undefined)
    }
    this.#gone()
  }

  #gone(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    windows.delete(this)
    this.emit('closed')
    record.events.push('window closed')
    if (windows.size > 0 || app.quitting) return
    if (app.listenerCount('window-all-closed') === 0) app.quit()
    else app.emit('window-all-closed')
  }

  isDestroyed(): boolean {
    return this.#destroyed
  }
  isMinimized(): boolean {
    return false
  }
  isMaximized(): boolean {
    return this.#record.maximized
  }
  isFocused(): boolean {
    return this.#record.focused
  }
  setFocused(focused: boolean): void {
    this.#record.focused = focused
  }
  restore(): void {}
  maximize(): void {
    this.#record.maximized = true
  }
  show(): void {
    this.#record.visible = true
  }
  focus(): void {
    this.#record.focused = true
    record.events.push('window focused')
  }
  getNormalBounds(): { x: number; y: number; width: number; height: number } {
    return this.#bounds
  }
  resize(bounds: { x: number; y: number; width: number; height: number }): void {
    this.#bounds = bounds
    this.emit('resize')
  }
}

function withoutHash(url: string): string {
  return url.replace(/#.*$/, '')
}

function windowOf(page: Page | null): BrowserWindow | null {
  return [...windows].find((window) => window.page === page) ?? null
}

/** Null where the request has no page (yet), as a popup's first. */
function pageOf(request: PageRequest): Page | null {
  try {
    return request.frame().page()
  } catch {
    return null
  }
}

function mayNavigate(page: Page, request: PageRequest): boolean {
  // A page that no window has is a popup: it goes nowhere.
  return windowOf(page)?.mayNavigate(request) ?? false
}

// --- messages

class IpcMain extends EventEmitter {}
export const ipcMain = new IpcMain()

function fromPage(page: Page, frame: Frame, text: string): void {
  const window = windowOf(page)
  if (!window) return
  const [channel, args] = JSON.parse(text) as [string, unknown[]]
  ipcMain.emit(channel, { sender: window.webContents, senderFrame: standInFor(frame) }, ...args)
}

function standInFor(frame: Frame): FrameStandIn {
  const parent = frame.parentFrame()
  return { url: asApp(frame.url()), parent: parent && standInFor(parent) }
}

// --- session

type Permission = (contents: unknown, permission: string, answer: (granted: boolean) => void) => void

class Session extends EventEmitter {
  onRequest: ((details: { url: string }, answer: (response: { cancel?: boolean }) => void) => void) | null =
    null
  onPermission: Permission | null = null
  onCheck: ((contents: unknown, permission: string, origin: string) => boolean) | null = null
  onDevice: ((details: unknown) => boolean) | null = null

  setPermissionRequestHandler(handler: Permission): void {
    record.permissions.request = true
    this.onPermission = handler
  }
  setPermissionCheckHandler(
    handler: (contents: unknown, permission: string, origin: string) => boolean,
  ): void {
    record.permissions.check = true
    this.onCheck = handler
  }
  setDevicePermissionHandler(handler: (details: unknown) => boolean): void {
    record.permissions.device = true
    this.onDevice = handler
  }
  readonly webRequest = {
    onBeforeRequest: (listener: NonNullable<Session['onRequest']>): void => {
      record.permissions.network = true
      this.onRequest = listener
    },
  }
}

export const session = { defaultSession: new Session() }

// --- menus, notifications, screen, shell, dialog, secrets

const roles = new Set(
  ['appMenu', 'fileMenu', 'editMenu', 'viewMenu', 'windowMenu', 'help', 'reload', 'toggleDevTools'].concat(
    ['resetZoom', 'zoomIn', 'zoomOut', 'togglefullscreen', 'undo', 'redo', 'cut', 'copy', 'paste'],
    ['pasteAndMatchStyle', 'selectAll', 'quit', 'close', 'minimize', 'about'],
  ),
)

interface MenuItem {
  readonly role?: string
  readonly submenu?: readonly MenuItem[]
}

export class Menu {
  readonly items: readonly MenuItem[]
  constructor(items: readonly MenuItem[]) {
    this.items = items
  }
  static buildFromTemplate(items: readonly MenuItem[]): Menu {
    for (const { role, submenu } of items) {
      if (role !== undefined && !roles.has(role)) throw new Error(`There is no role ${role}`)
      if (submenu) Menu.buildFromTemplate(submenu)
    }
    return new Menu(items)
  }
  static setApplicationMenu(menu: Menu): void {
    record.menu = menu.items
  }
  popup(): void {}
}

const shown: Notification[] = []

export class Notification extends EventEmitter {
  readonly title: string
  readonly body: string
  constructor({ body, title }: { title: string; body: string }) {
    super()
    this.title = title
    this.body = body
  }
  static isSupported(): boolean {
    return true
  }
  show(): void {
    shown.push(this)
    record.notifications.push({ title: this.title, body: this.body })
  }
}

const display = { id: 1, workArea: { x: 0, y: 0, width: 1600, height: 1000 } }
export const screen = {
  getPrimaryDisplay: () => (late('screen'), display),
  getAllDisplays: () => (late('screen'), [display]),
}

export const shell = {
  openExternal: async (url: string): Promise<void> => void record.opened.push(url),
}

export const dialog = {
  showErrorBox: (title: string, message: string): void => void record.errors.push({ title, message }),
}

const key = Buffer.alloc(32, 9)
const nonce = Buffer.alloc(16, 9)
export const safeStorage = {
  getSelectedStorageBackend: () => (isReady ? 'gnome_libsecret' : 'unknown'),
  isAsyncEncryptionAvailable: async () => (late('safeStorage'), true),
  async encryptStringAsync(plain: string): Promise<Buffer> {
    const cipher = createCipheriv('aes-256-ctr', key, nonce)
    return Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  },
  async decryptStringAsync(sealed: Buffer): Promise<{ result: string; shouldReEncrypt: boolean }> {
    const decipher = createDecipheriv('aes-256-ctr', key, nonce)
    return {
      result: Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8'),
      shouldReEncrypt: false,
    }
  },
}

// --- what tests ask

function perform(command: Command): unknown {
  const [window] = windows
  switch (command.do) {
    case 'record':
      return JSON.parse(JSON.stringify(record))
    case 'quit':
      return app.quit()
    case 'close-window':
      return window?.leave()
    case 'second-instance':
      return app.emit('second-instance', {}, [], '')
    case 'click-notification':
      return shown[command.at]?.emit('click')
    case 'focus':
      return window?.setFocused(command.focused)
    case 'ask-permission': {
      const { onCheck, onDevice, onPermission } = session.defaultSession
      let granted: boolean | null = null
      onPermission?.(window?.webContents, command.permission, (answer) => (granted = answer))
      return [granted, onCheck?.(window?.webContents, command.permission, 'app://desk'), onDevice?.({})]
    }
    case 'resize':
      return window?.resize(command.bounds)
    case 'crash':
      return window?.crashed()
    case 'send-ipc': {
      const { inFrame, otherWindow, url } = command.from
      const parent = { url: 'app://desk/', parent: null }
      const sender = otherWindow ? { send: () => undefined, isDestroyed: () => false } : window?.webContents
      return ipcMain.emit(
        'workbin',
        { sender, senderFrame: { url, parent: inFrame ? parent : null } },
        ...command.args,
      )
    }
  }
}

process.on('message', (message: { id: number; command: Command }) => {
  const answer = (answer: Answer) => process.send?.(answer)
  Promise.resolve()
    .then(() => perform(message.command))
    .then(
      (value) => answer({ id: message.id, value: value === undefined ? null : value }),
      (error: unknown) => answer({ id: message.id, error: String(error) }),
    )
})

// A test that was killed must not leave a desk and a Chromium behind.
process.on('disconnect', () => app.exit(1))

void startChromiumUnlessSecond()

async function startChromiumUnlessSecond(): Promise<void> {
  if (process.env.STAND_IN_SECOND === '1') return
  try {
    await startChromium()
    isReady = true
    ready.resolve()
    app.emit('ready')
    process.send?.({ started: true })
  } catch (error) {
    process.stderr.write(`stand-in: ${String(error)}\n`)
    process.exit(70)
  }
}
