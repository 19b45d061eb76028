/**
 * An ESLint plugin (flat config) that finds code of orchestrations that may behave differently at the next attempt. Needs nothing but ESLint,
 * and no type information.
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
    /** Type names of a function's second parameter that mark it as an orchestration. Default `['OrchestratorContext']`. */
    contextTypeNames?: string[]
    /** Names of methods that define an orchestration. Default `['define']`. */
    defineNames?: string[]
    /** Names of methods whose function is a step. Default `['step']`. */
    stepNames?: string[]
  }?,
]

/** The ids of the rule's messages. */
export type MessageIds = 'bareAwait' | 'syncNondet'

/** A rule in ESLint's format. */
export interface Rule {
  /** The rule's description, options and messages. */
  meta: {
    /** The kind of the rule: it finds mistakes. */
    type: 'problem'
    /** The description that editors show. */
    docs: { description: string; url: string }
    /** The schema of the options. */
    schema: object[]
    /** The messages, by id. */
    messages: Record<MessageIds, string>
  }
  /** Makes the listeners for one file. */
  create(context: any): Record<string, (node: any) => void>
}

/** Requires code outside of steps to do the same at each attempt: no bare `await`, no clock, no random numbers. */
export const noNondeterministicControlPath: Rule

/** The name and version of the plugin. */
export const meta: { name: 'durabl'; version: string }

/** The rules, by name. */
export const rules: { 'no-nondeterministic-control-path': Rule }

/** Configurations to spread into a flat config. */
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
