// The bench of backups runs, in its short form, and its model would notice a byte, a version or a key that is not as it was.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { scratch } from './sources.js'

const { dir, remove } = scratch('backup-bench')
afterAll(remove)

test('a full backup under load and what follows it are restored as the model has them', async () => {
  const args = ['--gb', '0.004', '--value', '1024', '--seconds', '2', '--json', '--dir', join(dir, 'bench')]
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/backup.mjs', ...args])
  const result = JSON.parse(stdout)
  expect(result.restores.map(({ name }: { name: string }) => name)).toEqual([
    'the newest',
    'a revision',
    'a time',
    'the full one',
  ])
  expect(result.ratio.during).toBeGreaterThan(0)
  for (const { pairs, hash } of result.restores)
    expect([pairs > 1_000, hash]).toEqual([true, expect.stringMatching(/^[0-9a-f]{64}$/)])
})

test('a state that is another one is found', async () => {
  // A variable: the bench has no types.
  const file = '../../bench/backup-model.mjs'
  const { Model, keyOf, bytesOf } = await import(/* @vite-ignore */ file)
  const model = new Model(3, 100)
  model.wrote(3, 1, 1)
  model.wrote(2, 0, 1)
  model.wrote(4, 0, 2)
  model.wrote(5, 1, 0)
  model.wrote(6, 1, 2)
  model.wrote(7, 2, 1)
  const pair = (index: number, write: number, [createRevision, modRevision, version]: [number, number, number]) => ({
    ...{ key: Buffer.from(keyOf(index)), value: bytesOf(index, write, 100), createRevision, modRevision, version },
  })
  const [a, b] = [pair(0, 2, [2, 4, 2]), pair(1, 2, [6, 6, 1])]
  const compared = (pairs: object[]) =>
    model.compare(
      {
        async *range() {
          yield* pairs
        },
      },
      6,
    )
  expect(await compared([a, b])).toMatchObject({ pairs: 2, bytes: 200 })
  const flipped = Buffer.from(b.value)
  flipped[50]! ^= 1
  const wrong: [object[], RegExp][] = [
    [[a], /key\/000000001 is missing/],
    [[b], /should be key\/000000000/],
    [[a, b, pair(2, 1, [7, 7, 1])], /nobody wrote it/],
    [[a, { ...b, value: flipped }], /with another value/],
    [[a, { ...b, version: 2 }], /should be/],
    [[a, { ...b, createRevision: 3 }], /should be/],
    [[{ ...a, modRevision: 2 }, b], /should be/],
  ]
  for (const [pairs, text] of wrong) await expect(compared(pairs)).rejects.toThrow(text)
})
