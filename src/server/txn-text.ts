// Reads a transaction: the small text form with if, then and else, or JSON. Knows nothing of how it is run.
import type { Compare, CompareOperator, CompareTarget, TxnOperation } from '../client/api.js'
import { UsageError } from './failures.js'

export interface ParsedTxn {
  if: Compare[]
  then: TxnOperation[]
  else: TxnOperation[]
}

type Part = keyof ParsedTxn

const targets: Record<string, CompareTarget> = {
  version: 'version',
  create: 'createRevision',
  createRevision: 'createRevision',
  mod: 'modRevision',
  modRevision: 'modRevision',
  value: 'value',
  lease: 'lease',
}

/** Throws a UsageError that names the line. `source` is the file's name, for messages. */
export function parseTxn(text: string, source: string): ParsedTxn {
  return text.trimStart().startsWith('{') ? parseJson(text, source) : parseText(text, source)
}

function parseText(text: string, source: string): ParsedTxn {
  const txn: ParsedTxn = { if: [], then: [], else: [] }
  let part: Part | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (line === 'if' || line === 'then' || line === 'else') {
      part = line
      continue
    }
    try {
      if (part === undefined) throw new UsageError('expected `if` or `then` before anything else')
      if (part === 'if') txn.if.push(parseCompare(line))
      else txn[part].push(parseOperation(splitWords(line)))
    } catch (error) {
      throw new UsageError(`${source}, line ${index + 1}: ${(error as Error).message}`)
    }
  }
  if (txn.then.length + txn.else.length === 0)
    throw new UsageError(`${source}: nothing to do; write operations after \`then\` or \`else\``)
  return txn
}

/** `version(key) = 0`, `value("a key") != "some text"`. */
function parseCompare(line: string): Compare {
  const match = /^(\w+)\s*\(\s*("(?:[^"\\]|\\.)*"|[^\s")]+)\s*\)\s*(!=|=|<|>)\s*(.+)$/.exec(line)
  if (!match) throw new UsageError(`cannot read the condition \`${line}\`; write it like \`version(key) = 0\``)
  const [, name = '', key = '', operator = '=', right = ''] = match
  const target = targets[name]
  if (target === undefined) throw new UsageError(`cannot compare ${name}; use value, version, create, mod or lease`)
  const words = splitWords(right)
  const operand = words[0]?.text
  if (operand === undefined || words.length > 1)
    throw new UsageError(`the right side of \`${line}\` must be one word, or stand in "quotes"`)
  if (target === 'value') return { key: unquote(key), target, operator: operator as CompareOperator, operand }
  return { key: unquote(key), target, operator: operator as CompareOperator, operand: wholeNumber(operand, name) }
}

/** `put KEY VALUE`, `get KEY`, `del KEY`, and `get` or `del` with --prefix, --from, --to. */
function parseOperation([first, ...rest]: Word[]): TxnOperation {
  const verb = first?.text ?? ''
  const { flags, values } = splitFlags(rest)
  const [key, value] = values
  if (verb === 'put') {
    if (key === undefined || value === undefined || values.length > 2)
      throw new UsageError('write `put KEY VALUE`; a value with spaces stands in "quotes"')
    only(flags, ['previous'], verb)
    return { type: 'put', key, value, ...(flags.previous ? { previous: true } : {}) }
  }
  if (values.length > 1) throw new UsageError(`\`${verb}\` takes one key; a key with spaces stands in "quotes"`)
  const selection = {
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
    ...(flags.from !== undefined && { from: flags.from }),
    ...(flags.to !== undefined && { to: flags.to }),
  }
  const isSelection = Object.keys(selection).length > 0
  if ((key !== undefined) === isSelection) throw new UsageError(`\`${verb}\` needs a key, or --prefix, or --from and --to`)
  if (verb === 'del') {
    only(flags, ['prefix', 'from', 'to', 'previous'], verb)
    return { type: 'delete', ...(key === undefined ? selection : { key }), ...(flags.previous ? { previous: true } : {}) }
  }
  if (verb === 'get') {
    if (key !== undefined) {
      only(flags, [], 'get KEY')
      return { type: 'get', key }
    }
    only(flags, ['prefix', 'from', 'to', 'limit', 'reverse', 'keys-only'], verb)
    return {
      type: 'range',
      ...selection,
      ...(flags.limit === undefined ? {} : { limit: wholeNumber(flags.limit, '--limit') }),
      ...(flags.reverse ? { reverse: true } : {}),
      ...(flags['keys-only'] ? { keysOnly: true } : {}),
    }
  }
  throw new UsageError(`unknown operation \`${verb}\`; use put, get or del`)
}

type Flags = Partial<Record<'prefix' | 'from' | 'to' | 'limit' | 'reverse' | 'keys-only' | 'previous', string>>

const flagsWithValue = new Set(['prefix', 'from', 'to', 'limit'])
const flagsAlone = new Set(['reverse', 'keys-only', 'previous'])

function splitFlags(words: Word[]): { flags: Flags; values: string[] } {
  const flags: Record<string, string> = {}
  const values: string[] = []
  for (let i = 0; i < words.length; i++) {
    const { text = '', quoted } = words[i] ?? {}
    const name = text.slice(2)
    if (quoted || !text.startsWith('--')) values.push(text)
    else if (flagsAlone.has(name)) flags[name] = 'true'
    else if (flagsWithValue.has(name)) {
      const value = words[++i]?.text
      if (value === undefined) throw new UsageError(`${text} needs a value`)
      flags[name] = value
    } else throw new UsageError(`unknown flag ${text}; a value that begins with -- stands in "quotes"`)
  }
  return { flags, values }
}

function only(flags: Flags, allowed: (keyof Flags)[], verb: string): void {
  for (const name of Object.keys(flags)) {
    if (!allowed.some((known) => known === name)) throw new UsageError(`\`${verb}\` does not take --${name}`)
  }
}

interface Word {
  text: string
  quoted: boolean
}

/** Words by spaces; a word in double quotes is a JSON string. */
function splitWords(line: string): Word[] {
  const words: Word[] = []
  const pattern = /\s*(?:("(?:[^"\\]|\\.)*")(?=\s|$)|([^\s"][^\s]*))/y
  while (pattern.lastIndex < line.trimEnd().length) {
    const match = pattern.exec(line)
    if (!match) throw new UsageError(`a quote is not closed in \`${line}\``)
    words.push(match[1] === undefined ? { text: match[2] ?? '', quoted: false } : { text: unquote(match[1]), quoted: true })
  }
  return words
}

function unquote(word: string): string {
  if (!word.startsWith('"')) return word
  try {
    return JSON.parse(word) as string
  } catch {
    throw new UsageError(`${word} is not a string that JSON can read`)
  }
}

function wholeNumber(text: string, what: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new UsageError(`${what} needs a whole number, not \`${text}\``)
  return value
}

/** The parts are checked for their shape here; their contents by the database, which knows them. */
function parseJson(text: string, source: string): ParsedTxn {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${source}: ${(error as Error).message}`)
  }
  const txn = json as Record<string, unknown>
  for (const [name, part] of Object.entries(txn)) {
    if (name !== 'if' && name !== 'then' && name !== 'else')
      throw new UsageError(`${source}: unknown part "${name}"; use if, then, else`)
    if (!Array.isArray(part) || part.some((one) => typeof one !== 'object' || one === null)) {
      throw new UsageError(`${source}: "${name}" must be an array of objects`)
    }
  }
  return { if: [], then: [], else: [], ...(txn as Partial<ParsedTxn>) }
}
