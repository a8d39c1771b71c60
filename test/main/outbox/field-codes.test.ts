import { describe, expect, it } from 'vitest'
import { findCodes, renderTemplate, type FieldContext } from '../../../src-main/outbox/field-codes.ts'

const context: FieldContext = {
  interaction: {
    interaction_id: '0000abcd00000001',
    customer_id: 'c1',
    status: 0,
    entity_type: 0,
    type: 'Inbound',
    media_type: 'email',
    thread_id: '0000abcd00000001',
    creator_app_id: 1,
    allow_children: true,
    start_date: '2026-05-03T10:02:00.000Z',
    timeshift: 120,
    subject: 'Order <12> & more',
    from: { address: 'ann@x.test', personal: 'Ann Lee' },
    to: [{ address: 'support@acme.test' }],
    udata: { plan: 'gold', seats: 5, trial: false, empty: '', tags: ['a', 'b'], nested: { a: 1 } },
  },
  contact: {
    id: 'c1',
    title: '',
    first_name: 'Ann',
    last_name: 'Lee',
    name: 'Ann Lee',
    phone: '+1 555',
    addresses: ['ann@x.test', 'ann@y.test'],
  },
  agent: {
    firstName: 'Ada',
    lastName: 'Moss',
    signature: { text: 'Ada Moss\nSupport', html: '<p>Ada <b>Moss</b></p>' },
  },
  now: Date.UTC(2026, 4, 4, 9, 0),
  language: 'en-GB',
  timeZone: 'UTC',
}
const text = (template: string, special: Partial<FieldContext> = {}) =>
  renderTemplate(template, { ...context, ...special }, 'text').text
const reasons = (template: string, special: Partial<FieldContext> = {}) =>
  renderTemplate(template, { ...context, ...special }, 'text').unresolved.map(({ reason }) => reason)

describe('field codes', () => {
  it.each([
    ['<$Interaction.Id$>', '0000abcd00000001'],
    ['<$ Interaction . DateCreated $>', '3 May 2026'],
    ['<$Interaction.Subject$>', 'Order <12> & more'],
    ['<$Interaction.ToAddress$>', 'support@acme.test'],
    ['<$Interaction.FromAddress$>', 'ann@x.test'],
    ['<$Interaction.AttachedData("plan")$>', 'gold'],
    ['<$Interaction.AttachedData( “plan” )$>', 'gold'],
    ["<$Interaction.AttachedData('seats')$>", '5'],
    ['<$Interaction.AttachedData("trial")$>', 'false'],
    ['<$Interaction.AttachedData("tags")$>', 'a, b'],
    ['<$Interaction.TimeZone$>', 'UTC+02:00'],
    ['<$Contact.Id$>', 'c1'],
    ['<$contact.firstname$>', 'Ann'],
    ['<$Contact.LastName$>', 'Lee'],
    ['<$Contact.FullName$>', 'Ann Lee'],
    ['<$Contact.PrimaryPhoneNumber$>', '+1 555'],
    ['<$Contact.PrimaryEmailAddress$>', 'ann@x.test'],
    ['<$Agent.FirstName$> <$Agent.LastName$>, <$Agent.FullName$>', 'Ada Moss, Ada Moss'],
    ['<$Agent.Signature$>', 'Ada Moss\nSupport'],
    ['<$Date()$>', '4 May 2026'],
    ['<$Date(Interaction.DateCreated, "short")$>', '03/05/2026'],
    ['<$Date("2026-12-24")$>', '24 December 2026'],
    ['<$Time(Interaction.DateCreated)$>', '10:02'],
    ['<$WeekdayName(Date())$>', 'Monday'],
    ['<$WeekdayName()$>', 'Monday'],
    ['<$Upper(Contact.LastName)$>', 'LEE'],
    ['<$Lower(Upper(Contact.LastName))$>', 'lee'],
    ['<$Length(Contact.FirstName)$>', '3'],
    ['<$Contact.Title | "Ms"$>', 'Ms'],
    ['<$Contact.Title | Contact.FirstName | "you"$>', 'Ann'],
    ['<$Default(Contact.Title, "Dr")$>', 'Dr'],
    ['<$Contact.FirstName & " " & Contact.LastName$>', 'Ann Lee'],
    ['<$If(Contact.Title, Contact.Title & " ", "")$>!', '!'],
    ['<$If(Interaction.AttachedData("plan") = "gold", "priority", "usual")$>', 'priority'],
    ['<$If(Interaction.AttachedData("seats") >= 10, "many", "few")$>', 'few'],
    ['<$If(Length(Contact.FirstName) > 2, Upper(Contact.FirstName), "-")$>', 'ANN'],
    ['<$If(Interaction.AttachedData("trial"), "trial")$>.', '.'],
    ['<$"say ""hi"""$>', 'say "hi"'],
    ['Costs <$50, and 3 < 5 $> 1', 'Costs <$50, and 3 < 5 $> 1'],
  ])('%s gives %s', (template, expected) => {
    expect(text(template)).toBe(expected)
  })

  it('writes dates in the language of the response', () => {
    expect(text('<$Date()$>', { language: 'de' })).toBe('4. Mai 2026')
    expect(text('<$WeekdayName()$>', { language: 'fr' })).toBe('lundi')
    expect(text('<$Date()$>', { language: 'no language' })).toBe('May 4, 2026')
  })

  it('puts the desk’s time zone between the moment and the day', () => {
    const late = { now: Date.UTC(2026, 4, 4, 23, 30), timeZone: 'Asia/Tokyo' }
    expect(text('<$Date()$>', late)).toBe('5 May 2026')
    expect(text('<$Date("2026-12-24")$>', late)).toBe('24 December 2026')
  })

  it('leaves a code without a value unrendered, with its place', () => {
    const { text, unresolved } = renderTemplate('Dear <$Contact.Title$> Lee', context, 'text')
    expect(text).toBe('Dear <$Contact.Title$> Lee')
    expect(unresolved).toEqual([
      {
        code: '<$Contact.Title$>',
        at: 5,
        reason: '<$Contact.Title$> has no value here, and no default text after “|”.',
      },
    ])
  })

  it.each([
    ['<$Contact.Nick$>', 'Contact has no field Nick (at character 1 of the code).'],
    [
      '<$Order.Id$>',
      'There is no Order; there are Interaction, Contact and Agent (at character 1 of the code).',
    ],
    ['<$Shout(Contact.Id)$>', 'There is no function Shout (at character 1 of the code).'],
    ['<$ Upper() $>', 'Upper takes 1 value, not 0 (at character 2 of the code).'],
    ['<$Upper(Contact.Id$>', '“)” is missing (at character 17 of the code).'],
    ['<$"open$>', 'The closing " is missing (at character 1 of the code).'],
    ['<$$>', 'It is empty (at character 1 of the code).'],
    ['<$Contact.Id Contact.Id$>', '“Contact” is out of place (at character 12 of the code).'],
    [
      '<$Interaction.AttachedData$>',
      'AttachedData takes the key in quotes: Interaction.AttachedData("plan") (at character 1 of the code).',
    ],
    ['<$Date("tomorrow")$>', 'Date can’t read “tomorrow” as a date (at character 1 of the code).'],
    ['<$Contact.FirstName', 'This field code has no closing $>.'],
    [
      '<$Interaction.AttachedData("constructor")$>',
      '<$Interaction.AttachedData("constructor")$> has no value here, and no default text after “|”.',
    ],
    [
      '<$Interaction.AttachedData("nested")$>',
      '<$Interaction.AttachedData("nested")$> has no value here, and no default text after “|”.',
    ],
    [
      '<$constructor.name$>',
      'There is no constructor; there are Interaction, Contact and Agent (at character 1 of the code).',
    ],
  ])('%s is refused with its reason', (template, reason) => {
    expect(reasons(template)).toEqual([reason])
    expect(text(template)).toBe(template)
  })

  it('is not brought down by a formula of brackets', () => {
    expect(reasons(`<$${'('.repeat(900)}$>`)).toHaveLength(1)
  })

  it('has nothing of a contact or interaction in a new mail', () => {
    const blank = { interaction: null, contact: null }
    expect(text('Hello <$Contact.FirstName | "there"$>', blank)).toBe('Hello there')
    expect(reasons('<$Interaction.Subject$>', blank)).toHaveLength(1)
  })

  it('takes the name that came with the mail where none was entered, never the address', () => {
    const { contact } = context
    if (!contact) throw new Error('the contact is missing')
    const nameless = { ...contact, first_name: '', last_name: '' }
    expect(text('<$Contact.FullName$>', { contact: { ...nameless, name: 'A. Lee' } })).toBe('A. Lee')
    expect(reasons('<$Contact.FullName$>', { contact: { ...nameless, name: 'ann@x.test' } })).toHaveLength(1)
  })
})

