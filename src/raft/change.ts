// A change of the members, as a leader makes it (Raft thesis, 4.2 and 4.3): one at a time, of voters by way of a configuration in which
// both sets vote; and what a leader does that is none of the voters any more.
import { Code } from '../codes.js'
import { limits } from '../limits.js'
import { majority } from '../majority.js'
import type { Chunks } from './chunks.js'
import { AT_ONCE } from './commands.js'
import { isConfiguration, partsOf, votersOfParts, type Wish } from './configuration.js'
import { mayLead, preferred } from './preference.js'
import { type Progress, REPLICATE } from './progress.js'
import type { Raft } from './raft.js'
import { Message } from './raft-kinds.js'
import { Voters } from './voters.js'

/** The changes of one leader in one term. */
export class Change {
  readonly #raft: Raft
  readonly #chunks: Chunks
  /** Index of the term's first entry: what an earlier leader began is known to be committed, or to be gone, with it. */
  readonly #termStart: number
  /** Who asked for the change under way; 0: nobody, or an earlier leader began it. */
  #asker = 0
  /** What was committed at the last heartbeat and at the one before, no less than the term's first entry: whoever has the latter keeps up. */
  #committed: number
  #committedBefore: number

  constructor(raft: Raft, chunks: Chunks, termStart: number) {
    this.#raft = raft
    this.#chunks = chunks
    this.#termStart = termStart
    this.#committed = termStart
    this.#committedBefore = termStart
  }

  /** Whoever keeps up has everything up to there. */
  get keptUp(): number {
    return this.#committedBefore
  }

  /** A heartbeat goes out. */
  heartbeat(): void {
    this.#committedBefore = this.#committed
    this.#committed = Math.max(this.#committed, this.#raft.commit)
  }

  /** Makes these the members, or says why not. */
  start(asker: number, wish: Wish, followers: readonly Progress[]): void {
    const code = this.#refusal(wish, followers)
    if (code !== Code.OK) {
      this.#raft.commands.changeOver(asker, code)
      return
    }
    const { voters } = this.#raft
    const wanted = votersOfParts(wish.parts)
    const { incoming, learners } = wanted
    const changes = incoming.length !== voters.incoming.length || incoming.some((id) => !voters.incoming.includes(id))
    const outgoing = changes ? voters.incoming : []
    // Who leaves is until then what it was.
    const leaving = outgoing.filter((id) => !wanted.members.includes(id))
    const witnesses = [...wanted.witnesses, ...leaving.filter((id) => !voters.holdsData(id))]
    const priorities = new Map(
      [...wanted.members, ...leaving].map((id) => [id, (leaving.includes(id) ? voters : wanted).priorityOf(id)]),
    )
    this.#asker = asker
    this.#append(new Voters(incoming, outgoing, learners, witnesses, priorities), asker)
  }

  /** What follows from what is committed; `held`: the log should not grow now. Returns whether this member leads no more. */
  advance(followers: readonly Progress[], held: boolean): boolean {
    const { commands, commit, config, configurations, voters } = this.#raft
    const { index } = configurations.current
    // What a group was founded with is no change that is under way.
    if (index === 0 || commit < index || commit < this.#termStart) return false
    if (voters.isJoint) {
      if (!held) this.#append(voters.left(), 0)
      return false
    }
    if (this.#asker !== 0) commands.changeOver(this.#asker, Code.OK)
    this.#asker = 0
    if (voters.includes(config.id)) return false
    this.#retire(followers)
    return true
  }

  /** This member leads no more. */
  leave(): void {
    if (this.#asker !== 0) this.#raft.commands.changeOver(this.#asker, Code.LEADER_LOST)
  }

  #append(voters: Voters, asker: number): void {
    const { commands, configurations, log, term } = this.#raft
    const index = log.lastIndex + 1
    commands.configure(asker, index, term, partsOf(voters))
    this.#chunks.add(1, 0)
    log.append(term, 1)
    configurations.append(index, term, voters)
    this.#raft.takeEffect()
  }

  #refusal({ from, isForced, parts }: Wish, followers: readonly Progress[]): number {
    const { commit, configurations, voters, now, config } = this.#raft
    if (!isConfiguration(parts)) return Code.INVALID_ARGUMENT
    if (this.#asker !== 0 || voters.isJoint || commit < Math.max(this.#termStart, configurations.current.index)) {
      return Code.MEMBERS_CHANGING
    }
    if (from !== configurations.current.index) return Code.MEMBERS_CHANGING
    const wanted = votersOfParts(parts)
    const { incoming, outgoing, learners } = wanted
    const all = new Set([...incoming, ...voters.incoming, ...learners])
    // Who votes does not become a learner: it leaves. Nor does a witness come by data that it never had, or anybody lose what it has.
    const staysWhatItIs = (id: number) => !voters.members.includes(id) || voters.holdsData(id) === wanted.holdsData(id)
    const possible = outgoing.length === 0 && all.size <= limits.membersMax && !learners.some((id) => voters.includes(id))
    if (!possible || !wanted.members.every(staysWhatItIs)) return Code.INVALID_ARGUMENT
    const known = (id: number) => followers.find((follower) => follower.id === id)
    const keepsUp = (id: number) => {
      const follower = known(id)
      return follower?.state === REPLICATE && !follower.recovers && follower.match >= this.#committedBefore
    }
    if (!incoming.every((id) => voters.includes(id) || keepsUp(id))) return Code.MEMBER_BEHIND
    const answers = (id: number) => {
      const follower = known(id)
      // Whoever is no member yet is refused above: this is the leader itself.
      if (follower === undefined) return true
      return !follower.recovers && now - follower.heardAt <= config.electionTimeout
    }
    return isForced || incoming.filter(answers).length >= majority(incoming.length) ? Code.OK : Code.QUORUM_AT_RISK
  }

  /** Leadership goes to whoever has everything; if nobody has, to whoever is elected. */
  #retire(followers: readonly Progress[]): void {
    const { log, term, voters } = this.#raft
    const able = preferred(
      voters,
      followers.filter(({ id, match }) => mayLead(voters, id) && match === log.lastIndex),
    )
    // The lease is over before somebody may be elected in spite of promises.
    this.#raft.follow(term, 0)
    if (able !== undefined) this.#raft.send(able.id, { kind: Message.TIMEOUT_NOW, term }, AT_ONCE)
  }
}
