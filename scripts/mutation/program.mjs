// Loads the core and its tests into this process again and again, each time with another mutant in one file. Sources are
// compiled once; each load gets modules of its own. A loop that goes on for much longer than it may throws.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'

const require = createRequire(import.meta.url)
const K = ts.SyntaxKind

/** All sources that are reached from some entries. */
export class Program {
  /** Rounds that all loops of one check may still make together. */
  budget = { left: Number.POSITIVE_INFINITY }
  #root
  /** By path: the text, what it imports, its compiled function. */
  #sources = new Map()

  constructor(root) {
    this.#root = root
  }

  /**
   * One life of the program: a function that imports a source. `mutated`: a path and the text to have there. What that
   * function gets as second argument stands for packages, by name.
   */
  load(mutated) {
    const modules = new Map()
    const changed = mutated === undefined ? undefined : { ...mutated, run: this.#compile(mutated.path, mutated.text) }
    const importModule = (path, standIns = {}) => {
      const known = modules.get(path)
      if (known !== undefined) return known.exports
      const { imports, run } = this.#source(path)
      const module = { exports: {} }
      modules.set(path, module)
      const requireFrom = (name) => (name.startsWith('.') ? importModule(imports.get(name)) : (standIns[name] ?? require(name)))
      const actual = changed?.path === path ? changed.run : run
      actual(module.exports, requireFrom, module, this.budget)
      return module.exports
    }
    return importModule
  }

  /** A digest of a source and all that it imports. */
  digest(path) {
    const paths = new Set()
    const add = (at) => {
      if (paths.has(at)) return
      paths.add(at)
      for (const next of this.#source(at).imports.values()) add(next)
    }
    add(path)
    const hash = createHash('sha1')
    for (const at of [...paths].sort()) hash.update(relative(this.#root, at)).update('\0').update(this.#source(at).text)
    return hash.digest('hex').slice(0, 16)
  }

  #source(path) {
    const known = this.#sources.get(path)
    if (known !== undefined) return known
    const text = readFileSync(path, 'utf8')
    const imports = new Map()
    for (const { fileName } of ts.preProcessFile(text, true, false).importedFiles) {
      if (fileName.startsWith('.')) imports.set(fileName, resolve(path, fileName))
    }
    const source = { text, imports, run: this.#compile(path, text) }
    this.#sources.set(path, source)
    return source
  }

  #compile(path, text) {
    const { outputText } = ts.transpileModule(text, {
      fileName: path,
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
      transformers: { before: [guardLoops] },
    })
    return new Function('exports', 'require', 'module', '$budget', `${outputText}\n//# sourceURL=${relative(this.#root, path)}`)
  }
}

/** What a loop throws when it has gone on for too long. */
export const IN_CIRCLES = 'runs in circles'

function resolve(from, name) {
  const path = join(dirname(from), name.replace(/\.js$/, '.ts'))
  if (!existsSync(path)) throw new Error(`${from} imports ${name}, which is not there`)
  return path
}

/** Each round of each loop costs one of the budget. */
function guardLoops(context) {
  const f = context.factory
  const isLoop = (node) => ts.isIterationStatement(node, false)
  const guard = () =>
    f.createIfStatement(
      f.createBinaryExpression(
        f.createPrefixUnaryExpression(K.MinusMinusToken, f.createPropertyAccessExpression(f.createIdentifier('$budget'), 'left')),
        K.LessThanToken,
        f.createNumericLiteral(0),
      ),
      f.createThrowStatement(f.createNewExpression(f.createIdentifier('Error'), undefined, [f.createStringLiteral(IN_CIRCLES)])),
    )
  const guarded = (body) => f.createBlock([guard(), ...(ts.isBlock(body) ? body.statements : [body])])
  const visit = (node) => {
    const visited = ts.visitEachChild(node, visit, context)
    if (!isLoop(visited)) return visited
    const body = guarded(visited.statement)
    if (ts.isWhileStatement(visited)) return f.updateWhileStatement(visited, visited.expression, body)
    if (ts.isDoStatement(visited)) return f.updateDoStatement(visited, body, visited.expression)
    if (ts.isForStatement(visited)) {
      return f.updateForStatement(visited, visited.initializer, visited.condition, visited.incrementor, body)
    }
    if (ts.isForOfStatement(visited)) {
      return f.updateForOfStatement(visited, visited.awaitModifier, visited.initializer, visited.expression, body)
    }
    return f.updateForInStatement(visited, visited.initializer, visited.expression, body)
  }
  return (file) => ts.visitNode(file, visit)
}
