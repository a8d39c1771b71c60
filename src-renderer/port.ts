import { z } from 'zod'
import type { Core } from '../src-main/contract/core.ts'
import type { ThreadId } from '../src-main/contract/domain.ts'
import { connect, type Port } from '../src-main/contract/rpc.ts'

// Schemas must not be compiled with `new Function`: the page's policy forbids it and would report each try.
z.config({ jitless: true })

/** refused: a Workbin answers, but the page's token is of an earlier start. */
export type LineState = 'connecting' | 'online' | 'offline' | 'refused'

/** The page's line to the core. */
export interface Line {
  readonly core: Core
  readonly state: LineState
  /** Calls back on every change of `state`; each `online` after the first means that changes were missed. */
  onState(listener: (state: LineState) => void): () => void
  /** Calls back when the host asks to show a thread, e.g. after a click on a notification. */
  onOpen(listener: (thread: ThreadId) => void): () => void
  close(): void
}

/** What the host itself may say beside the core's answers. */
const openSchema = z.strictObject({ open: z.strictObject({ thread: z.string().min(1).max(64) }) })

/** What the preload script puts on `window`; nothing else of the host is seen here. */
export interface PreloadPipe {
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
}

declare global {
  interface Window {
    readonly workbin?: PreloadPipe
  }
}

/** The host's pipe where the preload put one, else the WebSocket of the page's own origin. */
export function openLine(page: Window): Line {
  return page.workbin ? overPipe(page.workbin) : overSocket(page)
}

function overPipe(pipe: PreloadPipe): Line {
  const openers = new Set<(thread: ThreadId) => void>()
  pipe.onMessage((message) => {
    const asked = openSchema.safeParse(message)
    if (asked.success) for (const open of openers) open(asked.data.open.thread)
  })
  return {
    core: connect(pipe).core,
    state: 'online',
    onState: () => () => {},
    onOpen(listener) {
      openers.add(listener)
      return () => openers.delete(listener)
    },
    close() {},
  }
}

const firstWait = 250
const longestWait = 5_000

/**
 * Reconnects by itself, first after 250 ms, then ever later up to 5 s, at once when the browser says it is
 * online again. What is asked while the line is down fails with `closed`.
 */
function overSocket(page: Window): Line {
  const listeners = new Set<(state: LineState) => void>()
  const incoming: ((message: unknown) => void)[] = []
  let state: LineState = 'connecting'
  let socket: WebSocket | null = null
  let unsent: string[] = []
  let wait = firstWait
  let timer: ReturnType<typeof setTimeout> | undefined
  let closed = false

  const port: Port = {
    post(message) {
      const data = JSON.stringify(message)
      if (socket?.readyState === WebSocket.OPEN) socket.send(data)
      else if (state === 'connecting' && socket) unsent.push(data)
      else queueMicrotask(() => connection.cut())
    },
    onMessage(listener) {
      incoming.push(listener)
    },
  }
  const connection = connect(port)

  function become(next: LineState) {
    if (state === next) return
    state = next
    for (const listener of listeners) listener(next)
  }

  function open() {
    clearTimeout(timer)
    const url = new URL('rpc', page.location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    url.hash = ''
    // A subprotocol is the only header that a page may set on a WebSocket; a query would end up in logs.
    let opened = false
    const opening = new WebSocket(url, ['workbin', page.location.hash.slice(1)].filter(Boolean))
    socket = opening
    opening.onopen = () => {
      opened = true
      wait = firstWait
      for (const data of unsent) opening.send(data)
      unsent = []
      become('online')
    }
    opening.onmessage = (event: MessageEvent<unknown>) => {
      if (typeof event.data !== 'string') return
      const message: unknown = JSON.parse(event.data)
      for (const listener of incoming) listener(message)
    }
    opening.onclose = () => {
      if (socket !== opening || closed) return
      socket = null
      unsent = []
      if (opened || state !== 'refused') become('offline')
      connection.cut()
      if (!opened) void askWhy()
      timer = setTimeout(open, wait)
      wait = Math.min(wait * 2, longestWait)
    }
  }

  /** A browser doesn't tell a refused handshake from a dead server; the page itself is open to read. */
  async function askWhy() {
    const answer = await fetch(page.location.pathname, { method: 'HEAD', cache: 'no-store' }).catch(
      () => null,
    )
    if (socket || closed) return
    become(answer?.ok ? 'refused' : 'offline')
  }

  const retryNow = () => {
    if (!closed && !socket) open()
  }
  page.addEventListener('online', retryNow)
  open()

  return {
    core: connection.core,
    get state() {
      return state
    },
    onState(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    // A browser's page has no notifications of its own to be clicked.
    onOpen: () => () => {},
    close() {
      closed = true
      clearTimeout(timer)
      page.removeEventListener('online', retryNow)
      socket?.close()
      connection.cut()
    },
  }
}
