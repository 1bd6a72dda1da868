// What a mutant must be noticed by, the quick ones first: the scripts of the core, its unit tests, the directed adversaries,
// and whole clusters from random seeds. Each check has a name, a digest of all that it depends on, and throws if it notices.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IN_CIRCLES, Program } from './program.mjs'
import { createVitest } from './stand-in.mjs'

/** Random runs, after everything that was made on purpose. */
const SEEDS = [1, 2, 3, 5, 6, 7]
/** The same with voters that change for as long as the run lasts, and with members that come and go. */
const CHANGING_SEEDS = [1, 3, 5]
const MEMBER_SEEDS = [1, 2, 5]
/** Rounds of loops that a mutant may make beyond what the true core makes. */
const BUDGET_FACTOR = 10
const BUDGET_LEAST = 200_000

/** All checks, and the program they run. */
export class Checks {
  #program
  #path
  #list = []
  /** How many mutants of a file each check has noticed: those that did are asked first. */
  #noticed = new Map()

  constructor(root) {
    this.#path = (...parts) => join(root, ...parts)
    this.#program = new Program(root)
    this.#scripts()
    this.#unitTests()
    this.#adversaries()
    this.#seeds()
  }

  /** Name and digest of each, in order; `quick`: takes milliseconds. */
  get list() {
    return this.#list.map(({ name, digest, quick }) => ({ name, digest, quick }))
  }

  /** Runs all, or all that are quick, without a mutant: throws if one complains, and learns how long each may take. */
  baseline(quick) {
    const load = this.#program.load()
    for (const check of this.#list.filter((each) => each.quick || !quick)) {
      this.#program.budget.left = Number.MAX_SAFE_INTEGER
      check.run(load)
      check.budget = BUDGET_LEAST + BUDGET_FACTOR * (Number.MAX_SAFE_INTEGER - this.#program.budget.left)
    }
  }

  /** Runs those of these names against a mutant, `first` first: the one that notices it, and how; undefined: none does. */
  noticed(mutated, names, first) {
    let load
    for (const check of this.#ordered(mutated.path, names, first)) {
      this.#program.budget.left = check.budget
      try {
        load ??= this.#program.load(mutated)
        check.run(load)
      } catch (error) {
        const message = String(error?.message ?? error)
        const key = `${mutated.path} ${check.name}`
        this.#noticed.set(key, (this.#noticed.get(key) ?? 0) + 1)
        return { check: check.name, how: message.includes(IN_CIRCLES) ? 'endless' : 'failed', message: message.slice(0, 300) }
      }
    }
    return undefined
  }

  #ordered(path, names, first) {
    const count = (name) => this.#noticed.get(`${path} ${name}`) ?? 0
    const score = ({ name, quick }) => (name === first ? 2e6 : 0) + (quick ? 1e6 : 0) + count(name)
    return this.#list.filter(({ name }) => names.has(name)).sort((a, b) => score(b) - score(a))
  }

  #add(name, entry, data, run, quick = false) {
    const digest = createHash('sha1').update(this.#program.digest(entry)).update(data).digest('hex').slice(0, 12)
    this.#list.push({ name, digest, run, quick, budget: Number.MAX_SAFE_INTEGER })
  }

  #scripts() {
    const entry = this.#path('__test__/raft/script.ts')
    const folder = this.#path('__test__/raft/cases')
    for (const file of readdirSync(folder).sort()) {
      const expected = readFileSync(join(folder, file), 'utf8')
      this.#add(
        `script ${file.replace('.txt', '')}`,
        entry,
        expected,
        (load) => {
          const found = load(entry).runScript(expected)
          if (found !== expected) throw new Error(`differs: ${firstDifference(found, expected)}`)
        },
        true,
      )
    }
  }

  #unitTests() {
    const folder = this.#path('__test__/raft')
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith('.test.ts') || file === 'cases.test.ts') continue
      const entry = join(folder, file)
      this.#add(
        `test ${file.replace('.test.ts', '')}`,
        entry,
        '',
        (load) => {
          const { tests, vitest } = createVitest()
          load(entry, { vitest })
          for (const { run } of tests) run()
        },
        true,
      )
    }
  }

  #adversaries() {
    const folder = this.#path('__test__/sim/adversaries')
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
      const entry = join(folder, file)
      for (const { name } of this.#program.load()(entry).scenarios ?? []) {
        this.#add(`adversary ${file.replace('.ts', '')}: ${name}`, entry, '', (load) =>
          load(entry)
            .scenarios.find((scenario) => scenario.name === name)
            .run(),
        )
      }
    }
  }

  #seeds() {
    const entry = this.#path('__test__/sim/simulate.ts')
    for (const seed of SEEDS) this.#add(`seed ${seed}`, entry, '', (load) => load(entry).simulate(seed))
    const changing = this.#path('__test__/sim/changing-voters.ts')
    for (const seed of CHANGING_SEEDS) {
      this.#add(`changing seed ${seed}`, changing, '', (load) => load(changing).simulateChanging(seed))
    }
    const members = this.#path('__test__/sim/changing-members.ts')
    for (const seed of MEMBER_SEEDS) {
      this.#add(`members seed ${seed}`, members, '', (load) => load(members).simulateMembers(seed))
    }
  }
}

function firstDifference(found, expected) {
  const [ours, theirs] = [found.split('\n'), expected.split('\n')]
  const line = theirs.findIndex((text, i) => text !== ours[i])
  return `line ${line + 1} is "${ours[line] ?? ''}", not "${theirs[line] ?? ''}"`
}
