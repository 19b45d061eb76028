/** Syntax trees as ESLint hands them over, by any parser: the few shapes that the rule looks at. */

export interface Node {
  readonly type: string
  readonly [key: string]: any
}

/** A scope of the scope manager. */
export interface ScopeLike {
  readonly set: ReadonlyMap<string, VariableLike>
  readonly upper: ScopeLike | null
}

interface VariableLike {
  readonly references: readonly { readonly identifier: Node }[]
  readonly defs: readonly { readonly type: string; readonly node: Node }[]
}

export interface SourceCode {
  readonly visitorKeys: Readonly<Record<string, readonly string[]>>
  getScope(node: Node): ScopeLike
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

export function isFunction(node: Node | null | undefined): boolean {
  return (
    node?.type === 'ArrowFunctionExpression' ||
    node?.type === 'FunctionExpression' ||
    node?.type === 'FunctionDeclaration'
  )
}

/** The expression without the parts that change nothing at run time. */
export function plain(node: Node): Node {
  switch (node.type) {
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'ChainExpression':
    case 'ParenthesizedExpression':
      return plain(node.expression as Node)
    default:
      return node
  }
}

/** The children of a node, in the order of the source. */
export function childrenOf(node: Node, { visitorKeys }: SourceCode): Node[] {
  const keys = visitorKeys[node.type] ?? Object.keys(node).filter((key) => key !== 'parent')
  return keys
    .flatMap((key): unknown[] => {
      const value: unknown = node[key]
      return Array.isArray(value) ? (value as unknown[]) : [value]
    })
    .filter(isNode)
}

/** The name of a type reference, without its name space; null for any other type. */
export function typeName(annotation: Node | null | undefined): string | null {
  const type: Node | undefined =
    annotation?.type === 'TSTypeAnnotation' ? (annotation.typeAnnotation as Node) : (annotation ?? undefined)
  if (type?.type !== 'TSTypeReference') return null
  const name = type.typeName as Node
  return (
    ((name.type === 'TSQualifiedName' ? (name.right as Node).name : name.name) as string | undefined) ?? null
  )
}

/** The name of a property that is read by name; null otherwise. */
export function propertyOf(member: Node): string | null {
  const property = member.property as Node
  if (!member.computed) return (property.name as string | undefined) ?? null
  return property.type === 'Literal' && typeof property.value === 'string' ? property.value : null
}

/** `a.b.c`, if it is made of names only; null otherwise. */
export function dotted(node: Node): string | null {
  const expression = plain(node)
  if (expression.type === 'Identifier') return expression.name as string
  if (expression.type !== 'MemberExpression') return null
  const [object, property] = [dotted(expression.object as Node), propertyOf(expression)]
  return object === null || property === null ? null : `${object}.${property}`
}

/** The node that defines a name: a variable's declarator, a function, an import; null if it is not known. */
export function definitionOf(identifier: Node, source: SourceCode): Node | null {
  for (let scope: ScopeLike | null = source.getScope(identifier); scope !== null; scope = scope.upper) {
    const variable = scope.set.get(identifier.name as string)
    if (variable !== undefined) return variable.defs[0]?.node ?? null
  }
  return null
}
