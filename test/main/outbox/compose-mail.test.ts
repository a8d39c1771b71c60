import { simpleParser } from 'mailparser'
import { describe, expect, it } from 'vitest'
import type { Attachment, Draft } from '../../../src-main/contract/domain.ts'
import { CoreError } from '../../../src-main/contract/errors.ts'
import { composeMail, type MailParts } from '../../../src-main/outbox/compose-mail.ts'
import { parentIds } from '../../../src-main/outbox/parent-ids.ts'

const uuid = '0196a000-0000-7000-8000-000000000001'
const parts: MailParts = {
  from: { address: 'support@acme.test', personal: 'Acme, Support “Ünit”' },
  date: Date.UTC(2026, 4, 4, 9, 0, 0),
  uuid,
  parent: null,
  attachments: [],
}
const draft: Parameters<typeof composeMail>[0] = {
  kind: 'reply',
  to: [{ address: 'ann@x.test', personal: 'Lee, Ann' }],
  cc: [{ address: 'bob@x.test' }],
  bcc: [{ address: 'secret@y.test', personal: 'Zoë Hidden' }],
  subject: 'Re: Où est ma commande ?',
  format: 'rich',
  html: '<p>Bonjour</p>',
  text: 'Bonjour,\n.\n..dots\nFrom here',
  quote: { attribution: 'On Monday Ann wrote:', text: 'Where?\n> older', html: null },
}
const compose = (special: Partial<Draft> = {}, other: Partial<MailParts> = {}) =>
  composeMail({ ...draft, ...special }, { ...parts, ...other })

function attachment(bytes: Buffer, special: Partial<Attachment> = {}) {
  const whole: Attachment = {
    id: uuid,
    name: 'a.bin',
    content_type: 'application/octet-stream',
    size: bytes.length,
    sha256: '',
    content_id: null,
    inline: false,
    ...special,
  }
  return { attachment: whole, bytes }
}

/** Field names and unfolded values of the outermost header. */
function fields(mime: Uint8Array): [string, string][] {
  const [head = ''] = Buffer.from(mime).toString('utf8').split('\r\n\r\n')
  return head
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => {
      const at = line.indexOf(':')
      return [line.slice(0, at), line.slice(at + 2)]
    })
}
const field = (mime: Uint8Array, name: string) => fields(mime).find(([key]) => key === name)?.[1]

