// A number of things, for people.

/** `1 key`, `1,234 keys`; `many` where an s does not make it. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}
