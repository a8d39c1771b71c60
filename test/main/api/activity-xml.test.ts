import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { escapeXml, readXml } from '../../../src-main/api/activity-xml.ts'
import { Refused } from '../../../src-main/api/api.ts'
import { seeded } from '../../support/seeded.ts'
import { answer, type AnsweringDesk, openAnsweringDesk, XML, xmlAnswer } from './answering.ts'

/** XML is read to the letter, and nothing in it can hurt (contract 05, 5.1; contract 00, 0.1.4). */

async function plain(document: string): Promise<unknown> {
  // Without null prototypes, which no literal has.
  return JSON.parse(JSON.stringify(await readXml(document)))
}

async function readable(document: string): Promise<boolean> {
  try {
    await readXml(document)
    return true
  } catch (error) {
    if (error instanceof Refused && error.refusal.kind === 'malformed') return false
    throw error
  }
}

describe('XML', () => {
  it.each([
    ['<a/>', ''],
    ['<a></a>', ''],
    ['<a> b </a>', 'b'],
    ['<a>b<!-- c -->d<?e f="?g?>h</a>', 'bdh'],
    ["<a><?it 's fine?></a>", ''],
    ['<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x41;&#x1F600;&amp;lt;</a>', `<>&"'AA😀&lt;`],
    ['<a><![CDATA[<b>&amp;]]]]><![CDATA[>]]></a>', '<b>&amp;]]>'],
    ['<a>x\r\ny\rz&#13;</a>', 'x\ny\nz'],
    ['<a><b>1</b><b/><c d="2"/></a>', { b: ['1', ''], c: { d: '2' } }],
    ['<a b=" 1 " c=\'"\'><b>2</b></a>', { b: '2', c: '"' }],
    ['<a b="&lt;&#10;x\ny"/>', { b: '<\nx y' }],
    ['<n:a xmlns:n="u" xmlns="v" n:b="1"><n:c>d</n:c></n:a>', { c: 'd' }],
    ['<a xml:lang="de" xmlns="v">b</a>', 'b'],
    ['<a b="1">c</a>', 'c'],
    ['<é><b.c-d_e·>1</b.c-d_e·></é>', { 'b.c-d_e·': '1' }],
    ['\n<!-- a --><?b?>\n<a/>\n<!-- c -->\n', ''],
    ['<?xml version="1.0"?><a/>', ''],
    ["<?xml version='1.1' encoding='UTF-8' standalone='no' ?>\n<a/>", ''],
    [
      '<a><hasOwnProperty>1</hasOwnProperty><toString>2</toString></a>',
      { hasOwnProperty: '1', toString: '2' },
    ],
  ])('%j is read', async (document, value) => {
    expect(((await plain(document)) as { value: unknown }).value).toEqual(value)
  })

  it('keeps the white space of what it is asked to', async () => {
    const { value } = await readXml(
      '<a><b> 1 </b><c> 2 </c></a>',
      (name, parent) => name === 'c' && parent === 'a',
    )
    expect(JSON.parse(JSON.stringify(value))).toEqual({ b: '1', c: ' 2 ' })
  })

  it('has members called __proto__, constructor and prototype as any other, and touches no prototype', async () => {
    const { value } = await readXml(
      '<a __proto__="0" prototype="1"><__proto__><x>1</x></__proto__><constructor><prototype>2</prototype></constructor></a>',
    )
    expect(Object.getPrototypeOf(value)).toBeNull()
    expect(Object.entries(value as object).map(([name, of]) => [name, JSON.stringify(of)])).toEqual([
      ['__proto__', '{"x":"1"}'],
      ['prototype', '"1"'],
      ['constructor', '{"prototype":"2"}'],
    ])
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  const MALFORMED = [
    '',
    '   ',
    'text',
    '{}',
    '<',
    '<a',
    '<a>',
    '</a>',
    '<a></b>',
    '<a></a',
    '<a><b></a></b>',
    '<a/><b/>',
    '<a></a><b></b>',
    '<a/>text',
    'text<a/>',
    '<a/><![CDATA[]]>',
    '<a></b/></a>',
    '<a></a b="1">',
    '< a/>',
    '<a / >',
    '<1a/>',
    '<-a/>',
    '<a:/>',
    '<:a/>',
    '<a:b:c/>',
    '<a b/>',
    '<a b=c/>',
    '<a b="c"d="e"/>',
    '<a b="1" b="2"/>',
    '<a b="<"/>',
    '<a b="&x;"/>',
    '<a b="c/>',
    '<a>&x;</a>',
    '<a>&nbsp;</a>',
    '<a>&</a>',
    '<a>& </a>',
    '<a>&lt</a>',
    '<a>&#;</a>',
    '<a>&#x;</a>',
    '<a>&#0;</a>',
    '<a>&#8;</a>',
    '<a>&#xD800;</a>',
    '<a>&#x110000;</a>',
    '<a>&#99999999999;</a>',
    '<a>]]></a>',
    '<a><!-- -- --></a>',
    '<a><!-- </a>',
    '<a><!---></a>',
    '<a><![CDATA[ </a>',
    '<a><![cdata[ ]]></a>',
    '<a><![INCLUDE[ ]]></a>',
    '<a><!b></a>',
    '<a><? b?></a>',
    '<a><?b </a>',
    '<a><?xml version="1.0"?></a>',
    ' <?xml version="1.0"?><a/>',
    '<?xml?><a/>',
    '<?xml version="2.0"?><a/>',
    '<?xml encoding="UTF-8"?><a/>',
    '<?xml version="1.0" encoding="UTF-16"?><a/>',
    '<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
    '<?XML version="1.0"?><a/>',
    '<a>\u0000</a>',
    '<a>\u000b</a>',
    '<a>\ufffe</a>',
    '<a>\ud800</a>',
    '<a b="\u0001"/>',
    '<a>b<c/></a>',
    '<!DOCTYPE a><a/>',
    '<!doctype a><a/>',
    '<a><!DOCTYPE a></a>',
    '<a/><!DOCTYPE a>',
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:9/"> %b;]><a/>',
    '<!ENTITY b "c"><a/>',
  ]

  it.each(MALFORMED)('%j is refused', async (document) => {
    expect(await readable(document)).toBe(false)
  })

  it('is read 32 levels deep and no deeper', async () => {
    const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth)
    expect(await Promise.all([32, 33, 200_000].map((depth) => readable(nested(depth))))).toEqual([
      true,
      false,
      false,
    ])
  })

  it('has at most 10,000 elements and attributes', async () => {
    const many = (count: number) => `<a>${'<b c="d"/>'.repeat(count)}</a>`
    expect([await readable(many(4_999)), await readable(many(5_000))]).toEqual([true, false])
  })

  it('escapes for XML what XML can hold, and leaves out the rest', async () => {
    const text = `<a b='c'>"&]]>\u0000\u000b\ufffe\ud800 é😀`
    expect(JSON.parse(JSON.stringify(await readXml(`<x>${escapeXml(text)}</x>`)))).toEqual({
      root: 'x',
      value: `<a b='c'>"&]]>\ufffd é😀`,
    })
    expect((await readXml(`<x y="${escapeXml(`<"'&>`)}"/>`)).value).toMatchObject({ y: `<"'&>` })
  })

  it('is read as an independent parser reads it, whatever was written', async () => {
    const random = seeded(5)
    for (let i = 0; i < 400; i++) {
      const document = `<?xml version="1.0"?>${written(random, 0)}`
      expect([document, await plain(document)]).toEqual([document, theirs(document)])
    }
  })

  it('broken anywhere is refused, or read as the other parser reads it, never anything else', async () => {
    const random = seeded(6)
    let read = 0
    for (let i = 0; i < 4_000; i++) {
      const document = broken(random, written(random, 0))
      if (!(await readable(document))) continue
      read++
      expect([document, await plain(document)]).toEqual([document, theirs(document)])
    }
    expect(read).toBeGreaterThan(100)
  })
})

/** Names, texts and layouts that say something, at random. */
function written(random: () => number, depth: number): string {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const name = pick(['a', 'b', 'n:c', 'd-e', 'f.g', 'é'])
  const attributes = [
    ...new Set(Array.from({ length: Math.floor(random() * 3) }, () => pick(['p', 'q', 'xml:r']))),
  ]
    .map((attribute) => ` ${attribute}=${pick(['"1"', "' 2 '", '"&lt;&amp;"', '"\'"'])}`)
    .join('')
  if (depth > 3 || random() < 0.4) {
    const text = pick([
      '',
      ' ',
      'words',
      ' &lt;b&gt; &amp; &#x1F600; ',
      '<![CDATA[<x>&amp;]]>',
      'a<!-- b -->c',
      '<?p q?>d',
    ])
    return text === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${text}</${name}>`
  }
  const space = pick(['', '\n  ', '<!-- between -->'])
  const inside = Array.from(
    { length: 1 + Math.floor(random() * 3) },
    () => space + written(random, depth + 1),
  ).join('')
  return `<${name}${attributes}>${inside}${space}</${name}>`
}

function broken(random: () => number, document: string): string {
  const at = Math.floor(random() * document.length)
  const more = [
    '<',
    '>',
    '&',
    '"',
    "'",
    '/',
    '<!',
    ']]>',
    '<a>',
    '</a>',
    '--',
    '?>',
    '\u0000',
    ' ',
    'x',
    '=',
  ][Math.floor(random() * 16)]!
  const gone = Math.floor(random() * 4)
  return document.slice(0, at) + (random() < 0.5 ? more : '') + document.slice(at + gone)
}

/** The same document by fast-xml-parser, in our shape. */
function theirs(document: string): { root: string; value: unknown } {
  const parser = new XMLParser({
    preserveOrder: true,
    processEntities: false,
    parseTagValue: false,
    trimValues: false,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    ignorePiTags: true,
    ignoreDeclaration: true,
    cdataPropName: '#cdata',
  })
  const [root] = (parser.parse(document) as Node[]).filter((node) => !('#text' in node))
  const [name = ''] = Object.keys(root ?? {}).filter((key) => key !== ':@')
  return { root: local(name), value: shaped(root ?? {}, name) }
}

type Node = Record<string, unknown>

function shaped(node: Node, name: string): unknown {
  const children = node[name] as Node[]
  const attributes = Object.entries((node[':@'] ?? {}) as Record<string, string>).filter(
    ([key]) => !key.includes(':'),
  )
  let text = ''
  const members: Record<string, unknown> = {}
  for (const [key, value] of attributes) members[key] = decode(value).trim()
  const seen = new Set<string>()
  for (const child of children) {
    if ('#text' in child) text += decode(String(child['#text']))
    else if ('#cdata' in child) text += (child['#cdata'] as { '#text': string }[])[0]?.['#text'] ?? ''
    else {
      const [of = ''] = Object.keys(child).filter((key) => key !== ':@')
      const value = shaped(child, of)
      const key = local(of)
      if (!seen.has(key)) members[key] = value
      else
        members[key] = Array.isArray(members[key])
          ? [...(members[key] as unknown[]), value]
          : [members[key], value]
      seen.add(key)
    }
  }
  return seen.size > 0 || (text.trim() === '' && attributes.length > 0) ? members : text.trim()
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function decode(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replace(/&#x([0-9A-F]+);/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replaceAll('&amp;', '&')
}

describe('over HTTP', () => {
  let desk: AnsweringDesk
  beforeAll(async () => {
    desk = await openAnsweringDesk()
  })
  afterAll(() => desk.close())

  const bomb = `<!DOCTYPE activity [<!ENTITY a "ha">${Array.from(
    { length: 30 },
    (_, i) => `<!ENTITY ${'a'.repeat(i + 2)} "${`&${'a'.repeat(i + 1)};`.repeat(10)}">`,
  ).join('')}]><activity>&${'a'.repeat(31)};</activity>`

  it.each([
    ['a billion laughs', bomb],
    [
      'an external entity',
      `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${xmlAnswer('<subject>&x;</subject>').slice(38)}`,
    ],
    ['an entity that nobody declared', xmlAnswer('<subject>&nbsp;</subject>')],
    ['a DOCTYPE after its declaration', xmlAnswer().replace('?>', '?><!DOCTYPE activity>')],
    ['33 levels', xmlAnswer(`${'<a>'.repeat(32)}${'</a>'.repeat(32)}`)],
    ['half a million elements', xmlAnswer('<a/>'.repeat(500_000))],
    ['invalid UTF-8', Buffer.from(xmlAnswer('<subject>\xff</subject>'), 'latin1')],
    ['UTF-16', Buffer.from(`\ufeff${xmlAnswer()}`, 'utf16le')],
    ['a NUL', xmlAnswer('<subject>\u0000</subject>')],
    ['two roots', `${xmlAnswer()}<activity/>`],
  ])('%s is refused by 400-102, at once and without a trace', async (_, body) => {
    const before = await desk.stored()
    const { status, json } = await desk.respond({ headers: XML, body })
    expect([status, json]).toMatchObject([400, { code: '400-102' }])
    expect(await desk.stored()).toEqual(before)
  })

  it('no input ends the listener or makes it fail', async () => {
    const random = seeded(7)
    const json = JSON.stringify(
      answer({ customAttributes: { tier: 'gold' }, attachments: { attachment: [] } }),
    )
    const xml = xmlAnswer('<customAttributes><tier>gold</tier></customAttributes><attachments/>')
    const statuses = new Map<number, number>()
    for (let i = 0; i < 300; i++) {
      const isXml = random() < 0.5
      let body = isXml ? xml : json
      for (let times = Math.floor(random() * 4); times >= 0; times--) body = broken(random, body)
      const { status } = await desk.respond({
        headers: isXml ? XML : {},
        body: Buffer.from(body, random() < 0.2 ? 'latin1' : 'utf8'),
      })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (i % 200 === 199) desk.pass(60_000)
      if (![201, 400].includes(status)) expect([status, body]).toEqual([400, body])
    }
    expect([...statuses.keys()].toSorted()).toEqual([201, 400])
    expect(desk.lines.filter(({ level }) => level !== 'info')).toEqual([])
    expect((await desk.stored()).tmp).toEqual([])
  })

  it('no value of any member makes it fail', async () => {
    const random = seeded(8)
    const values = [
      null,
      0,
      -1,
      1e308,
      true,
      '',
      ' ',
      'x',
      '__proto__',
      [],
      [[]],
      {},
      { id: {} },
      { value: [] },
      '\u0000',
      '\ud800',
      'a@b',
      [null],
      { attachment: [null, 5, {}] },
      { customAttribute: [{}, null] },
    ]
    const places = [
      'type',
      'subject',
      'payload',
      'issueType',
      'customAttributes',
      'attachments',
      'content',
      'emailAddresses',
      'messageCenter',
      'text',
      'html',
      'from',
      'receiver',
      'replyTo',
      'contents',
    ]
    for (let i = 0; i < 280; i++) {
      const pick = () => values[Math.floor(random() * values.length)]
      const special: object = Object.fromEntries<unknown>(
        Array.from({ length: 3 }, () => [String(places[Math.floor(random() * 6)]), pick()] as const),
      )
      const email: object = Object.fromEntries<unknown>(
        Array.from({ length: 2 }, () => [String(places[6 + Math.floor(random() * 3)]), pick()] as const),
      )
      const inner = {
        content: Object.fromEntries([[places[9 + Math.floor(random() * 2)], pick()]]),
        emailAddresses: Object.fromEntries([[places[11 + Math.floor(random() * 3)], pick()]]),
      }
      const body = random() < 0.5 ? answer(special, email) : answer({}, inner)
      const { status, text } = await desk.respond({ body })
      if (![201, 400].includes(status)) expect([status, text, JSON.stringify(body)]).toEqual([400, '', ''])
      if (i % 140 === 139) desk.pass(60_000)
    }
    expect(desk.lines.filter(({ level }) => level !== 'info')).toEqual([])
  })
})

it('a text as long as a body may be, with as many references as fit, is read', async () => {
  const document = `<a b="${'&lt;'.repeat(500_000)}">${'é &#38;lt; &#x1F600;'.repeat(250_000)}</a>`
  expect(document.length).toBeGreaterThan(6_000_000)
  expect((await readXml(document)).value === 'é &lt; 😀'.repeat(250_000)).toBe(true)
})
