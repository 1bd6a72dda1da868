// The bench's table: one row a load, columns aligned. Knows nothing of how the figures came to be.

const COLUMNS = [
  ['load', (row) => row.name],
  ['per second', (row) => Math.round(row.perSecond).toLocaleString('en')],
  ['p50 ms', (row) => row.p50.toFixed(3)],
  ['p99 ms', (row) => row.p99.toFixed(3)],
  ['cores', (row) => row.cores?.toFixed(2) ?? ''],
  ['bytes written / stored', (row) => row.writeAmplification?.toFixed(2) ?? ''],
  ['crossings/s', (row) => (row.crossings === undefined ? '' : Math.round(row.crossings).toLocaleString('en'))],
]

/** The figures as text. */
export function table(figures, ratios) {
  const cells = [COLUMNS.map(([title]) => title), ...figures.map((row) => COLUMNS.map(([, show]) => show(row)))]
  const notes = Object.entries(ratios).map(
    ([name, value]) => `${name}: ${value === undefined ? 'not measured' : value.toFixed(2)}`,
  )
  return [align(cells), '', ...notes].join('\n')
}

/** Rows of texts under one another: the first column to the left, the others to the right. */
export function align(cells) {
  const widths = cells[0].map((_, i) => Math.max(...cells.map((row) => row[i].length)))
  return cells
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .join('\n')
}
