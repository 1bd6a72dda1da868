// How long a function may be: what one screen shows. Tests are left out, whose cases stand in functions of many cases.
import ts from 'typescript'
import { codeOf, isRust, isTypeScript, type Rule, type SourceFile } from './rule.js'

const LINES_MAX = 70

interface Length {
  name: string
  line: number
  lines: number
}

function typeScriptFunctions({ path, text }: SourceFile): Length[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lineOf = (at: number) => source.getLineAndCharacterOfPosition(at).line + 1
  const found: Length[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const line = lineOf(node.getStart(source))
      found.push({ name: node.name?.getText(source) ?? 'a function', line, lines: lineOf(node.end) - line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function rustFunctions(file: SourceFile): Length[] {
  const code = codeOf(file).text
  return [...code.matchAll(/\bfn\s+(\w+)/g)].flatMap((match) => {
    const end = endOfBody(code, match.index)
    const lines = end === null ? 0 : linesOf(code.slice(match.index, end))
    return lines > LINES_MAX ? [{ name: match[1] ?? '', line: linesOf(code.slice(0, match.index)), lines }] : []
  })
}

const linesOf = (text: string) => text.split('\n').length

/** Where the body ends that begins after `at`; null: it has none, as in a trait. */
function endOfBody(code: string, at: number): number | null {
  let depth = 0
  let brackets = 0
  for (; at < code.length; at++) {
    const char = code[at]
    if (char === '(' || char === '[') brackets++
    else if (char === ')' || char === ']') brackets--
    else if (char === ';' && depth === 0 && brackets === 0) return null
    else if (char === '{') depth++
    else if (char === '}' && --depth === 0) return at
  }
  return null
}

/** A shorter file needs no closer look. */
const isLong = ({ text }: SourceFile) => linesOf(text) > LINES_MAX
const isShipped = ({ path }: SourceFile) => /^(src|scripts|bench)\/|^crates\/[^/]+\/src\//.test(path)
const isCode = (file: SourceFile) => isTypeScript(file) || file.path.endsWith('.mjs')

function check(files: SourceFile[]): string[] {
  return files
    .filter((file) => isShipped(file) && isLong(file))
    .flatMap((file) => {
      const functions = isRust(file) ? rustFunctions(file) : isCode(file) ? typeScriptFunctions(file) : []
      const long = functions.filter(({ lines }) => lines > LINES_MAX)
      return long.map(({ name, line, lines }) => `${file.path}:${line} ${name} has ${lines} lines`)
    })
}

const body = '  f(1)\n'.repeat(LINES_MAX)

export const functions: Rule = {
  name: `no function above ${LINES_MAX} lines`,
  check,
  canaries: [
    [{ path: 'src/x.ts', text: `export function x(): void {\n${body}}\n` }],
    [{ path: 'src/x.ts', text: `class X {\n  #x = (a = '{') => {\n${body}  }\n}\n` }],
    [{ path: 'scripts/x.mjs', text: `const x = {\n  get y() {\n${body}  },\n}\n` }],
    [
      {
        path: 'crates/canary/src/x.rs',
        text: `fn f(a: [u8; 2], b: char) -> bool {\n    b == '{';\n${body.replaceAll(')', ');')}}\n`,
      },
    ],
    [
      {
        path: 'crates/canary/src/x.rs',
        text: `impl A {\n    pub(crate) fn f<T>(&self)\n    where\n        T: B,\n    {\n${body}    }\n}\n`,
      },
    ],
  ],
}
