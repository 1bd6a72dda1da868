// Runs programs for the other scripts: those of node_modules/.bin and those of the machine, with the output shown as it comes.
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Throws if the program fails. */
export function run(program, args, options = {}) {
  const status = run.status(program, args, options)
  if (status !== 0) throw new Error(`\`${program} ${args.join(' ')}\` failed (${status})`)
}

/** The exit status; a program that cannot be started has none and yields its error's code. */
run.status = (program, args, options = {}) => {
  const { signal, status, error } = start(program, args, { stdio: 'inherit', ...options })
  return error?.code ?? signal ?? status
}

/** What the program printed. Throws if it fails. */
run.output = (program, args) => {
  const { status, stdout, stderr, error } = start(program, args, { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 })
  if (error) throw error
  if (status !== 0) throw new Error(`\`${program} ${args.join(' ')}\` failed (${status}): ${stderr}`)
  return stdout
}

function start(program, args, options) {
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  // On Windows the programs of node_modules/.bin are .cmd files, which need a shell.
  return spawnSync(program, args, {
    cwd: root,
    shell: process.platform === 'win32',
    ...options,
    env: { ...process.env, PATH: path, ...options.env },
  })
}