describe('field codes in HTML', () => {
  const html = (template: string) => renderTemplate(template, context, 'html')

  it('are read as an editor stores them, and values are escaped', () => {
    expect(
      html('<p>&lt;$Interaction.Subject$&gt; of &lt;$ Interaction.AttachedData(&quot;plan&quot;) $&gt;</p>')
        .text,
    ).toBe('<p>Order &lt;12&gt; &amp; more of gold</p>')
  })

  it('keep tags balanced that an editor put inside', () => {
    expect(html('<p>&lt;$Contact.<b>First</b>Name$&gt;</p>').text).toBe('<p>Ann<b></b></p>')
    expect(html('<p>&lt;$Contact.<b>FirstName$&gt; rest</b></p>').text).toBe('<p>Ann<b> rest</b></p>')
  })

  it('take the signature as it is laid out, and as text inside a function', () => {
    expect(html('<$Agent.Signature$>').text).toBe('<p>Ada <b>Moss</b></p>')
    expect(html('<$Upper(Agent.Signature)$>').text).toBe('ADA MOSS<br>SUPPORT')
  })

  it('compare with signs written as entities', () => {
    expect(html('&lt;$If(Length(Contact.Id) &lt; 5, &#34;short&#34;, &#x22;long&#x22;)$&gt;').text).toBe(
      'short',
    )
  })

  it('are reported as a person reads them', () => {
    expect(html('&lt;$Contact.<i>Title</i>$&gt;').unresolved).toMatchObject([
      { code: '<$Contact.Title$>', at: 0 },
    ])
  })

  it('cannot be smuggled in by a value', () => {
    const hostile = {
      ...context,
      interaction: null,
      contact: context.contact && { ...context.contact, first_name: '<$Agent.FullName$><script>' },
    }
    expect(renderTemplate('<$Contact.FirstName$>', hostile, 'html').text).toBe(
      '&lt;$Agent.FullName$&gt;&lt;script&gt;',
    )
  })
})

describe('codes left in what is sent', () => {
  it('are all found, in either spelling', () => {
    expect(findCodes('a <$x$> b &lt;$ y $&gt; c <$Contact.First').map(({ code, at }) => [code, at])).toEqual([
      ['<$x$>', 2],
      ['<$ y $>', 10],
      ['<$Contact.First', 26],
    ])
  })

  it('are not money', () => {
    expect(findCodes('It costs <$50 or >$60, and 1 <$ 2')).toEqual([])
  })
})
