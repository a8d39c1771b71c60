import type { MailSink, SendOutcome, WrittenMail } from '../../src-main/connectors/connector.ts'
import { hash } from './open-store.ts'

/** A mail of Ada's to Ann, as a sink that speaks in fields gets it; say what is special about it. */
export function writtenMail(special: Partial<WrittenMail> = {}): WrittenMail {
  return {
    interaction_id: '0000KaA0C8XH003X',
    from: { address: 'support@acme.test', personal: 'Support' },
    to: [{ address: 'ann@x.test', personal: 'Ann Lee' }],
    cc: [],
    subject: 'Your order',
    text: 'It is on its way.',
    html: null,
    udata: {},
    attachments: [],
    agent: { id: 7, firstName: 'Ada', lastName: 'Moss' },
    target: null,
    ...special,
  }
}

/** A file of a written mail. */
export function writtenFile(
  name: string | null,
  bytes: string | Buffer = 'abc',
  special: Partial<WrittenMail['attachments'][number]> = {},
): WrittenMail['attachments'][number] {
  const content = Buffer.from(bytes)
  return {
    name,
    content_type: 'application/octet-stream',
    size: content.length,
    sha256: hash(content.toString('base64')),
    content_id: null,
    inline: false,
    bytes: () => content,
    ...special,
  }
}

/** Hands a mail to a sink; `started`: how often the first byte was announced. */
export async function handOver(
  sink: MailSink | undefined,
  mail: WrittenMail,
  dataStarted: () => Promise<void> = async () => {},
): Promise<{ outcome: SendOutcome; started: number }> {
  if (!sink) throw new Error('it takes no mail')
  let started = 0
  const outcome = await sink.send({
    envelope: { from: mail.from.address, to: mail.to.map(({ address }) => address), smtputf8: false },
    mime: new Uint8Array(),
    written: async () => mail,
    async dataStarted() {
      await dataStarted()
      started += 1
    },
  })
  return { outcome, started }
}