describe('a composed mail', () => {
  it('is read back as it was written', async () => {
    const mail = await compose()
    const parsed = await simpleParser(Buffer.from(mail.wire))
    expect(parsed.subject).toBe('Re: Où est ma commande ?')
    expect(parsed.from?.value).toEqual([{ address: 'support@acme.test', name: 'Acme, Support “Ünit”' }])
    expect(parsed.to).toMatchObject({ value: [{ address: 'ann@x.test', name: 'Lee, Ann' }] })
    expect(parsed.cc).toMatchObject({ value: [{ address: 'bob@x.test', name: '' }] })
    expect(parsed.date).toEqual(new Date(parts.date))
    expect(parsed.messageId).toBe(`<${uuid}@acme.test>`)
    expect(parsed.text).toBe('Bonjour,\n.\n..dots\nFrom here\n\nOn Monday Ann wrote:\n> Where?\n>> older\n')
    expect(parsed.html).toContain('<p>Bonjour</p>')
    expect(parsed.html).toContain('<blockquote type="cite"')
    expect(mail).toMatchObject({
      messageId: `${uuid}@acme.test`,
      envelope: {
        from: 'support@acme.test',
        to: ['ann@x.test', 'bob@x.test', 'secret@y.test'],
        smtputf8: false,
      },
      quote_at: 'Bonjour,\n.\n..dots\nFrom here\n\n'.length,
      snippet: 'Bonjour, . ..dots From here',
    })
    expect(mail.text.slice(mail.quote_at ?? 0)).toBe('On Monday Ann wrote:\n> Where?\n>> older\n')
  })

  it('has the fields of a mail and no others', async () => {
    const parent = { messageId: 'm2@x.test', references: ['m0@x.test', 'm1@x.test'] }
    const { wire } = await compose({}, { parent })
    expect(fields(wire).map(([name]) => name)).toEqual([
      'From',
      'To',
      'Cc',
      'In-Reply-To',
      'References',
      'Subject',
      'Message-ID',
      'Date',
      'MIME-Version',
      'Content-Type',
    ])
    expect(field(wire, 'Date')).toBe('Mon, 04 May 2026 09:00:00 +0000')
  })

  it('never has Bcc on the wire, and in Sent is the same to the byte but for it', async () => {
    const { wire, sentCopy } = await compose()
    const [sent, sentOut] = [Buffer.from(sentCopy), Buffer.from(wire)]
    for (const trace of ['secret', 'Hidden', 'Bcc', 'bcc', Buffer.from('Zoë').toString('base64').slice(0, 3)])
      expect(sentOut.toString('utf8')).not.toContain(trace)
    expect(sent.subarray(sent.length - sentOut.length).equals(sentOut)).toBe(true)
    expect(fields(sent)[0]?.[0]).toBe('Bcc')
    const parsed = await simpleParser(sent)
    expect(parsed.bcc).toMatchObject({ value: [{ address: 'secret@y.test', name: 'Zoë Hidden' }] })
  })

  it('is the same mail in Sent where nobody is in Bcc', async () => {
    const { wire, sentCopy } = await compose({ bcc: [] })
    expect(Buffer.from(sentCopy).equals(Buffer.from(wire))).toBe(true)
  })

  it('has only CRLF line ends of at most 998 bytes, and no byte above 127', async () => {
    const { wire } = await compose({
      text: `${'long '.repeat(1000)}\rbare\nend\u0000`,
      html: `<p>${'é'.repeat(3000)}</p>`,
    })
    const bytes = Buffer.from(wire)
    expect(bytes.every((byte) => byte > 0 && byte < 128)).toBe(true)
    const lines = bytes.toString('latin1').split('\r\n')
    expect(lines.some((line) => line.includes('\n') || line.includes('\r'))).toBe(false)
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(998)
  })

  it('written as plain text has no HTML', async () => {
    const { wire, html } = await compose({ format: 'plain' })
    expect(html).toBe(null)
    expect(field(wire, 'Content-Type')).toBe('text/plain; charset=utf-8')
  })

  it('with no words at all is still a mail with a text', async () => {
    const { wire, snippet } = await compose({ html: '', text: '', quote: null })
    const parsed = await simpleParser(Buffer.from(wire))
    expect([parsed.text?.trim(), snippet]).toEqual(['', ''])
  })

  it('forwards the original unquoted below its head, and hides none of it', async () => {
    const mail = await compose({
      kind: 'forward',
      quote: { attribution: '--- Forwarded ---\nFrom: x', text: 'Whole\n\nmail', html: '<p>Whole</p>' },
    })
    expect(mail.text).toBe('Bonjour,\n.\n..dots\nFrom here\n\n--- Forwarded ---\nFrom: x\n\nWhole\n\nmail\n')
    expect(mail.quote_at).toBe(null)
    expect(mail.html).toContain('--- Forwarded ---<br>From: x</p>\n<p>Whole</p>')
    expect(mail.html).not.toContain('blockquote')
  })

  it('escapes a quoted text in HTML', async () => {
    const { html } = await compose({
      quote: { attribution: 'A <b>', text: '<script>x</script>', html: null },
    })
    expect(html).toContain('A &lt;b&gt;')
    expect(html).not.toContain('<script>')
  })
})

