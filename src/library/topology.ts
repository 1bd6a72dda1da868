// What this machine is made of, as far as it tells.
import { loadBinding } from '../native/load.js'

/** A NUMA node: CPUs with memory of their own. */
export interface NumaNode {
  id: number
  /** Numbers of its CPUs. */
  cpus: number[]
  /** Null where the machine does not tell. */
  memoryBytes: number | null
  /** Free when it was read; null where the machine does not tell. */
  freeBytes: number | null
}

/** A cache. */
export interface Cache {
  level: number
  kind: 'data' | 'instruction' | 'unified'
  bytes: number
  /** Bytes of a line; null where the machine does not tell. */
  lineBytes: number | null
  /** Numbers of the CPUs that share it. */
  cpus: number[]
}

/** A physical core. */
export interface Core {
  /** The package that it is part of; null where the machine does not tell. */
  package: number | null
  /** Numbers of its CPUs: two where it runs two threads at a time. */
  cpus: number[]
}

/** A machine. */
export interface Topology {
  /** Numbers of the CPUs that are on. */
  cpus: number[]
  /** Those on which this process may run. */
  allowed: number[]
  cores: Core[]
  /** One on a machine without NUMA. */
  nodes: NumaNode[]
  /** Empty where the machine does not tell. */
  caches: Cache[]
}

/** Reads it anew. On Linux from the system; elsewhere one node with as many CPUs as there are, and no caches. */
export function topology(): Topology {
  return JSON.parse(loadBinding().topology()) as Topology
}
