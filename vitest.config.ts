// How the TypeScript tests run.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Clusters of real processes and worker threads: a process of its own for each file.
    pool: 'forks',
    // One at a time: three members on two cores, beside another file's simulator, hold elections that their tests do not expect.
    maxWorkers: 1,
  },
})
