/** A plain mail as a server would hold it, CRLF line ends. */
export function mail(fields: {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly messageId: string
  readonly inReplyTo?: string
  readonly date?: Date
}): string {
  const answers = fields.inReplyTo
  return [
    `From: ${fields.from}`,
    `To: ${fields.to}`,
    `Subject: ${fields.subject}`,
    `Date: ${(fields.date ?? new Date(Date.UTC(2026, 0, 5, 9))).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${fields.messageId}>`,
    ...(answers ? [`In-Reply-To: <${answers}>`, `References: <${answers}>`] : []),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...fields.text.split('\n'),
    '',
  ].join('\r\n')
}

/** Mails of different customers, each its own thread. */
export function manyMails(count: number, prefix = 'bulk'): string[] {
  return Array.from({ length: count }, (_, i) =>
    mail({
      from: `Customer ${i} <customer${i}@shop.test>`,
      to: 'support@test.local',
      subject: `Question ${i} about order ${10_000 + i}`,
      text: `Hello,\n\nthis is question number ${i}. When does order ${10_000 + i} arrive?\n\nCustomer ${i}`,
      messageId: `${prefix}-${i}@shop.test`,
      date: new Date(Date.UTC(2026, 0, 1) + i * 60_000),
    }),
  )
}
