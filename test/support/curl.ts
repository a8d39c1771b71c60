import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What the real curl shows of an answer: a document's sample is proved only by the program that it is written for. */
export async function curl(
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly headers: string; readonly body: unknown }> {
  const { stdout } = await run('curl', ['-sS', '-i', '-w', '\n%{http_code}', ...args], { encoding: 'utf8' })
  // Of several header blocks (100 Continue) the last one is the answer's.
  const [, headers = '', text = '', status = ''] =
    /^(?:HTTP\/1\.1 1\d\d[^\n]*\r\n\r\n)*(.*?)\r\n\r\n(.*)\n(\d{3})$/s.exec(stdout) ?? []
  return { status: Number(status), headers, body: text === '' ? null : JSON.parse(text) }
}
