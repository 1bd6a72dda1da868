// Directories of a test, under the temporary directory of the OS.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new directory, and how to be rid of it. */
export function scratch(name: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `rafterdb-disk-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A copy of a data directory that no process has open. */
export function copyDirectory(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true })
}
