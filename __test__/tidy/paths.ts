// What documents and comments name exists: files and folders of the project, links and their anchors, sections of FORMATS.md, and
// each decision in the index of decisions. Knows no grammar: a name counts as a path by its form.
import { posix } from 'node:path'
import { isRust, type Rule, type SourceFile } from './rule.js'

/** Names that are no files of this project, each with what it is. */
const ELSEWHERE = new Map([
  ['app.js', "an app of somebody else's"],
  ['raft-worker.js', 'made by the build or by a bundler'],
  ['doc/xxhash_spec.md', 'of the xxHash project'],
  ['build.sh', 'of the folder that `bench --etcd` is given'],
  ['cluster.sh', 'of the folder that `bench --etcd` is given'],
  ['examples/data', 'data, which is not among the files that are checked'],
])
/** What a build, an installation or a run makes. */
const IS_MADE = /^(\.\/)?(build|dist|node_modules|target|data|artifacts|out)\//

const FILE = /(?<![\w@:$*/.-])(?:\.{0,2}\/)?(?:[\w.@-]+\/)*\w[\w.-]*\.(?:rs|ts|mts|cts|mjs|cjs|js|md|yml|sh)(?![\w*/({-]|\.\w)/g
const FOLDER =
  /(?<![\w@:$*/.-])(?:crates|src|__test__|docs|bench|scripts|examples|\.github)(?:\/[\w-]+)+(?![\w.*({[<-]|\/[\w*{])/g
/** In documents a folder may leave out what all folders of its kind begin with: `store/machine`. */
const QUOTED_FOLDER = /`((?:store|wal|plane|net|codec|pool|binding|engine|client|raft|host)(?:\/[\w-]+)+)`/g
const LINK = /\]\(([^)\s]+)\)/g
/** A name that stands behind a path is in the file, or in one of the folder. */
const SYMBOL = /`([\w/.-]+)`(?:, |,\n)`([A-Za-z_]\w+)`/g
const SECTION = /FORMATS\.md "([^"]+)"/g

const isDocument = ({ path }: SourceFile) => path.endsWith('.md') && path !== 'CHANGELOG.md'
const isCode = (file: SourceFile) => isRust(file) || /\.(ts|mjs|cjs)$/.test(file.path)
const isSettings = ({ path }: SourceFile) => /\.(ya?ml|toml|sh)$|^\.ci\//.test(path)

/** What a file says to its readers, with everything else blanked out. The rules' own canaries name what is not there. */
function proseOf(file: SourceFile): string {
  if (file.path.startsWith('__test__/tidy/')) return ''
  const blank = (text: string) => text.replace(/[^\n]/g, ' ')
  if (isDocument(file)) return file.text.replace(/\]\([^)\s]+\)|https?:\/\/\S+/g, blank)
  if (!isCode(file) && !isSettings(file)) return ''
  const comment = isCode(file) ? /(?<!:)\/\/[^\n]*|\/\*[\s\S]*?\*\// : /#[^\n]*/
  const parts = file.text.split(new RegExp(`(${comment.source})`))
  return parts.map((part, index) => (index % 2 ? part.replace(/https?:\/\/\S+/g, blank) : blank(part))).join('')
}

