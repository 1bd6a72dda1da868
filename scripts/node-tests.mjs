// Which test files do not run a second time under another Node, and why: what they test is Rust, which is the same binary there, or
// TypeScript that uses nothing of Node. What is left is where Node's own versions differ: the addon, worker threads, processes,
// modules, timers, streams. Prints them as arguments of vitest.
import { fileURLToPath } from 'node:url'

const cluster = (...names) => names.map((name) => `__test__/cluster/${name}.test.ts`)

export const sameUnderEveryNode = {
  'log, store and recovery are Rust': ['__test__/disk/**', '__test__/data-directory/**', '__test__/starvation/**'],
  'the core and its simulator use nothing of Node': ['__test__/sim/**', '__test__/raft/**', '__test__/house/mutation.test.ts'],
  'what comes over a socket meets Rust first': ['__test__/fuzz/**', ...cluster('token', 'forged-line', 'too-large-write')],
  'they read sources': ['__test__/tidy.test.ts', '__test__/house/habits.test.ts'],
  'members are processes of another Node, whatever checks them': ['__test__/chaos/**', '__test__/linearizability/**'],
  'they measure Rust': ['__test__/house/native-bench.test.ts', '__test__/house/regression.test.ts'],
  'members are processes that are killed, cut off or frozen: who leads, what is kept, what a follower gets': cluster(
    ...['kills', 'election-after-kill', 'paused-leader', 'hung-disk', 'hung-store', 'lost-answer'],
    ...['lost-directory', 'lost-power', 'lost-power-of-a-majority', 'other-addresses', 'removed-lock'],
    ...['snapshot-catch-up', 'snapshot-steady-writes', 'follower-read', 'no-leader-reason'],
  ),
  'the state machine is Rust: many keys, many groups, history': cluster(
    ...['automatic-compaction', 'crowded-history', 'different-limits', 'long-reads', 'many-groups', 'many-keys', 'quiet-group'],
    ...['restored-revisions', 'check-writes'],
  ),
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const patterns = Object.values(sameUnderEveryNode).flat()
  console.log(patterns.flatMap((pattern) => ['--exclude', pattern]).join('\n'))
}
