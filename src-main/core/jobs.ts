import type { Instant, Job, Uuid } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { newUuid } from '../store/ids.ts'

/** Long work with progress that the page shows and can stop. Kept in memory: a restart shows only what is stored. */
export interface Jobs {
  list(): readonly Job[]
  /** Starts `work`; what it reports and how it ends is shown under the job's id. */
  start(kind: Job['kind'], label: string, work: (run: JobRun) => Promise<void>): Job
  get(id: Uuid): Job
  stop(id: Uuid): void
  dismiss(id: Uuid): void
  /** Stops everything and waits for its end. */
  close(): Promise<void>
  /** Resolves with the job as it ended. */
  ended(id: Uuid): Promise<Job>
}

export interface JobRun {
  readonly signal: AbortSignal
  /** What has changed since the last report. */
  report(progress: Partial<Omit<Job, 'id' | 'kind' | 'state'>>): void
}

export function createJobs(now: () => Instant, onChange: (job: Job) => void): Jobs {
  const jobs = new Map<Uuid, { job: Job; stop: AbortController; done: Promise<void> }>()

  function find(id: Uuid) {
    const entry = jobs.get(id)
    if (!entry) throw new CoreError('not-found', 'That job is over.')
    return entry
  }

  return {
    list: () => [...jobs.values()].map(({ job }) => job),
    get: (id) => find(id).job,
    start(kind, label, work) {
      const stop = new AbortController()
      const job: Job = {
        id: newUuid(now()),
        kind,
        state: 'running',
        label,
        found: 0,
        stored: 0,
        duplicates: 0,
        held_back: 0,
        bytes: 0,
        bytes_total: 0,
        held_back_reasons: [],
        not_mail: [],
        problem: null,
        started: now(),
        ended: null,
      }
      const entry = { job, stop, done: Promise.resolve() }
      const update = (change: Partial<Job>) => {
        entry.job = { ...entry.job, ...change }
        onChange(entry.job)
      }
      jobs.set(job.id, entry)
      entry.done = Promise.resolve()
        .then(() => work({ signal: stop.signal, report: update }))
        .then(
          () => update({ state: stop.signal.aborted ? 'stopped' : 'done', ended: now() }),
          (error: unknown) =>
            update({
              state: stop.signal.aborted ? 'stopped' : 'failed',
              ended: now(),
              problem: stop.signal.aborted ? null : error instanceof Error ? error.message : String(error),
            }),
        )
      onChange(job)
      return job
    },
    stop(id) {
      const entry = find(id)
      if (entry.job.state !== 'running') return
      entry.job = { ...entry.job, state: 'stopping' }
      onChange(entry.job)
      entry.stop.abort()
    },
    dismiss(id) {
      const { job } = find(id)
      if (job.ended === null) throw new CoreError('conflict', 'It is still running. Stop it first.')
      jobs.delete(id)
      onChange(job)
    },
    async ended(id) {
      const entry = find(id)
      await entry.done
      return entry.job
    },
    async close() {
      for (const { stop } of jobs.values()) stop.abort()
      await Promise.all([...jobs.values()].map(({ done }) => done))
    },
  }
}
