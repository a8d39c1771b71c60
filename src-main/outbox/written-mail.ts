import type { WrittenMail } from '../connectors/connector.ts'
import { CoreError } from '../contract/errors.ts'
import type { AgentSettings } from '../contract/settings.ts'
import type { Blobs } from '../store/blobs.ts'
import type { OwedMail, Store } from '../store/store.ts'

/** What was written, for a sink that speaks in fields. Its files are read when they are asked for. */
export async function writtenMail(
  mail: OwedMail,
  {
    store,
    blobs,
    agent,
  }: {
    readonly store: Store
    readonly blobs: Blobs
    readonly agent: () => Promise<Pick<AgentSettings, 'id' | 'firstName' | 'lastName'>>
  },
): Promise<WrittenMail> {
  const interaction = await store.interaction(mail.interaction_id)
  const { id, firstName, lastName } = await agent()
  return {
    interaction_id: interaction.interaction_id,
    from: interaction.from ?? { address: mail.envelope.from },
    to: interaction.to ?? [],
    cc: interaction.cc ?? [],
    subject: interaction.subject ?? '',
    text: interaction.text ?? '',
    html: interaction.html,
    udata: interaction.udata ?? {},
    attachments: interaction.attachments.map(({ name, contentType, size, sha256, contentId, inline }) => ({
      name,
      content_type: contentType,
      size,
      sha256,
      content_id: contentId,
      inline,
      bytes() {
        const bytes = blobs.verify(sha256) === 'ok' ? blobs.read(sha256) : null
        if (bytes) return bytes
        throw new CoreError(
          'attachment-missing',
          `The attachment “${name ?? 'without a name'}” is missing or damaged on this computer’s disk. Attach it again, then send.`,
        )
      },
    })),
    agent: { id, firstName, lastName },
    target: mail.target,
  }
}
