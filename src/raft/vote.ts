// Who gets this member's vote, and its word in a pre-vote (Raft thesis, 3.4, 4.2.3 and 9.6).

import { AT_ONCE, DURABLE } from './commands.js'
import type { Incoming, VoteRequest } from './message.js'
import type { Raft } from './raft.js'
import { Message, Role } from './raft-kinds.js'

/** PRE_VOTE or VOTE, as it arrived. */
type Request = Incoming & VoteRequest

/** Answers PRE_VOTE and VOTE, or ignores them while a leader is there. */
export function answerVote(raft: Raft, message: Request): void {
  const pre = message.kind === Message.PRE_VOTE
  if (message.term < raft.term) {
    refuse(raft, message, pre)
    return
  }
  // Leases rely on this: whoever heard a leader, or is one, elects no other for an election timeout.
  if (!message.transfer && hasLeader(raft)) return
  if (pre) {
    answerPreVote(raft, message)
    return
  }
  if (message.term > raft.term) raft.follow(message.term, 0)
  const free = raft.vote === message.from || (raft.vote === 0 && raft.leader === 0)
  if (!free || !isUpToDate(raft, message)) {
    refuse(raft, message, pre)
    return
  }
  raft.voteFor(message.from)
  raft.restartElectionTimer()
  const { from, life } = message
  raft.send(from, { kind: Message.VOTE_REPLY, term: raft.term, granted: true, life }, DURABLE)
}

/** Would this member vote so? Changes nothing, so that a member that cannot win disturbs nobody. */
function answerPreVote(raft: Raft, message: Request): void {
  if (message.term <= raft.term || !isUpToDate(raft, message)) {
    refuse(raft, message, true)
    return
  }
  const { from, term, life } = message
  raft.send(from, { kind: Message.PRE_VOTE_REPLY, term, granted: true, life }, AT_ONCE)
}

function refuse(raft: Raft, message: Request, pre: boolean): void {
  const kind = pre ? Message.PRE_VOTE_REPLY : Message.VOTE_REPLY
  raft.send(message.from, { kind, term: raft.term, granted: false, life: message.life }, pre ? AT_ONCE : DURABLE)
}

function hasLeader(raft: Raft): boolean {
  return raft.role === Role.LEADER || raft.now < raft.stickyUntil
}

/** Whether the candidate's log has everything that may be committed here (Raft thesis, 3.6.1). */
function isUpToDate(raft: Raft, message: Request): boolean {
  const { lastIndex, lastTerm } = raft.log
  return message.lastTerm > lastTerm || (message.lastTerm === lastTerm && message.lastIndex >= lastIndex)
}
