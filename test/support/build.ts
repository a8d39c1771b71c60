import { ensureBuilt } from '../../src-main/hosts/launch/prepare.mjs'

/** Before tests that run the built desk: builds it where it is not of these sources. */
export default async function build(): Promise<void> {
  await ensureBuilt()
}
