/** Code outside of steps must do the same at each attempt: this rule finds code that may not. */
import { isOrchestration } from './bodies'
import type { RuleOptions } from './bodies'
import { ControlPath } from './control-path'
import { isFunction } from './tree'
import type { Node, SourceCode } from './tree'

interface RuleContext {
  readonly options: readonly Partial<RuleOptions>[]
  readonly sourceCode: SourceCode
  report(problem: { node: Node; messageId: string; data?: Record<string, string> }): void
}

const NAMES = { type: 'array', items: { type: 'string' }, uniqueItems: true }

const DEFAULTS: RuleOptions = {
  contextTypeNames: ['OrchestratorContext'],
  defineNames: ['define'],
  stepNames: ['step'],
}

export const noNondeterministicControlPath = {
  meta: {
    type: 'problem',
    docs: {
      description: 'require orchestrations to do the same at each attempt outside of steps',
      url: 'https://github.com/durabl/durabl/blob/main/docs/guide/orchestration.md',
    },
    schema: [
      {
        type: 'object',
        properties: { contextTypeNames: NAMES, defineNames: NAMES, stepNames: NAMES },
        additionalProperties: false,
      },
    ],
    messages: {
      bareAwait:
        'This awaits something outside of a step, whose result may differ at the next attempt: put it into a step. Steps, and Promise.all ' +
        'and Promise.allSettled of steps, may be awaited.',
      syncNondet:
        '{{what}} gives another result at the next attempt: use octx.now(), octx.uuid(), or a step.',
    },
  },
  create(context: RuleContext): Record<string, (node: Node) => void> {
    const options = { ...DEFAULTS, ...context.options[0] }
    const source = context.sourceCode
    const seen = new Set<Node>()
    const look = (fn: Node, contextIndex: number): void => {
      if (seen.has(fn)) return
      seen.add(fn)
      const path = new ControlPath(fn, contextIndex, options, source, {
        bareAwait: (node) => context.report({ node, messageId: 'bareAwait' }),
        syncNondet: (node, what) => context.report({ node, messageId: 'syncNondet', data: { what } }),
        branch: (branch) => look(branch, 0),
      })
      path.walk()
    }
    return {
      ':function': (node) => {
        if (isFunction(node) && isOrchestration(node, options, source)) look(node, 1)
      },
    }
  },
}
