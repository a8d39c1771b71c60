import { contextBridge, ipcRenderer } from 'electron'

/** All that the page gets from its host: one line to the core, and nothing of Electron. */

// A reloaded page counts its calls from 1 again; an answer to the page before it must not be taken for its own.
const page = crypto.randomUUID()
const listeners = new Set<(message: unknown) => void>()

ipcRenderer.on('workbin', (_event, to: unknown, message: unknown) => {
  if (to === page) for (const listener of listeners) listener(message)
})

contextBridge.exposeInMainWorld('workbin', {
  post: (message: unknown) => ipcRenderer.send('workbin', page, message),
  onMessage: (listener: (message: unknown) => void) => {
    listeners.add(listener)
  },
})
