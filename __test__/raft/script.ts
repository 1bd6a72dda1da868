// Runs a protocol script: a line is a command, the indented lines below it are what the cores did. See cases/*.txt.
import { ELECTION_SPREAD_SHARE, type RaftConfig } from '../../src/raft/config.js'
import { emptyMessage, type Outgoing } from '../../src/raft/message.js'
import type { Raft } from '../../src/raft/raft.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { describeMember, describeMessage, ELECTION_TIMEOUT } from './describe.js'
import { type Letter, ScriptMember } from './script-member.js'
import { wish } from './wish.js'

/** Deliveries after which a script is taken to run in circles. */
const DELIVERIES_MAX = 1_000

/** Returns the script with the output that its commands have now. */
export function runScript(text: string): string {
  const script = new Script()
  const lines = text.split('\n').filter((line) => !line.startsWith('  '))
  return lines.flatMap((line) => [line, ...(line === '' || line.startsWith('#') ? [] : script.run(line))]).join('\n')
}

/** The state between the commands of one script. */
class Script {
  readonly #members = new Map<number, ScriptMember>()
  #letters: Letter[] = []
  #output: string[] = []
  #now = 0
  /** Members that no letter reaches or leaves. */
  readonly #isolated = new Set<number>()
  /** Entries that fit a message; what is more is clipped, as a plane may do. */
  #clip = Number.POSITIVE_INFINITY

