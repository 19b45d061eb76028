/** Loads a package that is needed late, by a name that tools which trace an app's files can read. */

/** A function per package, which loads it. */
export type NamedPackages = Readonly<Record<string, () => unknown>>

/**
 * The package of this name, as it would be found from here.
 *
 * @param otherwise loads a package that no literal names
 */
export function requireNamed(name: string, otherwise: (name: string) => unknown): unknown {
  const load = namedPackages()[name]
  return load === undefined ? otherwise(name) : load()
}

/** None in a bundle, nor if the manifest that lists them is gone. */
function namedPackages(): NamedPackages {
  try {
    return (require('#packages') as { PACKAGES: NamedPackages }).PACKAGES
  } catch {
    return {}
  }
}
