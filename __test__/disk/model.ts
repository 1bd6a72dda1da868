// What a store must hold after some operations of a lane: the semantics of put, delete and txn in their plainest form.
import { createHash } from 'node:crypto'
import type { Operation, Value } from './plan.js'

export interface ModelPair {
  version: number
  /** Number of the operation that wrote it, and of the one that made the key. */
  modified: number
  created: number
  value: Value
}

export type Model = Map<string, ModelPair>

/** Carries out operation number `n`. */
export function apply(model: Model, operation: Operation, n: number): void {
  const put = (key: string, value: Value) => {
    const before = model.get(key)
    model.set(key, { version: (before?.version ?? 0) + 1, modified: n, created: before?.created ?? n, value })
  }
  switch (operation.type) {
    case 'put':
      put(operation.key, operation.value)
      return
    case 'delete':
      model.delete(operation.key)
      return
    case 'deletePrefix':
      for (const key of [...model.keys()]) if (key.startsWith(operation.prefix)) model.delete(key)
      return
    case 'txn':
      for (const { key, value } of operation.puts) put(key, value)
      model.delete(operation.delete)
      return
    case 'compact':
      return
  }
}

/** State after the first `count` operations. */
export function modelAfter(operations: Operation[], count: number): Model {
  const model: Model = new Map()
  operations.slice(0, count).forEach((operation, n) => {
    apply(model, operation, n)
  })
  return model
}

/** The value itself: the tag, then what does not compress. */
function textOf({ tag, bytes }: Value): string {
  let text = tag
  for (let n = 0; text.length < bytes; n++) text += createHash('sha512').update(`${tag}${n}`).digest('base64')
  return text.slice(0, bytes)
}

const digests = new Map<string, string>()

export function digestOf(value: Value): string {
  const name = `${value.tag} ${value.bytes}`
  const known = digests.get(name) ?? createHash('sha1').update(textOf(value)).digest('hex')
  digests.set(name, known)
  return known
}