  readonly #commands: Readonly<Record<string, (...numbers: number[]) => void>> = {
    // wait MS: time passes for all, and every timer that comes due runs.
    wait: (time) => this.#wait(this.#now + time!),
    // tick ID MS: time passes, and only this member notices.
    tick: (id, time) => {
      this.#now += time!
      this.#step(id!, (raft) => raft.tick())
    },
    // campaign ID: its election timeout passes, for all; the others' timers wait.
    campaign: (id) => {
      this.#now = Math.max(this.#now, this.#member(id!).raft.deadline)
      this.#step(id!, (raft) => raft.tick())
    },
    // rest MS: as wait, without showing it.
    rest: (time) => {
      this.#wait(this.#now + time!)
      this.#output.length = 0
    },
    // elect ID: campaign, and everything is delivered, without showing it.
    elect: (id) => {
      this.#commands['campaign']!(id!)
      this.#deliver(() => true)
      this.#output.length = 0
      this.#show(id!)
    },
    // win ID VOTER: campaign, heard by this voter only, and nobody hears of the victory; without showing it.
    win: (id, voter) => {
      this.#commands['campaign']!(id!)
      for (const to of [voter!, id!, voter!, id!]) this.#deliverOnce(goes(to, undefined))
      this.#letters.length = 0
      this.#output.length = 0
      this.#show(id!)
    },
    // deliver: everything, and what follows from it. deliver ID [FROM]: what is on the way to it (from there), and nothing that follows.
    deliver: (id, from) => (id === undefined ? this.#deliver(() => true) : this.#deliverOnce(goes(id, from))),
    // drop: what is under way is lost; drop ID [FROM]: what is on the way to it (from there).
    drop: (id, from) => {
      const lost = goes(id, from)
      for (const letter of this.#letters.filter(lost)) this.#write(`lost: ${this.#describe(letter)}`)
      this.#letters = this.#letters.filter((letter) => !lost(letter))
    },
    // overtake: of what is under way, what was sent last arrives first.
    overtake: () => void this.#letters.reverse(),
    isolate: (...ids) => ids.forEach((id) => void this.#isolated.add(id)),
    heal: () => this.#isolated.clear(),
    clip: (entries) => {
      this.#clip = entries!
    },
    propose: (id, count, bytes = 100) => this.#step(id!, (raft) => raft.proposals(count!, bytes)),
    read: (id, sequence) => this.#step(id!, (raft) => raft.reads(sequence!)),
    transfer: (id, target) => this.#step(id!, (raft) => raft.transfer(target!)),
    // disk ID 0: writes wait for sync. disk ID 1: they are durable at once.
    disk: (id, automatic) => {
      this.#member(id!).manualDisk = automatic === 0
    },
    sync: (id) => this.#member(id!).sync(this.#now),
    // restart ID [TIMEOUT BEFORE]: with another election timeout; on its data directory it ran with one of BEFORE.
    restart: (id, electionTimeout, promisedBefore) => this.#member(id!).restart(this.#now, electionTimeout, promisedBefore),
    // lose ID: its data directory is gone, and it starts again.
    lose: (id) => this.#member(id!).lose(this.#now),
    // persisted ID INDEX BYTES: its store holds everything up to index; its log has so many bytes.
    persisted: (id, index, bytes) => this.#step(id!, (raft) => raft.persisted(index!, bytes!)),
    // snapshot-sent ID PEER OK INDEX
    'snapshot-sent': (id, peer, ok, index) => this.#step(id!, (raft) => raft.snapshotSent(peer!, ok === 1, index!)),
    // snapshot-installed ID INDEX TERM FROM: with the configuration that FROM had there.
    'snapshot-installed': (id, index, term, from) => {
      const configuration = this.#members.get(from!)?.configurationAt(index!)
      const member = this.#member(id!)
      if (index! > member.raft.log.lastIndex) member.restoreConfiguration(configuration)
      this.#step(id!, (raft) => raft.snapshotInstalled(true, index!, term!, from!, configuration))
    },
    // snapshot-refused ID INDEX TERM FROM
    'snapshot-refused': (id, index, term, from) => this.#step(id!, (raft) => raft.snapshotInstalled(false, index!, term!, from!)),
    // hold ID: what happens at it from now on is one step, at release ID.
    hold: (id) => this.#member(id!).hold(),
    release: (id) => this.#member(id!).release(this.#now),
    // due ID: time passes until its next timer, which does not run yet.
    due: (id) => {
      this.#now = Math.max(this.#now, this.#member(id!).raft.deadline)
    },
    // timers ID: when it wants to be called, and when it gives votes again.
    timers: (id) => {
      const { deadline, stickyUntil } = this.#member(id!).raft
      this.#write(`${id} at ${this.#now.toFixed(1)}: tick at ${deadline.toFixed(1)}, votes at ${stickyUntil.toFixed(1)}`)
    },
    // change ID ASKER MEMBER VOTES...: it is asked for these members; VOTES 1: it votes, 0: it learns.
    change: (id, asker, ...members) => this.#step(id!, (raft) => raft.change(asker!, wish(raft, members))),
    // told ID INDEX TERM: the leader, asked for a read index, says that this entry is committed.
    told: (id, index, term) => this.#step(id!, (raft) => raft.committed(index!, term!)),
    // durable ID INDEX TERM: its log is on disk up to there. applied ID INDEX: its state machine has it.
    durable: (id, index, term) => this.#step(id!, (raft) => raft.reachedDisk(index!, term!)),
    applied: (id, index) => this.#step(id!, (raft) => raft.reachedStateMachine(index!)),
    show: (...ids) => {
      for (const id of ids.length > 0 ? ids : this.#members.keys()) this.#show(id)
    },
  }

  /** Runs one line; returns its output, indented. */
  run(line: string): string[] {
    this.#output = []
    const [name, ...words] = line.split(' ')
    if (name === 'members') this.#create(words)
    else if (name === 'message') this.#message(words)
    else {
      const command = this.#commands[name!]
      if (command === undefined) throw new Error(`unknown command: ${line}`)
      command(...words.map(Number))
    }
    return this.#output.map((text) => `  ${text}`)
  }

  /** members COUNT [joining N] [new] [lease] [retain BYTES] [timeouts MS,MS,…] [vote-life MS]: a cluster from nothing; what was before is gone. */
  #create(words: readonly string[]): void {
    this.#members.clear()
    this.#isolated.clear()
    this.#letters = []
    this.#clip = Number.POSITIVE_INFINITY
    this.#now = 0
    const members = Array.from({ length: Number(words[0]) }, (_, i) => i + 1)
    const joining = words.includes('joining') ? Number(words[words.indexOf('joining') + 1]) : 0
    const newcomers = Array.from({ length: joining }, (_, i) => members.length + i + 1)
    const logRetainBytes = words.includes('retain') ? Number(words[words.indexOf('retain') + 1]) : 1e9
    const timeouts = words.includes('timeouts') ? words[words.indexOf('timeouts') + 1]!.split(',').map(Number) : []
    const voteLife = words.includes('vote-life') ? Number(words[words.indexOf('vote-life') + 1]) : undefined
    const write = (line: string): void => this.#write(line)
    for (const id of [...members, ...newcomers]) {
      const learners = newcomers.filter((newcomer) => newcomer === id)
      const electionTimeout = timeouts[id - 1] ?? ELECTION_TIMEOUT
      const voteLifeMax = voteLife ?? Math.max(ELECTION_TIMEOUT, ...timeouts) * (1 + ELECTION_SPREAD_SHARE)
      const times = { heartbeatInterval: 100, electionTimeout, promisedBefore: electionTimeout, voteLifeMax }
      const config: RaftConfig = {
        id,
        members,
        learners,
        group: 0,
        ...times,
        leaseReads: words.includes('lease'),
        logRetainBytes,
        seed: 1,
      }
      this.#members.set(id, new ScriptMember(config, this.#now, words.includes('new'), write, (letter) => this.#post(letter)))
    }
    this.#output = []
  }

  /**
   * message FROM TO KIND [FIELD VALUE]... [entries TERM COUNT...]: puts this on the way, whoever would have written it.
   * The value `life` is the number of the receiver's life, `life+1` the next one: what answers to its questions name.
   */
  #message([from, to, kind, ...words]: readonly string[]): void {
    // Answers promise what those of an honest member do.
    const fields: Record<string, unknown> = { ...emptyMessage(), promise: ELECTION_TIMEOUT, first: 0, end: 0 }
    const end = words.includes('entries') ? words.indexOf('entries') : words.length
    const numberOf = (word: string): number =>
      word.startsWith('life') ? this.#member(Number(to)).raft.life + Number(word.slice(4)) : Number(word)
    for (let i = 0; i < end; i += 2) {
      const field = words[i]!
      const before = fields[field]
      if (before === undefined) throw new Error(`unknown field: ${field}`)
      fields[field] = typeof before === 'boolean' ? numberOf(words[i + 1]!) === 1 : numberOf(words[i + 1]!)
    }
    const runs = words.slice(end + 1).map(Number)
    const message = { ...fields, kind: Message[kind as keyof typeof Message] } as Outgoing
    this.#letters.push({ from: Number(from), to: Number(to), message, runs, configurations: [] })
  }

  /** Puts a letter on the way; returns how many entries are in it. */
  #post(letter: Letter): number {
    const clipped = this.#clipped(letter)
    const { runs } = clipped
    if (!this.#isolated.has(letter.from) && !this.#isolated.has(letter.to)) this.#letters.push(clipped)
    return runs.reduce((sum, value, i) => sum + (i % 2 === 1 ? value : 0), 0)
  }

  #clipped(letter: Letter): Letter {
    let room = this.#clip
    const runs: number[] = []
    for (let i = 0; i < letter.runs.length && room > 0; i += 2) {
      const count = Math.min(room, letter.runs[i + 1]!)
      runs.push(letter.runs[i]!, count)
      room -= count
    }
    const count = runs.reduce((sum, value, i) => sum + (i % 2 === 1 ? value : 0), 0)
    return { ...letter, runs, configurations: letter.configurations.filter(({ at }) => at < count) }
  }

