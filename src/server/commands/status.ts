// rafterdb status: one line a member
import type { Command } from 'commander'
import type { MemberStatus } from '../../client/api.js'
import { isUnix } from '../../endpoint.js'
import { type ClientFlags, clientCommand, withDatabase } from '../client-command.js'
import type { Context } from '../context.js'
import { CommandError } from '../failures.js'
import { beganAnew } from '../former-clusters.js'
import type { Output } from '../output.js'

export function statusCommand(context: Context): Command {
  return clientCommand('status', 'show every member: who leads, how far each one is').action(async (flags: ClientFlags) => {
    await withDatabase(context, flags, async (db) => {
      const members = await db.status({ signal: context.stop })
      await (flags.json ? context.stdout.json(members) : printStatus(context.stdout, members))
      if (!members.some((member) => member.role === 'leader')) throw new CommandError(`no leader${reasonsOf(members)}`)
    })
  })
}

/** Whom the members that answered do not reach, and why: each reason once. */
function reasonsOf(members: MemberStatus[]): string {
  const reasons = members.flatMap(({ name, peers }) =>
    peers
      .filter(({ connected }) => !connected)
      .map(
        (peer) => `${name} does not reach ${peer.name} at ${peer.endpoint}: ${peer.message ?? 'no answer yet'}${codeOf(peer)}`,
      ),
  )
  return reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
}

const codeOf = ({ code }: { code: string | null }) => (code === null ? '' : ` (${code})`)

/** The table that `status` and `dev` print. */
export async function printStatus(output: Output, members: MemberStatus[]): Promise<void> {
  const header = ['NAME', 'ENDPOINT', 'ROLE', 'TERM', 'LAST INDEX', 'COMMITTED', 'APPLIED', 'REVISION', 'STATE HASH', 'DISK']
  const rows = members.map((member) => {
    const known = [member.term, member.lastIndex, member.committed, member.applied, member.revision].map(String)
    const seen =
      member.role === 'unreachable' ? ['', '', '', '', '', '', ''] : [...known, member.stateHash, formatBytes(member.diskBytes)]
    return [member.name, addressesOf(member), member.role, ...seen]
  })
  await output.table(header, rows)
  for (const line of beganAnew(members)) await output.line(line)
}

/** Where clients find it: its endpoint, and the Unix sockets on its machine. */
function addressesOf({ endpoint, listen }: MemberStatus): string {
  return [endpoint, ...listen.filter((address) => isUnix(address) && address !== endpoint)].join(' ')
}

function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  const exponent = Math.min(3, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1_000 ** exponent).toFixed(1)} ${['B', 'kB', 'MB', 'GB'][exponent]}`
}
