// Takes the debug symbols of a release binary out into a file beside it, on Linux: rafterdb.<platform>.node keeps the names of its
// functions and a link to rafterdb.<platform>.debug, which backtraces, gdb and perf find if it lies in the same folder.
// macOS and Windows keep symbols apart by themselves. Knows not how the binary was built.
import { existsSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { run } from './run.mjs'

/** From `rafterdb.<platform>.node` to what holds its symbols. */
export const symbolsOf = (binary) => binary.replace(/\.node$/, '.debug')

/** Strips the binary. Throws if there is no objcopy, or if it fails. */
export function separateSymbols(binary) {
  const { program, env } = objcopy()
  const symbols = symbolsOf(binary)
  const stripped = `${binary}.stripped`
  rmSync(symbols, { force: true })
  const before = statSync(binary).size
  run(program, ['--only-keep-debug', '--compress-debug-sections=zlib', binary, symbols], { env })
  // The link holds the name and a checksum of the file, and is made where that lies.
  const link = `--add-gnu-debuglink=${basename(symbols)}`
  run(program, ['--strip-debug', link, basename(binary), basename(stripped)], { env, cwd: dirname(binary) })
  renameSync(stripped, binary)
  // Younger than the binary: it is the symbols of this one.
  const now = new Date()
  utimesSync(symbols, now, now)
  const megabytes = (path) => `${(statSync(path).size / 1e6).toFixed(1)} MB`
  console.log(
    `${basename(binary)}: ${(before / 1e6).toFixed(1)} MB, stripped ${megabytes(binary)}, symbols ${megabytes(symbols)}`,
  )
}

/** The one that comes with Rust reads the files of every platform; that of the machine perhaps only its own. */
function objcopy() {
  const sysroot = run.output('rustc', ['--print', 'sysroot']).trim()
  const host = /^host: (.*)$/m.exec(run.output('rustc', ['-vV']))?.[1] ?? ''
  const ofRust = join(sysroot, 'lib/rustlib', host, 'bin/rust-objcopy')
  if (existsSync(ofRust)) return { program: ofRust, env: { LD_LIBRARY_PATH: join(sysroot, 'lib') } }
  for (const program of ['llvm-objcopy', 'objcopy']) {
    if (run.status(program, ['--version'], { stdio: 'ignore' }) === 0) return { program, env: {} }
  }
  throw new Error('there is no objcopy to take the symbols out of the binary: install binutils or llvm')
}
