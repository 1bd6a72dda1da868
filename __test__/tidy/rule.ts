// What a rule of the house is, and how sources are read for it.

export interface SourceFile {
  /** From the root of the project, with forward slashes. */
  path: string
  text: string
}

export interface Rule {
  /** Says what must hold. */
  name: string
  /** One line for each place where it does not. */
  check(files: SourceFile[]): string[]
  /** Broken inputs; the rule must catch each of them. */
  canaries: SourceFile[][]
}

export const isTypeScript = ({ path }: SourceFile) => path.endsWith('.ts') && !path.endsWith('.d.ts')
export const isRust = ({ path }: SourceFile) => path.endsWith('.rs')
export const isGenerated = ({ text }: SourceFile) => text.startsWith('// Generated from ')

/** Places where the pattern matches, as `path:line what`. */
export function findings({ path, text }: SourceFile, pattern: RegExp, what: string): string[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${what}: ${line.trim()}`] : []))
}

/** The same lines with comments and the insides of strings blanked out, so that words in them do not count. */
export function codeOf(file: SourceFile): SourceFile {
  const pattern = isRust(file)
    ? /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\br(#*)"[\s\S]*?"\1|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\\n]|\\[^\n]{1,9}?)'/g
    : /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g
  return { path: file.path, text: file.text.replace(pattern, (match) => match.replace(/[^\n]/g, ' ')) }
}

/** What a TypeScript file refers to by relative path: imports, exports, and files that it opens by URL. */
export interface Reference {
  line: number
  /** From the root of the project; `.js` as the `.ts` that it is made from. */
  target: string
  isTypeOnly: boolean
}

export function referencesOf({ path, text }: SourceFile): Reference[] {
  const pattern =
    /(?:^|\n)\s*(import|export)\s+(type\s)?[^'"()]*?from\s+'([^']+)'|import\s*\(\s*'([^']+)'\s*\)|new URL\('([^']+)',\s*import\.meta\.url\)|(?:^|\n)import\s+'([^']+)'/g
  return [...text.matchAll(pattern)].flatMap((match) => {
    const name = match[3] ?? match[4] ?? match[5] ?? match[6] ?? ''
    const isRelative = name.startsWith('.') || (match[5] !== undefined && !name.includes(':'))
    if (!isRelative) return []
    const target = new URL(name, `file:///${path}`).pathname.slice(1).replace(/\.js$/, '.ts')
    return [{ line: text.slice(0, match.index).split('\n').length, target, isTypeOnly: match[2] !== undefined }]
  })
}
