import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Changes, Core } from '../contract/core.ts'
import { NO_CHANGES } from '../contract/core.ts'
import type { AccountState, Overview } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { createIntake } from '../intake/intake.ts'
import { importMail } from '../intake/import-mail.ts'
import { createParserPool } from '../intake/mail-parser-pool.ts'
import { createOutbox } from '../outbox/outbox.ts'
import { openSecrets } from '../secrets.ts'
import { openBlobs } from '../store/blobs.ts'
import { openSqliteStore } from '../store/sqlite/open-store.ts'
import { createAccounts } from './accounts.ts'
import { createApis } from './apis.ts'
import { attentionFor } from './attention.ts'
import { writeBackup } from './backup-file.ts'
import { createCompose } from './compose.ts'
import { createFiles } from './files.ts'
import { forward } from './forward.ts'
import type { Attention, Clock, CoreFiles, CoreOptions, OwnerCommands } from './host-services.ts'
import { createJobs, type JobRun } from './jobs.ts'
import { checkDesk, exportTo } from './owner.ts'
import { createRemotes } from './remotes.ts'
import { addStarters, fillSample } from './sample.ts'
import { watchStore } from './store-health.ts'
import { ensureQueue, mergeSettingsFile, storedSettings } from './stored-settings.ts'
import { namedAsChosen } from './uploaded-names.ts'

/** One open data folder with everything that works on it. Leaving the sample closes one and opens another. */
export interface Desk {
  readonly core: Omit<Core, 'onChanges' | 'leaveSample'>
  readonly files: CoreFiles
  readonly owner: OwnerCommands
  /** Where the APIs listen; null while they don't. */
  apiUrl(): string | null
  isSample(): Promise<boolean>
  attention(): Promise<Attention>
  close(): Promise<void>
}

/** How long after a request of the page somebody is taken to be there, ms. */
const SOMEBODY_ASKS = 3_000
/** What a batch of mail may take of the core's time, ms: with somebody there, and alone. */
const PATIENCE_ASKED = 30
const PATIENCE_ALONE = 90

/** Files and folders of a desk that leaving the sample removes; logs and the lock stay. */
export const DESK_FILES = [
  'workbin.db',
  'workbin.db-wal',
  'workbin.db-shm',
  'blobs',
  'tmp',
  'secrets.json',
  'sample-sent',
]

