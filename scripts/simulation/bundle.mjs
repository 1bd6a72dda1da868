// Makes one file of JavaScript of the simulator, the core and the host, so that a process begins at once and a profile names its functions.
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from '../run.mjs'

/** Returns the file's path. */
export async function bundle() {
  const outfile = join(root, 'build/simulator.mjs')
  await build({
    ...{ entryPoints: [join(root, '__test__/sim/everything.ts')], outfile, bundle: true },
    ...{ format: 'esm', platform: 'node', target: 'node20', sourcemap: 'inline', logLevel: 'warning' },
  })
  return outfile
}
