// rafterdb member list | add | promote | remove | replace | update
import { Command, Option } from 'commander'
import type { CallOptions, Database, Member, MembersChange } from '../../client/api.js'
import { type ClientFlags, chooseEndpoints, clientCommand, withDatabase } from '../client-command.js'
import type { Context } from '../context.js'
import { beganAnew } from '../former-clusters.js'
import type { Output } from '../output.js'
import { integer } from '../parse.js'

interface ForceFlags extends ClientFlags {
  force?: boolean
}

interface PriorityFlags extends ClientFlags {
  priority?: number
}

interface AddFlags extends PriorityFlags {
  witness?: boolean
}

export function memberCommand(context: Context): Command {
  const command = new Command('member').description('show the members, and take them in and out while the cluster runs')
  for (const create of [list, add, promote, remove, replace, update]) command.addCommand(create(context))
  return command.addHelpText(
    'after',
    '\nA member is given by its name, or its id. `rafterdb serve --join` adds and promotes a new one by itself.',
  )
}

function list(context: Context): Command {
  return clientCommand('list', 'show who is a member, who votes and who leads').action(async (flags: ClientFlags) => {
    await withDatabase(context, flags, async (db) => {
      const members = await db.members.list({ signal: context.stop })
      if (flags.json) return context.stdout.json(members)
      await printMembers(context.stdout, members)
      for (const line of beganAnew(await db.status({ signal: context.stop }))) await context.stdout.line(line)
    })
  })
}

function add(context: Context): Command {
  return clientCommand('add', 'take a member in as a learner, before it is started or while it runs')
    .argument('<name>')
    .argument('<endpoint>', 'where the others reach it: host:port')
    .option('--witness', 'it votes without the data, and never leads')
    .addOption(priorityOption())
    .action(async (name: string, endpoint: string, flags: AddFlags) => {
      const { witness = false, priority } = flags
      await change(context, flags, async (db, options) => {
        const made = await db.members.add({ name, endpoint, witness, priority }, options)
        return { made, text: added(made.member, chooseEndpoints(flags, context)) }
      })
    })
}

function promote(context: Context): Command {
  return clientCommand('promote', 'make a learner a voter, as soon as it has caught up')
    .argument('<member>')
    .action(async (member: string, flags: ClientFlags) => {
      await change(context, flags, async (db, options) => {
        const made = await db.members.promote(member, options)
        return { made, text: `${made.member.name} votes; ${votersOf(made)}` }
      })
    })
}

function remove(context: Context): Command {
  return withForce(clientCommand('remove', 'take a member out; its process ends, and its data directory cannot come back'))
    .argument('<member>')
    .action(async (member: string, flags: ForceFlags) => {
      await change(context, flags, async (db, options) => {
        const made = await db.members.remove(member, { ...options, force: flags.force === true })
        return { made, text: `removed ${made.member.name}; ${votersOf(made)}` }
      })
    })
}

function replace(context: Context): Command {
  return withForce(clientCommand('replace', 'take a member out and put a learner in its place, in one step'))
    .argument('<member>')
    .argument('<by>', 'a member already: see `serve --join`, or `member add`')
    .action(async (member: string, by: string, flags: ForceFlags) => {
      await change(context, flags, async (db, options) => {
        const made = await db.members.replace(member, by, { ...options, force: flags.force === true })
        return { made, text: `${made.member.name} is in the place of ${member}; ${votersOf(made)}` }
      })
    })
}

function update(context: Context): Command {
  return clientCommand('update', 'give a member another endpoint, on which it listens too, or another priority')
    .argument('<member>')
    .argument('[endpoint]', 'where the others reach it from now on: host:port')
    .addOption(priorityOption())
    .action(async (member: string, endpoint: string | undefined, flags: PriorityFlags) => {
      const { priority } = flags
      await change(context, flags, async (db, options) => {
        const made = await db.members.update(member, { endpoint, priority }, options)
        const ranks = priority === undefined ? '' : `, with priority ${made.member.priority}`
        return { made, text: `${made.member.name} is at ${made.member.endpoint}${ranks}` }
      })
    })
}

function priorityOption(): Option {
  const text = 'of those that can lead the one with the highest does: 0 to 255'
  return new Option('--priority <number>', text).argParser(integer(0, 255))
}

function withForce(command: Command): Command {
  return command.option('--force', 'also when a majority of those that are left does not answer; writes wait until it does')
}

async function change(
  context: Context,
  flags: ClientFlags,
  make: (db: Database, options: CallOptions) => Promise<{ made: MembersChange; text: string }>,
): Promise<void> {
  await withDatabase(context, flags, async (db) => {
    const { made, text } = await make(db, { signal: context.stop })
    await (flags.json ? context.stdout.json(made) : context.stdout.line(text))
  })
}

/** What to do next. */
function added({ name, endpoint, role, isWitness }: Member, endpoints: readonly string[]): string {
  if (role === 'voter') return `${name} at ${endpoint} is a member already, and votes`
  return [
    `added ${name} at ${endpoint} as a ${isWitness ? 'witness that learns' : 'learner'}. Start it there, with an empty data directory:`,
    '',
    `  rafterdb serve --name ${name} --data-dir DIR --listen ${endpoint} --join ${endpoints.join(',')}${isWitness ? ' --witness' : ''}`,
    '',
    'Once it has caught up it votes, by itself.',
  ].join('\n')
}

function votersOf({ members }: MembersChange): string {
  const voters = members.filter(({ role }) => role === 'voter').map(({ name }) => name)
  return `${voters.length === 1 ? 'the only voter is' : `${voters.length} voters:`} ${voters.join(', ')}`
}

async function printMembers(output: Output, members: readonly Member[]): Promise<void> {
  // Most clusters have no priorities.
  const ranks = members.some(({ priority }) => priority > 0)
  const rows = members.map((member) => {
    const row = [member.name, member.endpoint, roleOf(member), String(member.id)]
    return ranks ? [...row, String(member.priority)] : row
  })
  await output.table(['NAME', 'ENDPOINT', 'ROLE', 'ID', ...(ranks ? ['PRIORITY'] : [])], rows)
}

function roleOf({ role, isWitness, isLeader, changing }: Member): string {
  const votes = isWitness ? (role === 'voter' ? 'witness' : 'witness, learning') : role
  const now = isLeader ? 'leader' : votes
  return changing === null ? now : `${now}, being ${changing}`
}
