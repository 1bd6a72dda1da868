// The machine is told as it is: every CPU once in the cores and in the nodes, sizes that can be.
import { availableParallelism, totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { topology } from '../../src/library/index.js'

const sorted = (cpus: number[]) => [...cpus].sort((a, b) => a - b)

test('cores and nodes hold every CPU once', () => {
  const { cpus, allowed, cores, nodes } = topology()
  expect(allowed.length).toBe(availableParallelism())
  expect(cpus).toEqual(expect.arrayContaining(allowed))
  expect(sorted(cores.flatMap((core) => core.cpus))).toEqual(cpus)
  expect(sorted(nodes.flatMap((node) => node.cpus))).toEqual(cpus)
})

test('memory and caches have sizes that can be', () => {
  const { nodes, caches, cpus } = topology()
  const memory = nodes.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0)
  if (memory > 0) expect(memory).toBeGreaterThan(totalmem() / 2)
  for (const node of nodes) expect(node.freeBytes ?? 0).toBeLessThanOrEqual(node.memoryBytes ?? 0)
  for (const cache of caches) {
    expect(cache.bytes).toBeGreaterThanOrEqual(1_024)
    expect(cpus).toEqual(expect.arrayContaining(cache.cpus))
    expect(['data', 'instruction', 'unified']).toContain(cache.kind)
  }
})
