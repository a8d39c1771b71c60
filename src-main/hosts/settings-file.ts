import { readFileSync } from 'node:fs'
import { CoreError } from '../contract/errors.ts'
import { type SettingsFile, settingsFileSchema } from '../contract/settings.ts'

/** Reads and checks a settings file. Throws `invalid` with one line that names the file and the JSON path. */
export function readSettingsFile(file: string): SettingsFile {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new CoreError('invalid', `The settings file ${file} can’t be read: ${reason(error)}.`, {
      cause: error,
    })
  }
  let content: unknown
  try {
    text = text.replace(/^\uFEFF/, '')
    content = JSON.parse(text)
  } catch {
    throw new CoreError('invalid', `The settings file ${file} is not JSON: ${syntax(text)}.`)
  }
  const parsed = settingsFileSchema.safeParse(content)
  if (parsed.success) return parsed.data
  const fault = firstFault(parsed.error.issues)
  throw new CoreError('invalid', `The settings file ${file} can’t be used: ${fault}.`)
}

interface Issue {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[] | undefined
  readonly errors?: readonly (readonly Issue[])[] | undefined
}

/** The first fault as `accounts[0].imap.port: …`, unknown keys first: they are most often the cause of the rest. */
function firstFault(issues: readonly Issue[]): string {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]
  if (!issue) return 'it is not what a settings file holds'
  if (issue.code === 'unrecognized_keys')
    return `${jsonPath([...issue.path, issue.keys?.[0] ?? ''])}: there is no such setting`
  // A union says only that nothing fitted; the first of its members says what it wanted.
  const inner =
    issue.code === 'invalid_union' ? issue.errors?.find((member) => member.length > 0)?.[0] : undefined
  if (inner) return firstFault([{ ...inner, path: [...issue.path, ...inner.path] }])
  return `${jsonPath(issue.path)}: ${issue.message.replace(/\s+/g, ' ')}`
}

/** `accounts[0].imap.port`; the whole file is `$`. */
function jsonPath(path: readonly PropertyKey[]): string {
  let written = ''
  for (const step of path) {
    if (typeof step === 'number') written += `[${step}]`
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(String(step))) written += `${written && '.'}${String(step)}`
    else written += `[${JSON.stringify(String(step))}]`
  }
  return written || '$'
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EISDIR') return 'it is a folder'
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read'
  return 'it could not be opened'
}

/** Where JSON broke; the parser's own words quote the text, which may be a password. */
function syntax(text: string): string {
  if (text.trim() === '') return 'it is empty'
  const at = faultAt(text)
  if (at >= text.trimEnd().length) return 'it ends too early'
  const before = text.slice(0, at).split('\n')
  return `look at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

/** Index of the first character that no JSON value (RFC 8259) can have there. */
function faultAt(text: string): number {
  const token =
    /\s*(?:[{}[\],:]|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy
  const open: ('{' | '[')[] = []
  // What may come next; `first` is a value or the closing bracket of something empty.
  let next: 'value' | 'first' | 'key' | 'first-key' | 'colon' | 'rest' = 'value'
  for (;;) {
    const from = token.lastIndex
    const start = from + (/\s*/u.exec(text.slice(from))?.[0].length ?? 0)
    const word = token.exec(text)?.[0].trim() ?? ''
    const inObject = open.at(-1) === '{'
    const closes = word === (inObject ? '}' : ']') && open.length > 0
    if (closes && (next === 'rest' || next === (inObject ? 'first-key' : 'first'))) {
      open.pop()
      next = 'rest'
    } else if (next === 'rest') {
      if (word !== ',' || open.length === 0) return start
      next = inObject ? 'key' : 'value'
    } else if (next === 'colon') {
      if (word !== ':') return start
      next = 'value'
    } else if (next === 'key' || next === 'first-key') {
      if (!word.startsWith('"')) return start
      next = 'colon'
    } else if (word === '{' || word === '[') {
      open.push(word)
      next = word === '{' ? 'first-key' : 'first'
    } else if (word === '' || /^[}\],:]/.test(word)) return start
    else next = 'rest'
  }
}
