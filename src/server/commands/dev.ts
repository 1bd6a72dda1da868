// rafterdb dev: a whole cluster on this machine, one process a member, until Ctrl-C
import { once } from 'node:events'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { MemberStatus } from '../../client/api.js'
import type { Context } from '../context.js'
import { CommandError } from '../failures.js'
import { MemberProcess } from '../member-process.js'
import { integer, oneOf } from '../parse.js'
import { findPortInUse } from '../ports.js'
import { printStatus } from './status.js'

interface DevFlags {
  members: number
  basePort: number
  dataDir: string
  json?: boolean
}

/** Milliseconds that a cluster has to elect its first leader. */
const ELECTION_MS = 60_000
const POLL_MS = 100
const HOST = '127.0.0.1'

export function devCommand(context: Context): Command {
  return new Command('dev')
    .description('run a cluster on this machine: one process a member, until Ctrl-C')
    .option('--members <count>', 'how many: 1, 3, 5 or 7', (text) => Number(oneOf('1', '3', '5', '7')(text)), 3)
    .option('--base-port <port>', 'port of the first member; the others follow', integer(1, 65_529), 7101)
    .option('--data-dir <dir>', "directory of the members' data", './data')
    .option('--json', 'print events as JSON, one a line')
    .addHelpText('after', '\nSettings of `serve` in the environment, such as RAFTERDB_MEMORY, apply to every member.')
    .action((flags: DevFlags) => new DevCluster(context, flags).run())
}

class DevCluster {
  private readonly endpoints: Map<string, string>
  private processes: MemberProcess[] = []

  constructor(
    private readonly context: Context,
    private readonly flags: DevFlags,
  ) {
    const names = Array.from({ length: flags.members }, (_, index) => `n${index + 1}`)
    this.endpoints = new Map(names.map((name, index) => [name, `${HOST}:${flags.basePort + index}`]))
  }

  async run(): Promise<void> {
    this.context.survive()
    const taken = await findPortInUse([...this.endpoints.values()])
    if (taken) throw new CommandError(`${taken} is in use; stop what listens there, or pass another --base-port (PORT_IN_USE)`)
    this.processes = [...this.endpoints.keys()].map((name) => this.start(name))
    try {
      const status = await this.waitForLeader(ELECTION_MS)
      if (status) await this.greet(status)
      await Promise.all(this.processes.map((member) => this.follow(member)))
      if (!this.context.stop.aborted) throw new CommandError('every member has stopped')
    } finally {
      await this.stop()
    }
  }

  private start(name: string): MemberProcess {
    const { context, flags } = this
    const dataDir = join(flags.dataDir, name)
    const endpoint = this.endpoints.get(name) ?? ''
    const members = [...this.endpoints].map(([member, at]) => `${member}=${at}`).join(',')
    const args = ['--name', name, '--data-dir', dataDir, '--members', members, '--listen', endpoint]
    return new MemberProcess({ name, endpoint, dataDir, logFile: `${dataDir}.log`, args }, context.script, context.env)
  }

  /** Every member's state as soon as one leads; undefined if it was told to stop. Throws if a member ends before. */
  private async waitForLeader(within: number): Promise<MemberStatus[] | undefined> {
    const deadline = performance.now() + within
    while (performance.now() < deadline && !this.context.stop.aborted) {
      const dead = this.processes.find((member) => member.isGone)
      if (dead)
        throw new CommandError(
          `${dead.plan.name} did not start: ${await dead.gone}; its log ${dead.plan.logFile} ends:\n${lastLine(dead)}`,
        )
      const status = await this.status()
      if (status?.some((member) => member.role === 'leader') && status.every((member) => member.role !== 'unreachable'))
        return status
      await sleep(POLL_MS)
    }
    if (this.context.stop.aborted) return undefined
    throw new CommandError(`no leader within ${within / 1_000} s; see the logs in ${this.flags.dataDir}`)
  }

  /** Undefined while no member answers. */
  private async status(): Promise<MemberStatus[] | undefined> {
    try {
      const db = await this.context.connect({ endpoints: [...this.endpoints.values()], requestTimeout: 2_000 })
      try {
        return await db.status({ signal: this.context.stop })
      } finally {
        await db.close()
      }
    } catch {
      return undefined
    }
  }

  private async greet(status: MemberStatus[]): Promise<void> {
    const { stdout } = this.context
    const leader = status.find((member) => member.role === 'leader')
    if (this.flags.json) {
      const members = this.processes.map(({ plan: { name, endpoint, dataDir, logFile }, pid }) => ({
        name,
        endpoint,
        dataDir,
        logFile,
        pid,
      }))
      return stdout.json({ event: 'ready', leader: leader?.name, members })
    }
    const count = this.processes.length
    const where = relative(process.cwd(), this.flags.dataDir) || '.'
    await stdout.line(
      `rafterdb ${this.context.version}: ${count} member${count > 1 ? 's' : ''} on this machine, data and logs in ${where}\n`,
    )
    await printStatus(stdout, status)
    const flag = this.flags.basePort === 7101 ? '' : ` --endpoints ${[...this.endpoints.values()].join(',')}`
    const name = stdout.style('bold', leader?.name ?? '')
    await stdout.line(
      [
        '',
        `${name} leads. Now type in another terminal:`,
        '',
        `  npx rafterdb put greeting hello${flag}`,
        `  npx rafterdb get greeting${flag}`,
        `  npx rafterdb watch --prefix gr${flag}`,
        `  npx rafterdb status${flag}`,
        '',
        'Ctrl-C stops the cluster; the next start finds its data again.',
      ].join('\n'),
    )
  }

  /** Reports the end of a member that nobody asked to stop. Resolves when it is gone, or when the cluster is to stop. */
  private async follow(member: MemberProcess): Promise<void> {
    const { stop, stderr, stdout } = this.context
    const stopped = stop.aborted ? Promise.resolve() : once(stop, 'abort')
    await Promise.race([member.gone, stopped])
    if (stop.aborted) return
    const how = await member.gone
    const { name, logFile } = member.plan
    if (this.flags.json) return stdout.json({ event: 'died', name, how, logFile })
    const alive = this.processes.filter((other) => !other.isGone).length
    const hasQuorum = alive > this.processes.length / 2
    const rest = hasQuorum
      ? `${alive} of ${this.processes.length} go on`
      : 'too few are left to write; stop with Ctrl-C and start again'
    await stderr.line(`${stderr.style('red', `${name} died (${how})`)}; ${rest}. Log: ${logFile}`)
    for (const line of member.tail) await stderr.line(stderr.style('dim', `  ${line}`))
  }

  private async stop(): Promise<void> {
    await Promise.all(this.processes.map((member) => member.stop()))
    if (!this.context.stop.aborted) return
    await (this.flags.json ? this.context.stdout.json({ event: 'stopped' }) : this.context.stdout.line('stopped'))
  }
}

const lastLine = (member: MemberProcess) => member.tail.at(-1) ?? '(nothing)'
