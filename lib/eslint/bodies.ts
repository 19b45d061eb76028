/** The search for functions that are orchestrations. */
import { definitionOf, isFunction, plain, propertyOf, typeName } from './tree'
import type { Node, ScopeLike, SourceCode } from './tree'

export interface RuleOptions {
  readonly contextTypeNames: readonly string[]
  readonly defineNames: readonly string[]
  readonly stepNames: readonly string[]
}

/** The type of an orchestration. */
const FUNCTION_TYPE = 'OrchestratorFn'

/** True if a function is an orchestration: by the type of its context, by its own type, or because it is defined as one. */
export function isOrchestration(fn: Node, options: RuleOptions, source: SourceCode): boolean {
  return (
    hasContext(fn, options) ||
    isTyped(fn) ||
    isDefined(fn, options, source) ||
    isNamedDefined(fn, options, source)
  )
}

function hasContext(fn: Node, { contextTypeNames }: RuleOptions): boolean {
  const parameter = (fn.params as Node[])[1]
  const pattern = parameter?.type === 'AssignmentPattern' ? (parameter.left as Node) : parameter
  const name = typeName(pattern?.typeAnnotation as Node | undefined)
  return name !== null && contextTypeNames.includes(name)
}

/** `const body: OrchestratorFn<T> = …`, `… satisfies OrchestratorFn<T>`, `… as OrchestratorFn<T>`. */
function isTyped(fn: Node): boolean {
  const parent = fn.parent as Node | undefined
  if (parent?.type === 'VariableDeclarator')
    return typeName((parent.id as Node).typeAnnotation as Node | undefined) === FUNCTION_TYPE
  if (parent?.type === 'TSSatisfiesExpression' || parent?.type === 'TSAsExpression')
    return typeName(parent.typeAnnotation as Node) === FUNCTION_TYPE
  return false
}

/** `x.define(type, fn)`. */
function isDefined(fn: Node, options: RuleOptions, source: SourceCode): boolean {
  let argument = fn
  while (argument.parent !== undefined && plain(argument.parent as Node) === plain(argument))
    argument = argument.parent as Node
  return isDefineCall(argument.parent as Node | undefined, argument, fn, options, source)
}

function isDefineCall(
  call: Node | undefined,
  argument: Node,
  fn: Node,
  options: RuleOptions,
  source: SourceCode,
): boolean {
  if (call?.type !== 'CallExpression' || (call.arguments as Node[])[1] !== argument) return false
  const callee = plain(call.callee as Node)
  if (callee.type !== 'MemberExpression') return false
  const name = propertyOf(callee)
  return (
    name !== null && options.defineNames.includes(name) && isOrchestrator(callee.object as Node, fn, source)
  )
}

/** `async function body(job, octx) {…}`, or a constant, that is defined by its name elsewhere in the file. */
function isNamedDefined(fn: Node, options: RuleOptions, source: SourceCode): boolean {
  const id = fn.type === 'FunctionDeclaration' ? (fn.id as Node | null) : constantOf(fn)
  if (id === null) return false
  for (let scope: ScopeLike | null = source.getScope(fn); scope !== null; scope = scope.upper) {
    const variable = scope.set.get(id.name as string)
    if (variable === undefined) continue
    return variable.references.some(({ identifier }) =>
      isDefineCall(identifier.parent as Node | undefined, identifier, fn, options, source),
    )
  }
  return false
}

function constantOf(fn: Node): Node | null {
  const parent = fn.parent as Node | undefined
  return parent?.type === 'VariableDeclarator' && (parent.id as Node).type === 'Identifier'
    ? (parent.id as Node)
    : null
}

/** Other libraries have a `define` as well: an object of another type is no orchestrator. */
function isOrchestrator(object: Node, fn: Node, source: SourceCode): boolean {
  const receiver = plain(object)
  if (receiver.type === 'NewExpression') return isOrchestratorClass(receiver)
  if (receiver.type === 'Identifier') {
    const definition = definitionOf(receiver, source)
    const init = definition?.type === 'VariableDeclarator' ? (definition.init as Node | null) : null
    if (init?.type === 'NewExpression') return isOrchestratorClass(init)
    const annotation = typeName((definition?.id as Node | undefined)?.typeAnnotation as Node | undefined)
    if (annotation !== null) return /Orchestrator/.test(annotation)
  }
  const name = receiver.type === 'Identifier' ? (receiver.name as string) : lastName(receiver)
  return /orch/i.test(name) || looksLikeOne(fn)
}

function isOrchestratorClass({ callee }: Node): boolean {
  const name = plain(callee as Node)
  return /Orchestrator$/.test((name.type === 'Identifier' ? name.name : lastName(name)) as string)
}

function lastName(node: Node): string {
  return node.type === 'MemberExpression' ? (propertyOf(node) ?? '') : ''
}

/** `(job, octx) => …`, `(job, { step }) => …`. */
function looksLikeOne(fn: Node): boolean {
  const [job, second] = fn.params as Node[]
  if (!isFunction(fn) || job?.type === undefined || second === undefined) return false
  if (second.type === 'Identifier') return /octx|orch/i.test(second.name as string)
  return (
    second.type === 'ObjectPattern' &&
    (second.properties as Node[]).some(({ key }) => (key as Node | undefined)?.name === 'step')
  )
}
