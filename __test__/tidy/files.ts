// What every file must have and must not have: a header, a bounded length, no machine's paths, no test that does not run.
import { findings, isGenerated, isRust, isTypeScript, type Rule, type SourceFile } from './rule.js'

const LINES_MAX = 500
const isSource = (file: SourceFile) => isTypeScript(file) || isRust(file) || file.path.endsWith('.mjs')

/** The comment at the top, without a shebang. */
function headerOf({ text }: SourceFile): string {
  const lines = text.replace(/^#!.*\n/, '').split('\n')
  const end = lines.findIndex((line) => !line.startsWith('//'))
  return lines.slice(0, end < 0 ? lines.length : end).join('\n')
}

export const headers: Rule = {
  name: 'every file begins with what it holds',
  check: (files) => files.filter((file) => isSource(file) && headerOf(file) === '').map(({ path }) => `${path} has no header`),
  canaries: [[{ path: 'src/x.ts', text: 'export const x = 1\n' }], [{ path: 'crates/wal/src/x.rs', text: 'use std::io;\n' }]],
}

export const lengths: Rule = {
  name: `no file above ${LINES_MAX} lines`,
  check: (files) =>
    files
      .filter((file) => isSource(file) && !isGenerated(file) && file.text.split('\n').length > LINES_MAX + 1)
      .map(({ path, text }) => `${path} has ${text.split('\n').length} lines`),
  canaries: [[{ path: 'src/x.ts', text: `// A header. Long, since it needs it.\n${'x\n'.repeat(LINES_MAX)}` }]],
}

// Put together from pieces, so that this file does not catch itself.
const DIRECTORIES = ['work', 'root', 'home', 'Users'].join('|')
const MACHINE_PATH = new RegExp(`(^|[^A-Za-z0-9_.])/(${DIRECTORIES})/[a-z]`)
const HOSTS = [
  ['registry', 'npmjs'],
  ['index', 'crates', 'io'],
  ['static', 'crates', 'io'],
  ['proxy', 'golang'],
  ['files', 'pythonhosted'],
  ['repo', 'maven'],
  ['deb', 'debian', 'org'],
].map((parts) => parts.join('.'))
const HOST = new RegExp(HOSTS.map((host) => host.replaceAll('.', '[.]')).join('|'))

export const places: Rule = {
  name: 'no path of a machine and no host of a registry',
  check: (files) =>
    files.flatMap((file) => [...findings(file, MACHINE_PATH, "a machine's path"), ...findings(file, HOST, "a registry's host")]),
  canaries: [
    [{ path: 'README.md', text: `cd /${'home'}/me` }],
    [{ path: 'package-lock.json', text: `"resolved": "https://${HOSTS[0]}.org/x"` }],
  ],
}

const LATER = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')})\\b`)
const SKIPPED = new RegExp(`\\b(test|it|describe|suite)\\.(${['skip', 'only', 'todo'].join('|')})\\b|#\\[${'ignore'}`)

export const running: Rule = {
  name: 'no test that does not run, nothing left for later',
  check: (files) =>
    files
      .filter(isSource)
      .flatMap((file) => [...findings(file, LATER, 'left for later'), ...findings(file, SKIPPED, 'does not run')]),
  canaries: [
    [{ path: 'src/x.ts', text: `// ${'TO'}${'DO'}: later` }],
    [{ path: '__test__/x.test.ts', text: `test.${'skip'}('x', () => {})` }],
    [{ path: '__test__/x.test.ts', text: `describe.${'only'}('x', () => {})` }],
    [{ path: 'crates/wal/tests/x.rs', text: `#[test]\n#[${'ign'}ore]\nfn f() {}` }],
  ],
}
