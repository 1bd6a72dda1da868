// The directories that are kept, one archive for each version that made some, and the hashes of their states beside it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('fixtures', import.meta.url))
/** Directories in an archive. */
const CONTENTS = ['closed', 'killed', 'cluster']

/** Hash of the state of each store, by its name. */
export type Hashes = Record<string, string>

export const keptVersions = () =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.tar.gz'))
    .map((name) => name.replace('.tar.gz', ''))

export function unpack(version: string, to: string): Hashes {
  mkdirSync(to, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, `${version}.tar.gz`), '-C', to])
  return JSON.parse(readFileSync(join(folder, `${version}.json`), 'utf8')) as Hashes
}

/** Keeps what lies below `from` for all later versions: sorted, without owners and times, so that only contents count. */
export function keep(version: string, from: string, hashes: Hashes): void {
  const plain = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX']
  const tar = execFileSync('tar', ['-c', ...plain, '-C', from, ...CONTENTS], { maxBuffer: 1 << 30 })
  writeFileSync(join(folder, `${version}.tar.gz`), execFileSync('gzip', ['-9n'], { input: tar, maxBuffer: 1 << 30 }))
  writeFileSync(join(folder, `${version}.json`), `${JSON.stringify(hashes, null, 2)}\n`)
}
