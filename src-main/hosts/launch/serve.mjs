// npm run serve: the desk in the browser; what it prints is said in the settings contract.
import { launch, runBuilt } from './prepare.mjs'

await launch(() => runBuilt('browser', process.argv.slice(2)))
