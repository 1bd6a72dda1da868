// No file needs itself, over however many others: neither in src (imports of values; types are gone when it runs) nor in any crate.
import { isRust, isTypeScript, type Rule, referencesOf, type SourceFile } from './rule.js'
import { rustUses } from './rust-modules.js'

/** Which files each file uses. */
type Uses = Map<string, Set<string>>

function typeScriptUses(files: SourceFile[]): Uses {
  const paths = new Set(files.map(({ path }) => path))
  return new Map(
    files.map((file) => {
      const values = referencesOf(file).filter(({ target, isTypeOnly }) => !isTypeOnly && paths.has(target))
      return [file.path, new Set(values.map(({ target }) => target))]
    }),
  )
}

/** The groups of files that use one another in a circle (Tarjan's strongly connected components), without single files. */
export function circlesOf(uses: Uses): string[][] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []
  const visit = (path: string): number => {
    const own = order.size
    order.set(path, own)
    lowest.set(path, own)
    open.push(path)
    for (const used of uses.get(path) ?? []) {
      const seen = order.get(used)
      if (seen === undefined) lowest.set(path, Math.min(lowest.get(path) ?? own, visit(used)))
      else if (open.includes(used)) lowest.set(path, Math.min(lowest.get(path) ?? own, seen))
    }
    if (lowest.get(path) === own) {
      const circle = open.splice(open.indexOf(path))
      if (circle.length > 1) circles.push(circle.sort())
    }
    return lowest.get(path) ?? own
  }
  for (const path of uses.keys()) if (!order.has(path)) visit(path)
  return circles
}

function check(files: SourceFile[]): string[] {
  const sources = files.filter((file) => isTypeScript(file) && file.path.startsWith('src/'))
  const rust = files.filter((file) => isRust(file) && /^crates\/[^/]+\/src\//.test(file.path))
  const crates = new Set(rust.map(({ path }) => path.split('/')[1]))
  const perCrate = [...crates].map((crate) => rustUses(rust.filter(({ path }) => path.split('/')[1] === crate)))
  const circles = [typeScriptUses(sources), ...perCrate].flatMap(circlesOf)
  return circles.map((circle) => `these use one another in a circle: ${circle.join(', ')}`)
}

/** A crate of one folder: `lib.rs` declares and re-exports, as the crates do. */
const crate = (lib: string, sources: Record<string, string>): SourceFile[] => [
  { path: 'crates/canary/src/lib.rs', text: lib },
  ...Object.entries(sources).map(([name, text]) => ({ path: `crates/canary/src/${name}.rs`, text })),
]

export const circles: Rule = {
  name: 'no circle of uses, in src or in a crate',
  check,
  canaries: [
    [
      { path: 'src/raft/a.ts', text: "import { b } from './b.js'\n" },
      { path: 'src/raft/b.ts', text: "import {\n  type A,\n  c,\n} from './c.js'\n" },
      { path: 'src/raft/c.ts', text: "export * from './a.js'\n" },
    ],
    crate('mod a;\nmod b;\n', { a: 'use crate::b::B;\n', b: 'use super::a::{self, A};\n' }),
    crate('mod a;\nmod b;\n', { a: 'fn f() { crate::b::g() }\n', b: 'pub fn g() { crate::a::f() }\n' }),
    crate('mod a;\nmod b;\npub use a::A;\npub use b::{B as C};\n', { a: 'use crate::C;\n', b: 'use crate::A;\n' }),
    crate('mod a;\nmod b;\npub use a::*;\n', { a: 'use crate::b::B;\npub struct A;\n', b: 'use crate::A;\n' }),
    crate('mod a;\nmod b;\npub use b::B;\nfn f() { a::g() }\npub fn h() {}\n', { a: 'use crate::h;\n', b: '' }),
    crate('mod a;\npub use a::A;\npub fn g() { A::f() }\n', { a: 'use crate::g;\npub struct A;\n' }),
    crate('mod a;\nmod b;\n#[cfg(test)]\nmod tests;\n', {
      a: '#[cfg(test)]\nmod tests { use super::*; }\nuse crate::b::B;\n',
      b: 'use crate::{a::{A, D}, E};\n',
      tests: '',
    }),
  ],
}
