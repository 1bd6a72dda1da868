// rafterdb txn: several operations at once, if conditions hold
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { KeyValue, TxnOperationResult, TxnResult } from '../../client/api.js'
import { type ClientFlags, clientCommand, withDatabase } from '../client-command.js'
import type { Context } from '../context.js'
import { UsageError } from '../failures.js'
import type { Output } from '../output.js'
import { readAll } from '../standard-input.js'
import { parseTxn } from '../txn-text.js'

const HELP = `
The text has up to three parts; # begins a comment, and words with spaces stand in "quotes":

  if
    version(lock) = 0              value, version, create, mod, lease; =, !=, <, >
  then
    put lock me
    get --prefix jobs/ --limit 10
  else
    get lock

A JSON file has the same parts: {"if": [{"key", "target", "operator", "operand"}], "then": [{"type", "key", …}], "else": […]}.`

export function txnCommand(context: Context): Command {
  return clientCommand('txn', 'run a transaction, read from standard input or a file')
    .option('--file <file>', 'read the transaction from this file, text or JSON')
    .addHelpText('after', HELP)
    .action(async (flags: ClientFlags & { file?: string }) => {
      const txn = parseTxn(await readText(context, flags.file), flags.file ?? 'standard input')
      await withDatabase(context, flags, async (db) => {
        const result = await db
          .txn()
          .if(...txn.if)
          .then(...txn.then)
          .else(...txn.else)
          .commit({ signal: context.stop })
        await (flags.json ? context.stdout.json(result) : printResult(context.stdout, result))
      })
    })
}

async function readText(context: Context, file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-') {
    try {
      return await readFile(file, 'utf8')
    } catch (error) {
      throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
    }
  }
  if (context.stdin.isTTY) await context.stderr.line('Type if, then and else with their lines, and end with Ctrl-D.')
  return Buffer.from(await readAll(context.stdin)).toString('utf8')
}

async function printResult(output: Output, result: TxnResult): Promise<void> {
  const outcome = result.succeeded ? output.style('green', 'SUCCEEDED') : output.style('yellow', 'FAILED')
  await output.line(`${outcome} (revision ${result.revision})`)
  for (const one of result.results) await printOperation(output, one, '')
}

async function printOperation(output: Output, result: TxnOperationResult, indent: string): Promise<void> {
  const pairs = async (list: KeyValue[]) => {
    for (const pair of list) await output.line(`${indent}  ${pair.key}\t${pair.value}`)
  }
  if (result.type === 'put') {
    await output.line(`${indent}put OK`)
    if (result.previous) await pairs([result.previous])
  } else if (result.type === 'delete') {
    await output.line(`${indent}del ${result.deleted}`)
    await pairs(result.previous)
  } else if (result.type === 'get') {
    await output.line(`${indent}get ${result.pair ? 1 : 0}`)
    if (result.pair) await pairs([result.pair])
  } else if (result.type === 'range') {
    await output.line(`${indent}range ${result.pairs.length} of ${result.count}`)
    await pairs(result.pairs)
  } else {
    await output.line(`${indent}txn ${result.succeeded ? 'succeeded' : 'failed'}`)
    for (const inner of result.results) await printOperation(output, inner, `${indent}  `)
  }
}
