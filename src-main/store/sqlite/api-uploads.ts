import type { Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { ApiStore, ApiUpload } from '../api-store.ts'
import { unusedBlobs } from './blobs-named.ts'
import type { Engine } from './engine.ts'
import { onlyOnce } from './once.ts'

/** Contracts, activity response 5.1: kept 24 h. */
const KEPT = 24 * 60 * 60 * 1000

/** Files that wait for an activity response to name them. */
export function apiUploads(
  engine: Engine,
): Pick<ApiStore, 'keepUpload' | 'uploads' | 'dropOldUploads' | 'unusedBlobs'> {
  return {
    async keepUpload({ customer, name, content_type, size, sha256 }, terms) {
      return engine.group(() => {
        const { answer } = onlyOnce(engine, terms.once, () => {
          const id = newUuid(engine.now())
          engine
            .sql(
              `insert into api_uploads (id, customer, name, content_type, size, sha256, at)
               values (?, ?, ?, ?, ?, ?, ?)`,
            )
            .run(id, customer, name, content_type, size, sha256, engine.now())
          return { id }
        })
        return answer
      }, terms.mayBegin)
    },

    async uploads(ids, customer) {
      const find = engine.sql<ApiUpload & { readonly id: Uuid }>(
        `select id, customer, name, content_type, size, sha256 from api_uploads
          where id = ? and customer = ? and at >= ?`,
      )
      return ids.flatMap((id) => find.get(id, customer, engine.now() - KEPT) ?? [])
    },

    async dropOldUploads() {
      return engine.write(() =>
        unusedBlobs(
          engine,
          engine
            .sql<{ sha256: string }>('delete from api_uploads where at < ? returning sha256')
            .all(engine.now() - KEPT)
            .map(({ sha256 }) => sha256),
        ),
      )
    },

    async unusedBlobs(sha256s) {
      return unusedBlobs(engine, sha256s)
    },
  }
}

/** Each upload is for one use. Throws `invalid` where one is used up or too old. */
export function useUploads(engine: Engine, ids: readonly Uuid[]): void {
  const take = engine.sql('delete from api_uploads where id = ? and at >= ?')
  for (const id of ids)
    if (take.run(id, engine.now() - KEPT).changes === 0)
      throw new CoreError(
        'invalid',
        `The upload ${id} is not there: it was used already, or it is older than a day. Upload the file again.`,
        { detail: { upload: id } },
      )
}
