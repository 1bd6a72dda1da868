// The shared plane cases against the simulated plane, so that the simulation is held to what the native plane must do.
import { Code } from '../../src/codes.js'
import { Event } from '../../src/plane/record-kinds.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { Random } from '../../src/raft/random.js'
import { EMPTY, Machine, type State } from '../sim/machine.js'
import { MemberLog } from '../sim/member-log.js'
import { type Durable, type Packet, SimulatedPlane, type Surroundings } from '../sim/plane.js'
import { READ_INDEX, READ_REPLY } from '../sim/plane-world.js'
import { Scheduler } from '../sim/scheduler.js'
import { configurationSuite } from './configurations.js'
import type { PlaneDriver } from './driver.js'
import { type PlaneHarness, planeSuite, type WireMessage } from './suite.js'

const TIMES = {
  ...{ disk: { fsyncMin: 1, fsyncMax: 2, stallShare: 0, stallMax: 0 }, applyMax: 1, persistShare: 0, logScale: 1 },
  leasedReadsWait: true,
}

/** One simulated plane in virtual time. */
class SimulatedHarness implements PlaneHarness {
  readonly self = 1
  readonly other = 2
  readonly #scheduler = new Scheduler()
  readonly #random = new Random(1)
  readonly #answers: number[] = []
  readonly #sent: WireMessage[] = []
  #durable: Durable = { logs: [new MemberLog(true)], machines: [new Machine(EMPTY)], cache: null }
  #plane: SimulatedPlane | undefined
  readonly #snapshots: State[] = []
  #values = 0
  /** Index and term that the other member answers who asks it; undefined: it does not lead. */
  #committed: readonly [number, number] | undefined
  readonly #told: number[] = []

  async open(): Promise<SimulatedPlane> {
    const surroundings = {
      ...{ scheduler: this.#scheduler, random: this.#random, checkers: [] },
      clock: () => this.#scheduler.now,
      wake: () => {},
      send: (packet: Packet) => this.#send(packet),
      sendSnapshot: (...[, , , state, sent]: Parameters<Surroundings['sendSnapshot']>) => {
        this.#snapshots.push(state)
        this.#scheduler.after(1, () => sent(true))
      },
    }
    this.#plane = new SimulatedPlane(this.self, surroundings, TIMES, this.#durable)
    return this.#plane
  }

  async reopen(): Promise<SimulatedPlane> {
    this.#running.crash()
    this.#durable = { ...this.#durable, machines: this.#durable.machines.map(({ persisted }) => new Machine(persisted)) }
    return this.open()
  }

  propose(count: number): void {
    const values = Array.from({ length: count }, () => {
      this.#values += 1
      const done = (_index: number, code: number): void => {
        this.#answers.push(code)
      }
      return { value: this.#values, bytes: 10, done }
    })
    this.#running.propose(0, values)
  }

  read(): void {
    this.#running.read(0, (_index, code) => this.#answers.push(code))
  }

  transfer(): void {
    this.#running.transfer(0, this.other, (code) => this.#answers.push(code))
  }

  change(from: number, parts: readonly number[]): void {
    this.#running.change(0, { from, isForced: false, parts }, (code) => this.#answers.push(code))
  }

  deliverConfigurations(term: number, parts: readonly (readonly number[] | undefined)[]): void {
    const entries = parts.map((each, i) => ({ term, value: 2_000 + i, bytes: 10, ...(each && { parts: each }) }))
    const fields = [0, 0, 0, 0, 0, 0]
    this.#running.receive({ from: this.other, to: this.self, group: 0, kind: Message.APPEND, term, fields, entries })
  }

  otherLeads(index: number, term: number): void {
    this.#committed = [index, term]
  }

  ask(): void {
    const question = { from: this.other, to: this.self, group: 0, kind: READ_INDEX, term: 0, fields: [7], entries: [] }
    this.#running.receive(question)
  }

  told(driver: PlaneDriver): readonly number[] {
    driver.exchange([], 5)
    return this.#told.splice(0)
  }

  persist(): void {
    this.#running.persist(0)
  }

  stop(): void {
    this.#running.askToClose()
  }

  deliverSnapshot(index: number, term: number): void {
    this.#running.install(0, { ...EMPTY, index, term, digest: 1 }, this.other)
  }

  receivedSnapshot(driver: PlaneDriver): readonly number[] {
    driver.exchange([], 5)
    const { index = 0, term = 0 } = this.#snapshots.shift() ?? {}
    return [index, term]
  }

  answers(): readonly number[] {
    return this.#answers
  }

  deliver({ kind, term, fields, entryTerms }: WireMessage): void {
    const entries = entryTerms.map((entryTerm, i) => ({ term: entryTerm, value: 1_000 + i, bytes: 10 }))
    this.#running.receive({ from: this.other, to: this.self, group: 0, kind, term, fields, entries })
  }

  sent(): readonly WireMessage[] {
    return this.#sent
  }

  async connect(driver: PlaneDriver): Promise<void> {
    this.#running.peer(this.other, true)
    driver.waitFor(Event.PEER)
  }

  async close(): Promise<void> {}

  #answer(question: number): void {
    const [index = 0, term = 0] = this.#committed ?? []
    const fields = [question, this.#committed === undefined ? Code.NO_LEADER : Code.OK, index]
    this.#running.receive({ from: this.other, to: this.self, group: 0, kind: READ_REPLY, term, fields, entries: [] })
  }

  get #running(): SimulatedPlane {
    if (this.#plane === undefined) throw new Error('the plane is not open')
    return this.#plane
  }

  #send({ kind, term, fields, entries }: Packet): void {
    if (kind === READ_INDEX) this.#scheduler.after(1, () => this.#answer(fields[0]!))
    // Of a member that does not lead only the code is an answer.
    if (kind === READ_REPLY) this.#told.push(...(fields[1] === Code.OK ? [...fields.slice(1), term] : [fields[1]!, 0, 0]))
    if (kind >= READ_INDEX) return
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = fields
    this.#sent.push({ kind, term, fields: [a, b, c, d, e, f], entryTerms: entries.map((entry) => entry.term) })
  }
}

configurationSuite('simulated plane', () => new SimulatedHarness())
planeSuite('simulated plane', () => new SimulatedHarness())
