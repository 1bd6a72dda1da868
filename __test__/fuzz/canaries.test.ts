// The siege must notice a member that falls: one that stops at a request, and members that do not agree.
import { expect, test } from 'vitest'
import { Random } from '../client/random.js'
import { lieAsClient } from './lies.js'
import { disagreement, Siege, TEST_MS } from './siege.js'

const SEED = 1
const LIES = 2_000

test('a member that a request can stop is caught', { timeout: TEST_MS }, async () => {
  // The planted bug: whoever asks for a snapshot of a group ends the process. The first flush is the member's own, of the identity.
  await using siege = await Siege.lay({ env: { RAFTERDB_FAULTS: 'store.flush.start=abort@2' } })
  const told = siege.cluster.endpoints.map((endpoint) => lieAsClient(new Random(SEED), endpoint, LIES))
  await Promise.allSettled(told)
  expect((await siege.judge(SEED)).join()).toContain('stopped')
})

test('members that hold different states after the same entries are caught', async () => {
  await using siege = await Siege.lay()
  const [first, ...others] = await siege.cluster.status()
  const alike = [first!, ...others.map((status) => ({ ...status, stateHash: first!.stateHash }))]
  expect(disagreement(alike)).toEqual([])
  expect(disagreement([{ ...first!, stateHash: 'f00d' }, ...alike.slice(1)]).join()).toContain('disagree')
})
