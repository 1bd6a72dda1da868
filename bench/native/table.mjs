// The native bench's table: one row a function and size; nanoseconds a call (an element, where a call handles many) and GB/s.

const COLUMNS = ['function / bytes', 'Rust ns', 'GB/s', 'from Node ns', 'GB/s', 'best of npm', 'ns', 'ours is']

/** Significant digits enough to compare, no more. */
const digits = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3))
const perElement = (figure, one) => figure.ns / (one.elements ?? 1)
const rate = (figure, bytes) => (bytes ? digits(bytes / figure.ns) : '')

function cells({ row, rust, node }) {
  const shared = node ?? rust ?? {}
  const own = rust ? [digits(perElement(rust, rust)), rate(rust, rust.bytes)] : ['', '']
  if (!node) return [row, ...own, '', '', '', '', '']
  const through = [digits(perElement(node, shared)), rate(node, node.bytes)]
  const best = node.best ? [node.best.name, digits(node.best.ns / (shared.elements ?? 1))] : ['', '']
  const ratio = node.best ? `${digits(node.best.ns / node.ns)} x` : ''
  return [row, ...own, ...through, ...best, ratio]
}

/** The figures as text. */
export function nativeTable({ machine, node, path, rows }) {
  const lines = [COLUMNS, ...rows.filter((row) => row.rust || row.node).map(cells)]
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  const isText = (i) => i === 0 || i === 5
  const text = lines.map((line) =>
    line.map((cell, i) => (isText(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  )
  return [`${machine}, ${path}, Node ${node}. Medians; "ours is" says how many times as fast from Node.`, ...text].join('\n')
}