describe('the place in the conversation', () => {
  it('is the parent and all its ancestors', async () => {
    const { wire } = await compose(
      {},
      { parent: { messageId: 'm2@x.test', references: ['m0@x.test', 'm1@x.test'] } },
    )
    expect(field(wire, 'In-Reply-To')).toBe('<m2@x.test>')
    expect(field(wire, 'References')).toBe('<m0@x.test> <m1@x.test> <m2@x.test>')
  })

  it('keeps the first and the nearest of a long chain, folded', async () => {
    const references = Array.from({ length: 400 }, (_, i) => `m${i}@${'x'.repeat(60)}.test`)
    const { wire } = await compose({}, { parent: { messageId: 'last@x.test', references } })
    const ids = field(wire, 'References')?.split(' ') ?? []
    expect(ids).toHaveLength(50)
    expect([ids[0], ids[1], ids[49]]).toEqual([
      `<${references[0] ?? ''}>`,
      `<${references[352] ?? ''}>`,
      '<last@x.test>',
    ])
    const lines = Buffer.from(wire).toString('latin1').split('\r\n')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(200)
  })

  it('leaves out ids that no header can carry', async () => {
    const parent = {
      messageId: 'bad id>\r\nBcc: eve@x.test',
      references: ['ü@x.test', `${'y'.repeat(990)}@x.test`, 'ok@x.test'],
    }
    const { wire } = await compose({}, { parent })
    expect([field(wire, 'In-Reply-To'), field(wire, 'References')]).toEqual([undefined, '<ok@x.test>'])
  })

  it('names ancestors but no answered mail in a forward', async () => {
    const { wire } = await compose(
      { kind: 'forward' },
      { parent: { messageId: 'm1@x.test', references: [] } },
    )
    expect([field(wire, 'In-Reply-To'), field(wire, 'References')]).toEqual([undefined, '<m1@x.test>'])
  })

  it('is read from the raw mail that is answered', () => {
    const raw = (head: string) => parentIds(Buffer.from(`${head}\r\n\r\nMessage-ID: <body@x>\r\n`))
    expect(
      raw('message-id: <m3@x>\r\nReferences: <m1@x>,\r\n\t<m2@x>, "Ann" of Monday\r\nIn-Reply-To: <other@x>'),
    ).toEqual({
      messageId: 'm3@x',
      references: ['m1@x', 'm2@x'],
    })
    expect(raw('Message-ID:\r\n <m3@x>\r\nIn-Reply-To: Your message of Monday <m2@x>')).toEqual({
      messageId: 'm3@x',
      references: ['m2@x'],
    })
    expect(raw('In-Reply-To: <a@x> <b@x>')).toEqual({ messageId: null, references: [] })
    expect(raw('X-Message-ID: <m3@x>')).toEqual({ messageId: null, references: [] })
  })
})

describe('attachments', () => {
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7) % 256))

  it('arrive to the byte, with their names', async () => {
    const names = [
      'a.bin',
      'Rechnung für Zoë – 2026.pdf',
      'quote"back\\slash.txt',
      '請求書.pdf',
      `${'long'.repeat(60)}.txt`,
      null,
    ]
    const attachments = names.map((name) => attachment(bytes, { name }))
    const mail = await compose({}, { attachments })
    const parsed = await simpleParser(Buffer.from(mail.wire))
    expect(parsed.attachments.map(({ filename }) => filename ?? null)).toEqual(names)
    expect(parsed.attachments.every(({ content }) => content.equals(bytes))).toBe(true)
    expect(mail.attachments.map(({ name }) => name)).toEqual(names)
  })

  it('of a text are neither decoded nor shown in the mail', async () => {
    const text = Buffer.from('caf\xe9\nline\r\n', 'latin1')
    const file = attachment(text, { name: 'a.txt', content_type: 'text/plain; charset="iso-8859-1"; x=y' })
    const { wire } = await compose({}, { attachments: [file] })
    const source = Buffer.from(wire).toString('latin1')
    expect(source).toContain(text.toString('base64'))
    expect(source).toMatch(/Content-Type: text\/plain; charset=iso-8859-1;/)
  })

  it('that are messages stay messages where that keeps every byte, else become files', async () => {
    const plain = Buffer.from('From: a@x.test\r\nSubject: s\r\n\r\nhello\r\n')
    const eightBit = Buffer.from('From: a@x.test\r\n\r\nh\xe9llo\r\n', 'latin1')
    const mail = await compose(
      {},
      {
        attachments: [plain, eightBit].map((raw) =>
          attachment(raw, { name: 'm.eml', content_type: 'message/rfc822' }),
        ),
      },
    )
    const parsed = await simpleParser(Buffer.from(mail.wire))
    expect(
      parsed.attachments.map(({ content }, i) => [
        mail.attachments[i]?.content_type,
        content.toString('latin1'),
      ]),
    ).toEqual([
      ['message/rfc822', plain.toString('latin1')],
      ['application/octet-stream', eightBit.toString('latin1')],
    ])
  })

  it('of a type that isn’t one, or that would be taken for structure, are plain bytes', async () => {
    for (const content_type of [
      '',
      'nonsense',
      'multipart/mixed; boundary=x',
      'message/external-body',
      'a/b\r\nX: y',
    ]) {
      const mail = await compose({}, { attachments: [attachment(bytes, { content_type })] })
      expect(mail.attachments[0]?.content_type).toBe('application/octet-stream')
    }
  })

  it('are pictures in the text by their Content-ID', async () => {
    const picture = attachment(bytes, {
      name: 'p.png',
      content_type: 'image/png',
      content_id: 'p1@acme',
      inline: true,
    })
    const mail = await compose({ html: '<p><img src="cid:p1@acme"></p>' }, { attachments: [picture] })
    const parsed = await simpleParser(Buffer.from(mail.wire), { keepCidLinks: true })
    expect(parsed.attachments).toMatchObject([
      { cid: 'p1@acme', related: true, contentDisposition: 'inline' },
    ])
    expect(mail.attachments).toMatchObject([{ inline: true, content_id: 'p1@acme' }])
  })

  it('do not leave with an answer once their picture was taken out of the text', async () => {
    const picture = attachment(bytes, { content_type: 'image/png', content_id: 'p1', inline: true })
    expect((await compose({}, { attachments: [picture] })).attachments).toEqual([])
  })

  it('are never lost on forward or in plain text', async () => {
    const picture = attachment(bytes, { content_type: 'image/png', content_id: 'p1', inline: true })
    for (const special of [{ kind: 'forward' }, { format: 'plain' }] as const)
      expect((await compose(special, { attachments: [picture] })).attachments).toMatchObject([
        { inline: false },
      ])
  })

  it('name no file or URL that is read', async () => {
    const file = attachment(Buffer.from('x'), { name: 'file:///etc/passwd' })
    const { wire } = await compose(
      {
        html: '<img src="file:///etc/passwd"><img src="http://127.0.0.1:1/x">',
        text: '{"path":"/etc/passwd"}',
      },
      { attachments: [file] },
    )
    expect(Buffer.from(wire).toString('latin1')).not.toContain('root:')
  })
})

