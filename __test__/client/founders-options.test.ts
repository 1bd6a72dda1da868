// What `open` takes of those that a cluster is founded with: a witness joins the others, whoever has a priority is told of.
import { expect, test } from 'vitest'
import type { OpenOptions } from '../../src/client/api.js'
import { memberOptions } from '../../src/cluster/options.js'

const MEMBERS = { a: 'h:1', b: { endpoint: 'h:2', priority: 5 }, c: { endpoint: 'h:3', witness: true } }
const DATA = [
  { name: 'a', endpoint: 'h:1' },
  { name: 'b', endpoint: 'h:2' },
]

test('those with data found the cluster, with the priorities of all', () => {
  for (const [name, listen] of [
    ['a', 'h:1'],
    ['b', 'h:2'],
  ] as const) {
    const { config, join, priorities } = memberOptions({ dataDir: 'd', name, members: MEMBERS })
    expect(config).toMatchObject({ name, members: DATA, witness: false, listen: [listen] })
    expect(join).toBeNull()
    expect([...priorities]).toEqual([['b', 5]])
  }
})

test('the witness joins them', () => {
  const { config, join } = memberOptions({ dataDir: 'd', name: 'c', members: MEMBERS })
  expect(config).toMatchObject({ name: 'c', members: [], witness: true, listen: ['h:3'] })
  expect(join).toEqual({ endpoints: ['h:1', 'h:2'], advertise: 'h:3', isFounding: true })
  const elsewhere = memberOptions({ dataDir: 'd', name: 'c', members: MEMBERS, listen: ['0.0.0.0:3', 'unix:/c'] })
  expect(elsewhere.config.listen).toEqual(['0.0.0.0:3', 'unix:/c'])
  expect(elsewhere.join?.advertise).toBe('h:3')
})

const witness = (endpoint: string) => ({ endpoint, witness: true })
const three = (b: unknown) => ({ a: 'h:1', b, c: 'h:3' }) as OpenOptions['members']

test.each<[string, Partial<OpenOptions>, string, RegExp]>([
  [
    'two witnesses of three',
    { members: { a: 'h:1', b: witness('h:2'), c: witness('h:3') } },
    'INVALID_ARGUMENT',
    /2 are witnesses \(b, c\)/,
  ],
  ['one that is alone', { members: { a: witness('h:1') } }, 'INVALID_ARGUMENT', /of 1 members 1 are witnesses/],
  ['two members', { members: { a: 'h:1', b: 'h:2' } }, 'INVALID_ARGUMENT', /1, 3, 5 or 7 members, not 2/],
  [
    'an unknown option',
    { members: three({ endpoint: 'h:2', witnes: true }) },
    'INVALID_ARGUMENT',
    /member b: .*did you mean witness/,
  ],
  ['no endpoint', { members: three({ witness: true }) }, 'ADDRESS_INVALID', /member b/],
  ['a number', { members: three(7) }, 'INVALID_ARGUMENT', /member b must be host:port/],
  [
    'a priority that is none',
    { members: three({ endpoint: 'h:2', priority: 256 }) },
    'INVALID_ARGUMENT',
    /from 0 to 255; got 256/,
  ],
  [
    'a witness that is none',
    { members: three({ endpoint: 'h:2', witness: 'yes' }) },
    'INVALID_ARGUMENT',
    /witness is true or false/,
  ],
  [
    'a witness that should lead',
    { members: three({ ...witness('h:2'), priority: 1 }) },
    'INVALID_ARGUMENT',
    /give it no priority/,
  ],
  ['the same endpoint', { members: three({ endpoint: 'h:1' }) }, 'INVALID_ARGUMENT', /the same endpoint/],
  ['nobody of them', { name: 'x' }, 'MEMBER_UNKNOWN', /x is not one of the members: a, b, c/],
  ['a witness beside the list', { name: 'a', witness: true }, 'INVALID_ARGUMENT', /members says it/],
  ['a priority beside the list', { name: 'a', priority: 1 }, 'INVALID_ARGUMENT', /members says it/],
  ['a witness on a socket alone', { name: 'c', listen: 'unix:/c' }, 'INVALID_ARGUMENT', /over TCP/],
])('refused: %s', (_name, options, code, message) => {
  expect(() => memberOptions({ dataDir: 'd', name: 'a', members: MEMBERS, ...options })).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  )
})
