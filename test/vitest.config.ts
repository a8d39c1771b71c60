import { resolve } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

const root = resolve(import.meta.dirname, '..')

/**
 * Every test of the desk. Forks, not threads: native SQLite, core workers and signals behave there as in the
 * real process. Only the page's components get a DOM; everything else runs on plain Node.
 */
export default defineConfig({
  root,
  test: {
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      {
        root,
        test: { name: 'main', include: ['test/main/**/*.test.ts'], testTimeout: 20_000, hookTimeout: 30_000 },
      },
      {
        root,
        plugins: [svelte({ configFile: resolve(root, 'src-renderer/svelte.config.js') })],
        // Without it Svelte resolves to its server build, which can't mount.
        resolve: { conditions: ['browser'] },
        test: {
          name: 'renderer',
          include: ['test/renderer/**/*.test.ts', 'test/renderer/**/*.svelte.test.ts'],
          environment: 'jsdom',
          testTimeout: 20_000,
        },
      },
      {
        root,
        test: {
          name: 'hosts',
          include: ['test/hosts/**/*.test.ts'],
          globalSetup: 'test/support/build.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        root,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/support/build.ts',
          // Each starts servers and a Chromium; two at once on two cores make both slow and neither clearer.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
