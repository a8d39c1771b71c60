import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { launchChromium } from '../support/chromium.ts'
import { startServe } from '../support/serve.ts'
import type { Corpus } from './corpus.ts'
import { type Figure, median, milliseconds } from './figures.ts'
import { run } from './processes.ts'

const cli = resolve(import.meta.dirname, '../../out/main/cli.js')

/** From the start of the process to the first row of the first list painted, in a browser that is open already. */
export async function benchStart(corpus: Corpus, work: string, runs: number): Promise<readonly Figure[]> {
  const data = join(work, 'start')
  rmSync(data, { recursive: true, force: true })
  await run(process.execPath, [cli, 'import', corpus.folder, '--data', data])
  const browser = await launchChromium()
  try {
    const times: number[] = []
    for (let i = 0; i <= runs; i++) {
      const started = performance.now()
      const desk = await startServe({ data })
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
      const page = await context.newPage()
      await page.goto(desk.ui)
      await page.getByRole('option').first().waitFor()
      // The first is the warm-up: the disk's cache, Chromium's own start.
      if (i > 0) times.push(performance.now() - started)
      await context.close()
      await desk.stop()
    }
    return [
      {
        what: 'cold start of serve to the first list painted',
        desk: milliseconds(median(times)),
        peer: '',
        aim: '< 1500 ms',
        met: median(times) < 1500,
      },
    ]
  } finally {
    await browser.close()
  }
}
