/**
 * Loads modules at their first use: an app that starts reads only the code that it needs. In the published bundle, each of these modules has
 * a file of its own (`scripts/packages/bundle.mjs`).
 */

const ALL: (() => unknown)[] = []

/** @param load calls `require` with a literal, which tools that trace an app's files can read */
export function later<T>(load: () => T): () => T {
  let loaded: T | undefined
  const module = () => (loaded ??= load())
  ALL.push(module)
  return module
}

/**
 * Loads all of them under Jest. There `jest.resetModules()` and `jest.isolateModules()` change the registry of modules. A module that was
 * loaded after that would share nothing with those that were loaded before: it would not know their objects.
 */
export function loadUnderJest(): void {
  // Those that are loaded may register more.
  if (process.env.JEST_WORKER_ID !== undefined) for (const module of ALL) module()
}
