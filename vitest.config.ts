// How the TypeScript tests run.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    // Bounds for what hangs, no measure of speed: a test that starts processes takes twenty times as long on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Clusters of real processes and worker threads: a process of its own for each file.
    pool: 'forks',
    // One at a time: three members on two cores, beside another file's simulator, hold elections that their tests do not expect.
    maxWorkers: 1,
  },
})
