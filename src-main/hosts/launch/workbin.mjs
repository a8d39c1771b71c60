// npm run workbin: work on a data folder without a desk.
import { launch, runBuilt } from './prepare.mjs'

await launch(() => runBuilt('cli', process.argv.slice(2)))
