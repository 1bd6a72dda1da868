// Who gets this member's vote, and its word in a pre-vote (Raft thesis, 3.4, 4.2.3 and 9.6).
import { Message, Role } from './kinds.js'
import { type Incoming, voteReply } from './message.js'
import { AT_ONCE, DURABLE } from './out.js'
import type { Raft } from './raft.js'

/** Answers PRE_VOTE and VOTE, or ignores them while a leader is there. */
export function answerVote(raft: Raft, message: Incoming): void {
  const pre = message.kind === Message.PRE_VOTE
  const transfer = message.c === 1
  if (message.term < raft.term) {
    refuse(raft, message, pre)
    return
  }
  // Leases rely on this: whoever heard a leader, or is one, elects no other for an election timeout.
  if (!transfer && hasLeader(raft)) return
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
  raft.send(message.from, voteReply(false, raft.term, true, message.d), DURABLE)
}

/** Would this member vote so? Changes nothing, so that a member that cannot win disturbs nobody. */
function answerPreVote(raft: Raft, message: Incoming): void {
  if (message.term <= raft.term || !isUpToDate(raft, message)) {
    refuse(raft, message, true)
    return
  }
  raft.send(message.from, voteReply(true, message.term, true, message.d), AT_ONCE)
}

function refuse(raft: Raft, message: Incoming, pre: boolean): void {
  raft.send(message.from, voteReply(pre, raft.term, false, message.d), pre ? AT_ONCE : DURABLE)
}

function hasLeader(raft: Raft): boolean {
  return raft.role === Role.LEADER || raft.now < raft.stickyUntil
}

/** Whether the candidate's log has everything that may be committed here (Raft thesis, 3.6.1). */
function isUpToDate(raft: Raft, message: Incoming): boolean {
  const { lastIndex, lastTerm } = raft.log
  return message.b > lastTerm || (message.b === lastTerm && message.a >= lastIndex)
}
