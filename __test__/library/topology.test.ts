// The machine is told as it is: every CPU once in the cores and in the nodes, sizes that can be.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
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

/** What the kernel says of a node; that all nodes make the machine's memory is not sure: a virtual machine was seen with a third. */
function memoryOfNode(id: number): number | null {
  try {
    const kib = /MemTotal: +(\d+) kB/.exec(readFileSync(`/sys/devices/system/node/node${id}/meminfo`, 'utf8'))?.[1]
    return kib === undefined ? null : Number(kib) * 1024
  } catch {
    return null
  }
}

test('memory and caches have sizes that can be', () => {
  const { nodes, caches, cpus } = topology()
  for (const { id, memoryBytes, freeBytes } of nodes) {
    expect(memoryBytes).toBe(memoryOfNode(id))
    expect(freeBytes ?? 0).toBeLessThanOrEqual(memoryBytes ?? 0)
  }
  for (const cache of caches) {
    expect(cache.bytes).toBeGreaterThanOrEqual(1_024)
    expect(cpus).toEqual(expect.arrayContaining(cache.cpus))
    expect(['data', 'instruction', 'unified']).toContain(cache.kind)
  }
})
