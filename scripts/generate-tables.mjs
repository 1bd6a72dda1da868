// Writes the numbers of crates/codec/tables.json out for Rust and TypeScript, so that each stands once.
// `--check` writes nothing and fails if a generated file differs.
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const { errors, limits, kinds } = JSON.parse(readFileSync(new URL('crates/codec/tables.json', root), 'utf8'))
const note = 'Generated from crates/codec/tables.json by `npm run generate`; do not edit.'
const snake = (name) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)
const screaming = (name) => snake(name).toUpperCase()
const sentence = (text) => text[0].toUpperCase() + text.slice(1)
const pascal = (name) => name.toLowerCase().replace(/(^|_)(.)/g, (_, __, c) => c.toUpperCase())

function rust() {
  const out = [
    `// ${note}`,
    '',
    '/// Error codes, the same in Rust and TypeScript.',
    '#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]',
    '#[repr(u16)]',
    'pub enum Code {',
  ]
  for (const [name, number, text] of errors) out.push(`    /// ${text}`, `    ${pascal(name)} = ${number},`)
  out.push(
    '}',
    '',
    'impl Code {',
    '    /// The name that programs match.',
    '    #[must_use]',
    "    pub const fn name(self) -> &'static str {",
    '        match self {',
  )
  for (const [name] of errors) out.push(`            Self::${pascal(name)} => "${name}",`)
  out.push(
    '        }',
    '    }',
    '',
    '    /// The code of a number; `None` if there is no such code.',
    '    #[must_use]',
    '    pub const fn from_number(number: u16) -> Option<Self> {',
    '        Some(match number {',
  )
  for (const [name, number] of errors) out.push(`            ${number} => Self::${pascal(name)},`)
  out.push('            _ => return None,', '        })', '    }', '}', '', '/// Bounds, each with its unit.', 'pub mod limits {')
  for (const [name, value, text] of limits) out.push(`    /// ${text}`, `    pub const ${screaming(name)}: usize = ${value};`)
  out.push('}')
  return `${out.join('\n')}\n`
}

/** Enums, so that whoever matches one handles every kind, or does not compile. What they can do is in crates/codec/src/numbered.rs. */
function rustKinds() {
  const out = [`// ${note}`, '', 'use crate::numbered::numbered;', '', 'numbered! {']
  for (const { type, is, unknown, of, values } of Object.values(kinds)) {
    out.push(`    /// ${sentence(of)}, as in FORMATS.md.`, `    ${type}: ${is}, "${unknown}" {`)
    for (const [name, number, text] of values) out.push(`        /// ${text}`, `        ${pascal(name)} = ${number},`)
    out.push('    }')
  }
  return `${[...out, '}'].join('\n')}\n`
}

function table(name, doc, rows) {
  const body = rows.map(([key, value, text]) => `${text ? `  /** ${text} */\n` : ''}  ${key}: ${value},`).join('\n')
  return `/** ${doc} */\nexport const ${name} = {\n${body}\n} as const\n`
}
/** A table of numbers, and the union of them: a switch over it can be checked for the kinds that it leaves out. */
const kindTables = (families, suffix = '') =>
  families
    .map((family) => {
      const name = `${family[0].toUpperCase()}${family.slice(1)}${suffix}`
      const { of, values } = kinds[family]
      const union = `/** One of them. */\nexport type ${name} = (typeof ${name})[keyof typeof ${name}]\n`
      return `${table(name, `${sentence(of)}, as in crates/codec/FORMATS.md.`, values)}\n${union}`
    })
    .join('\n')

const files = {
  'crates/codec/src/tables.rs': rust(),
  'crates/codec/src/kinds.rs': rustKinds(),
  'src/limits.ts': `// ${note}\n\n${table('limits', 'Bounds, each with its unit last.', limits)}`,
  'src/codes.ts': `// ${note}\n\n${table('Code', 'Error codes by name, the same in Rust and TypeScript.', errors)}\n/** The name of an error code, which programs match. */\nexport type ErrorCode = keyof typeof Code\n`,
  'src/raft/raft-kinds.ts': `// ${note}\n\n${kindTables(['message', 'role'])}`,
  'src/plane/record-kinds.ts': `// ${note}\n\n${kindTables(['event', 'command'])}`,
  'src/client/wire/request-kinds.ts': `// ${note}\n\n${kindTables(['operation', 'request', 'consistency', 'compareResult', 'compareTarget'], 'Kind')}`,
}

let stale = 0
for (const [path, text] of Object.entries(files)) {
  const url = new URL(path, root)
  if (!process.argv.includes('--check')) writeFileSync(url, text)
  else if (readFileSync(url, 'utf8') !== text) stale += console.error(`${path} is stale: run npm run generate`) ?? 1
}
process.exitCode = stale ? 1 : 0
