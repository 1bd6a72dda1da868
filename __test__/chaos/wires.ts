// The links between members as a real network has them: each member in a network namespace of its own, on a bridge in that of the test,
// which loses what it is told to. Needs root, and a namespace of the test's own to make the bridge in (`ownNetwork`). Judges nothing.
//
// What is lost here is packets, so that TCP finds out by itself, sends again, and gives up. A classic BPF program at the port of each member
// decides, by the address that a packet is for; netem is not in every kernel.
import { execFileSync, spawnSync } from 'node:child_process'
import type { Random } from '../client/random.js'
import type { Place } from '../cluster/harness.js'
import type { Cuttable, LinkState, Network } from './links.js'

/** The test itself. */
const OWN_ADDRESS = '10.77.0.1'
/** Members listen here, each at an address of its own. */
const PORT = 2379

// Classic BPF: what the instructions that are used here are called in <linux/filter.h>.
const LOAD_WORD = 0x20
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_GREATER = 0x25
const RETURN = 0x06
/** A packet's destination, behind the 14 bytes of Ethernet. */
const AT_DESTINATION = 14 + 16
/** SKF_AD_OFF + SKF_AD_RANDOM: loading from there gives a random word. */
const AT_RANDOM = 0xffff_f000 + 56
/** TC_ACT_OK, TC_ACT_SHOT. */
const PASS = 0
const DROP = 2

/** Runs a command in a network namespace of its own, with all that the test needs of one; null: this system does not let it. */
export function ownNetwork(command: string[]): string[] | null {
  const inside = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  const [run = '', ...args] = [...inside, process.execPath, '-e', PROBE]
  return process.getuid?.() === 0 && spawnSync(run, args).status === 0 ? [...inside, ...command] : null
}

/** Whether the kernel has what `Wires` is made of. */
const PROBE = `
const { execFileSync } = require('node:child_process')
const sh = (line) => execFileSync('sh', ['-ec', line], { stdio: 'pipe' })
sh('ip link add rafterdb0 type bridge; ip link add rafterdb1 type veth peer name rafterdb2; tc qdisc add dev rafterdb1 clsact')
sh("tc filter add dev rafterdb1 ingress bpf da bytecode '1,6 0 0 0'; tc qdisc add dev rafterdb1 root tbf rate 1mbit burst 16kb latency 50ms")
`

/** From one member to another. */
class Wire implements Cuttable {
  /** The share of packets that get lost. */
  loss = 0

  constructor(
    readonly from: string,
    readonly to: string,
    readonly changed: (from: string) => void,
  ) {}

  set(state: LinkState): void {
    this.lose(state === 'open' ? 0 : 1)
  }

  lose(share: number): void {
    this.loss = share
    this.changed(this.from)
  }
}

export class Wires implements Network {
  /** By name of the member, its number. */
  readonly #members = new Map<string, number>()
  #placed = 0
  #wires: Wire[] = []

  constructor() {
    run('ip', 'link', 'add', 'rafterdb', 'type', 'bridge')
    run('ip', 'address', 'add', `${OWN_ADDRESS}/16`, 'dev', 'rafterdb')
    run('ip', 'link', 'set', 'rafterdb', 'up')
  }

  readonly place = async (name: string): Promise<Place> => {
    const at = this.#placed++
    const [namespace, port] = [namespaceOf(name), portOf(name)]
    run('ip', 'netns', 'add', namespace)
    run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    run('ip', 'link', 'set', port, 'master', 'rafterdb', 'up')
    run('tc', 'qdisc', 'add', 'dev', port, 'clsact')
    const inside = ['netns', 'exec', namespace, 'ip']
    run('ip', ...inside, 'link', 'set', 'lo', 'up')
    run('ip', ...inside, 'address', 'add', `${addressOf(at)}/16`, 'dev', 'eth0')
    run('ip', ...inside, 'link', 'set', 'eth0', 'up')
    for (const other of this.#members.keys()) this.#wires.push(this.#wire(other, name), this.#wire(name, other))
    this.#members.set(name, at)
    return { endpoint: `${addressOf(at)}:${PORT}`, command: ['ip', 'netns', 'exec', namespace] }
  }

  readonly route = async (_from: string, _to: string, endpoint: string): Promise<string> => endpoint

  leave(name: string): void {
    this.#members.delete(name)
    this.#wires = this.#wires.filter(({ from, to }) => from !== name && to !== name)
    // The namespace takes its end along, but later: by then another may want the name.
    run('ip', 'link', 'delete', portOf(name))
    run('ip', 'netns', 'delete', namespaceOf(name))
  }

  from(names: readonly string[]): Wire[] {
    return this.#wires.filter(({ from }) => names.includes(from))
  }

  around(names: readonly string[]): Wire[] {
    return this.#wires.filter(({ from, to }) => names.includes(from) !== names.includes(to))
  }

  readonly lose = (names: readonly string[], share: number): void => {
    for (const wire of this.around(names)) wire.lose(share)
  }

  /** What a member is sent takes its time, and is lost where it is too much. */
  slow(names: readonly string[], random: Random): void {
    for (const name of names.filter((name) => this.#members.has(name))) {
      const rate = `${100 + random.below(2_000)}kbit`
      run('tc', 'qdisc', 'replace', 'dev', portOf(name), 'root', 'tbf', 'rate', rate, 'burst', '16kb', 'latency', '100ms')
    }
  }

  heal(): void {
    for (const wire of this.#wires) if (wire.loss !== 0) wire.lose(0)
    for (const name of this.#members.keys()) spawnSync('tc', ['qdisc', 'delete', 'dev', portOf(name), 'root'])
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#members.keys()]) this.leave(name)
    run('ip', 'link', 'delete', 'rafterdb')
  }

  #wire(from: string, to: string): Wire {
    return new Wire(from, to, (name) => this.#filter(name))
  }

  /** Puts into force what gets lost of all that a member sends. */
  #filter(name: string): void {
    if (!this.#members.has(name)) return
    const rules = this.#wires.filter(({ from, loss }) => from === name && loss > 0)
    const lines = rules.flatMap(({ to, loss }) => [
      [LOAD_WORD, 0, 0, AT_DESTINATION],
      [JUMP_IF_EQUAL, 0, 3, numberOf(addressOf(this.#members.get(to) ?? 0))],
      [LOAD_WORD, 0, 0, AT_RANDOM],
      [JUMP_IF_GREATER, 1, 0, Math.floor(loss * 0xffff_ffff)],
      [RETURN, 0, 0, DROP],
    ])
    const program = [...lines, [RETURN, 0, 0, PASS]].map((line) => line.join(' '))
    const filter = ['filter', 'replace', 'dev', portOf(name), 'ingress', 'pref', '1', 'handle', '1', 'bpf', 'da', 'bytecode']
    run('tc', ...filter, [program.length, ...program].join(','))
  }
}

const addressOf = (at: number): string => `10.77.${1 + Math.floor(at / 250)}.${1 + (at % 250)}`
const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
/** Names of namespaces are the whole machine's. */
const namespaceOf = (name: string): string => `rafterdb-${process.pid}-${name}`
const portOf = (name: string): string => `rafterdb-${name}`

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
