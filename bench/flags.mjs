// The flags of a bench; `--help` and a mistyped flag print how it is called.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

/**
 * `options` as of node:util's parseArgs; values of strings that are not given are their defaults. `dir` becomes a new directory in the one that is
 * meant: the bench's own, which it may empty and remove. `wrong` says what is wrong with the values, before anything is made.
 */
export function readFlags(usage, options, wrong = () => undefined) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', default: false } } })
    const text = values.help ? undefined : wrong(values)
    if (text) throw new Error(text)
    if (!values.help) return { ...values, ...(values.dir === undefined ? {} : { dir: ownIn(values.dir) }) }
    console.log(usage)
    process.exit(0)
  } catch (error) {
    console.error(`${error.message.split('.')[0]}\n${usage}`)
    process.exit(2)
  }
}

function ownIn(dir) {
  mkdirSync(dir, { recursive: true })
  return mkdtempSync(join(dir, 'bench-'))
}
