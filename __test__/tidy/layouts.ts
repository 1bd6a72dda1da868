// What lies in bytes has one owner: the codec. Whoever else encodes or decodes by hand writes a second definition of a layout.
import { codeOf, findings, isRust, type Rule, type SourceFile } from './rule.js'

/** Crates that move bytes, to others or to disk, and know no layout. */
const WITHOUT_LAYOUTS = /^crates\/(plane|net|binding|wal|store)\/src\//
/** Where a number is made of bytes that nobody stores or sends. */
const MEMORY = new Map([
  ['crates/store/src/engine/key_order.rs', 'the first bytes of a key as a number that orders like them, in a memtable'],
])
const BY_HAND = /\b(to|from)_(le|be|ne)_bytes\b/

/** Tests lie to the code that they test, and forge bytes for it. */
const isTest = ({ path }: SourceFile) => /(^|\/)tests?(\/|\.rs$)/.test(path)

/** The part of a Rust file that ships: what stands before its module of tests. */
function withoutTests({ path, text }: SourceFile): SourceFile {
  return { path, text: text.split(/#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*mod\b/)[0] ?? '' }
}

const shipped = (files: SourceFile[]) =>
  files.filter((file) => isRust(file) && !isTest(file)).map((file) => codeOf(withoutTests(file)))

export const layouts: Rule = {
  name: 'only the codec encodes and decodes',
  check: (files) =>
    shipped(files)
      .filter(({ path }) => WITHOUT_LAYOUTS.test(path) && !MEMORY.has(path))
      .flatMap((file) => findings(file, BY_HAND, 'bytes by hand')),
  canaries: [
    [{ path: 'crates/plane/src/log/thread.rs', text: 'fn f(n: u64) { out.extend_from_slice(&n.to_le_bytes()); }' }],
    [{ path: 'crates/net/src/reader.rs', text: 'fn f() -> u32 {\n    header.map_or(0, |bytes| u32::from_le_bytes(*bytes))\n}' }],
    [{ path: 'crates/binding/src/port.rs', text: 'let key = u64::to_be_bytes(key);\n#[cfg(test)]\nmod tests {}' }],
    [{ path: 'crates/wal/src/checkpoint.rs', text: 'put(out, 8, &sequence.to_le_bytes());' }],
    [{ path: 'crates/store/src/engine/history/open.rs', text: 'let revision = u64::from_le_bytes(*field);' }],
  ],
}

/** A match with an arm for the rest that cannot happen compiles when a kind is added that it does not handle. */
const REST_CANNOT_BE = /(^|[\s|])_\s*=>\s*\{?\s*(panic|unreachable)!/

export const everyKind: Rule = {
  name: 'no match leaves a kind to a panic',
  check: (files) => shipped(files).flatMap((file) => findings(file, REST_CANNOT_BE, 'an arm for the rest that panics')),
  canaries: [
    [{ path: 'crates/plane/src/x.rs', text: 'match kind {\n    A => f(),\n    _ => panic!("unknown kind {kind}"),\n}' }],
    [{ path: 'crates/store/src/x.rs', text: 'match kind {\n    A => f(),\n    _ => { unreachable!() }\n}' }],
    [{ path: 'crates/codec/src/x.rs', text: 'match (a, b) { (A, B) | _ => unreachable!() }' }],
  ],
}
