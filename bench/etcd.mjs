// The reference etcd: three nodes on this machine under etcd's own load tool, in the same run as ours.
// Needs a folder with build.sh and cluster.sh (see --etcd); its binaries are built once into target/etcd.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Starts the reference cluster. Resolves to its loads and its stop; null where there is nothing to build it from. */
export async function startEtcd(source, bin, dir) {
  if (!existsSync(`${source}/cluster.sh`)) return null
  if (!existsSync(`${bin}/etcd-benchmark`)) await run('bash', [`${source}/build.sh`, bin])
  const { stdout } = await run('bash', [`${source}/cluster.sh`, 'start', resolve(bin), resolve(dir)])
  const endpoint = stdout.trim().split('\n').at(-1)
  const tool = async (clients, args) => {
    const conns = Math.min(clients, 100)
    const flags = [`--endpoints=${endpoint}`, `--clients=${clients}`, `--conns=${conns}`, '--precise']
    return parse((await run(`${bin}/etcd-benchmark`, [...flags, ...args], { maxBuffer: 1 << 24 })).stdout)
  }
  return {
    put: ({ clients, total, valueBytes, keys }) =>
      tool(clients, ['put', `--total=${total}`, `--val-size=${valueBytes}`, '--key-size=14', `--key-space-size=${keys}`]),
    get: ({ clients, total }) => tool(clients, ['range', 'bench', `--total=${total}`]),
    stop: () => run('bash', [`${source}/cluster.sh`, 'stop', resolve(dir)]),
  }
}

/** Throughput and percentiles of the load tool's report; times in ms. */
export function parse(report) {
  const number = (pattern) => {
    const found = pattern.exec(report)
    if (!found) throw new Error(`etcd's load tool printed no ${pattern}:\n${report}`)
    return Number(found[1])
  }
  const seconds = (share) => number(new RegExp(`${share}% in ([0-9.e+-]+) secs`)) * 1e3
  return { perSecond: number(/Requests\/sec:\s+([0-9.e+-]+)/), p50: seconds('50'), p99: seconds('99') }
}
