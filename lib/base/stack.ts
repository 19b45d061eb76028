/** Stacks that begin where the app called: the frames above that are this package's, and a user can mend no call there. */
import { join, sep } from 'node:path'
import { isBundled, packageRoot } from './installation'

/** An error that is about the caller's own call, with the caller's line first. */
export function fromCaller<E extends Error>(error: E): E {
  const lines = stackOf(error)?.split('\n') ?? []
  const first = lines.findIndex(isFrame)
  if (first < 0) return error
  const frames = callersFrames(lines.slice(first))
  error.stack = [...lines.slice(0, first), ...frames].join('\n')
  return error
}

/** A stack as text; null if there is none. `Error.prepareStackTrace` is the app's: it may return anything, or throw. */
export function stackOf(holder: { readonly stack?: unknown }): string | null {
  try {
    return typeof holder.stack === 'string' ? holder.stack : null
  } catch {
    return null
  }
}

/** The frames of a stack from the caller's on; all of them if none is the caller's. */
export function callersFrames(frames: readonly string[]): readonly string[] {
  // Between durabl's frames there may be built-in ones, such as that of a callback's `map`.
  const above = [...ownDirectories(), '(<anonymous>)']
  const first = frames.findIndex((frame) => !above.some((mark) => frame.includes(mark)))
  return first < 0 ? frames : frames.slice(first)
}

export function isFrame(line: string): boolean {
  return line.startsWith('    at ')
}

/** Set at the first error. */
let directories: readonly string[] | null = null

/**
 * The directories of this package's code, as stacks show them: compiled, or through its source maps. None in an app's bundle, where the
 * app's code is in the same file.
 */
function ownDirectories(): readonly string[] {
  return (directories ??= isBundled() ? [] : ['dist', 'lib'].map((name) => join(packageRoot(), name) + sep))
}