describe('recipients', () => {
  const refusal = async (special: Partial<Draft>) => {
    const error: unknown = await compose(special).catch((error: unknown) => error)
    if (!(error instanceof CoreError)) throw new Error('it was composed')
    return [error.code, error.message]
  }

  it('must be at least one', async () => {
    expect(await refusal({ to: [], cc: [], bcc: [] })).toEqual([
      'recipients',
      'This mail has no recipient. Enter one in To.',
    ])
  })

  it.each([
    '',
    'ann',
    'ann@',
    '@x.test',
    'ann lee@x.test',
    'a,b@x.test',
    'ann@x..test',
    'ann@x test',
    'ann@1.2',
    'a<b@x.test',
    `${'a'.repeat(250)}@x.test`,
    'ann@-x.test',
    'a@b@c.test',
  ])('%j is refused by name', async (address) => {
    const [code, message] = await refusal({ cc: [{ address }] })
    expect(code).toBe('recipients')
    if (address !== '') expect(message).toContain(`“${address.slice(0, 200)}”`)
  })

  it.each([
    ['ann@bücher.test', 'ann@xn--bcher-kva.test', false],
    ['Ann.Lee+tag@X.test', 'Ann.Lee+tag@x.test', false],
    ["o'hara@x.test", "o'hara@x.test", false],
    ['dots..twice.@docomo.test', '"dots..twice."@docomo.test', false],
    ['"two words"@x.test', null, false],
    ['ann@[192.0.2.1]', 'ann@[192.0.2.1]', false],
    ['zoë@bücher.test', 'zoë@bücher.test', true],
    ['用户@例子.test', '用户@例子.test', true],
  ])('%j goes to %j', async (address, wire, smtputf8) => {
    if (wire === null) return expect((await refusal({ to: [{ address }] }))[0]).toBe('recipients')
    const mail = await compose({ to: [{ address }], cc: [], bcc: [] })
    expect(mail.envelope).toEqual({ from: 'support@acme.test', to: [wire], smtputf8 })
    expect(field(mail.wire, 'To')).toContain(wire)
  })

  it('stand once in the envelope however often they are named', async () => {
    const { envelope } = await compose({
      cc: [{ address: 'ANN@x.test' }, { address: 'bob@X.TEST' }],
      bcc: [{ address: 'bob@x.test' }],
    })
    expect(envelope.to).toEqual(['ann@x.test', 'bob@x.test'])
  })
})

