/**
 * Runs the built preload script in the page, before the page's own scripts, with the part of `electron` that a
 * sandboxed preload has. Values cross as they do through the context bridge: copied, functions wrapped.
 * Returned as text, since it runs in Chromium.
 */
export function pageScript(preload: string): string {
  return `(() => {
    // Electron runs no preload in frames unless it is asked to.
    if (window.top !== window) return
    const send = globalThis.__electron_send
    delete globalThis.__electron_send
    if (location.origin === 'null' || typeof send !== 'function') return
    const listeners = new Map()
    const copied = (value) =>
      typeof value === 'function' ? (...args) => copied(value(...args.map(copied))) :
      value === undefined ? undefined : structuredClone(value)
    const ipcRenderer = {
      send: (channel, ...args) => { send(JSON.stringify([channel, args])) },
      on: (channel, listener) => {
        listeners.set(channel, [...(listeners.get(channel) ?? []), listener])
        return ipcRenderer
      },
    }
    const contextBridge = {
      exposeInMainWorld: (name, api) => {
        const exposed = Object.fromEntries(Object.entries(api).map(([key, value]) => [key, copied(value)]))
        Object.defineProperty(window, name, { value: Object.freeze(exposed), enumerable: true })
      },
    }
    // The main process's side of the pipe; not enumerable, so that no look over the window's names finds it.
    Object.defineProperty(window, Symbol.for('electron-stand-in'), {
      value: (channel, args) => {
        for (const listener of listeners.get(channel) ?? []) listener({ sender: ipcRenderer }, ...args)
      },
    })
    const module = { exports: {} }
    const require = (name) => {
      if (name === 'electron') return { contextBridge, ipcRenderer }
      throw new Error('A sandboxed preload can not load ' + name)
    }
    new Function('require', 'module', 'exports', ${JSON.stringify(preload)})(require, module, module.exports)
  })()`
}
