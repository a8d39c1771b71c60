import type { ApiStore } from '../api-store.ts'
import { apiInteraction, apiInteractionPage } from './api-interaction.ts'
import { changeInteraction } from './changed-interaction.ts'
import type { Engine } from './engine.ts'
import { insertInput } from './interaction-input.ts'
import { onlyOnce } from './once.ts'
import { oweReports, oweWriteBack } from './owed-calls.ts'

/** The data model, as other systems read and write it (contracts, interactions). */
export function apiInteractions(
  engine: Engine,
): Pick<ApiStore, 'createInteraction' | 'updateInteraction' | 'apiInteraction' | 'apiInteractions'> {
  return {
    async createInteraction(input, terms) {
      return engine.group((touched) => {
        const create = () => {
          const { row, interaction_id } = insertInput(engine, touched, input)
          oweReports(engine, touched, row)
          return apiInteraction(engine, interaction_id)
        }
        return onlyOnce(engine, terms.once, create, (made) => made.interaction_id).answer
      }, terms.mayBegin)
    },
    async updateInteraction(id, patch, terms) {
      return engine.group((touched) => {
        const update = () => {
          changeInteraction(engine, touched, id, patch, 'api')
          oweWriteBack(engine, touched, id)
          return apiInteraction(engine, id)
        }
        return onlyOnce(engine, terms.once, update, () => id).answer
      }, terms.mayBegin)
    },
    async apiInteraction(id) {
      return apiInteraction(engine, id)
    },
    async apiInteractions(filter, page) {
      return apiInteractionPage(engine, filter, page)
    },
  }
}
