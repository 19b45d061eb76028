/** The form of a verb. */
import type { ParseArgsConfig } from 'node:util'
import type { Values } from './arguments'
import type { Opened } from './connect'
import type { Output } from './output'

export interface Context extends Opened {
  readonly values: Values
  readonly positionals: readonly string[]
  readonly output: Output
  /** Aborted when the user wants the command to end. */
  readonly signal: AbortSignal
}

export interface Verb {
  readonly name: string
  readonly usage: string
  /** One line, without a full stop. */
  readonly summary: string
  readonly details?: string
  readonly options?: NonNullable<ParseArgsConfig['options']>
  /** Refuses senseless arguments, before any connection. */
  readonly check?: (values: Values, positionals: readonly string[]) => void
  readonly run: (context: Context) => Promise<number>
}
