import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseMail } from '../../../src-main/intake/parse-mail.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/mail')

describe('every hard mail comes apart as written down beside it', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.eml'))) {
    test(file.slice(0, -4), () => {
      const { mail, attachments } = parseMail(readFileSync(join(FOLDER, file)))
      const { raw: _raw, content_key: _key, ...fields } = mail
      const expected: unknown = JSON.parse(readFileSync(join(FOLDER, file.replace(/eml$/, 'json')), 'utf8'))
      expect(fields).toEqual(expected)
      expect(attachments.map(({ length }) => length)).toEqual(mail.attachments.map(({ size }) => size))
    })
  }
})
