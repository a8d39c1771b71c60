import { resolve } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'electron-vite'

const here = import.meta.dirname

/** Three builds into out/: the main process and its workers, the preload (CommonJS, as the sandbox demands), the page. */
export default defineConfig({
  main: {
    build: {
      externalizeDeps: true,
      rolldownOptions: {
        // Entries keep their names: hosts start the workers by file name, beside themselves.
        input: {
          electron: resolve(here, 'src-main/hosts/electron.ts'),
          browser: resolve(here, 'src-main/hosts/browser.ts'),
          cli: resolve(here, 'src-main/hosts/cli.ts'),
          'core-worker': resolve(here, 'src-main/core/worker.ts'),
          'api-worker': resolve(here, 'src-main/api/worker.ts'),
          'parse-worker': resolve(here, 'src-main/intake/parse-worker.ts'),
        },
        output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      externalizeDeps: true,
      rolldownOptions: {
        input: { preload: resolve(here, 'src-main/hosts/preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: resolve(here, 'src-renderer'),
    base: './',
    plugins: [
      svelte({ configFile: resolve(here, 'src-renderer/svelte.config.js') }),
      {
        // Hot reload speaks over a WebSocket to Vite's own address, which the built page may not.
        name: 'hot-reload-policy',
        apply: 'serve',
        transformIndexHtml: (html: string) =>
          html.replace("connect-src 'self'", "connect-src 'self' ws://localhost:* ws://127.0.0.1:*"),
      },
    ],
    build: {
      outDir: resolve(here, 'out/renderer'),
      minify: true,
      rolldownOptions: { input: resolve(here, 'src-renderer/index.html') },
    },
  },
})
