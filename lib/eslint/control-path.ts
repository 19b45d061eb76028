/** The control path of one orchestration: all that stands in it, outside of steps and of functions that it only makes. */
import type { RuleOptions } from './bodies'
import { childrenOf, definitionOf, dotted, isFunction, plain, propertyOf } from './tree'
import type { Node, SourceCode } from './tree'

interface Findings {
  bareAwait(node: Node): void
  syncNondet(node: Node, what: string): void
  branch(fn: Node): void
}

/** Calls whose results differ each time. */
const NONDETERMINISTIC: ReadonlySet<string> = new Set([
  'Date',
  'Date.now',
  'Math.random',
  'performance.now',
  'randomUUID',
  'crypto.randomUUID',
  'crypto.randomBytes',
  'crypto.getRandomValues',
  'process.hrtime',
  'process.hrtime.bigint',
])
/** Combinators that wait for all: a replay sees the same. Not those that wait for the first. */
const COMBINATORS: ReadonlySet<string> = new Set(['Promise.all', 'Promise.allSettled'])
/** Methods that call their function at once. */
const CALLS_AT_ONCE: ReadonlySet<string> = new Set([
  ...['map', 'flatMap', 'forEach', 'filter', 'find', 'findIndex', 'some', 'every', 'reduce', 'reduceRight'],
  ...['sort', 'toSorted', 'findLast', 'findLastIndex'],
])
/** Methods of a context that are given functions which run as steps. */
const STEP_METHODS = ['step', 'tryStep', 'map', 'transaction']
const CHAINS: ReadonlySet<string> = new Set(['then', 'catch', 'finally'])

export class ControlPath {
  /** Names of the context. */
  private readonly contexts = new Set<string>()
  /** Names of its members. */
  private readonly members = new Set<string>()
  private readonly stepNames: ReadonlySet<string>

  constructor(
    private readonly fn: Node,
    contextIndex: number,
    options: RuleOptions,
    private readonly source: SourceCode,
    private readonly findings: Findings,
  ) {
    this.stepNames = new Set([...options.stepNames, ...STEP_METHODS])
    const parameter = (fn.params as Node[])[contextIndex]
    if (parameter !== undefined) this.names(parameter)
  }

  walk(): void {
    for (const node of [...(this.fn.params as Node[]), this.fn.body as Node]) this.visit(node)
  }

  /** Notes the names that a pattern gives to the context or its members. */
  private names(pattern: Node): void {
    if (pattern.type === 'AssignmentPattern') return this.names(pattern.left as Node)
    if (pattern.type === 'Identifier') this.contexts.add(pattern.name as string)
    if (pattern.type !== 'ObjectPattern') return
    for (const property of pattern.properties as Node[]) {
      const value = (property.type === 'RestElement' ? property.argument : property.value) as Node
      const target = value.type === 'AssignmentPattern' ? (value.left as Node) : value
      if (target.type !== 'Identifier') continue
      if (property.type === 'RestElement') this.contexts.add(target.name as string)
      else this.members.add(target.name as string)
    }
  }

  private visit(node: Node): void {
    switch (node.type) {
      case 'AwaitExpression':
        if (!this.isSteady(node.argument as Node)) this.findings.bareAwait(node)
        break
      case 'ForOfStatement':
        if (node.await === true) this.findings.bareAwait(node)
        break
      case 'CallExpression':
        return this.visitCall(node)
      case 'NewExpression':
        if (named(node) === 'Date' && (node.arguments as Node[]).length === 0)
          this.findings.syncNondet(node, 'new Date()')
        break
      case 'VariableDeclarator':
        if (this.isContext(node.init as Node | null)) this.names(node.id as Node)
        break
    }
    for (const child of childrenOf(node, this.source)) if (!isFunction(child)) this.visit(child)
  }

  private visitCall(call: Node): void {
    const name = named(call)
    if (name !== null && NONDETERMINISTIC.has(name)) this.findings.syncNondet(call, `${name}()`)
    if (this.isUnsteadyChain(call)) this.findings.bareAwait(call)
    this.visit(call.callee as Node)
    const method = this.contextMethod(call)
    const isStep = method !== null ? this.stepNames.has(method) : this.isStepByName(call)
    for (const argument of call.arguments as Node[]) {
      const value = plain(argument)
      if (!isFunction(value)) this.visit(argument)
      else if (method === 'branch') this.findings.branch(value)
      else if (!isStep && this.isCalledAtOnce(call)) this.visit(value.body as Node)
    }
  }

