import { stat } from 'node:fs/promises'
import type { Instant, Job, Uuid } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Ingested, ParsedMail } from '../store/store.ts'
import type { Intake, RawArrival } from './intake.ts'
import { findMails, type FoundMail, sizeOf } from './mail-files.ts'

/** What an import did, as a job shows it. */
export type ImportReport = Pick<
  Job,
  'found' | 'stored' | 'duplicates' | 'held_back' | 'bytes' | 'bytes_total' | 'held_back_reasons' | 'not_mail'
>

export interface ImportOptions {
  readonly intake: Intake
  /** Files and folders. */
  readonly paths: readonly string[]
  /** Where inbound mail is filed; null: the first queue. */
  readonly queueId: Uuid | null
  readonly accountId: string | null
  /** Mail from an address of ours is outbound. */
  readonly isOwn: (address: string) => boolean
  /** Stops it after what is under way; done again, what is stored already counts as duplicate. */
  readonly signal: AbortSignal
  readonly now: () => Instant
  readonly onProgress: (report: ImportReport) => void
}

const GROUP_MAILS = 100
const GROUP_BYTES = 16 << 20
/** Groups under way: one is filed while the workers take the next ones apart. */
const GROUPS = 3
const MOST_REASONS = 100
const MOST_NOT_MAIL = 1_000
const REPORT_EVERY = 200

/** Takes mail files in. Throws CoreError where a path isn't there or the disk can't be written. */
export async function importMail(options: ImportOptions): Promise<ImportReport> {
  const { intake, paths, signal, onProgress } = options
  await mustExist(paths)
  const heldBack: { what: string; reason: string }[] = []
  const notMail: string[] = []
  const report = {
    found: 0,
    stored: 0,
    duplicates: 0,
    held_back: 0,
    bytes: 0,
    bytes_total: 0,
  }
  const snapshot = (): ImportReport => ({
    ...report,
    held_back_reasons: [...heldBack],
    not_mail: [...notMail],
  })
  let told = 0
  function tell(): void {
    if (performance.now() - told < REPORT_EVERY) return
    told = performance.now()
    onProgress(snapshot())
  }
  const sized = sizeOf(paths, signal)
    .then((total) => (report.bytes_total = total))
    .catch(() => 0) // only the progress bar needs it

  async function takeIn(group: readonly FoundMail[]): Promise<void> {
    const filed = (found: FoundMail, { outcome }: Ingested, mail: ParsedMail): void => {
      report.found++
      report.bytes += found.slice.length
      if (outcome === 'stored') report.stored++
      else if (outcome === 'duplicate') report.duplicates++
      else {
        report.held_back++
        if (heldBack.length < MOST_REASONS) heldBack.push({ what: found.name, reason: mail.held_back ?? '' })
      }
    }
    await intake.takeIn(
      group.map((found) => ({
        ...arrival(found, options),
        told: { filed: (outcome, mail) => filed(found, outcome, mail), unreadable: () => note(found.name) },
      })),
      null,
    )
    tell()
  }

  function note(file: string): void {
    if (notMail.length < MOST_NOT_MAIL) notMail.push(file)
  }

  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  let group: FoundMail[] = []
  let bytes = 0
  async function send(): Promise<void> {
    const work: Promise<void> = takeIn(group)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(work))
    underWay.add(work)
    group = []
    bytes = 0
    if (underWay.size >= GROUPS) await Promise.race(underWay)
  }

  for await (const found of findMails(paths)) {
    if (signal.aborted || failures.length > 0) break
    if (found.kind === 'no-mail') {
      note(found.file)
      continue
    }
    group.push(found)
    bytes += found.slice.length
    if (group.length >= GROUP_MAILS || bytes >= GROUP_BYTES) await send()
  }
  if (group.length > 0 && !signal.aborted && failures.length === 0) await send()
  await Promise.all(underWay)
  await sized
  if (failures.length > 0) throw failures[0]
  const ended = snapshot()
  onProgress(ended)
  return ended
}

function arrival({ slice, seen }: FoundMail, { isOwn, now, queueId, accountId }: ImportOptions): RawArrival {
  return {
    raw: slice,
    direction: (mail) => (mail.from !== null && isOwn(mail.from.address) ? 'out' : 'in'),
    received: (mail) => reached(mail, now()),
    unread: !seen,
    queue_id: queueId,
    came_by: 'import',
    account_id: accountId,
    folder: null,
    location: null,
  }
}

/** When an imported mail reached its owner: the topmost Received, else Date, else now (settings contract, "Fields"). */
function reached(mail: ParsedMail, now: Instant): Instant {
  const reached = mail.received ?? (mail.sent_date === null ? now : Date.parse(mail.sent_date))
  // A clock that ran ahead: a mail that came in the future would stand above all others until then.
  return Math.min(reached, now)
}

async function mustExist(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null)
    if (!found) throw new CoreError('not-found', `There is no file or folder “${path}”.`)
  }
}
