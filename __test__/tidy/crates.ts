// Dependencies of the crates run one way, and only the binding knows Node.
import type { Rule, SourceFile } from './rule.js'

/** From the bottom up; a crate may depend only on those of lower layers. */
const layers = [
  ['metrics', 'hash', 'fault', 'pool', 'batcher', 'compress', 'topology'],
  ['codec', 'ring'],
  ['wal'],
  ['store', 'net'],
  ['plane'],
  ['gateway'],
  ['binding'],
]
const layerOf = (crate: string) => layers.findIndex((layer) => layer.includes(crate))

function check(files: SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const crate = /^crates\/([^/]+)\/Cargo\.toml$/.exec(path)?.[1]
    if (crate === undefined) return []
    if (layerOf(crate) < 0) return [`${path}: the rule does not know the crate ${crate}`]
    const inner = [...text.matchAll(/^rafterdb-([a-z]+)\b/gm)].map((match) => match[1] ?? '')
    const upwards = inner
      .filter((name) => layerOf(name) >= layerOf(crate))
      .map((name) => `${path}: ${crate} must not depend on ${name}`)
    const node = crate !== 'binding' && /^napi/m.test(text) ? [`${path}: only binding may depend on napi`] : []
    return [...upwards, ...node]
  })
}

export const crates: Rule = {
  name: 'dependencies of the crates run one way',
  check,
  canaries: [
    [{ path: 'crates/wal/Cargo.toml', text: '[dependencies]\nrafterdb-store.workspace = true\n' }],
    [{ path: 'crates/net/Cargo.toml', text: '[dependencies]\nrafterdb-store = { path = "../store" }\n' }],
    [{ path: 'crates/plane/Cargo.toml', text: '[dependencies]\nnapi = "3"\n' }],
    [{ path: 'crates/drawer/Cargo.toml', text: '' }],
  ],
}
