// How far a long command is: a bar on a terminal, lines in a log, and how long it still takes.
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { Output } from '../../src/server/output.js'
import { formatTime, Progress } from '../../src/server/progress.js'

function watched({ terminal = false, columns = 200 } = {}) {
  const written: string[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString())
      done()
    },
  })
  let time = 0
  const output = new Output(Object.assign(stream, terminal ? { isTTY: true, columns } : {}))
  const progress = new Progress(output, 'backup', () => time)
  const after = (milliseconds: number, count: number, fraction?: number) => {
    time += milliseconds
    const before = written.length
    progress.update(count, fraction)
    return written.slice(before).join('')
  }
  return { after, progress, written }
}

test('a terminal has a bar with the share, the rate, and how long it still takes', async () => {
  const { after, progress, written } = watched({ terminal: true })
  expect(after(0, 0, 0)).toBe('\r\u001b[Kbackup [------------------------]   0% 0 keys, 0/s')
  expect(after(50, 100, 0.1)).toBe('')
  // Too early to tell.
  expect(after(950, 1_000, 0.1)).toBe('\r\u001b[Kbackup [##----------------------]  10% 1,000 keys, 1,000/s')
  expect(after(1_000, 2_000, 0.2)).toMatch(/ 20% 2,000 keys, 1,000\/s, 8 s left$/)
  // Slower from here on: what is left is told by the last half minute.
  let last = ''
  for (let i = 1; i <= 60; i++) last = after(1_000, 2_000 + i * 10, 0.2 + i * 0.001)
  expect(last).toMatch(/, 12 min \d+ s left$/)
  expect(after(1_000, 10_000, 1)).toMatch(/\] 100% 10,000 keys, [\d,]+\/s, finishing$/)
  await progress.end()
  expect(written.at(-1)).toBe('\r\u001b[K')
})

test('a bar has no more columns than its terminal', () => {
  const { after } = watched({ terminal: true, columns: 40 })
  expect(after(0, 123_456_789, 0.5)).toHaveLength('\r\u001b[K'.length + 39)
})

test('without a terminal there is a line every ten seconds, and none for what is over sooner', async () => {
  const { after, progress, written } = watched()
  expect(after(0, 0, 0)).toBe('')
  expect(after(9_000, 900, 0.09)).toBe('')
  expect(after(1_000, 1_000, 0.1)).toBe('backup: 10%, 1,000 keys, 100/s, 1 min 30 s left\n')
  expect(after(5_000, 1_500, 0.15)).toBe('')
  expect(after(5_000, 2_000)).toBe('backup: 2,000 keys, 100/s\n')
  await progress.end()
  expect(written).toHaveLength(2)
})

test('what is begun anew does not count', () => {
  const { after } = watched({ terminal: true })
  after(0, 0, 0)
  after(10_000, 9_000, 0.9)
  after(1_000, 0, 0)
  after(5_000, 1_000, 0.1)
  expect(after(5_000, 2_000, 0.2)).toMatch(/, 40 s left$/)
})

test('the bar is gone before what is said of a failure', async () => {
  const { after, progress, written } = watched({ terminal: true })
  after(0, 0, 0)
  await expect(progress.during(Promise.reject(new Error('no room')))).rejects.toThrow('no room')
  expect(written.at(-1)).toBe('\r\u001b[K')
})

test.each([
  [1, '1 s'],
  [59_400, '59 s'],
  [60_000, '1 min 0 s'],
  [3_725_000, '1 h 2 min'],
])('%i ms are %s', (milliseconds, text) => expect(formatTime(milliseconds)).toBe(text))
