// One member hosts many groups: the same promises with 64 of them in every process, and commands that overflow the array.
import { expect, test } from 'vitest'
import { simulate } from './simulate.js'

const GROUPS = 64

for (const seed of [1, 2]) {
  test(`${GROUPS} groups keep every promise (seed ${seed})`, { timeout: 120_000 }, () => {
    const { committed } = simulate(seed, (options) => ({
      ...{ ...options, members: 3, groups: GROUPS, clients: GROUPS, heartbeatInterval: 50, electionTimeout: 200 },
      ...{
        faultyTime: 1_500,
        thinkMax: 100,
        stallShare: 0.001,
        link: { ...options.link, delayMax: Math.min(options.link.delayMax, 10) },
      },
    }))
    expect(committed).toBeGreaterThan(GROUPS)
  })
}
