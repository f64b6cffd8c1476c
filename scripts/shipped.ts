// What is shipped, from the lock file: the packages that an installation without dev and optional ones has.

export interface LockedPackage {
  version: string
  license?: string
  integrity?: string
  hasInstallScript?: boolean
  dev?: boolean
  optional?: boolean
  devOptional?: boolean
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}
export interface LockFile {
  /** By their folder; `''` is this project. */
  packages: Record<string, LockedPackage>
}

/** `node_modules/a/node_modules/@b/c` → `@b/c` */
export const nameOf = (folder: string): string => folder.replace(/^.*node_modules\//, '')

/** The lock file of an installation that has nothing else. */
export function onlyShipped({ packages, ...lock }: LockFile): LockFile {
  const shipped = Object.entries(packages)
    .filter(([, one]) => !one.dev && !one.optional && !one.devOptional)
    .map(([folder, one]) =>
      folder === '' ? [folder, { ...one, devDependencies: {}, optionalDependencies: {} }] : [folder, one],
    )
  return { ...lock, packages: Object.fromEntries(shipped) }
}

/** Each package once, however often it is installed, by name. */
export function shippedIn(lock: LockFile): { name: string; version: string; licence: string }[] {
  const { '': _project, ...packages } = onlyShipped(lock).packages
  const shipped = Object.entries(packages).map(([folder, { version, license: licence = 'unknown' }]) => ({
    name: nameOf(folder),
    version,
    licence,
  }))
  const byName = new Map(shipped.map((one) => [`${one.name}@${one.version}`, one]))
  return [...byName].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, one]) => one)
}
