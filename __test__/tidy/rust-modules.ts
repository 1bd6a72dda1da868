// Which files of a crate use which: paths of Rust resolved to the file that defines what they name. A re-export is followed to
// where it leads, so that a `mod.rs` which only declares and re-exports is in nobody's way. Tests are left out.
import { codeOf, type SourceFile } from './rule.js'

interface Module {
  file: string
  /** Its path in the crate: `crate` is empty. */
  name: string[]
  code: string
  /** Names that it defines itself. */
  defined: Set<string>
  children: Map<string, Module>
  /** What it imports or re-exports, by the name that it has here. */
  imported: Map<string, string[]>
  /** Modules of which it re-exports all. */
  globs: string[][]
}

/** Re-exports that are followed, of one another: enough for any, and an end for a circle of them. */
const RE_EXPORTS_MAX = 20

/** A name that a `use` brings in. */
interface Import {
  path: string[]
  as: string
  isPublic: boolean
}

/** For each file the files of its crate that it uses. */
export function rustUses(files: SourceFile[]): Map<string, Set<string>> {
  const root = files.find(({ path }) => /^crates\/[^/]+\/src\/(lib|main)\.rs$/.test(path))
  if (root === undefined) return new Map()
  const crate = readModule(root, [], new Map(files.map((file) => [file.path, file])))
  const modules = all(crate)
  return new Map(modules.map((module) => [module.file, usesOf(module, crate)]))
}

const all = (module: Module): Module[] => [module, ...[...module.children.values()].flatMap(all)]

function readModule(file: SourceFile, name: string[], files: Map<string, SourceFile>): Module {
  const code = withoutTests(codeOf(file).text)
  const module: Module = {
    file: file.path,
    name,
    code,
    defined: definedIn(code),
    children: new Map(),
    imported: new Map(),
    globs: [],
  }
  const isRoot = /\/(lib|main|mod)\.rs$/.test(file.path)
  const folder = isRoot ? file.path.replace(/\/[^/]+$/, '') : file.path.replace(/\.rs$/, '')
  for (const [, child = ''] of code.matchAll(/\bmod\s+(\w+)\s*;/g)) {
    const source = files.get(`${folder}/${child}.rs`) ?? files.get(`${folder}/${child}/mod.rs`)
    if (source !== undefined) module.children.set(child, readModule(source, [...name, child], files))
  }
  for (const { path, as } of importsOf(code)) {
    if (as === '*') module.globs.push(path)
    else module.imported.set(as, path)
  }
  return module
}

function usesOf(module: Module, crate: Module): Set<string> {
  const used = new Set<string>()
  const add = (path: string[]) => {
    const target = resolve(path, module, crate)
    if (target !== null && target.file !== module.file) used.add(target.file)
  }
  const code = module.code.replace(USE, (use) => ' '.repeat(use.length))
  for (const { path, as, isPublic } of importsOf(module.code)) {
    // What is re-exported counts if it is used here too.
    if (!isPublic || (as !== '*' && new RegExp(`\\b${as}\\b`).test(code))) add(as === '*' ? [...path, '*'] : path)
  }
  for (const [path] of code.matchAll(/\b(?:crate|super|self)(?:::\w+)+/g)) add(path.split('::'))
  if (module.children.size > 0) {
    const children = new RegExp(`(?<![:\\w])(?:${[...module.children.keys()].join('|')})(?:::\\w+)+`, 'g')
    for (const [path] of code.matchAll(children)) add(path.split('::'))
  }
  return used
}

/** The module that defines what a path of `from` names; null: it is of another crate. */
function resolve(path: string[], from: Module, crate: Module, depth = 0): Module | null {
  const start = startOf(path, from, crate, depth)
  if (start === null || depth > RE_EXPORTS_MAX) return null
  let module = start.module
  for (const [at, name] of start.names.entries()) {
    const child = module.children.get(name)
    const imported = module.imported.get(name)
    if (child === undefined && imported !== undefined) {
      const target = resolve(imported, module, crate, depth + 1)
      const left = start.names.slice(at + 1)
      return target === null || left.length === 0 ? target : resolve(['self', ...left], target, crate, depth + 1)
    }
    if (child === undefined) return definer(name, module, crate, depth)
    module = child
  }
  return module
}

