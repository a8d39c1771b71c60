import { broken } from './activity-fault.ts'
import { customerInQuery } from './activity-rules.ts'
import { type Asked, Refused } from './api.ts'
import type { ApiContext } from './desk.ts'
import { allowsFile, catchAllService } from './gms-limits.ts'

/** Name of the part that is the file (contract 05, 5.1). */
const FILE = 'file'

/**
 * Keeps one file for 24 h, for one response of this customer (contract 05, 5.1). Answers its altId. Throws `Refused`
 * 400-101, 400-102, 400-112 (no such file is taken), 400-115 (too large).
 */
export async function keepFile(context: ApiContext, asked: Asked, customer: string): Promise<string> {
  customerInQuery(asked.query, [])
  const { maxSize, fileTypes } = catchAllService(context.settings().settings)
  const form = await asked.form({
    maxFiles: 1,
    maxBytes: maxSize,
    countedFields: [],
    allowsName: (name) => allowsFile(fileTypes, name),
    fileField: FILE,
  })
  if (form.faults.includes('file-type'))
    throw broken('400-112', `Files of this type are not taken, only: ${[...fileTypes].join(', ')}.`)
  if (form.faults.includes('too-many-files')) throw broken('400-115', 'One file is uploaded at a time.')
  if (form.faults.includes('too-large')) throw broken('400-115', `The file is larger than ${maxSize} bytes.`)
  const [file] = form.files
  if (!file)
    throw new Refused({ kind: 'malformed', message: `The form has no file in a part called “${FILE}”.` })
  const { name, contentType, size, sha256 } = file
  const { id } = await context.desk.keepUpload(
    { customer, name, content_type: contentType, size, sha256 },
    { file: file.file, sha256 },
    asked.terms(form.payload),
  )
  return id
}
