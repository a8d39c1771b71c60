import { join } from 'node:path'
import { openAsBlob } from 'node:fs'
import type { Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import { startServe } from '../support/serve.ts'
import { asMbox, type Corpus } from './corpus.ts'
import { type Figure, milliseconds, percentile } from './figures.ts'

/**
 * An import runs while an agent works: moves through the list, opens threads, searches as it types. Measured are the
 * longest wait of the core for a trivial question, the longest gap between two frames of the page, and the time from
 * a key press in the search box to the painted result.
 */
export async function benchStalls(corpus: Corpus, work: string): Promise<readonly Figure[]> {
  const mbox = join(work, 'corpus.mbox')
  asMbox(corpus, mbox)
  const desk = await startServe({ data: join(work, 'stalls') })
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.goto(desk.ui)
    const { core, close } = await desk.connect()
    await page.getByRole('button', { name: /Import mail/ }).waitFor()
    const id = await upload(page, mbox)
    await core.startImport({ uploads: [id], queue_id: null })
    await page.getByRole('option').first().waitFor()

    let answering = true
    const waits: number[] = []
    const asking = (async () => {
      while (answering) {
        const asked = performance.now()
        await core.dispositions({})
        waits.push(performance.now() - asked)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    await watchFrames(page)
    const strokes: number[] = []
    const running = async () => (await core.overview({})).jobs.some(({ state }) => state === 'running')
    for (let round = 0; await running(); round++) {
      for (let i = 0; i < 5; i++) await page.keyboard.press('j')
      await page.keyboard.press('Enter')
      strokes.push(...(await searchStrokes(page, ['the', 'mail', 'list'][round % 3] ?? 'the')))
    }
    answering = false
    await asking
    const frames = await longestFrame(page)
    const calm: number[] = []
    for (const word of ['order', 'the', 'linux', 'spam', 're', 'question'])
      calm.push(...(await searchStrokes(page, word)))
    close()
    return [
      {
        what: 'longest wait of the core while an import runs and an agent works',
        desk: milliseconds(Math.max(...waits)),
        peer: `p99 ${milliseconds(percentile(waits, 99))}`,
        aim: '< 100 ms',
        met: Math.max(...waits) < 100,
      },
      {
        what: 'longest gap between frames of the page meanwhile',
        desk: milliseconds(frames),
        peer: '',
        aim: '< 100 ms',
        met: frames < 100,
      },
      {
        what: 'key press to painted result with nothing else under way',
        desk: `p50 ${milliseconds(percentile(calm, 50))}, p95 ${milliseconds(percentile(calm, 95))}`,
        peer: '',
        aim: '< 50 ms',
        met: percentile(calm, 95) < 50,
      },
      {
        what: 'key press to painted result meanwhile',
        desk: `p50 ${milliseconds(percentile(strokes, 50))}, p95 ${milliseconds(percentile(strokes, 95))}`,
        peer: '',
        aim: '< 50 ms',
        met: percentile(strokes, 95) < 50,
      },
    ]
  } finally {
    await browser.close()
    await desk.stop()
  }
}

async function upload(page: Page, file: string): Promise<string> {
  const blob = await openAsBlob(file)
  const { origin } = new URL(page.url())
  const cookies = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
  const answer = await fetch(`${origin}/uploads?name=corpus.mbox`, {
    method: 'POST',
    headers: { cookie: cookies, origin },
    body: blob,
  })
  const body: unknown = await answer.json()
  if (typeof body === 'object' && body !== null && 'id' in body) return String(body.id)
  throw new Error(`The upload answered ${answer.status}`)
}

async function watchFrames(page: Page): Promise<void> {
  await page.evaluate(() => {
    let last = performance.now()
    Object.assign(window, { longestFrame: 0 })
    const frame = (): void => {
      const now = performance.now()
      const longest = Number(Reflect.get(window, 'longestFrame'))
      Object.assign(window, { longestFrame: Math.max(longest, now - last) })
      last = now
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
}

async function longestFrame(page: Page): Promise<number> {
  return await page.evaluate(() => Number(Reflect.get(window, 'longestFrame')))
}

/** Types a word into the search box; for each letter the time until the list shows its answer. */
async function searchStrokes(page: Page, word: string): Promise<number[]> {
  const box = page.getByLabel('Search mail')
  await box.fill('')
  const times: number[] = []
  for (let i = 1; i <= word.length; i++) {
    const stroke = await box.evaluate(
      (input, text) =>
        new Promise<number>((resolve) => {
          const list = document.querySelector('[role=listbox]')?.parentElement
          const started = performance.now()
          const done = (): void => {
            watch.disconnect()
            requestAnimationFrame(() => resolve(performance.now() - started))
          }
          const watch = new MutationObserver(done)
          watch.observe(list ?? document.body, { childList: true, subtree: true, characterData: true })
          setTimeout(done, 1000)
          if (input instanceof HTMLInputElement) {
            input.value = text
            input.dispatchEvent(new Event('input', { bubbles: true }))
          }
        }),
      word.slice(0, i),
    )
    times.push(stroke)
  }
  await page.keyboard.press('Escape')
  return times
}
