// What `open` with `join` needs, and what does not go together with it.
import { expect, test } from 'vitest'
import type { OpenOptions } from '../../src/client/api.js'
import { memberOptions } from '../../src/cluster/options.js'

const JOIN = { dataDir: 'd', name: 'd', listen: ['unix:/run/d', '10.0.0.4:7101'], join: ['10.0.0.1:7101', 'unix:/run/a'] }

test('a member is reached where it listens, or where it says', () => {
  const { config, join } = memberOptions(JOIN)
  expect(join).toEqual({ endpoints: JOIN.join, advertise: '10.0.0.4:7101', isFounding: false })
  expect(config).toMatchObject({ name: 'd', members: [], listen: JOIN.listen })
  expect(memberOptions({ ...JOIN, advertise: 'd.example:7101' }).join?.advertise).toBe('d.example:7101')
  expect(memberOptions({ dataDir: 'd' }).join).toBeNull()
})

test.each<[string, Partial<OpenOptions>, string, RegExp]>([
  ['members', { members: { d: 'h:1' } }, 'INVALID_ARGUMENT', /join and members exclude each other/],
  ['no name', { name: undefined }, 'INVALID_ARGUMENT', /name is missing/],
  ['no address', { join: [] }, 'INVALID_ARGUMENT', /join is an array of at least one address/],
  ['a text', { join: '10.0.0.1:7101' as never }, 'INVALID_ARGUMENT', /join is an array/],
  ['an address without a port', { join: ['10.0.0.1'] }, 'ADDRESS_INVALID', /join: 10.0.0.1 is not host:port/],
  ['nowhere to listen', { listen: undefined }, 'INVALID_ARGUMENT', /join needs listen/],
  ['a socket alone', { listen: 'unix:/run/d' }, 'INVALID_ARGUMENT', /join needs listen/],
  ['any port', { listen: '10.0.0.4:0' }, 'INVALID_ARGUMENT', /names no port/],
  ['a socket for others', { advertise: 'unix:/run/d' }, 'ADDRESS_INVALID', /over TCP/],
  ['advertise alone', { join: undefined, advertise: 'h:1' }, 'INVALID_ARGUMENT', /advertise goes with join/],
])('refused: %s', (_name, options, code, message) => {
  expect(() => memberOptions({ ...JOIN, ...options })).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  )
})
