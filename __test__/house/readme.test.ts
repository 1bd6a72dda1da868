// The README says what is so: its example is the one that runs, its commands exist.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ELECTION_SPREAD_SHARE } from '../../src/raft/config.js'
import { shell } from '../server/shell.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const readme = read('README.md')

test.each([
  ['README.md', 'embed'],
  ['docs/native.md', 'native'],
])('the example in %s is the one that runs: %s', (document, name) => {
  const example = read(`examples/${name}.mjs`).replace(/^\/\/.*\n/, '')
  const shown = [...read(document).matchAll(/```js\n([\s\S]*?)```/g)].map(([, text]) => text)
  expect(shown).toContain(example.trimStart())
})

const commands = [...readme.matchAll(/^rafterdb (member \w+|\w+)(.*)$/gm)].map(([, command = '', rest = '']) => ({
  command,
  rest,
}))

test('there are commands to check', () => {
  expect(commands.length).toBeGreaterThan(8)
})

test.each(commands)('rafterdb $command$rest has its flags', async ({ command, rest }) => {
  const { code, out } = await shell([...command.split(' '), '--help'])
  expect(code).toBe(0)
  for (const [flag] of rest.replace(/ #.*/, '').matchAll(/--[a-z-]+/g)) expect(out).toContain(flag)
})

test('the files it links to exist', () => {
  const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path)
  expect(links.length).toBeGreaterThan(5)
  for (const path of links) if (path !== 'examples') expect(() => read(path), path).not.toThrow()
})

test("the README's lines of the native library say what they do", () => {
  const lines = [...readme.matchAll(/```js\n(import [^\n]*'rafterdb\/native'\n[\s\S]*?)```/g)].map(([, text = '']) => text)
  expect(lines).toHaveLength(1)
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', lines[0]!], { encoding: 'utf8', cwd: root })
  expect(printed).toMatch(/^\d+ 2591144780 [abc]\n$/)
})

test('the spread of election timeouts is documented as it is', () => {
  expect(read('index.d.ts')).toContain(`before an election, randomised up to ${1 + ELECTION_SPREAD_SHARE} times that`)
})
