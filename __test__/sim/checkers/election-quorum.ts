// Who leads was elected by a majority of each set of voters, and is a voter; who only learns asks for nothing (Raft thesis, 4.2.1 and 4.3).
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'
import { type Configuration, configurationAt, isEnough } from '../configuration.js'

export class ElectionQuorum implements Checker {
  readonly property = 'election quorum'
  readonly #configuration: Configuration
  readonly #members: () => readonly MemberView[]
  /** Votes that were given by members which have lost them since, as `vote` writes them. */
  readonly #lost = new Set<string>()

  constructor(configuration: Configuration, members: () => readonly MemberView[]) {
    this.#configuration = configuration
    this.#members = members
  }

  onRole(member: MemberView, group: number, role: number, term: number): void {
    const configuration = configurationAt(member, group, this.#configuration)
    // Who leaves may be needed until that is committed (Raft thesis, 4.2.2).
    const leaves = (member.configured(group)?.index ?? 0) > member.committed(group)
    const votes = leaves || [...configuration.incoming, ...configuration.outgoing].includes(member.id)
    if (role !== Role.FOLLOWER && !votes) {
      throw new Violation(this.property, `${member.id}, which does not vote, has role ${role} in group ${group}`)
    }
    if (role !== Role.LEADER) return
    const voters = this.#members().filter((voter) => this.#mayHaveVoted(voter, group, term, member.id))
    const ids = voters.map(({ id }) => id)
    if (isEnough(configuration, ids)) return
    throw new Violation(
      this.property,
      `${member.id} leads group ${group} in term ${term} with the votes of ${ids.join(', ')} only`,
    )
  }

  onWipe(member: MemberView, groups: number): void {
    for (let group = 0; group < groups; group += 1) {
      for (const log of [member.diskLog(group), member.memoryLog(group)])
        this.#lost.add(vote(member.id, group, log.term, log.vote))
    }
  }

  /** Of a member that is in a later term by now, nobody can tell. */
  #mayHaveVoted(voter: MemberView, group: number, term: number, candidate: number): boolean {
    const log = voter.memoryLog(group)
    return (
      log.term > term || (log.term === term && log.vote === candidate) || this.#lost.has(vote(voter.id, group, term, candidate))
    )
  }
}

function vote(voter: number, group: number, term: number, candidate: number): string {
  return `${voter} ${group} ${term} ${candidate}`
}
