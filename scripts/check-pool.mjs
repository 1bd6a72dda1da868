// Checks the buffer pool's threads and memory: loom, AddressSanitizer (leaks too), ThreadSanitizer. Linux on x86-64; minutes.
// `node scripts/check-pool.mjs [loom|address|thread]`: one of them. Each has a target directory of its own under target/.
import { join } from 'node:path'
import { root, run } from './run.mjs'

const TARGET = 'x86_64-unknown-linux-gnu'

// The sanitizers are switched on by flags that only a nightly compiler takes, unless told to be one.
const sanitizer = (name, flags = '') => [
  ['--target', TARGET, '--tests'],
  {
    RUSTC_BOOTSTRAP: '1',
    RUSTFLAGS: `-Zsanitizer=${name} ${flags}`,
    CARGO_TARGET_DIR: `target/${name}`,
    TSAN_OPTIONS: `suppressions=${join(root, 'crates/pool/tests/thread-sanitizer.supp')}`,
  },
]

const checks = {
  loom: [['--test', 'loom', '--release'], { RUSTFLAGS: '--cfg loom', CARGO_TARGET_DIR: 'target/loom' }],
  address: sanitizer('address'),
  thread: sanitizer('thread', '-Cunsafe-allow-abi-mismatch=sanitizer'),
}

const wanted = process.argv.slice(2)
const names = wanted.length > 0 ? wanted : Object.keys(checks)
const failed = names.filter((name) => {
  const [args, env] = checks[name] ?? []
  const status = args ? run.status('cargo', ['test', '--quiet', '-p', 'rafterdb-pool', ...args], { env }) : 'no such check'
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}${status === 0 ? '' : ` (${status})`}`)
  return status !== 0
})
console.log(`${names.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length > 0 ? 1 : 0
