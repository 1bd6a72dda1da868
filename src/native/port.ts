// A port of the addon, as the client sees it: the same three calls whether the member is in this process or elsewhere.
import type { Port } from '../client/connection/port.js'
import type { Binding } from './binding.js'
import type { Handle } from './direct.js'

export function nativePort(binding: Binding, port: Handle): Port {
  return {
    submit: (buffer, length) => binding.submit(port, buffer, length),
    drain: (into) => binding.drain(port, into),
    close: () => binding.closePort(port),
  }
}