describe('control characters in header fields', () => {
  const picture = (special: Partial<Attachment>) => ({
    attachments: [
      attachment(Buffer.from('x'), { content_type: 'image/png', inline: true, content_id: 'p', ...special }),
    ],
  })
  const places: Record<
    string,
    (evil: string) => Promise<{ wire: Uint8Array; sentCopy: Uint8Array; envelope: { to: readonly string[] } }>
  > = {
    subject: (evil) => compose({ subject: evil }),
    'To name': (evil) => compose({ to: [{ address: 'ann@x.test', personal: evil }] }),
    'To address': (evil) => compose({ to: [{ address: `ann@x.test${evil}` }] }),
    'To local part': (evil) => compose({ to: [{ address: `${evil}ann@x.test` }] }),
    'Cc name': (evil) => compose({ cc: [{ address: 'bob@x.test', personal: evil }] }),
    'Cc address': (evil) => compose({ cc: [{ address: `bob@x.test${evil}` }] }),
    'Bcc name': (evil) => compose({ bcc: [{ address: 'secret@y.test', personal: evil }] }),
    'Bcc address': (evil) => compose({ bcc: [{ address: `secret@y.test${evil}` }] }),
    'From name': (evil) => compose({}, { from: { address: 'support@acme.test', personal: evil } }),
    'From address': (evil) => compose({}, { from: { address: `support@acme.test${evil}` } }),
    'In-Reply-To': (evil) => compose({}, { parent: { messageId: `m1@x.test${evil}`, references: [] } }),
    References: (evil) =>
      compose({}, { parent: { messageId: 'm1@x.test', references: [`m0@x.test${evil}`] } }),
    'attachment name': (evil) =>
      compose({}, { attachments: [attachment(Buffer.from('x'), { name: `a${evil}.txt` })] }),
    'attachment type': (evil) =>
      compose({}, { attachments: [attachment(Buffer.from('x'), { content_type: `text/plain${evil}` })] }),
    'Content-ID': (evil) => compose({ html: `<img src="cid:p">` }, picture({ content_id: `p${evil}` })),
  }
  const controls = ['\r\n', '\n', '\r', '\0', '\x0b', '\x0c', '\x85', '\u2028', '\x7f', '\t']

  it.each(Object.keys(places))('in %s bring no extra recipient and no extra field', async (place) => {
    const clean = await compose()
    const known = new Set([...fields(clean.sentCopy).map(([name]) => name), 'In-Reply-To', 'References'])
    for (const control of controls) {
      for (const evil of [`${control}Bcc: eve@evil.test`, `x${control}X-Evil: 1${control}${control}body`]) {
        const mail = await places[place]?.(evil).catch((error: unknown) => {
          if (error instanceof CoreError && ['invalid', 'recipients'].includes(error.code)) return null
          throw error
        })
        if (!mail) continue
        expect(
          mail.envelope.to.every((to) => ['ann@x.test', 'bob@x.test', 'secret@y.test'].includes(to)),
        ).toBe(true)
        for (const mime of [mail.wire, mail.sentCopy]) {
          expect(fields(mime).filter(([name]) => !known.has(name))).toEqual([])
          const parsed = await simpleParser(Buffer.from(mime))
          expect(parsed.headers.has('x-evil')).toBe(false)
          expect(
            JSON.stringify(
              [parsed.to, parsed.cc, parsed.bcc]
                .flat()
                .map((list) => list?.value.map(({ address }) => address)),
            ),
          ).not.toContain('evil')
        }
      }
    }
  })

  it('are refused with a sentence, but a tab in a subject is a space', async () => {
    await expect(compose({ subject: 'a\nb' })).rejects.toThrow(
      'The subject holds a line break or another control character.',
    )
    expect(field((await compose({ subject: 'a\tb' })).wire, 'Subject')).toBe('a b')
  })
})
