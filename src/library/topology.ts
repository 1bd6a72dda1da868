// What this machine is made of, as far as it tells.
import { loadBinding } from '../native/load.js'

/** A NUMA node: CPUs with memory of their own. */
export interface NumaNode {
  node: number
  /** Numbers of its CPUs. */
  cpus: number[]
  /** Bytes; null where the machine does not tell. */
  memoryBytes: number | null
  /** Bytes free when it was read; null where the machine does not tell. */
  freeBytes: number | null
}

/** A cache. */
export interface Cache {
  level: number
  kind: 'data' | 'instruction' | 'unified'
  bytes: number
  /** Bytes of a line. */
  lineBytes: number
  /** Numbers of the CPUs that share it. */
  cpus: number[]
}

/** A machine. */
export interface Topology {
  /** CPUs on which this process may run. */
  cpus: number[]
  /** One entry a physical core: its CPUs (two where it runs two threads at a time). */
  cores: number[][]
  /** One node on a machine without NUMA. */
  nodes: NumaNode[]
  /** Empty where the machine does not tell. */
  caches: Cache[]
}

/** Reads it anew. On Linux from the system; elsewhere one node with as many CPUs as there are, and no caches. */
export function topology(): Topology {
  return JSON.parse(loadBinding().topology()) as Topology
}