  #deliver(which: (letter: Letter) => boolean): void {
    for (let i = 0; i < DELIVERIES_MAX && this.#letters.some(which); i += 1) this.#deliverOnce(which)
    if (this.#letters.some(which)) throw new Error('the members talk in circles')
  }

  #deliverOnce(which: (letter: Letter) => boolean): void {
    const letters = this.#letters.filter(which)
    this.#letters = this.#letters.filter((letter) => !which(letter))
    for (const letter of letters) {
      this.#write(`${letter.to} ← ${letter.from} ${describeMessage(letter.message)}`)
      this.#member(letter.to).receive(this.#now, letter)
    }
  }

  #wait(until: number): void {
    for (;;) {
      const due = [...this.#members.values()].sort((a, b) => a.raft.deadline - b.raft.deadline)[0]!
      if (due.raft.deadline > until) break
      this.#now = Math.max(this.#now, due.raft.deadline)
      this.#step(due.id, (raft) => raft.tick())
      this.#deliver(() => true)
    }
    this.#now = until
  }

  #step(id: number, events: (raft: Raft) => void): void {
    this.#member(id).step(this.#now, events)
  }

  #member(id: number): ScriptMember {
    const member = this.#members.get(id)
    if (member === undefined) throw new Error(`no member ${id}`)
    return member
  }

  #show(id: number): void {
    this.#write(`${id} ${describeMember(this.#member(id).raft)}`)
  }

  #describe({ from, to, message }: Letter): string {
    return `${from} → ${to} ${describeMessage(message)}`
  }

  #write(line: string): void {
    this.#output.push(line)
  }
}

/** Whether a letter goes to `to`, from `from`; undefined: anybody. */
function goes(to: number | undefined, from: number | undefined): (letter: Letter) => boolean {
  return (letter) => (to === undefined || letter.to === to) && (from === undefined || letter.from === from)
}
