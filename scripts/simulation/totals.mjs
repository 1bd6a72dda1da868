// What all seeds together came to: sums, the longest standstill under each fault that stood, and how fast it was.

/** Adds one outcome to the totals. */
export function add(total, { changes, machineFaults, sessions, standing, standstill, digest: _, time, runs, ...sums }) {
  const numbers = {
    ...sums,
    ...prefixed('changes', changes),
    ...prefixed('sessions', sessions),
    ...prefixed('faults', machineFaults),
    time: time * runs,
    seeds: 1,
  }
  total.sums ??= {}
  total.standing ??= {}
  for (const [name, number] of Object.entries(numbers)) total.sums[name] = (total.sums[name] ?? 0) + number
  const name = standing === '' ? 'nothing stands' : standing
  const before = total.standing[name] ?? { times: 0, standstill: 0 }
  total.standing[name] = { times: before.times + 1, standstill: Math.max(before.standstill, standstill) }
}

function prefixed(prefix, numbers) {
  return Object.fromEntries(Object.entries(numbers).map(([name, number]) => [`${prefix}.${name}`, number]))
}

/** Lines to print. */
export function describe({ sums = {}, standing = {} }, { done, failed, ms }) {
  const { time = 0, cpu = 1, ...counts } = sums
  const stood = Object.entries(standing).sort(([a], [b]) => a.localeCompare(b))
  return [
    JSON.stringify(counts),
    ...stood.map(
      ([name, { times, standstill }]) => `${name}: ${times} times, ${standstill.toFixed(2)} election timeouts at most`,
    ),
    `${done} seeds, ${failed} fail; ${Math.round(time / 1000)} s simulated in ${Math.round(ms / 1000)} s, ${Math.round(time / cpu)} times real time on one core`,
  ]
}
