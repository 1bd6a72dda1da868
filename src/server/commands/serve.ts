// rafterdb serve: one member of a cluster, as a process of its own
import { once } from 'node:events'
import { Command } from 'commander'
import {
  type EffectiveSetting,
  effectiveSettings,
  envOf,
  flagOf,
  formatSetting,
  openOptions,
  type SettingFlags,
  settings,
} from '../config.js'
import type { Context } from '../context.js'
import { CommandError } from '../failures.js'
import { type LeastLevel, LOG_LEVELS, Log, type LogFormat } from '../log.js'
import { oneOf } from '../parse.js'

interface ServeFlags extends SettingFlags {
  config?: string
  logFormat?: LogFormat
  logLevel?: LeastLevel
  printConfig?: boolean
  json?: boolean
}

export function serveCommand(context: Context): Command {
  const command = new Command('serve').description('run a member of a cluster until SIGINT or SIGTERM')
  for (const setting of settings) {
    const fallback =
      setting.default === undefined
        ? ''
        : ` (default: ${formatSetting({ key: setting.key, value: setting.default, origin: '' })})`
    const value = setting.value === 'bool' && setting.default === undefined ? '[bool]' : `<${setting.value}>`
    command.option(`${flagOf(setting.key)} ${value}`, `${setting.text}${fallback}`, setting.parse)
  }
  return command
    .option('--config <file>', 'JSON file with any of these settings, written like "dataDir" (or RAFTERDB_CONFIG)')
    .option('--log-format <format>', 'text (default) or json', oneOf('text', 'json'))
    .option('--log-level <level>', 'least level that is logged: info (default), warn, error or off', oneOf(...LOG_LEVELS))
    .option('--print-config', 'print the effective configuration and stop')
    .option('--json', 'print the configuration and the logs as JSON, as --log-format json does')
    .addHelpText(
      'after',
      `\nEvery setting can be an environment variable too (${envOf('dataDir')}). Flags win over the environment, that over the file.`,
    )
    .action(async (flags: ServeFlags) => {
      const effective = effectiveSettings(flags, context.env, flags.config ?? context.env['RAFTERDB_CONFIG'])
      if (!flags.printConfig) context.survive()
      await printConfig(context, flags, effective)
      if (!flags.printConfig) await serve(context, flags, effective)
    })
}

async function serve(context: Context, flags: ServeFlags, effective: EffectiveSetting[]): Promise<void> {
  const options = openOptions(effective)
  const format = flags.logFormat ?? (flags.json ? 'json' : 'text')
  const log = new Log(context.stderr, format, options.name === undefined ? {} : { member: options.name }, flags.logLevel)
  const fatal = new AbortController()
  log.info('starting', { version: context.version, pid: process.pid, dataDir: options.dataDir })
  const db = await context.open({
    ...options,
    // A member that joins may wait long.
    signal: context.stop,
    onFatal: (error) => fatal.abort(error),
    onLog: (text, level) => log.write(level, text),
  })
  log.info('ready', { listen: options.listen?.toString() })
  await anyAborted(context.stop, fatal.signal)
  log.info('closing', { reason: fatal.signal.aborted ? 'failure' : String(context.stop.reason) })
  try {
    await db.close()
  } catch (error) {
    // A thread that waits for the disk would hold up an orderly end for as long as the disk hangs.
    log.error('not closed', { error: (error as Error).message })
    context.kill()
  }
  if (fatal.signal.aborted) {
    const error = fatal.signal.reason as Error & { code?: string }
    log.error('stopped', { code: error.code, error: error.message })
    throw new CommandError(`the member had to stop: ${error.message}${error.code ? ` (${error.code})` : ''}`)
  }
  log.info('closed')
}

async function anyAborted(...signals: AbortSignal[]): Promise<void> {
  const any = AbortSignal.any(signals)
  if (!any.aborted) await once(any, 'abort')
}

async function printConfig(context: Context, flags: ServeFlags, effective: EffectiveSetting[]): Promise<void> {
  if (flags.json || flags.logFormat === 'json') {
    return context.stdout.json({
      configuration: Object.fromEntries(effective.map(({ key, value, origin }) => [key, { value, origin }])),
    })
  }
  const rows = effective.map((setting) => [setting.key, formatSetting(setting), setting.origin])
  return context.stdout.table(['SETTING', 'VALUE', 'ORIGIN'], rows)
}
