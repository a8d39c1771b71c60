import type { ListPage, PlaceCount } from '../../contract/domain.ts'
import { assertNever } from '../../contract/errors.ts'
import type { Counts, Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { draftPage, heldBackPage, type ListRequest, outboxPage, threadPage } from './list-page.ts'

/** What the list in the middle shows, and the counts beside the queues. */
export function lists(engine: Engine): Pick<Store, 'listPage' | 'counts'> {
  return {
    listPage: async (request) => listPage(engine, request),
    counts: async (agent) => counts(engine, agent),
  }
}

function listPage(engine: Engine, request: ListRequest): ListPage {
  const { view, agent } = request
  switch (view.kind) {
    case 'queue': {
      const place = `queue:${view.queue_id}`
      return threadPage(engine, request, 't.place = ?', [place], total(engine, place))
    }
    case 'workbin': {
      if (view.workbin === 'drafts') {
        const { team, mine } = draftCounts(engine, agent)
        return view.team
          ? draftPage(engine, request, '1', [], team.total)
          : draftPage(engine, request, 'd.owner_id = ?', [agent], mine.total)
      }
      const place = `workbin:${view.workbin}`
      return view.team
        ? threadPage(engine, request, 't.place = ?', [place], total(engine, place))
        : threadPage(
            engine,
            request,
            't.place = ? and t.owner_id = ?',
            [place, agent],
            total(engine, place, agent),
          )
    }
    case 'done':
      return threadPage(engine, request, 't.place = ?', ['done'], total(engine, 'done'))
    case 'all':
      return threadPage(engine, request, '1', [], everything(engine).total)
    case 'held-back':
      return heldBackPage(engine, request, total(engine, 'held-back'))
    case 'outbox': {
      const { waiting, trouble } = outboxCounts(engine)
      return outboxPage(engine, request, waiting + trouble)
    }
    default:
      return assertNever(view)
  }
}

function counts(engine: Engine, agent: number): Counts {
  const queues = engine
    .sql<{ id: string; name: string }>('select id, name from queues order by position, id')
    .all()
  const workbin = (place: string) => ({
    mine: placeCount(engine, place, agent),
    team: placeCount(engine, place),
  })
  return {
    queues: queues.map((queue) => ({ ...queue, ...placeCount(engine, `queue:${queue.id}`) })),
    inProgress: workbin('workbin:in-progress'),
    review: workbin('workbin:review'),
    drafts: draftCounts(engine, agent),
    done: placeCount(engine, 'done'),
    all: everything(engine),
    outbox: outboxCounts(engine),
    heldBack: total(engine, 'held-back'),
  }
}

const NOTHING: PlaceCount = { total: 0, unread: 0 }

function placeCount(engine: Engine, place: string, owner?: number): PlaceCount {
  const sum = 'select total(total) as total, total(unread) as unread from counts where place = ?'
  return (
    (owner === undefined
      ? engine.sql<PlaceCount>(sum).get(place)
      : engine.sql<PlaceCount>(`${sum} and owner_id = ?`).get(place, owner)) ?? NOTHING
  )
}

function total(engine: Engine, place: string, owner?: number): number {
  return placeCount(engine, place, owner).total
}

function everything(engine: Engine): PlaceCount {
  return (
    engine
      .sql<PlaceCount>(
        "select total(total) as total, total(unread) as unread from counts where place <> 'held-back'",
      )
      .get() ?? NOTHING
  )
}

// Drafts and unfinished sends are few at any time, so their index is counted when asked.
function draftCounts(engine: Engine, agent: number): { mine: PlaceCount; team: PlaceCount } {
  const mine = engine.sql<{ n: number }>('select count(*) as n from drafts where owner_id = ?').get(agent)
  const team = engine.sql<{ n: number }>('select count(*) as n from drafts').get()
  return { mine: { total: mine?.n ?? 0, unread: 0 }, team: { total: team?.n ?? 0, unread: 0 } }
}

function outboxCounts(engine: Engine): { waiting: number; trouble: number } {
  return (
    engine
      .sql<{ waiting: number; trouble: number }>(
        `select count(case when state not in ('rejected', 'unknown') then 1 end) as waiting,
                count(case when state in ('rejected', 'unknown') then 1 end) as trouble
           from outbox where state in ('queued', 'claimed', 'data_started', 'rejected', 'unknown')`,
      )
      .get() ?? { waiting: 0, trouble: 0 }
  )
}
