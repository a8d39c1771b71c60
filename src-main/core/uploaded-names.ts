import type { Job } from '../contract/domain.ts'
import type { Upload } from './files.ts'

/** Progress of an import with the names of the files as they were chosen, not where they waited meanwhile. */
export function namedAsChosen<Report extends Partial<Job>>(
  report: Report,
  uploads: readonly Upload[],
): Report {
  const nameOf = (told: string): string => {
    const upload = uploads.find(({ file }) => told.startsWith(file))
    return upload ? upload.name + told.slice(upload.file.length) : told
  }
  const { held_back_reasons: heldBack, not_mail: notMail } = report
  return {
    ...report,
    ...(heldBack && { held_back_reasons: heldBack.map((held) => ({ ...held, what: nameOf(held.what) })) }),
    ...(notMail && { not_mail: notMail.map(nameOf) }),
  }
}
