import type { Job, Uuid } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { type SendBytes, sendBytes, type Upload, uploadAnswer, withQuery } from './upload.ts'

/** Most files that one import takes. */
export const MOST_FILES = 10_000

/** Files on their way to an import, then the import itself. */
export class ImportDesk {
  readonly #desk: Desk
  readonly #sendBytes: SendBytes
  #files = $state.raw<readonly File[]>([])
  #sent = $state(0)
  #sentBytes = $state(0)
  #phase = $state<'choose' | 'sending' | 'running'>('choose')
  #jobId = $state<Uuid | null>(null)
  #started = $state.raw<Job | null>(null)
  #problem = $state<string | null>(null)
  #upload: Upload<unknown> | null = null
  /** The upload that the agent stopped, so that its end is no failure. */
  #stopped: Upload<unknown> | null = null

  constructor(desk: Desk, options: { sendBytes?: SendBytes } = {}) {
    this.#desk = desk
    this.#sendBytes = options.sendBytes ?? sendBytes
    // One that runs already is shown again.
    const running = desk.overview?.jobs.find(({ kind, state }) => kind === 'import' && state === 'running')
    if (running) {
      this.#jobId = running.id
      this.#started = running
      this.#phase = 'running'
    }
  }

  get files(): readonly File[] {
    return this.#files
  }
  get size(): number {
    return this.#files.reduce((sum, file) => sum + file.size, 0)
  }
  get phase(): 'choose' | 'sending' | 'running' {
    return this.#phase
  }
  get problem(): string | null {
    return this.#problem
  }
  /** Files handed over; bytes of all. */
  get sent(): { readonly files: number; readonly bytes: number } {
    return { files: this.#sent, bytes: this.#sentBytes }
  }
  /** The import as the core tells it. */
  readonly job: Job | null = $derived.by(
    () => this.#desk.overview?.jobs.find(({ id }) => id === this.#jobId) ?? this.#started,
  )

  choose(files: readonly File[]): void {
    this.#problem = null
    // Files that systems leave behind in folders, and Dovecot's own books.
    const wanted = files.filter(
      ({ name }) => !/^(?:\.DS_Store|Thumbs\.db|desktop\.ini|dovecot.*|subscriptions)$/u.test(name),
    )
    if (wanted.length === 0) this.#problem = t('import.none')
    else if (wanted.length > MOST_FILES) this.#problem = t('import.tooMany')
    else this.#files = wanted
  }

  /** Hands the chosen files to the core, then imports them. */
  async start(queueId: Uuid | null): Promise<void> {
    this.#phase = 'sending'
    this.#problem = null
    this.#sent = 0
    this.#sentBytes = 0
    const uploads: Uuid[] = []
    let before = 0
    for (const file of this.#files) {
      const name = file.webkitRelativePath || file.name
      const upload = this.#sendBytes(withQuery('uploads', { name }), file, uploadAnswer, (sent) => {
        this.#sentBytes = before + sent
      })
      this.#upload = upload
      try {
        uploads.push((await upload.done).id)
      } catch (error) {
        this.#phase = 'choose'
        if (this.#stopped !== upload)
          this.#problem = t('import.fileFailed', { name, problem: describe(error) })
        return
      }
      before += file.size
      this.#sentBytes = before
      this.#sent++
    }
    this.#upload = null
    try {
      this.#started = await this.#desk.core.startImport({ uploads, queue_id: queueId })
      this.#jobId = this.#started.id
      this.#phase = 'running'
    } catch (error) {
      this.#phase = 'choose'
      this.#problem = describe(error)
    }
  }

  /** Stops the upload or the import; what was stored stays. */
  async stop(): Promise<void> {
    if (this.#phase === 'sending') {
      this.#stopped = this.#upload
      this.#upload?.cancel()
    } else if (this.#jobId !== null) await this.#desk.run(this.#desk.core.stopJob({ job_id: this.#jobId }))
  }

  /** From the report back to choosing. */
  async again(): Promise<void> {
    await this.dismiss()
    this.#files = []
    this.#jobId = null
    this.#started = null
    this.#phase = 'choose'
  }

  /** Takes a finished import off the desk's list of jobs. */
  async dismiss(): Promise<void> {
    const { job } = this
    if (!job || job.state === 'running' || job.state === 'stopping') return
    await this.#desk.run(this.#desk.core.dismissJob({ job_id: job.id }))
  }
}
