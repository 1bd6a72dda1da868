// Copies of a data directory that is in use.
import { cpSync, rmSync } from 'node:fs'

/** A file that goes while the copy is made is no reason to fail: another copy is as good. */
export function copy(from: string, to: string, attempts = 5): void {
  try {
    cpSync(from, to, { recursive: true })
  } catch (error) {
    if (attempts === 0 || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    rmSync(to, { recursive: true, force: true })
    copy(from, to, attempts - 1)
  }
}
