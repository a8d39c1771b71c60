/** One line of the table: what was measured, the desk's figure, the peer's, and what we aim at. */
export interface Figure {
  readonly what: string
  readonly desk: string
  readonly peer: string
  readonly aim: string
  readonly met: boolean | null
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** Nearest rank; `p` from 0 to 100. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const rank = Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)
  return sorted[rank] ?? Number.NaN
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`
}

/** A table in Markdown, columns aligned, so that it reads well in a terminal and in a page. */
export function table(figures: readonly Figure[]): string {
  const rows = [
    ['What', 'Workbin', 'Peer', 'Aim', ''],
    ...figures.map(({ what, desk, peer, aim, met }) => [
      what,
      desk,
      peer,
      aim,
      met === null ? '' : met ? 'met' : 'missed',
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [head, ...body] = rows
  return [
    line(head ?? []),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...body.map(line),
  ].join('\n')
}
