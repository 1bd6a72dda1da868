// What no line of code may say: `any`, `unwrap` outside tests, `unsafe` without its reason, a suppression without its reason.
import { codeOf, findings, isRust, isTypeScript, type Rule, type SourceFile } from './rule.js'

const ANY = /(:|\bas|<|\||,|=)\s*any\b(?!\s*[(:'])|\bany\[\]/

export const noAny: Rule = {
  name: 'no `any`',
  check: (files) => files.filter(isTypeScript).flatMap((file) => findings(codeOf(file), ANY, '`any`')),
  canaries: ['let x: any', 'f(y as any)', 'const m = new Map<string, any>()', 'type A = any[]'].map((text) => [
    { path: 'src/x.ts', text },
  ]),
}

/** The part of a Rust file that ships: what stands before its module of tests. */
function withoutTests({ path, text }: SourceFile): SourceFile {
  return { path, text: text.split(/#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*mod\b/)[0] ?? '' }
}

const isShippedRust = (file: SourceFile) => isRust(file) && /\/src\//.test(file.path)

export const noUnwrap: Rule = {
  name: 'no `unwrap` outside tests',
  check: (files) => files.filter(isShippedRust).flatMap((file) => findings(codeOf(withoutTests(file)), /\.unwrap\(\)/, 'unwrap')),
  canaries: [[{ path: 'crates/wal/src/x.rs', text: 'fn f() { g().unwrap(); }\n#[cfg(test)]\nmod tests {}\n' }]],
}

/** Lines above an `unsafe` in which its reason may stand. */
const REASON_LINES = 8

function unexplainedUnsafe(file: SourceFile): string[] {
  const lines = file.text.split('\n')
  const code = codeOf(file).text.split('\n')
  return code.flatMap((line, index) => {
    if (!/\bunsafe\s*(\{|impl\b|fn\s+\w|extern\b)/.test(line)) return []
    if (/\bunsafe\s+fn\b/.test(line) && isPromisedAround(lines, index)) return []
    const around = lines.slice(Math.max(0, index - REASON_LINES), index + 2).join('\n')
    return /SAFETY:|# Safety/.test(around) ? [] : [`${file.path}:${index + 1} unsafe without a SAFETY line`]
  })
}

/** What a method asks of its callers may stand once for all methods: with its trait, or above its `impl`. */
function isPromisedAround(lines: string[], index: number): boolean {
  const item = lines.slice(0, index).findLastIndex((line) => /^[a-z]/.test(line))
  const comment = lines.slice(0, item).findLastIndex((line) => !/^(\/\/\/|#\[)/.test(line))
  return /^(unsafe )?impl\b.* for /.test(lines[item] ?? '') || lines.slice(comment + 1, item).includes('/// # Safety')
}

export const safety: Rule = {
  name: 'every `unsafe` says why it is safe',
  check: (files) => files.filter(isRust).flatMap(unexplainedUnsafe),
  canaries: [
    [{ path: 'crates/pool/src/x.rs', text: 'fn f(p: *const u8) -> u8 {\n    unsafe { *p }\n}\n' }],
    [{ path: 'crates/pool/src/x.rs', text: 'impl A for B {\n    fn f(p: *const u8) -> u8 {\n        unsafe { *p }\n    }\n}\n' }],
    [{ path: 'crates/pool/src/x.rs', text: 'impl A for B {}\n\nimpl B {\n    unsafe fn f() {}\n}\n' }],
  ],
}

/** Where `unsafe` may stand: the owners of memory, of instructions, of JavaScript's values, and single calls of the system. */
const UNSAFE_PLACES = [
  /^crates\/(binding|hash|pool)\/src\//,
  /^crates\/store\/src\/engine\/(arena|key_order|memtable|retired_memory|slot)\.rs$/,
  /^crates\/(plane\/src\/(ground\/clock|system\/(descriptors|disk_space|priority))|store\/src\/(engine\/(files|threads)|thread_time)|topology\/src\/affinity)\.rs$/,
]

export const unsafePlaces: Rule = {
  name: '`unsafe` stands where memory, instructions or calls of the system are owned',
  check: (files) =>
    files
      .filter((file) => isShippedRust(file) && !UNSAFE_PLACES.some((place) => place.test(file.path)))
      .flatMap((file) => findings(codeOf(withoutTests(file)), /\bunsafe\b(?!_)/, '`unsafe`')),
  canaries: [[{ path: 'crates/store/src/engine/merge.rs', text: 'fn f(slot: Slot) -> &[u8] {\n    unsafe { slot.row() }\n}\n' }]],
}

/** biome wants its reason after a colon; Rust has a field for it, or the comment of the line above or beside. */
function unexplainedSuppressions(file: SourceFile): string[] {
  const lines = file.text.split('\n')
  return lines.flatMap((line, index) => {
    const where = `${file.path}:${index + 1}`
    if (/@ts-(ignore|nocheck)/.test(line)) return [`${where} suppresses the compiler`]
    if (/@ts-expect-error\s*$/.test(line)) return [`${where} suppresses the compiler without a reason`]
    if (/biome-ignore(-\w+)?\s+[\w/]+\s*(:\s*)?$/.test(line)) return [`${where} suppresses a lint without a reason`]
    if (!/#!?\[(allow|expect)\(/.test(line)) return []
    const end = lines.findIndex((later, at) => at >= index && later.includes(')]'))
    const around = lines.slice(Math.max(0, index - 1), end + 1).join('\n')
    return /reason\s*=|\/\//.test(around) ? [] : [`${where} suppresses a lint without a reason`]
  })
}

export const suppressions: Rule = {
  name: 'a suppression carries its reason',
  check: (files) => files.filter((file) => isTypeScript(file) || isRust(file)).flatMap(unexplainedSuppressions),
  canaries: [
    [{ path: 'src/x.ts', text: `// @ts-${'ignore'}\n` }],
    [{ path: 'src/x.ts', text: `// biome-${'ignore'} lint/suspicious/noConsole:\n` }],
    [{ path: 'crates/wal/src/x.rs', text: `fn f() {}\n\n#[${'allow'}(dead_code)]\nfn g() {}\n` }],
  ],
}
