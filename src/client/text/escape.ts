// Text from outside in a line for people: it cannot make another line of it, nor hide any. crates/plane/src/ground/log_line.rs does the same.

/** Line breaks, control characters (also what colours a terminal or moves its cursor), and marks that change the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text with everything escaped that is no visible character. */
export function escaped(text: string): string {
  return text.replace(HIDDEN, (c) => named[c] ?? `\\u{${c.charCodeAt(0).toString(16)}}`)
}

/** A value as JSON on one line, with the same characters escaped as JSON escapes them. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
