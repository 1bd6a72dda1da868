// A bucket as a place of backups on the command line: `s3://bucket/prefix`, with keys from the environment. Sends nothing.
import type { Command } from 'commander'
import type { BackupStore } from '../client/api.js'
import type { Context } from './context.js'
import { UsageError } from './failures.js'

export interface S3Flags {
  s3Endpoint?: string
  s3Region?: string
}

export function withS3(command: Command): Command {
  return command
    .option('--s3-endpoint <url>', 'with s3://bucket/prefix: where the bucket is, if not at AWS (default: AWS_ENDPOINT_URL_S3)')
    .option('--s3-region <region>', 'with s3://bucket/prefix (default: AWS_REGION, else us-east-1)')
}

/** The bucket that `place` names; null: it is the name of a file or a directory. UsageError if it is neither. */
export async function s3Place(context: Context, place: string, flags: S3Flags): Promise<BackupStore | null> {
  if (!/^s3:/i.test(place)) {
    if (flags.s3Endpoint !== undefined || flags.s3Region !== undefined) {
      throw new UsageError(`--s3-endpoint and --s3-region go with s3://bucket/prefix, not with ${place}`)
    }
    return null
  }
  const [, bucket, prefix] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(place) ?? []
  if (bucket === undefined) throw new UsageError(`${place} is no place: it must be such as s3://bucket/prefix`)
  const { env } = context
  const endpoint = flags.s3Endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']
  const region = flags.s3Region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
  return context.s3Store({
    bucket,
    ...(prefix === undefined ? {} : { prefix }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    credentials: credentialsOf(env),
  })
}

function credentialsOf(env: Context['env']) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env
  if (!accessKeyId || !secretAccessKey) {
    throw new UsageError(
      's3:// needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN if they are temporary)',
    )
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
}
