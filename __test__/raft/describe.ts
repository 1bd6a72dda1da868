// Words for the numbers of the core: how a script shows roles, messages and logs.
import { Code } from '../../src/codes.js'
import { partsOf } from '../../src/raft/configuration.js'
import type { Outgoing } from '../../src/raft/message.js'
import type { Raft } from '../../src/raft/raft.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'

/** Of the members of a script, unless it says otherwise, ms. */
export const ELECTION_TIMEOUT = 500

/** The name of a number in one of the generated tables. */
function nameOf(table: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(table).find((name) => table[name] === number) ?? `${number}`
}

export function roleName(role: number): string {
  return nameOf(Role, role).toLowerCase()
}

export function codeName(code: number): string {
  return nameOf(Code, code)
}

/** A configuration in one line: voters of the incoming set, of the outgoing one if there is one, learners. */
export function describeParts(parts: readonly number[]): string {
  const having = (part: number) => parts.filter((_, i) => i % 2 === 0 && ((parts[i + 1]! & part) !== 0 || parts[i + 1]! === part))
  const [incoming, outgoing, learners] = [having(1), having(2), having(0)]
  const also = [
    outgoing.length > 0 ? ` for ${outgoing.join(' ')}` : '',
    learners.length > 0 ? ` learning ${learners.join(' ')}` : '',
  ]
  return `${incoming.join(' ')}${also.join('')}`
}

/** A message in one line, without the fields that do not matter. */
export function describeMessage(message: Outgoing): string {
  const name = `${nameOf(Message, message.kind)} term ${message.term}`
  switch (message.kind) {
    case Message.PRE_VOTE:
    case Message.VOTE:
      return `${name} last ${message.lastIndex}/${message.lastTerm}${message.transfer ? ' transfer' : ''}`
    case Message.PRE_VOTE_REPLY:
    case Message.VOTE_REPLY:
      return `${name} ${message.granted ? 'granted' : 'refused'}`
    case Message.APPEND: {
      const { previousIndex, previousTerm, first, end, commit, round } = message
      const entries = end > first ? ` entries ${first}..${end - 1}` : ''
      return `${name} previous ${previousIndex}/${previousTerm}${entries} commit ${commit} round ${round}`
    }
    case Message.APPEND_REPLY: {
      const { rejected, previousIndex, index, hintTerm, round, promise } = message
      const said = rejected ? `rejected ${previousIndex}, try ${index}/${hintTerm}` : `matched ${index} after ${previousIndex}`
      return `${name} ${said} round ${round}${promise === ELECTION_TIMEOUT ? '' : ` promise ${promise}`}`
    }
    case Message.SNAPSHOT_STATUS:
      return `${name} ${message.index}/${message.snapshotTerm} ${message.installed ? 'installed' : 'not installed'}`
    case Message.RECOVER_REPLY:
      return `${name} last ${message.lastIndex}${message.leads ? ' leads' : ''}${message.whole ? ' whole' : ''}${message.configurationIndex > 0 ? ` members of ${message.configurationIndex}/${message.configurationTerm}` : ''}`
    default:
      return name
  }
}

/** A member's whole state in one line. */
export function describeMember(raft: Raft): string {
  const { log, term, vote, commit, durable, applied } = raft
  const runs = log.runs.map(([first, runTerm]) => `${first}/${runTerm}`).join(' ')
  const base = log.baseIndex > 0 ? ` after ${log.baseIndex}/${log.baseTerm}` : ''
  const indexes = `last ${log.lastIndex} durable ${durable} commit ${commit} applied ${applied}`
  const state = raft.recovery === null ? roleName(raft.role) : `${roleName(raft.role)} recovering`
  const { index, voters } = raft.configurations.current
  const members = index > 0 ? ` members ${describeParts(partsOf(voters))}` : ''
  return `${state} term ${term} vote ${vote} leader ${raft.leader} log [${runs}]${base} ${indexes}${members}`
}
