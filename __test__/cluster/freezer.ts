// A cluster in which each member's disk can be made to hang at one place, and to go on. Judges nothing.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster, type Member } from './harness.js'

/** Every member's place hangs while a file of its own is there. */
export class Freezer {
  readonly #files = new Map<Member, string>()

  static async of(point: string): Promise<{ cluster: Cluster; freezer: Freezer }> {
    const freezer = new Freezer()
    const cluster = await Cluster.start({ options: { memory: 32 << 20 } })
    for (const member of cluster.members) {
      const file = join(cluster.dir, `${member.name}.frozen`)
      freezer.#files.set(member, file)
      await member.stop()
      await member.start({ RAFTERDB_FAULTS: `${point}=hang:${file}@1+` })
    }
    await cluster.leader()
    return { cluster, freezer }
  }

  freeze(member: Member): void {
    writeFileSync(this.#files.get(member) as string, '')
  }

  thaw(): void {
    for (const file of this.#files.values()) if (existsSync(file)) rmSync(file)
  }
}
