// The Raft core touches no clock, randomness, timer, promise or I/O.
import { codeOf, findings, isTypeScript, type Rule } from './rule.js'

const IMPURE =
  /\b(Date|performance|setTimeout|setInterval|setImmediate|queueMicrotask|Promise|async|await|console|process|globalThis|Worker|fetch)\b|Math\.random|crypto\b/

export const purity: Rule = {
  name: 'src/raft is pure',
  check: (files) =>
    files
      .filter((file) => isTypeScript(file) && file.path.startsWith('src/raft/'))
      .flatMap((file) => [...findings(codeOf(file), IMPURE, 'impure'), ...findings(file, /from '(?!\.)/, 'imports a package')]),
  canaries: [
    'const now = Date.now()',
    'const x = Math.random()',
    'setTimeout(() => {}, 1)',
    'export async function f() {}',
    "import { readFileSync } from 'node:fs'",
    "import fc from 'fast-check'",
    'console.log(term)',
  ].map((text) => [{ path: 'src/raft/raft.ts', text }]),
}
