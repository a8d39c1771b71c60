import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CoreError } from '../contract/errors.ts'
import type { StandardResponse } from '../contract/domain.ts'
import type { Blobs } from '../store/blobs.ts'
import type { ExportedInteraction, Store } from '../store/store.ts'
import type { OwnerCommands } from './host-services.ts'
import type { StoredSettings } from './stored-settings.ts'

const PAGE = 500

/** Everything an owner would take away, as plain files (settings contract, the command line). */
export async function exportTo(
  folder: string,
  store: Store,
  blobs: Blobs,
  settings: StoredSettings,
): Promise<Awaited<ReturnType<OwnerCommands['exportTo']>>> {
  await mkdir(join(folder, 'mail'), { recursive: true })
  await mkdir(join(folder, 'attachments'), { recursive: true })
  if ((await readdir(folder)).some((name) => name === 'interactions.jsonl'))
    throw new CoreError('conflict', `${folder} holds an export already. Choose an empty folder.`)

  let mails = 0
  const attachments = new Set<string>()
  const interactions = await writeLines(
    join(folder, 'interactions.jsonl'),
    allInteractions(store),
    async (line) => {
      const raw = await store.rawMail(line.interaction_id)
      if (raw && blobs.has(raw.sha256)) {
        await copyFile(blobs.path(raw.sha256), join(folder, 'mail', `${line.interaction_id}.eml`))
        mails++
      }
      for (const { sha256 } of line.attachments) {
        if (attachments.has(sha256) || !blobs.has(sha256)) continue
        attachments.add(sha256)
        await copyFile(blobs.path(sha256), join(folder, 'attachments', sha256))
      }
    },
  )
  const contacts = await writeLines(join(folder, 'contacts.jsonl'), await store.exportContacts())
  await writeLines(join(folder, 'outbox.jsonl'), await store.exportOutbox())

  const tree = await store.responses()
  const responses: StandardResponse[] = []
  for (const { id } of tree.responses) responses.push(await store.response(id))
  await writeJson(join(folder, 'responses.json'), { categories: tree.categories, responses })

  const { accounts, ...rest } = await settings.forPage()
  await writeJson(join(folder, 'settings.json'), {
    ...rest,
    accounts: accounts.map(({ has_password: _, ...account }) => account),
    queues: (await store.queues()).map(({ name }) => name),
    dispositions: (await store.dispositions()).map(({ name }) => name),
    api: await settings.api(),
    remotes: await store.setting('remotes'),
  })
  return { interactions, mails, attachments: attachments.size, contacts }
}

async function* allInteractions(store: Store): AsyncGenerator<ExportedInteraction> {
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<Store['exportPage']>> = await store.exportPage(after, PAGE)
    yield* page.interactions
    after = page.next
  } while (after !== null)
}

/** One JSON value a line; answers how many. */
async function writeLines<T>(
  file: string,
  values: Iterable<T> | AsyncIterable<T>,
  each: (value: T) => Promise<void> = async () => undefined,
): Promise<number> {
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 })
  let count = 0
  for await (const value of values) {
    await each(value)
    if (!out.write(`${JSON.stringify(value)}\n`)) await once(out, 'drain')
    count++
  }
  out.end()
  await once(out, 'finish')
  return count
}

async function writeJson(file: string, value: unknown): Promise<void> {
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 })
  out.end(`${JSON.stringify(value, null, 2)}\n`)
  await once(out, 'finish')
}

/** Verifies the database and every blob that a row names. */
export async function checkDesk(
  store: Store,
  blobs: Blobs,
): Promise<Awaited<ReturnType<OwnerCommands['check']>>> {
  const report = await store.check()
  const problems = [...report.problems]
  for (const sha256 of await store.blobsInUse()) {
    const found = blobs.verify(sha256)
    if (found === 'missing') problems.push(`The file of blob ${sha256} is missing.`)
    if (found === 'damaged')
      problems.push(`The file of blob ${sha256} is damaged: its bytes don't match its name.`)
  }
  return { ok: problems.length === 0, interactions: report.interactions, problems }
}
