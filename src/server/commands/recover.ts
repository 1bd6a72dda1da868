// rafterdb recover --data-dir DIR [--force-new-cluster]: a cluster begins anew with one member, as a majority is gone for good
import { Command } from 'commander'
import type { ForcedCluster } from '../../recover/api.js'
import type { Context } from '../context.js'
import { counted } from '../counted.js'
import { integer } from '../parse.js'

interface RecoverFlags {
  dataDir: string
  forceNewCluster?: boolean
  bumpRevision?: number
  json?: boolean
}

export function recoverCommand(context: Context): Command {
  return new Command('recover')
    .description('a majority of the voters is gone for good: have the cluster begin anew with one member that is left')
    .requiredOption('--data-dir <dir>', 'the data directory of that member, which does not run')
    .option('--force-new-cluster', 'do it; without this the command only says what the directory holds')
    .option(
      '--bump-revision <number>',
      'the new revision is at least this (default: 1000000000 above the one that the member knows)',
      integer(1),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nOf several members that are left, take the one with the highest last term, and of those the one with the highest last index.',
    )
    .action(async (flags: RecoverFlags) => {
      const { dataDir, forceNewCluster = false, bumpRevision: raiseTo } = flags
      const forced = await context.forceNewCluster({ dataDir, dryRun: !forceNewCluster, raiseTo })
      for (const line of forceNewCluster ? losses(forced) : held(forced)) await context.stderr.line(`rafterdb: ${line}`)
      if (flags.json) return context.stdout.json(forced)
      const { name, cluster, revision, lastIndex, lastTerm } = forced
      return context.stdout.line(
        forceNewCluster
          ? `${name} is the only voter of cluster ${cluster}; revisions go on from ${revision}`
          : `${name}: last index ${lastIndex}, last term ${lastTerm}, revision ${revision}, cluster ${forced.formerCluster}`,
      )
    })
}

/** What is there, and what would be done. */
function held(forced: ForcedCluster): string[] {
  return [
    'nothing was changed. With --force-new-cluster this member would be the only voter of a cluster that begins anew:',
    ...uncertain(forced, 'would be'),
    `what only others had would be lost${named(forced.others, ', and so would these as members: ')}. See first that no majority can come back`,
  ]
}

/** What may be lost, what was decided, and what the others have to do. */
function losses(forced: ForcedCluster): string[] {
  const { name, others } = forced
  return [
    `WARNING: ${name} goes on alone. What only others had is lost, though it may have been acknowledged; nobody can tell what that was`,
    ...uncertain(forced, 'is'),
    `the others are members no more${named(others, ': ')}. See that none of them runs on with its data directory: those would be another cluster`,
    'to take part again, each needs an empty data directory and `serve --join`; clients have to connect anew',
  ]
}

function uncertain({ uncommitted, mayLack }: ForcedCluster, verb: string): string[] {
  const found = [
    `what this member had and did not know to be committed ${verb} committed now: ${counted(uncommitted, 'entry', 'entries')}`,
  ]
  if (mayLack) found.push('this member may lack what it had acknowledged itself: its directory was new, or its machine went down')
  return found
}

const named = (names: readonly string[], before: string) => (names.length === 0 ? '' : `${before}${names.join(', ')}`)
