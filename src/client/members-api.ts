// What users are given to see the members of a cluster, and to change them.
import type { CallOptions } from './call-options.js'

/** One member of the cluster, as the member that answers knows it. */
export interface Member {
  /** Its number: nobody else in the cluster has had it, or will. */
  id: number
  name: string
  /** Where the others reach it. */
  endpoint: string
  /** A voter counts for majorities. A learner gets all that is written, and counts for nothing. */
  role: 'voter' | 'learner'
  /** It votes, or learns to, without the data: it never leads, and serves no reads. */
  isWitness: boolean
  /** Of those that can lead the one with the highest does, once it has been there for a while; 0 to 255, default 0. */
  priority: number
  isLeader: boolean
  /** What becomes of it by a change of voters that is under way, during which it votes in either case; null: it stays what it is. */
  changing: 'promoted' | 'removed' | null
}

/** A member that a cluster is founded with. */
export interface Founder {
  /** `host:port`. */
  endpoint: string
  /** As of `JoinOptions`: it joins those with data by itself once these have founded the cluster, and `open` resolves then. Default: false. */
  witness?: boolean | undefined
  /** As of `JoinOptions`, of all members that are given: the cluster takes them while no member has one; `members.update` changes them. Default: 0. */
  priority?: number | undefined
}

/** What a member that joins a cluster is to be. */
export interface JoinOptions {
  /** With `join`: where the others reach this member, `host:port`. Default: the first such address of `listen`. */
  advertise?: string | undefined
  /** With `join`: ends an `open` that still waits, which rejects with ABORTED. The next one goes on. */
  signal?: AbortSignal | undefined
  /**
   * With `join`: this member is a witness, from its first start on and for as long as it is a member. It votes, and keeps the log's terms and who
   * the members are, but no data: its directory stays small, whatever is written. It never leads. Writes and reads through it go to the
   * leader, `backup` is made of a member with data; `watch` and `getSync` are MEMBER_IS_WITNESS: `connect` to a member with data for those. Two members with data and
   * a witness go on when one of the three fails. While one of the two with data is down, what is acknowledged is on one disk only: if that is lost
   * too, so is what was written meanwhile. Of the voters fewer than a majority are witnesses. Default: false.
   */
  witness?: boolean | undefined
  /**
   * With `join`: who of those that can lead does rather than others, 0 to 255; default: 0, or what it had. A leader hands over to a member of
   * higher priority that has kept up for ten election timeouts. See `members.update`, also for founders.
   */
  priority?: number | undefined
}

/** A member to take in. */
export interface NewMember {
  name: string
  endpoint: string
  witness?: boolean | undefined
  priority?: number | undefined
}

/** What of a member can be another. */
export interface MemberUpdate {
  endpoint?: string | undefined
  priority?: number | undefined
}

/** What a change of the members has come to. */
export interface MembersChange {
  /** The member that it was about, as it is now; one that was removed, as it was. */
  member: Member
  /** All members after the change. */
  members: Member[]
}

/** Which member: its name, or its number. */
export type MemberRef = string | number

/** Of a change that takes a voter away. */
export interface RemoveOptions extends CallOptions {
  /**
   * Do it although a majority of those that would be left does not answer now. What is written then waits until they do. It takes a majority of
   * the voters that there are all the same: once those are gone for good, only `forceNewCluster` helps. Default false.
   */
  force?: boolean | undefined
}

/**
 * The members of the cluster, and changes of them while it runs. One change is made at a time: each is tried again while another is under
 * way, and through changes of leader, until its time is up. A change that is so already is done, whoever made it. Each is made for good
 * when it resolves, and it is never made from a list that is out of date.
 *
 * Errors of all changes: MEMBER_UNKNOWN (no such member; it names the nearest), INVALID_ARGUMENT, QUORUM_AT_RISK (too few of the voters
 * that there would be answer: start those that are down first, or remove one of them instead), TIMEOUT, ABORTED, CLOSED. After TIMEOUT
 * and ABORTED `outcome` says whether the change may have been made, or may still be.
 */
export interface Members {
  /** The same as `list`. */
  (options?: CallOptions): Promise<Member[]>
  /** All members as the one that is asked knows them. */
  list(options?: CallOptions): Promise<Member[]>
  /**
   * Takes a member in, as a learner: it endangers no majority. What runs under that name with `join` then takes the place, and is made a
   * voter once it has caught up; `open` with `join` does this by itself. INVALID_ARGUMENT if another member has that name or endpoint,
   * or there are seven. `witness`: it votes without the data, as long as it is a member: see `open`; of the voters fewer than a
   * majority are witnesses, else promoting it is INVALID_ARGUMENT. `priority`: who leads rather than others, 0 to 255, default 0.
   */
  add(member: NewMember, options?: CallOptions): Promise<MembersChange>
  /** Makes a learner a voter, as soon as it has caught up. TIMEOUT if it has not by then. */
  promote(member: MemberRef, options?: CallOptions): Promise<MembersChange>
  /**
   * Takes a member out. It stops with MEMBER_REMOVED when it hears of that, and its data directory cannot come back; the name can, with
   * an empty one. A leader hands over first. INVALID_ARGUMENT if no other member votes.
   */
  remove(member: MemberRef, options?: RemoveOptions): Promise<MembersChange>
  /**
   * Gives a member another endpoint, for which it must listen there too, another priority, or both. INVALID_ARGUMENT if another member has the
   * endpoint. A leader of lower priority hands over when the member has been there for ten election timeouts.
   */
  update(member: MemberRef, to: MemberUpdate, options?: CallOptions): Promise<MembersChange>
  /**
   * Takes a member out and puts another one, which is a member already, in its place: in one step, so that there are never fewer or more
   * voters. Waits until the newcomer has caught up. `member` of the result is the newcomer.
   */
  replace(member: MemberRef, by: MemberRef, options?: RemoveOptions): Promise<MembersChange>
}
