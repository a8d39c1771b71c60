import type { TextKey } from '../texts/texts.ts'

/** A text about field codes; none of them has holes. */
export type CodeText = Extract<TextKey, `code.${string}`>

/** Field codes that are offered while writing a response, each with what it may turn into. */
export const offeredCodes: readonly {
  readonly code: string
  readonly label: CodeText
  readonly group: CodeText
  readonly sample: string
}[] = [
  { code: '<$Contact.FirstName$>', label: 'code.contact.first', group: 'code.contact', sample: 'Ann' },
  { code: '<$Contact.LastName$>', label: 'code.contact.last', group: 'code.contact', sample: 'Lee' },
  { code: '<$Contact.FullName$>', label: 'code.contact.full', group: 'code.contact', sample: 'Ann Lee' },
  { code: '<$Contact.Title$>', label: 'code.contact.title', group: 'code.contact', sample: 'Dr.' },
  {
    code: '<$Contact.PrimaryEmailAddress$>',
    label: 'code.contact.address',
    group: 'code.contact',
    sample: 'ann.lee@example.com',
  },
  {
    code: '<$Contact.PrimaryPhoneNumber$>',
    label: 'code.contact.phone',
    group: 'code.contact',
    sample: '+44 20 7946 0018',
  },
  {
    code: '<$Interaction.Subject$>',
    label: 'code.interaction.subject',
    group: 'code.interaction',
    sample: 'My order',
  },
  {
    code: '<$Interaction.Id$>',
    label: 'code.interaction.id',
    group: 'code.interaction',
    sample: '0aB3dE5fG7hJ9kL1',
  },
  {
    code: '<$Date(Interaction.DateCreated)$>',
    label: 'code.interaction.date',
    group: 'code.interaction',
    sample: new Intl.DateTimeFormat(undefined, { dateStyle: 'long' }).format(Date.UTC(2026, 4, 3)),
  },
  {
    code: '<$Interaction.AttachedData("plan")$>',
    label: 'code.interaction.data',
    group: 'code.interaction',
    sample: 'Gold',
  },
  { code: '<$Agent.FirstName$>', label: 'code.agent.first', group: 'code.agent', sample: 'Ada' },
  { code: '<$Agent.FullName$>', label: 'code.agent.full', group: 'code.agent', sample: 'Ada Moss' },
  {
    code: '<$Agent.Signature$>',
    label: 'code.agent.signature',
    group: 'code.agent',
    sample: 'Ada Moss, Support',
  },
  {
    code: '<$Date()$>',
    label: 'code.today',
    group: 'code.agent',
    sample: new Intl.DateTimeFormat(undefined, { dateStyle: 'long' }).format(Date.now()),
  },
]

/** `template` with the offered codes as they might read; every other code stays. `escape` for HTML. */
export function withSamples(template: string, escape: (text: string) => string): string {
  return template.replace(
    /(?:<|&lt;)\$((?:(?!(?:<|&lt;)\$)[^])*?)\$(?:>|&gt;)/gu,
    (code: string, inner: string) => {
      const plain = normal(inner)
      const known = offeredCodes.find((offered) => normal(offered.code.slice(2, -2)) === plain)
      return known ? escape(known.sample) : code
    },
  )
}

function normal(code: string): string {
  return (
    code
      // What stands after the bar is said where the value is empty.
      .replace(/\|.*$/su, '')
      .replace(/&(?:quot|#34);/gu, '"')
      .replace(/\s+/gu, '')
      .toLowerCase()
  )
}
