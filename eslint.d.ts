/**
 * An ESLint plugin (flat config) that finds what may come out otherwise at the next attempt of an orchestration. Types are not needed, and
 * nothing but ESLint is.
 *
 * ```js
 * import durabl from 'durabl/eslint'
 * export default [...durabl.configs.recommended]
 * ```
 *
 * @packageDocumentation
 */

/** Options of the rule. */
export type Options = [
  {
    /** Names of the type of a function's second parameter that make it an orchestration. Default `['OrchestratorContext']`. */
    contextTypeNames?: string[]
    /** Names of the method that defines an orchestration. Default `['define']`. */
    defineNames?: string[]
    /** Names of the methods whose function is a step. Default `['step']`. */
    stepNames?: string[]
  }?,
]

/** Messages of the rule. */
export type MessageIds = 'bareAwait' | 'syncNondet'

/** A rule, as ESLint takes it. */
export interface Rule {
  /** Its description, options and messages. */
  meta: {
    /** Its findings are mistakes. */
    type: 'problem'
    /** For editors. */
    docs: { description: string; url: string }
    /** Of its options. */
    schema: object[]
    /** By name. */
    messages: Record<MessageIds, string>
  }
  /** Makes the listeners for one file. */
  create(context: any): Record<string, (node: any) => void>
}

/** Code outside of steps must do the same at each attempt: no bare `await`, no clock, no random numbers. */
export const noNondeterministicControlPath: Rule

/** Name and version of the plugin. */
export const meta: { name: 'durabl'; version: string }

/** The rules, by name. */
export const rules: { 'no-nondeterministic-control-path': Rule }

/** Configurations to be spread into a flat config. */
export const configs: {
  /** All rules, as errors. */
  recommended: {
    plugins: { durabl: any }
    rules: { 'durabl/no-nondeterministic-control-path': 'error' }
  }[]
}

/** The plugin. */
declare const plugin: { meta: typeof meta; rules: typeof rules; configs: typeof configs }
export default plugin