/** Every file and folder, by its path from the root, with and without the `src` of its crate. */
function placesOf(files: SourceFile[]): Set<string> {
  const places = new Set<string>()
  for (const { path } of files) {
    for (let place = path; place !== '.'; place = posix.dirname(place)) {
      places.add(place).add(place.replace(/^crates\/([^/]+)\/src\//, 'crates/$1/'))
    }
  }
  return places
}

/** The crate or top folder that a file belongs to; none for files at the root. */
function packageOf(path: string): string {
  const parts = path.split('/')
  return parts.length === 1 ? '' : parts[0] === 'crates' ? `crates/${parts[1]}` : (parts[0] ?? '')
}

/**
 * Whether a name leads to a file: from the root, from the file that says it, or as the end of a path. A comment may leave the
 * folder of a source out only within its own crate or top folder.
 */
function finder(files: SourceFile[]): (name: string, from: SourceFile) => boolean {
  const places = placesOf(files)
  const ends = new Map<string, Set<string>>()
  for (const place of places) {
    const parts = place.split('/')
    for (let at = 0; at < parts.length; at++) {
      const end = parts.slice(at).join('/')
      ends.set(end, (ends.get(end) ?? new Set()).add(packageOf(place)))
    }
  }
  return (name, from) => {
    const relative = posix.join(posix.dirname(from.path), name)
    // What a file imports has the name of what it is compiled to.
    const names = [name, relative].flatMap((each) => [each, each.replace(/\.js$/, '.ts')])
    if (names.some((each) => places.has(each))) return true
    const packages = ends.get(name.replace(/^(\.\.?\/)+/, ''))
    return packages !== undefined && (/\/|\.md$/.test(name) || !isCode(from) || packages.has(packageOf(from.path)))
  }
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function stalePaths(files: SourceFile[]): string[] {
  const isThere = finder(files)
  return files.flatMap((file) => {
    const prose = proseOf(file)
    const folders = isDocument(file) ? [...prose.matchAll(QUOTED_FOLDER)].map((match) => ({ name: match[1] ?? '', match })) : []
    const named = [...prose.matchAll(FILE), ...prose.matchAll(FOLDER)].map((match) => ({ name: match[0], match }))
    return [...named, ...folders]
      .filter(({ name }) => !ELSEWHERE.has(name) && !IS_MADE.test(name) && !isThere(name, file))
      .map(({ name, match }) => `${file.path}:${lineOf(prose, match.index)} names ${name}, which is not there`)
  })
}

/** What is said to be in a file, and is not. */
function staleSymbols(files: SourceFile[]): string[] {
  const isFolder = (name: string) => files.some(({ path }) => path.startsWith(`crates/${name}/`))
  return files.filter(isDocument).flatMap((file) =>
    [...file.text.matchAll(SYMBOL)].flatMap((match) => {
      const [, path = '', symbol = ''] = match
      const isNamed = (where: string) => `/${where.replace(/^crates\/([^/]+)\/src\//, 'crates/$1/')}/`.includes(`/${path}/`)
      const named = files.filter((each) => isCode(each) && (each.path.endsWith(path) || isNamed(each.path)))
      const isPath = /[/.]/.test(path) && !isFolder(symbol)
      if (!isPath || named.length === 0 || named.some(({ text }) => new RegExp(`\\b${symbol}\\b`).test(text))) return []
      return [`${file.path}:${lineOf(file.text, match.index)} says that ${symbol} is in ${path}, which it is not`]
    }),
  )
}

/** The anchor that a heading gets where documents are shown. */
function anchorOf(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
  return plain.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

function headingsOf({ text }: SourceFile): string[] {
  return [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ +(.*)$/gm)].map((match) => (match[1] ?? '').trim())
}

function staleLinks(files: SourceFile[]): string[] {
  const places = placesOf(files)
  const byPath = new Map(files.map((file) => [file.path, file]))
  return files
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap((file) =>
      [...file.text.matchAll(LINK)].flatMap((match) => {
        const [target = '', anchor] = (match[1] ?? '').split('#')
        if (/^(https?|mailto):/.test(target)) return []
        const where = `${file.path}:${lineOf(file.text, match.index)} links to ${match[1]}`
        const path = target === '' ? file.path : posix.join(posix.dirname(file.path), target).replace(/\/$/, '')
        if (!places.has(path)) return [`${where}, which is not there`]
        const document = byPath.get(path)
        const hasAnchor =
          anchor === undefined || (document && headingsOf(document).some((heading) => anchorOf(heading) === anchor))
        return hasAnchor ? [] : [`${where}, and there is no such heading`]
      }),
    )
}

function staleSections(files: SourceFile[]): string[] {
  const formats = files.find(({ path }) => path.endsWith('FORMATS.md'))
  const headings = formats ? headingsOf(formats) : []
  return files.flatMap((file) =>
    [...proseOf(file).matchAll(SECTION)]
      .filter((match) => !headings.some((heading) => heading === match[1] || heading.startsWith(`${match[1]}:`)))
      .map((match) => `${file.path}:${lineOf(file.text, match.index)} names the section "${match[1]}" of FORMATS.md`),
  )
}

function unlistedDecisions(files: SourceFile[]): string[] {
  const index = files.find(({ path }) => path === 'docs/decisions/README.md')?.text ?? ''
  return files
    .filter(({ path }) => /^docs\/decisions\/\d{4}-/.test(path))
    .filter(({ path, text }) => {
      const name = posix.basename(path)
      const title = /^# (.*)$/m.exec(text)?.[1] ?? ''
      return !title.startsWith(`${Number(name.slice(0, 4))}. `) || !index.includes(`[${title}](${name})`)
    })
    .map(({ path }) => `${path} does not stand in the index under its title, which begins with its number`)
}

/** Branches that each took the next number must not both keep it. */
function decisionsOutOfNumber(files: SourceFile[]): string[] {
  const pages = files.map(({ path }) => path).filter((path) => /^docs\/decisions\/\d{4}-/.test(path))
  return pages
    .sort()
    .filter((path, at) => Number(posix.basename(path).slice(0, 4)) !== at + 1)
    .map((path) => `${path}: decisions are numbered from 1 on, each number once`)
}

export const paths: Rule = {
  name: 'what documents and comments name is there',
  check: (files) => [
    ...stalePaths(files),
    ...staleLinks(files),
    ...staleSymbols(files),
    ...staleSections(files),
    ...unlistedDecisions(files),
    ...decisionsOutOfNumber(files),
  ],
  canaries: [
    [{ path: 'ARCHITECTURE.md', text: 'See `engine/gone.rs`.' }],
    [{ path: 'ARCHITECTURE.md', text: 'See `store/gone`.' }],
    [{ path: 'docs/howto/add-a-crate.md', text: 'Put it into `crates/gone`.' }],
    [{ path: 'src/client/x.ts', text: '// Beside `gone.ts`.\n' }],
    [{ path: 'src/client/x.ts', text: 'const x = 1 /* as in\n src/client/gone */\n' }],
    [
      { path: 'crates/wal/src/x.rs', text: '//! Beside `table.rs`.\n' },
      { path: 'crates/store/src/table.rs', text: '' },
    ],
    [
      { path: 'ARCHITECTURE.md', text: '`store/table.rs`, `gone`' },
      { path: 'crates/store/src/table.rs', text: 'fn here() {}\n' },
    ],
    [{ path: 'crates/wal/src/x.rs', text: '//! See `wal/gone.rs`.\n' }],
    [{ path: '.github/workflows/x.yml', text: '# What scripts/gone.mjs does.\n' }],
    [{ path: 'README.md', text: '[there](docs/gone.md)' }],
    [{ path: 'README.md', text: '# One\n[there](#two)' }],
    [
      { path: 'README.md', text: '[there](docs/a.md#two)' },
      { path: 'docs/a.md', text: '# One\n```\n# Two\n```\n' },
    ],
    [
      { path: 'crates/codec/FORMATS.md', text: '## Here\n' },
      { path: 'crates/net/src/x.rs', text: '//! As in FORMATS.md "Gone".\n' },
    ],
    [
      { path: 'docs/decisions/0001-one.md', text: '# 1. One\n' },
      { path: 'docs/decisions/README.md', text: '- [1. Another](0001-one.md)\n' },
    ],
    [
      { path: 'docs/decisions/0001-one.md', text: '# 1. One\n' },
      { path: 'docs/decisions/0001-other.md', text: '# 1. Other\n' },
      { path: 'docs/decisions/README.md', text: '- [1. One](0001-one.md)\n- [1. Other](0001-other.md)\n' },
    ],
  ],
}
