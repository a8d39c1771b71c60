// npm run bench: the bench on a fresh clone, too. Plain JavaScript for Node 20.
import { fileURLToPath } from 'node:url'
import { ensureBuilt, ensureInstalled, findNode, launch, run } from '../../src-main/hosts/launch/prepare.mjs'

await launch(async () => {
  await ensureInstalled()
  await ensureBuilt()
  const { program, env } = findNode()
  const bench = fileURLToPath(new URL('./bench.ts', import.meta.url))
  return await run(program, [bench, ...process.argv.slice(2)], { env })
})
