// Goal: an error says once whether its call was done, and never two things.
import { expect, test } from 'vitest'
import { failureOf, outcomeOf, splitDetails } from '../../src/client/calls/outcome.js'
import { RequestKind } from '../../src/client/wire/request-kinds.js'
import { Code, type ErrorCode } from '../../src/codes.js'

const PHRASES = [/nothing was done/, /may or may not/, /the write was done/, /was not done/]

test.each(Object.keys(Code) as ErrorCode[])('%s says at most one thing of the outcome, and the field says the same', (code) => {
  for (const mayBeDone of [false, true]) {
    const outcome = outcomeOf(RequestKind.WRITE, code, mayBeDone)
    const error = failureOf('put', code, 'what the member said', outcome)
    const said = PHRASES.map((phrase) => phrase.test(error.message))
    expect(said.filter(Boolean).length, error.message).toBeLessThanOrEqual(1)
    if (said[0]) expect(outcome).toBe('not-done')
    if (said[1]) expect(outcome).toBe('unknown')
    if (said[2]) expect(outcome).toBe('done')
    expect(said[3]).toBe(false)
    expect(error.outcome).toBe(outcome)
    if (mayBeDone && outcome !== 'done') expect(outcome).toBe('unknown')
  }
  expect(outcomeOf(RequestKind.READ, code, true)).toBe('not-done')
})

test('details behind a text are taken if they are whole, and never shown', () => {
  const members = [{ name: 'b', endpoint: 'h:1', connected: false, code: 'UNREACHABLE', message: 'refused' }]
  expect(splitDetails(`no leader: b\0${JSON.stringify({ members })}`)).toEqual({ text: 'no leader: b', details: { members } })
  for (const bad of ['', '{', 'null', '{"members": [{}]}', '{"members": [null]}', '{"members": [{"code": "NONE"}]}']) {
    expect(splitDetails(`no leader\0${bad}`)).toEqual({ text: 'no leader', details: undefined })
  }
})
