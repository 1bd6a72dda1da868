// How the TypeScript tests run.
import { defineConfig } from 'vitest/config'

/**
 * Clusters that elect, and what is measured: one file at a time. Three members on two cores, beside another file's simulator, hold elections
 * that their tests do not expect.
 */
const alone = [
  '__test__/cluster/**/*.test.ts',
  '__test__/server/**/*.test.ts',
  '__test__/chaos/**/*.test.ts',
  '__test__/churn/**/*.test.ts',
  '__test__/starvation/**/*.test.ts',
  '__test__/disk/*member*.test.ts',
  '__test__/disk/cluster*.test.ts',
  '__test__/house/native-bench.test.ts',
  '__test__/house/regression.test.ts',
]

const common = {
  // Bounds for what hangs, no measure of speed: a test that starts processes takes twenty times as long on a busy machine.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // Real processes and worker threads: a process of its own for each file.
  pool: 'forks',
} as const

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'together',
          // Not by "exclude": that is the command line's, and would be lost.
          include: ['__test__/**/*.test.ts', ...alone.map((pattern) => `!${pattern}`)],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...common, name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
