// The flags of a bench; `--help` and a mistyped flag print how it is called.
import { parseArgs } from 'node:util'

/** `options` as of node:util's parseArgs; values of strings that are not given are their defaults. */
export function readFlags(usage, options) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', default: false } } })
    if (!values.help) return values
    console.log(usage)
    process.exit(0)
  } catch (error) {
    console.error(`${error.message.split('.')[0]}\n${usage}`)
    process.exit(2)
  }
}
