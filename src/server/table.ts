// Aligns rows of cells into columns. Numbers go to the right, everything else to the left.

/** One string a row, columns two spaces apart. The first row is the header. */
export function formatTable(rows: string[][]): string[] {
  const body = rows.slice(1)
  const count = Math.max(0, ...rows.map((row) => row.length))
  const columns = Array.from({ length: count }, (_, column) => ({
    width: Math.max(...rows.map((row) => width(row[column] ?? ''))),
    right: body.length > 0 && body.every((row) => /^[\d,.]{0,15}$/.test(row[column] ?? '')),
  }))
  return rows.map((row) =>
    columns
      .map(({ width: wide, right }, column) => pad(row[column] ?? '', wide, right))
      .join('  ')
      .trimEnd(),
  )
}

function pad(cell: string, wide: number, right: boolean): string {
  const space = ' '.repeat(wide - width(cell))
  return right ? space + cell : cell + space
}

/** Characters, counting what lies outside the basic plane once. */
function width(cell: string): number {
  let count = 0
  for (const _ of cell) count++
  return count
}
