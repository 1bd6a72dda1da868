// Every lock of the member's crates stands in ARCHITECTURE.md's table, which says in what order they may be taken, and what the table
// names is there. Knows names and places; the order itself is for readers.
import { codeOf, isRust, type Rule, type SourceFile } from './rule.js'

const TABLE = 'ARCHITECTURE.md'
const HEADING = '## Locks'
/** A field or a static that is a lock, or several. */
const LOCK = /^\s*(?:pub(?:\([^)]*\))?\s+)?(?:static\s+)?(\w+):(?!\s*&)[^=\n]*\b(?:Mutex|RwLock)</gm

const isMember = (file: SourceFile) => isRust(file) && /^crates\/(net|plane|store)\/src\//.test(file.path)
const isTest = ({ path }: SourceFile) => /\/testing\/|\/tests\.rs$|_model\.rs$/.test(path)

interface Row {
  names: string[]
  places: string[]
}

/** What stands between backticks. */
const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')

function rowsOf(files: SourceFile[]): Row[] {
  const page = files.find(({ path }) => path === TABLE)?.text ?? ''
  const section = page.split(`\n${HEADING}\n`)[1]?.split('\n## ')[0] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  const rows = lines.slice(1).map((line) => line.split(' | '))
  return rows.map(([lock = '', place = ''], at) => {
    const above = place.startsWith('same') ? quoted(rows[at - 1]?.[1] ?? '') : []
    // A right is no lock of a library: its name is that of a type.
    const names = quoted(lock).filter((name) => !/^[A-Z][a-z]/.test(name))
    return { names, places: [...above, ...quoted(place)] }
  })
}

/** Whether a file is at a place, which may leave out what it begins with, or be a folder. */
const isAt = (path: string, place: string) => path === place || path.endsWith(`/${place}`) || path.startsWith(`${place}/`)

function check(files: SourceFile[]): string[] {
  const rows = rowsOf(files)
  if (rows.length === 0) return [`${TABLE} has no table of locks below "${HEADING}"`]
  const sources = files.filter((file) => isMember(file) && !isTest(file)).map(codeOf)
  const locks = sources.flatMap(({ path, text }) => {
    const code = text.split('\n#[cfg(test)]\nmod tests {')[0] ?? ''
    return [...code.matchAll(LOCK)].map((match) => ({ path, name: match[1] ?? '' }))
  })
  const isIn = (row: Row, path: string, name: string) => row.names.includes(name) && row.places.some((place) => isAt(path, place))
  const missing = locks.filter(({ path, name }) => !rows.some((row) => isIn(row, path, name)))
  const gone = rows.flatMap((row) =>
    row.names.filter((name) => !locks.some((lock) => lock.name === name && isIn(row, lock.path, name))),
  )
  return [
    ...missing.map(({ path, name }) => `${path}: the lock ${name} is not in the table of ${TABLE}`),
    ...gone.map((name) => `${TABLE} has a lock that is not there: ${name}`),
  ]
}

/** A member of two files with a lock each, of which nothing is wrong but what is said instead. */
const member = (table: string, struct = 'pub(crate) b: [RwLock<Option<B>>; 2],'): SourceFile[] => [
  { path: TABLE, text: `\n${HEADING}\n\n| lock | in | keeps | held by |\n|---|---|---|---|\n${table}\n## Next\n` },
  { path: 'crates/net/src/a.rs', text: 'struct A {\n    a: Mutex<u8>,\n}\nfn f(\n    c: &Mutex<u8>,\n) {}\n' },
  { path: 'crates/net/src/b/mod.rs', text: `struct B {\n    ${struct}\n}\n` },
]
const A = '| `a` | `crates/net/src/a.rs` | x | y |'
const B = '| the right (`Turn`), then `b` | `b/mod.rs` | x | y |'

export const locks: Rule = {
  name: 'every lock of a member is in the table of locks',
  check,
  canaries: [
    member(A),
    member(`${A}\n${B}`, 'c: Mutex<u8>,'),
    member(`${A}\n${B}`, 'b: Mutex<u8>,\n    c: RwLock<u8>,'),
    member(`${A}\n| \`b\` | \`crates/net/src/a.rs\` | x | y |`),
    member(''),
  ],
}
