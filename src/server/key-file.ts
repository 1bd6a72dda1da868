// The key of encrypted backups: a file with 32 bytes, or 64 hex digits.
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { UsageError } from './failures.js'

const KEY_BYTES = 32

export function withKeyFile(command: Command): Command {
  return command.option('--key-file <file>', 'file with the key of encrypted backups: 32 bytes, or 64 hex digits')
}

/** The options that hold the key of a file; none: there is none. */
export async function keyOf(file: string | undefined): Promise<{ key?: Uint8Array }> {
  if (file === undefined) return {}
  const bytes = await readFile(file).catch((error: Error) => {
    throw new UsageError(`cannot read the key: ${error.message}`)
  })
  if (bytes.length === KEY_BYTES) return { key: bytes }
  const digits = bytes.toString('latin1').trim()
  if (!/^[0-9a-f]{64}$/i.test(digits)) throw new UsageError(`${file} is no key: it must have 32 bytes, or 64 hex digits`)
  return { key: Buffer.from(digits, 'hex') }
}
