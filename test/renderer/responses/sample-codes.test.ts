import { expect, it } from 'vitest'
import { withSamples } from '../../../src-renderer/responses/sample-codes.ts'

const same = (text: string) => text

it('known codes read as samples, in any case and spacing, with or without a default', () => {
  expect(
    withSamples('<$Contact.FirstName$> <$ contact.firstname $> &lt;$Contact.LastName | "x"$&gt;', same),
  ).toBe('Ann Ann Lee')
})
it('a code that isn’t known stays and can be seen', () => {
  expect(withSamples('Dear <$Contact.Nickname$>, it costs <$50.', same)).toBe(
    'Dear <$Contact.Nickname$>, it costs <$50.',
  )
})