export async function openDesk(
  options: CoreOptions & { readonly clock: Clock },
  publish: (changes: Partial<Changes>) => void,
): Promise<Desk> {
  const { dataDir, clock, log } = options
  const now = () => clock.now()
  await mkdir(dataDir, { recursive: true })
  // Uploads are gone as soon as their answer is; what a crash left is nobody's.
  await rm(join(dataDir, 'tmp'), { recursive: true, force: true })
  await mkdir(join(dataDir, 'tmp'), { recursive: true })

  const secrets = await openSecrets(dataDir, options.secrets)
  const blobs = openBlobs(join(dataDir, 'blobs'))
  const health = watchStore(openSqliteStore({ file: join(dataDir, 'workbin.db'), now }), clock, () =>
    publish({ accounts: true }),
  )
  const { store } = health
  const settings = storedSettings(store, secrets)

  const brandNew = (await store.setting('agent')) === null
  if (options.settingsFile) await mergeSettingsFile(options.settingsFile, store, secrets)
  if ((await store.setting('agent')) === null) await settings.saveAgent(await settings.agent())
  if ((await store.queues()).length === 0) await ensureQueue(store, 'Inbox')
  if (brandNew) await addStarters(store, options.resourcesDir)

  const pool = createParserPool({ worker: options.parseWorker, blobsDir: blobs.folder })
  // While somebody asks, mail is filed in small steps; with nobody there, in the large ones that cost less.
  let lastAsked = Number.NEGATIVE_INFINITY
  const intake = createIntake({
    store,
    pool,
    now,
    log,
    patience: () => (now() - lastAsked < SOMEBODY_ASKS ? PATIENCE_ASKED : PATIENCE_ALONE),
  })
  const accounts = createAccounts({
    store,
    settings,
    secrets,
    intake,
    dataDir,
    clock,
    log,
    remoteSink: (id) => remotes.sink(id),
    onOnline: (id) => outbox.online(id),
    onState: () => publish({ accounts: true }),
  })
  const outbox = createOutbox({
    store,
    blobs,
    sinkFor: (id) => accounts.sink(id),
    sourceFor: (id) => accounts.source(id),
    agent: () => settings.agent(),
    clock,
    log,
  })
  const remotes = createRemotes({
    store,
    blobs,
    settings,
    secrets,
    clock,
    log,
    onOnline: (accountId) => outbox.online(accountId),
    onChange: () => publish({ remotes: true }),
  })
  const apis = createApis({
    store,
    settings,
    secrets,
    blobs,
    dataDir,
    worker: options.apiWorker,
    port: options.apiPort,
    // Who names a port or brings settings for the APIs wants to know at once that they can't be served.
    mustListen: options.apiPort !== null || options.settingsFile?.api !== undefined,
    clock,
    log,
    onChange: () => publish({ apis: true }),
  })
  const jobs = createJobs(now, () => publish({ jobs: true }))
  const { files, uploads } = createFiles(store, blobs, clock)
  const compose = createCompose({ store, blobs, settings, clock, outbox })
  const attention = attentionFor(store, settings)
  // What is here already is no news; what arrives from now on is, also in the first second.
  await attention()

  const stopChanges = store.onChanges((changes) => {
    publish(changes)
    if (options.atRest) return
    if (changes.outbox) outbox.wake()
    if (changes.remotes) remotes.wake()
  })
  if (!options.atRest) {
    await outbox.recover()
    await accounts.start()
    await remotes.start()
    await apis.start()
  }

  const agent = async () => (await settings.agent()).id

  async function overview(): Promise<Overview> {
    const me = await settings.agent()
    const counts = await store.counts(me.id)
    const states: readonly AccountState[] = await accounts.states()
    const sample = await settings.isSample()
    return {
      version: options.version,
      agent: me,
      first_run:
        !sample &&
        states.length === 0 &&
        jobs.list().length === 0 &&
        // First what costs least: on a desk at work the rest, which asks for secrets, is never looked at.
        (await store.empty()) &&
        (await settings.api()).enabled !== true &&
        (await remotes.calls.remotes({})).length === 0,
      sample,
      queues: counts.queues,
      workbins: [
        { workbin: 'in-progress', ...counts.inProgress },
        { workbin: 'drafts', ...counts.drafts },
        { workbin: 'review', ...counts.review },
      ],
      done: counts.done,
      all: counts.all,
      outbox: counts.outbox,
      held_back: counts.heldBack,
      accounts: states,
      jobs: jobs.list(),
      host: options.host,
      secrets_warning: secrets.warning,
      store_problem: health.problem(),
    }
  }

  async function runImport(
    paths: readonly string[],
    queueId: string | null,
    accountId: string | null,
    run: JobRun,
  ): Promise<void> {
    const me = await settings.agent()
    const own = new Set([me.email, ...(await settings.accounts()).map(({ address }) => address)].map(lower))
    await importMail({
      intake,
      paths,
      queueId,
      accountId,
      isOwn: (address) => own.has(lower(address)),
      signal: run.signal,
      now,
      onProgress: (progress) => run.report(progress),
    })
  }

  async function renameInAccounts(from: string, to: string): Promise<void> {
    const all = await settings.accounts()
    await settings.saveAccounts(all.map((a) => (a.queue === from ? { ...a, queue: to } : a)))
    await remotes.renameQueue(from, to)
  }

  const core: Desk['core'] = {
    overview,
    async listPage({ view, order, after, limit }) {
      return await store.listPage({ view, order, after: after ?? null, limit, agent: await agent() })
    },
    async search({ query, after, limit }) {
      return await store.search({ query, after: after ?? null, limit, agent: await agent() })
    },
    thread: async ({ thread_id }) => await store.thread(thread_id, await agent()),
    messageBody: ({ interaction_id }) => store.body(interaction_id),
    history: ({ interaction_id }) => store.history(interaction_id),

    accept: async ({ threads }) => await store.accept(threads, await agent()),
    release: async ({ threads }) => await store.release(threads, await agent()),
    moveToQueue: async ({ threads, queue_id }) => await store.moveToQueue(threads, queue_id, await agent()),
    moveToWorkbin: async ({ threads, workbin }) => await store.moveToWorkbin(threads, workbin, await agent()),
    markDone: async ({ threads, disposition_id }) =>
      await store.markDone(threads, disposition_id, await agent()),
    setRead: async ({ threads, read }) => await store.setRead(threads, read, await agent()),
    async undo({ undo_id }) {
      await store.undo(undo_id, await agent())
      return null
    },
    setUserData: async ({ interaction_id, set, remove }) =>
      await store.setUserData(interaction_id, set, remove, await agent()),

    ...apis.calls,
    ...remotes.calls,
    ...compose,
    draft: ({ draft_id }) => store.draft(draft_id),
    saveDraft: ({ draft_id, revision, patch }) => store.saveDraft(draft_id, revision, patch),
    removeDraftAttachment: ({ draft_id, attachment_id }) =>
      store.removeDraftAttachment(draft_id, attachment_id),
    discardDraft: async ({ draft_id }) => await store.discardDraft(draft_id, await agent()),
    undoSend: ({ outbox_id }) => store.undoSend(outbox_id),
    delivery: ({ outbox_id }) => store.delivery(outbox_id),
    async retrySend({ outbox_id }) {
      await store.sendAgain(outbox_id, now())
      return null
    },
    async resolveUnknown({ outbox_id, answer }) {
      if (answer === 'send-again') await store.sendAgain(outbox_id, now())
      else {
        const { recipients } = await store.owed(outbox_id)
        await store.resolveSend(outbox_id, {
          state: 'accepted',
          recipients: recipients.map(({ address }) => ({
            address,
            state: 'accepted',
            reply: 'Marked as sent by an agent.',
          })),
          problem: null,
        })
        outbox.wake()
      }
      return null
    },
    takeBack: ({ outbox_id }) => store.takeBack(outbox_id),

    responses: () => store.responses(),
    response: ({ id }) => store.response(id),
    searchResponses: async ({ text }) => ({ ids: await store.searchResponses(text) }),
    saveResponse: (input) => store.saveResponse(input),
    deleteResponse: async ({ id }) => await store.deleteResponse(id, await agent()),
    saveResponseCategory: (input) => store.saveResponseCategory(input),
    async deleteResponseCategory({ id }) {
      await store.deleteResponseCategory(id)
      return null
    },

    completeContacts: ({ text, limit }) => store.completeContacts(text, limit),
    contact: ({ contact_id }) => store.contact(contact_id),
    contactHistory: ({ contact_id, after, limit }) => store.contactHistory(contact_id, after ?? null, limit),
    async saveContact(input) {
      await store.saveContact(input)
      return null
    },

    settings: () => settings.forPage(),
    async saveAgent(input) {
      await settings.saveAgent(input)
      await accounts.tellOwnAddresses()
      return null
    },
    async saveAccount(input) {
      await accounts.save(input)
      return null
    },
    async removeAccount({ account_id }) {
      await accounts.remove(account_id)
      return null
    },
    testAccount: (input) => accounts.test(input),
    async saveQueue({ id, name }) {
      const before = (await store.queues()).find((queue) => queue.id === id)
      const queue = await store.saveQueue(id, name)
      if (before) await renameInAccounts(before.name, queue.name)
      return queue
    },
    async deleteQueue({ id, move_to }) {
      const queues = await store.queues()
      await store.deleteQueue(id, move_to)
      const from = queues.find((queue) => queue.id === id)
      const to = queues.find((queue) => queue.id === move_to)
      if (from && to) await renameInAccounts(from.name, to.name)
      return null
    },
    dispositions: () => store.dispositions(),
    saveDisposition: ({ id, name }) => store.saveDisposition(id, name),
    async deleteDisposition({ id }) {
      await store.deleteDisposition(id)
      return null
    },
    async setUndoSendSeconds({ seconds }) {
      await store.saveSetting('undoSendSeconds', seconds)
      return null
    },
    async savePreferences(preferences) {
      await store.saveSetting('preferences', preferences)
      return null
    },

    async syncNow({ account_id }) {
      accounts.source(account_id)?.lookNow()
      return await accounts.state(account_id)
    },
    async stopSync({ account_id }) {
      accounts.source(account_id)?.pauseHistory()
      return await accounts.state(account_id)
    },
    async resumeSync({ account_id }) {
      accounts.source(account_id)?.resumeHistory()
      return await accounts.state(account_id)
    },

    async startImport({ uploads: ids, queue_id }) {
      const chosen = ids.map((id) => {
        const upload = uploads.get(id)
        if (!upload)
          throw new CoreError('not-found', 'A file of this import is gone. Choose the files again.')
        return upload
      })
      const label =
        chosen.length === 1 ? (chosen[0]?.name ?? '') : `${chosen[0]?.name ?? ''} + ${chosen.length - 1}`
      return jobs.start('import', label, async (run) => {
        try {
          await runImport(
            chosen.map((upload) => upload.file),
            queue_id,
            null,
            { signal: run.signal, report: (progress) => run.report(namedAsChosen(progress, chosen)) },
          )
        } finally {
          for (const id of ids) uploads.delete(id)
          for (const upload of chosen) await rm(upload.file, { force: true })
        }
      })
    },
    async stopJob({ job_id }) {
      jobs.stop(job_id)
      return null
    },
    async dismissJob({ job_id }) {
      jobs.dismiss(job_id)
      return null
    },
    async openSample() {
      if (!(await store.empty()) || (await settings.accounts()).length > 0)
        throw new CoreError(
          'sample',
          'The sample desk opens only on an empty desk, so that its mail never mixes with yours.',
        )
      return jobs.start('sample', 'Sample desk', async (run) => {
        await fillSample({
          store,
          settings,
          intake,
          resourcesDir: options.resourcesDir,
          now: now(),
          run,
        })
        await accounts.restart()
        publish({ everything: true })
      })
    },
    async openLink({ url }) {
      const target = URL.parse(url)
      if (!target || !['http:', 'https:', 'mailto:'].includes(target.protocol))
        throw new CoreError('invalid', 'Only web and mail addresses can be opened.')
      if (!options.openLink) throw new CoreError('invalid', 'This host opens links in the browser itself.')
      await options.openLink(target.href)
      return null
    },
  }

  return {
    core: forward(
      () => core,
      core,
      (call) => {
        lastAsked = now()
        return call()
      },
    ),
    files,
    owner: {
      async importPaths(paths, { queue, account, onProgress }) {
        const queueId = queue === null ? null : await ensureQueue(store, queue)
        const job = jobs.start('import', paths.join(', '), async (run) => {
          await runImport(paths, queueId, account, {
            signal: run.signal,
            report(progress) {
              run.report(progress)
              onProgress(jobs.get(job.id))
            },
          })
        })
        return await jobs.ended(job.id)
      },
      exportTo: (folder) => exportTo(folder, store, blobs, settings),
      check: () => checkDesk(store, blobs),
      async backupTo(file) {
        const copy = join(dataDir, 'tmp', `backup-${randomUUID()}.db`)
        try {
          await store.backupTo(copy)
          const [{ interactions }, inUse] = [await store.check(), await store.blobsInUse()]
          return await writeBackup(file, { database: copy, interactions, blobs, inUse })
        } finally {
          await rm(copy, { force: true })
        }
      },
    },
    apiUrl: () => apis.url(),
    isSample: () => settings.isSample(),
    attention,
    async close() {
      await apis.close()
      await jobs.close()
      await remotes.close()
      await accounts.close()
      await outbox.close()
      await intake.close()
      await pool.close()
      stopChanges()
      health.stop()
      await store.close()
      publish(NO_CHANGES)
    },
  }
}

function lower(address: string): string {
  return address.toLowerCase()
}