/** Where a path of `from` begins, and what is left of it. */
function startOf(path: string[], from: Module, crate: Module, depth: number): { module: Module; names: string[] } | null {
  const [first = ''] = path
  if (first === 'crate') return { module: crate, names: path.slice(1) }
  if (from.children.has(first) || (depth > 0 && from.imported.has(first))) return { module: from, names: path }
  if (first !== 'self' && first !== 'super') return null
  const names = path.filter((name) => name !== 'self' && name !== 'super')
  const above = path.filter((name) => name === 'super').length
  const module = find(crate, from.name.slice(0, from.name.length - above))
  return module === undefined ? null : { module, names }
}

/** The module that defines `name`, which `module` has of its own or by a re-export of all of another. */
function definer(name: string, module: Module, crate: Module, depth: number): Module {
  if (module.defined.has(name)) return module
  for (const glob of module.globs) {
    const target = resolve(glob, module, crate, depth + 1)
    if (target === null || target === module) continue
    if (target.defined.has(name)) return target
    if (target.imported.has(name)) return resolve(['self', name], target, crate, depth + 1) ?? module
  }
  return module
}

const definedIn = (code: string) =>
  new Set(
    [...code.matchAll(/\b(?:fn|struct|enum|trait|type|const|static|union|mod|macro_rules!)\s+(\w+)/g)].map(
      (match) => match[1] ?? '',
    ),
  )

function find(crate: Module, name: string[]): Module | undefined {
  let module: Module | undefined = crate
  for (const part of name) module = module?.children.get(part)
  return module
}

const USE = /(?<=^|[\n;{}]\s*)(pub(?:\s*\([^)]*\))?\s+)?use\s+([^;]+);/g

function importsOf(code: string): Import[] {
  return [...code.matchAll(USE)].flatMap(([, isPublic, tree = '']) =>
    leaves(tree.replace(/\s+/g, ' ').trim()).map((leaf) => ({ ...leaf, isPublic: isPublic !== undefined })),
  )
}

/** `a::{b, c as d, e::*}` → its names, each with its whole path. */
function leaves(tree: string, before: string[] = []): Omit<Import, 'isPublic'>[] {
  const open = tree.indexOf('{')
  if (open < 0) {
    const [path = '', as] = tree.split(' as ').map((part) => part.trim())
    const names = [...before, ...path.split('::').filter((name) => name !== '')]
    if (names.at(-1) === '*') return [{ path: names.slice(0, -1), as: '*' }]
    if (names.at(-1) === 'self' && names.length > 1) names.pop()
    return [{ path: names, as: as ?? names.at(-1) ?? '' }]
  }
  const prefix = [
    ...before,
    ...tree
      .slice(0, open)
      .split('::')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  ]
  return splitAtCommas(tree.slice(open + 1, tree.lastIndexOf('}'))).flatMap((part) => leaves(part, prefix))
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at <= text.length; at++) {
    const char = text[at]
    if (char === '{') depth++
    else if (char === '}') depth--
    else if ((char === ',' && depth === 0) || char === undefined) {
      parts.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  return parts.filter((part) => part !== '')
}

/** The code without what is compiled for tests only: items behind `#[cfg(test)]`, declared elsewhere or in braces. */
function withoutTests(code: string): string {
  const pattern = /#\[cfg\((?:all\()?test\b[^\]]*\]/g
  for (let match = pattern.exec(code); match !== null; match = pattern.exec(code)) {
    const end = endOfItem(code, pattern.lastIndex)
    code = code.slice(0, match.index) + code.slice(match.index, end).replace(/[^\n]/g, ' ') + code.slice(end)
  }
  return code
}

/** Where an item ends that begins at `at`: at its semicolon, or at the brace that closes its first one. */
function endOfItem(code: string, at: number): number {
  let depth = 0
  for (; at < code.length; at++) {
    if (code[at] === ';' && depth === 0) return at + 1
    if (code[at] === '{') depth++
    else if (code[at] === '}' && --depth === 0) return at + 1
  }
  return at
}
