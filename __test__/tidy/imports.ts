// Imports of TypeScript run one way.
import { isTypeScript, type Rule, referencesOf, type SourceFile } from './rule.js'

/** What every folder may import. */
const EVERYWHERE = ['codes', 'endpoint', 'errors', 'limits', 'majority', 'nearest']

/** What each folder of src may import besides itself and EVERYWHERE; `types:x` allows `import type` only. */
const allowed: Record<string, string[]> = {
  raft: [],
  plane: [],
  host: ['raft', 'plane'],
  native: ['plane', 'types:client'],
  library: ['native'],
  cluster: ['host', 'native', 'types:client'],
  backup: ['cluster', 'library', 'native', 'types:client'],
  client: [],
  recover: ['cluster', 'native'],
  gateway: ['client', 'index'],
  console: ['client', 'index'],
  server: ['backup', 'client', 'index', 'recover'],
  index: ['backup', 'client', 'recover'],
  errors: ['codes'],
  codes: [],
  limits: [],
  majority: [],
  nearest: [],
  endpoint: ['limits'],
}

/** The one place where the client's interface is joined to the member below it. */
const joints: Record<string, string[]> = { 'src/client/open.ts': ['backup', 'cluster', 'native'] }

/** `src/raft/log.ts` → `raft`, `src/limits.ts` → `limits`. */
const folderOf = (path: string) => path.split('/')[1]?.replace(/\.ts$/, '') ?? ''

function check(files: SourceFile[]): string[] {
  const sources = files.filter((file) => isTypeScript(file) && file.path.startsWith('src/'))
  return sources.flatMap((file) => {
    const folder = folderOf(file.path)
    const may = allowed[folder]
    if (!may) return [`${file.path} is in a folder that the rule does not know: ${folder}`]
    const all = [folder, ...EVERYWHERE, ...may, ...(joints[file.path] ?? [])]
    return referencesOf(file)
      .filter(({ target }) => target.startsWith('src/'))
      .filter(
        ({ target, isTypeOnly }) => !all.includes(folderOf(target)) && !(isTypeOnly && all.includes(`types:${folderOf(target)}`)),
      )
      .map(({ line, target }) => `${file.path}:${line} imports ${target}`)
  })
}

export const imports: Rule = {
  name: 'imports of TypeScript run one way',
  check,
  canaries: [
    [{ path: 'src/raft/raft.ts', text: "import { run } from '../host/worker.js'\n" }],
    [{ path: 'src/host/worker.ts', text: "import { nativePlane } from '../native/plane.js'\n" }],
    [{ path: 'src/client/put.ts', text: "export { x } from '../cluster/member.js'\n" }],
    [{ path: 'src/client/put.ts', text: "const x = await import('../server/main.js')\n" }],
    [{ path: 'src/cluster/member.ts', text: "import { connect } from '../client/open.js'\n" }],
    [{ path: 'src/drawer/x.ts', text: '' }],
  ],
}
