import { randomUUID } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { MailSink } from './connector.ts'

/** The sample desk's only account. Nothing of it ever touches the network. */
export const SAMPLE_ACCOUNT = 'sample'

/** Keeps every mail that is “sent” as a file in DIR/sample-sent, durable before it says accepted. */
export function createSampleSink(dataDir: string): MailSink {
  return {
    async send({ envelope, mime, dataStarted }) {
      const folder = join(dataDir, 'sample-sent')
      const name = randomUUID()
      await dataStarted()
      try {
        await mkdir(folder, { recursive: true })
        const file = await open(join(folder, `.${name}`), 'wx')
        try {
          await file.writeFile(mime)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(join(folder, `.${name}`), join(folder, `${name}.eml`))
      } catch (error) {
        return {
          kind: 'not-sent',
          problem: `The sample desk could not keep the mail in ${folder}: ${error instanceof Error ? error.message : String(error)}`,
          lasting: false,
        }
      }
      const reply = 'Kept in the sample desk’s own folder; nothing was sent.'
      return {
        kind: 'accepted',
        recipients: envelope.to.map((address) => ({ address, state: 'accepted', reply })),
        reply,
      }
    },
  }
}