  /** `save().then(…)` goes on outside of a step, awaited or not. One that is awaited is found there. */
  private isUnsteadyChain(call: Node): boolean {
    const callee = plain(call.callee as Node)
    if (callee.type !== 'MemberExpression' || !CHAINS.has(propertyOf(callee) ?? '')) return false
    const { parent } = call as { parent?: Node }
    const isOuter = parent?.type !== 'AwaitExpression'
    const object = plain(callee.object as Node)
    return isOuter && object.type === 'CallExpression' && !this.isSteady(object)
  }

  /** True if a promise settles in the same way at each attempt. */
  private isSteady(node: Node, depth = 0): boolean {
    const expression = plain(node)
    switch (expression.type) {
      case 'CallExpression':
        return this.isSteadyCall(expression, depth)
      case 'ConditionalExpression':
        return (
          this.isSteady(expression.consequent as Node, depth) &&
          this.isSteady(expression.alternate as Node, depth)
        )
      case 'LogicalExpression':
        return this.isSteady(expression.left as Node, depth) && this.isSteady(expression.right as Node, depth)
      case 'Identifier':
        return depth < 5 && this.isSteadyName(expression, depth)
      default:
        return false
    }
  }

  private isSteadyCall(call: Node, depth: number): boolean {
    if (this.contextMethod(call) !== null || this.isStepByName(call)) return true
    const name = named(call)
    if (name !== null && COMBINATORS.has(name)) return this.isSteadyList((call.arguments as Node[])[0], depth)
    const callee = plain(call.callee as Node)
    return (
      callee.type === 'MemberExpression' &&
      CHAINS.has(propertyOf(callee) ?? '') &&
      this.isSteady(callee.object as Node, depth)
    )
  }

  /** True if each element of a written-out list is steady; functions that make other lists are looked at by themselves. */
  private isSteadyList(list: Node | undefined, depth: number): boolean {
    const expression = list === undefined ? undefined : plain(list)
    if (expression?.type !== 'ArrayExpression') return true
    return (expression.elements as (Node | null)[]).every((element) => {
      if (element === null || element.type === 'SpreadElement') return true
      return plain(element).type !== 'CallExpression' || this.isSteady(element, depth)
    })
  }

  /** A constant, or a variable, that was given a step's promise. */
  private isSteadyName(identifier: Node, depth: number): boolean {
    const definition = definitionOf(identifier, this.source)
    const init = definition?.type === 'VariableDeclarator' ? (definition.init as Node | null) : null
    return init !== null && this.isSteady(init, depth + 1)
  }

  /** The method of the context that a call is of; null for any other call. */
  private contextMethod(call: Node): string | null {
    const callee = plain(call.callee as Node)
    if (callee.type === 'Identifier')
      return this.members.has(callee.name as string) ? (callee.name as string) : null
    return callee.type === 'MemberExpression' && this.isContext(callee.object as Node)
      ? propertyOf(callee)
      : null
  }

  /** `x.step(…)`, `step(…)`, on any object. */
  private isStepByName(call: Node): boolean {
    const callee = plain(call.callee as Node)
    const name = callee.type === 'MemberExpression' ? propertyOf(callee) : (callee.name as string | undefined)
    return name != null && name !== 'map' && name !== 'transaction' && this.stepNames.has(name)
  }

  private isContext(node: Node | null | undefined): boolean {
    if (node == null) return false
    const expression = plain(node)
    return expression.type === 'Identifier' && this.contexts.has(expression.name as string)
  }

  private isCalledAtOnce(call: Node): boolean {
    const callee = plain(call.callee as Node)
    if (isFunction(callee)) return true
    return callee.type === 'MemberExpression' && CALLS_AT_ONCE.has(propertyOf(callee) ?? '')
  }
}

/** The name of the called function, without the global object. */
function named({ callee }: Node): string | null {
  return dotted(callee as Node)?.replace(/^(globalThis|global|window|self)\./, '') ?? null
}
