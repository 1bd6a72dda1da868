// Encryption of a backup's frames: AES-256-GCM under a key of the file's own, made of the user's key and the file's id. Knows no frames.
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { RafterError } from '../errors.js'
import type { Header } from './format.js'

/** Bytes of a user's key. */
export const KEY_BYTES = 32
/** Bytes that sealing adds. */
export const TAG_BYTES = 16
const CHECK_BYTES = 16
const NONCE_BYTES = 12
const CIPHER = 'aes-256-gcm'

/** Seals and opens the frames of one file. Each number is sealed once: it is the nonce. */
export class Seal {
  readonly #key: Uint8Array
  /** Stands in the header, and tells whether a key is the right one; says nothing of it. */
  readonly check: string

  constructor(userKey: Uint8Array, id: string) {
    const made = new Uint8Array(hkdfSync('sha256', userKey, Buffer.from(id, 'hex'), 'rafterdb backup 1', KEY_BYTES + CHECK_BYTES))
    this.#key = made.subarray(0, KEY_BYTES)
    this.check = Buffer.from(made.subarray(KEY_BYTES)).toString('hex')
  }

  seal(plain: Uint8Array, number: number, under: readonly Uint8Array[]): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.#key, nonce(number))
    cipher.setAAD(Buffer.concat(under))
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  /** What was sealed; null if that was something else, or under something else. */
  open(sealed: Uint8Array, number: number, under: readonly Uint8Array[]): Uint8Array | null {
    if (sealed.length < TAG_BYTES) return null
    const decipher = createDecipheriv(CIPHER, this.#key, nonce(number), { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.concat(under))
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
    try {
      return Buffer.concat([plain, decipher.final()])
    } catch {
      return null
    }
  }
}

/** INVALID_ARGUMENT. */
export function checkKey(key: unknown): asserts key is Uint8Array | undefined {
  if (key !== undefined && !(key instanceof Uint8Array && key.length === KEY_BYTES)) {
    throw new RafterError('INVALID_ARGUMENT', `key must be a Uint8Array of ${KEY_BYTES} bytes`)
  }
}

/** The seal of the file of `header`; null: it has none. BACKUP_KEY_WRONG. */
export function sealFor(header: Header, key: Uint8Array | undefined, name: string): Seal | null {
  if (header.cipher === null) return null
  if (key === undefined) throw new RafterError('BACKUP_KEY_WRONG', `${name} is encrypted; give the key that it was made with`)
  const seal = new Seal(key, header.id)
  if (seal.check !== header.cipher.check) {
    throw new RafterError('BACKUP_KEY_WRONG', `${name} was made with another key`)
  }
  return seal
}

function nonce(number: number): Uint8Array {
  const bytes = Buffer.alloc(NONCE_BYTES)
  bytes.writeBigUInt64LE(BigInt(number), 4)
  return bytes
}
