// The name of this platform, as the packages with prebuilt binaries bear it: `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc`.

export function platformName(
  platform: string = process.platform,
  arch: string = process.arch,
  isMusl: () => boolean = usesMusl,
): string {
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`
  if (platform === 'win32') return `win32-${arch}-msvc`
  return `${platform}-${arch}`
}

/** Node's report names the version of glibc, where there is one. */
function usesMusl(): boolean {
  const source: typeof process.report & { excludeNetwork?: boolean } = process.report
  const { excludeNetwork = false } = source
  // Without this the report looks up the names of all open connections, which can take seconds.
  source.excludeNetwork = true
  const report = source.getReport() as { header?: { glibcVersionRuntime?: string } }
  source.excludeNetwork = excludeNetwork
  return report.header?.glibcVersionRuntime === undefined
}
