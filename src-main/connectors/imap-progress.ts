import type { SourceState } from './connector.ts'
import type { FolderSync } from './imap-folder.ts'

/** How often the page is told, at most; milliseconds. */
const PACE = 250

/** Tells how far a sync is, four times a second at most, and that it is over. */
export interface SyncProgress {
  /** `active` is the folder that was worked on; else the first that has anything left. */
  show(folders: readonly FolderSync[], paused: boolean, active?: FolderSync): void
  end(): void
}

export function createSyncProgress(report: (change: Pick<SourceState, 'syncing'>) => void): SyncProgress {
  let began: { readonly at: number; readonly outstanding: number } | null = null
  let told = 0
  let wasPaused = false

  function end(): void {
    if (began === null) return
    began = null
    report({ syncing: null })
  }
  return {
    show(folders, paused, active) {
      const outstanding = folders.reduce((sum, folder) => sum + folder.outstanding, 0)
      if (outstanding === 0) return end()
      const now = performance.now()
      const first = began === null
      began ??= { at: now, outstanding }
      if (!first && paused === wasPaused && now - told < PACE) return
      told = now
      wasPaused = paused
      const folder = active && active.outstanding > 0 ? active : folders.find((each) => each.outstanding > 0)
      if (!folder) return
      const seconds = Math.max(0.001, (now - began.at) / 1000)
      const rate = paused ? 0 : Math.max(0, Math.round((began.outstanding - outstanding) / seconds))
      const total = Math.max(folder.total, folder.outstanding)
      report({ syncing: { folder: folder.path, done: total - folder.outstanding, total, rate } })
    },
    end,
  }
}
