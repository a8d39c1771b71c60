import type { ListRow, View } from '../contract/domain.ts'
import type { Store } from '../store/store.ts'
import type { Attention } from './host-services.ts'
import type { StoredSettings } from './stored-settings.ts'

/** Newest rows looked at for one notification; more arrivals than that are only counted. */
const LOOK = 20

/**
 * What the badge and one notification say: the unread work that may be mine (queues and my workbins), and what is
 * new in it since the last call.
 */
export function attentionFor(store: Store, settings: StoredSettings): () => Promise<Attention> {
  let newestSeen: number | null = null

  return async () => {
    const agent = (await settings.agent()).id
    const counts = await store.counts(agent)
    const unread =
      counts.queues.reduce((sum, queue) => sum + queue.unread, 0) +
      counts.inProgress.mine.unread +
      counts.review.mine.unread
    const { notifications } = await settings.preferences()

    const view: View = { kind: 'all' }
    const { rows } = await store.listPage({ view, order: 'newest', after: null, limit: LOOK, agent })
    const newest = rows[0]?.at ?? 0
    const since = newestSeen
    newestSeen = Math.max(newest, since ?? 0)
    // The first look only learns where things stand.
    const arrived = since === null ? [] : rows.filter((row) => isNew(row, since, agent))
    return {
      unread,
      notifications,
      arrivedCount: arrived.length,
      arrived: arrived
        .slice(0, 3)
        .flatMap(({ thread_id, correspondent, subject }) =>
          thread_id === null ? [] : [{ thread_id, from: correspondent, subject }],
        ),
    }
  }
}

function isNew(row: ListRow, since: number, agent: number): boolean {
  return row.unread && !row.outbound && row.at > since && (row.owner_id === null || row.owner_id === agent)
}
