import { registerHooks } from 'node:module'
import { isMainThread } from 'node:worker_threads'

/** Loaded with --import before the built main process: its `electron` is the stand-in, everything else is real. */
if (isMainThread)
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== 'electron') return next(specifier, context)
      return { url: new URL('./electron.ts', import.meta.url).href, shortCircuit: true }
    },
  })
