// Each adversary meets the true core, which keeps every promise.
import { readdirSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import type { Scenario } from './world.js'

vi.setConfig({ testTimeout: 120_000 })

const files = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
const modules = await Promise.all(
  files.map(async (file) => ({
    file,
    ...((await import(`./${file.replace('.ts', '.js')}`)) as { scenarios?: readonly Scenario[] }),
  })),
)
const adversaries = modules.filter(({ scenarios }) => scenarios !== undefined)

test('there are adversaries', () => {
  expect(adversaries.length).toBeGreaterThan(8)
})

for (const { file, scenarios } of adversaries) {
  describe(file.replace('.ts', '').replaceAll('-', ' '), () => {
    test.each((scenarios ?? []).map((scenario) => [scenario.name, scenario] as const))('%s', (_name, scenario) => {
      expect(() => scenario.run()).not.toThrow()
    })
  })
}
